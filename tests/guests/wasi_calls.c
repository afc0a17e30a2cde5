/* Calls of WASI as the import functions are, and what each answers: a line "name error values …" for each.
   The argument says which: "calls" needs the files and the input of test_wasi.py, as does "no sockets", which asks
   for none; the answers of "closing" are on standard error. */
#include <stdint.h>
#include <string.h>

#include "print.h"

#define WASI(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(#name))) int32_t w_##name
typedef uint32_t U;
typedef uint64_t L;
WASI(args_sizes_get)(U *, U *);
WASI(clock_res_get)(int, L *);
WASI(clock_time_get)(int, L, L *);
WASI(environ_sizes_get)(U *, U *);
WASI(fd_advise)(int, L, L, int);
WASI(fd_allocate)(int, L, L);
WASI(fd_close)(int);
WASI(fd_datasync)(int);
WASI(fd_fdstat_get)(int, void *);
WASI(fd_fdstat_set_flags)(int, int);
WASI(fd_fdstat_set_rights)(int, L, L);
WASI(fd_filestat_get)(int, void *);
WASI(fd_filestat_set_size)(int, L);
WASI(fd_filestat_set_times)(int, L, L, int);
WASI(fd_pread)(int, const void *, int, L, U *);
WASI(fd_prestat_dir_name)(int, char *, int);
WASI(fd_prestat_get)(int, void *);
WASI(fd_pwrite)(int, const void *, int, L, U *);
WASI(fd_read)(int, const void *, int, U *);
WASI(fd_readdir)(int, void *, int, L, U *);
WASI(fd_renumber)(int, int);
WASI(fd_seek)(int, int64_t, int, L *);
WASI(fd_sync)(int);
WASI(fd_tell)(int, L *);
WASI(fd_write)(int, const void *, int, U *);
WASI(path_create_directory)(int, const char *, int);
WASI(path_filestat_get)(int, int, const char *, int, void *);
WASI(path_filestat_set_times)(int, int, const char *, int, L, L, int);
WASI(path_link)(int, int, const char *, int, int, const char *, int);
WASI(path_open)(int, int, const char *, int, int, L, L, int, U *);
WASI(path_readlink)(int, const char *, int, char *, int, U *);
WASI(path_remove_directory)(int, const char *, int);
WASI(path_rename)(int, const char *, int, int, const char *, int);
WASI(path_symlink)(const char *, int, int, const char *, int);
WASI(path_unlink_file)(int, const char *, int);
WASI(poll_oneoff)(const void *, void *, int, U *);
WASI(random_get)(void *, int);
WASI(sched_yield)(void);
WASI(sock_recv)(int, const void *, int, int, U *, U *);
WASI(sock_send)(int, const void *, int, int, U *);
WASI(sock_shutdown)(int, int);

enum { CREAT = 1, FOLDER = 2, EXCL = 4, TRUNC = 8, SET = 0, CUR = 1, END = 2 };
#define READ (1ull << 1)
#define SEEK (1ull << 2)
#define TELL (1ull << 5)
#define WRITE (1ull << 6)
#define ALL ((1ull << 29) - 1)

static struct { const void *at; U size; } parts[2];
static unsigned char buffer[4096];
static U got, also;
static L wide;
static FILE *out;
static int sockets;

static void say(const char *name, int error, const char *format, ...)
{
    va_list values;
    print_to(out, "%s %d", name, error);
    if (!error) {
        va_start(values, format);
        print_values(out, format, values);
        va_end(values);
    }
    fputc('\n', out);
}

/* These texts as one, until the next call. */
static const char *joined(const char *a, const char *b, const char *c, const char *d)
{
    static char text[80];
    return strcat(strcat(strcat(strcpy(text, a), b), c), d);
}

static const char *numbered(const char *name, int digit)
{
    char number[] = { '0' + digit, 0 };
    return joined(name, number, "", "");
}

static const void *one(const void *at, U size)
{
    parts[0].at = at, parts[0].size = size;
    return parts;
}

static U word(int at) { U value; memcpy(&value, buffer + at, 4); return value; }
static L number(int at) { L value; memcpy(&value, buffer + at, 8); return value; }

static int opened_below(int folder, const char *name, int how, L rights)
{
    return w_path_open(folder, 0, name, strlen(name), how, rights, 0, 0, &got) ? -1 : (int)got;
}

static int opened(const char *name, int how, L rights) { return opened_below(3, name, how, rights); }

static void open_close(const char *label, int from, const char *name, int how, L rights)
{
    int error = w_path_open(from, 0, name, strlen(name), how, rights, 0, 0, &got);
    say(label, error, " %u", got);
    if (!error)
        w_fd_close(got);
}

static void about(const char *label, int fd)
{
    int error;
#define SAY(call, ...) say(joined(label, ".", #call, ""), error, __VA_ARGS__)
    memset(buffer, 0xff, 100);
    error = w_fd_fdstat_get(fd, buffer);
    SAY(fdstat, " %d %d %llx %llx", buffer[0], buffer[2], number(8), number(16));
    error = w_fd_filestat_get(fd, buffer);
    SAY(filestat, " %d %llu", buffer[16], buffer[16] == 4 ? number(32) : 0);
    error = w_fd_seek(fd, 0, CUR, &wide);
    SAY(seek, " %llu", wide);
    error = w_fd_tell(fd, &wide);
    SAY(tell, " %llu", wide);
    error = w_fd_read(fd, one(buffer, 3), 1, &got);
    SAY(read, " %u %.*s", got, (int)got, buffer);
    error = w_fd_pread(fd, one(buffer, 3), 1, 2, &got);
    SAY(pread, " %u %.*s", got, (int)got, buffer);
    error = w_fd_write(fd, one("", 0), 1, &got);
    SAY(write, " %u", got);
    error = w_fd_pwrite(fd, one("", 0), 1, 0, &got);
    SAY(pwrite, " %u", got);
    error = w_fd_prestat_get(fd, buffer);
    SAY(prestat, " %d %u", buffer[0], word(4));
    memset(buffer, 0, 8);
    error = w_fd_prestat_dir_name(fd, (char *)buffer, 1);
    SAY(prestat_dir_name, " %s", buffer);
    error = w_fd_prestat_dir_name(fd, (char *)buffer, 0);
    SAY(prestat_short, "");
    error = w_fd_readdir(fd, buffer, sizeof buffer, 0, &got);
    SAY(readdir, "");
    error = w_fd_advise(fd, 0, 0, 0);
    SAY(advise, "");
    error = w_fd_allocate(fd, 0, 1);
    SAY(allocate, "");
    error = w_fd_datasync(fd);
    SAY(datasync, "");
    error = w_fd_sync(fd);
    SAY(sync, "");
    error = w_fd_fdstat_set_flags(fd, 0);
    SAY(set_flags, "");
    error = w_fd_filestat_set_size(fd, 1);
    SAY(set_size, "");
    error = w_fd_filestat_set_times(fd, 0, 0, 2);
    SAY(set_times, "");
    if (sockets) {
        error = w_sock_shutdown(fd, 3);
        SAY(shutdown, "");
        error = w_sock_send(fd, one("", 0), 1, 0, &got);
        SAY(send, "");
        error = w_sock_recv(fd, one(buffer, 1), 1, 0, &got, &also);
        SAY(recv, "");
    }
    error = w_path_filestat_get(fd, 0, "empty", 5, buffer);
    SAY(path_filestat, " %d", buffer[16]);
    error = w_path_open(fd, 0, "empty", 5, 0, READ, 0, 0, &got);
    SAY(path_open, " %u", got);
    if (!error)
        w_fd_close(got);
}

/* The C library's qsort is as long as all of this. */
static void sort(char **names, int count)
{
    for (int i = 1; i < count; i++)
        for (int k = i; k > 0 && strcmp(names[k - 1], names[k]) > 0; k--) {
            char *other = names[k];
            names[k] = names[k - 1], names[k - 1] = other;
        }
}

/* The names in a folder, read with a buffer of this size, which holds some entry at least. */
static void list(const char *label, int fd, U size)
{
    static char names[32][64];
    char *sorted[32];
    int count = 0, error = 0;
    L cookie = 0;
    for (;;) {
        error = w_fd_readdir(fd, buffer, size, cookie, &got);
        U at = 0;
        while (!error && at + 24 <= got) {
            U length = word(at + 16);
            if (at + 24 + length > got)
                break;
            cookie = number(at);
            memcpy(names[count], buffer + at + 24, length);
            strcpy(names[count] + length, numbered(":", buffer[at + 20]));
            sorted[count] = names[count], count++;
            at += 24 + length;
        }
        if (error || got < size || count > 30)
            break;
    }
    say(label, error, " %d", count);
    sort(sorted, count);
    for (int i = 0; i < count; i++)
        print_to(out, "%s.%d 0 %s\n", label, i, sorted[i]);
}

/* The folder's first descriptor; Wasmer has one of its own before it. */
static int root_of(void)
{
    int found = 3;
    for (int fd = 3; w_fd_prestat_get(fd, buffer) == 0; fd++)
        found = fd;
    return found;
}
#define ROOT root_of()

static void of_paths(void)
{
    static const char *const names[] = { "data.txt", "tables", "tables/", "data.txt/", "missing", "missing/x", "", ".",
        "..", "../x", "/data.txt", "./tables/../data.txt", "tables/deep/b", "data.txt/x", "tables//deep", "tables/." };
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        const char *name = names[i];
        int size = strlen(name);
#define LABEL(what) joined("[", name, "].", what)
        int error = w_path_filestat_get(3, 0, name, size, buffer);
        say(LABEL("stat"), error, " %d %llu", buffer[16], buffer[16] == 4 ? number(32) : 0);
        open_close(LABEL("open"), 3, name, 0, READ);
        open_close(LABEL("open_folder"), 3, name, FOLDER, READ);
        open_close(LABEL("open_write"), 3, name, 0, READ | WRITE);
        open_close(LABEL("create"), 3, name, CREAT, READ | WRITE);
        open_close(LABEL("create_read"), 3, name, CREAT, READ);
        open_close(LABEL("create_new"), 3, name, CREAT | EXCL, READ);
        open_close(LABEL("truncate"), 3, name, TRUNC, READ | WRITE);
        say(LABEL("readlink"), w_path_readlink(3, name, size, (char *)buffer, 10, &got), "");
        say(LABEL("unlink"), w_path_unlink_file(3, name, size), "");
        say(LABEL("rmdir"), w_path_remove_directory(3, name, size), "");
        say(LABEL("mkdir"), w_path_create_directory(3, name, size), "");
        say(LABEL("rename"), w_path_rename(3, name, size, 3, "new", 3), "");
        say(LABEL("link"), w_path_link(3, 0, name, size, 3, "new", 3), "");
        say(LABEL("symlink"), w_path_symlink("data.txt", 8, 3, name, size), "");
        say(LABEL("times"), w_path_filestat_set_times(3, 0, name, size, 0, 0, 2), "");
    }
}

static void of_a_file(void)
{
    int file = opened("data.txt", 0, READ), other;
    say("first_free", 0, " %d", file);
    say("seek_set", w_fd_seek(file, 4, SET, &wide), " %llu", wide);
    say("read_on", w_fd_read(file, one(buffer, 3), 1, &got), " %u %.*s", got, (int)got, buffer);
    say("seek_back", w_fd_seek(file, -2, CUR, &wide), " %llu", wide);
    say("seek_end", w_fd_seek(file, -1, END, &wide), " %llu", wide);
    say("seek_before", w_fd_seek(file, -1, SET, &wide), "");
    say("tell", w_fd_tell(file, &wide), " %llu", wide);
    say("seek_beyond", w_fd_seek(file, 1000, SET, &wide), " %llu", wide);
    say("read_beyond", w_fd_read(file, one(buffer, 3), 1, &got), " %u", got);
    say("pread_beyond", w_fd_pread(file, one(buffer, 3), 1, 5000, &got), " %u", got);
    say("pread_end", w_fd_pread(file, one(buffer, 8), 1, 6, &got), " %u", got);
    say("pread_huge", w_fd_pread(file, one(buffer, 8), 1, 1ull << 63, &got), "");
    say("read_nothing", w_fd_read(file, one(buffer, 0), 0, &got), " %u", got);
    other = opened("tables/a.bin", 0, READ);
    say("second_free", 0, " %d", other);
    say("close", w_fd_close(file), "");
    say("close_again", w_fd_close(file), "");
    say("read_closed", w_fd_read(file, one(buffer, 3), 1, &got), "");
    say("renumber_closed", w_fd_renumber(other, file), "");
    say("renumber_none", w_fd_renumber(99, other), "");
    say("renumber_same", w_fd_renumber(other, other), "");
    file = opened("data.txt", 0, READ);
    say("free_again", 0, " %d", file);
    say("renumber", w_fd_renumber(file, other), "");
    say("renumbered", w_fd_read(other, one(buffer, 4), 1, &got), " %u %.*s", got, (int)got, buffer);
    say("renumbered_from", w_fd_tell(file, &wide), "");
    say("rights_less", w_fd_fdstat_set_rights(other, READ, 0), "");
    say("rights_more", w_fd_fdstat_set_rights(other, ALL, 0), "");
    say("append", w_fd_fdstat_set_flags(other, 1), "");
    say("sync_flag", w_fd_fdstat_set_flags(other, 16), "");
    w_fd_close(other);
    /* By a folder that is open. */
    int folder = opened("tables", FOLDER, READ);
    open_close("in_folder", folder, "deep/b", 0, READ);
    open_close("out_of_folder", folder, "../data.txt", 0, READ);
    open_close("missing_in_folder", folder, "data.txt", 0, READ);
    list("list_folder", folder, sizeof buffer);
    list("list_pieces", folder, 40);
    list("list_root", 3, sizeof buffer);
    w_fd_close(folder);
}

/* Subscriptions: to a clock, ns, or to a descriptor's being ready (what: 1 to read, 2 to write). */
static unsigned char wanted[3][48], events[3][32];

static void subscribe(int i, int what, int subject, L timeout, int absolute)
{
    memset(wanted[i], 0, 48);
    wanted[i][0] = 40 + i, wanted[i][8] = what, wanted[i][16] = subject;
    memcpy(wanted[i] + 24, &timeout, 8);
    wanted[i][40] = absolute;
}

/* Whether it slept for a time that it would not take otherwise, on a busy machine. */
static void polled(const char *label, int count, L least)
{
    L before, after;
    memset(events, 0xff, sizeof events);
    w_clock_time_get(1, 0, &before);
    int error = w_poll_oneoff(wanted, events, count, &got);
    w_clock_time_get(1, 0, &after);
    say(label, error, " %u %d %d %d %s", got, events[0][0], events[0][8] + 256 * events[0][9], events[0][10],
        after - before >= least ? "slept" : "at once");
}

static void of_polls(void)
{
    polled("poll_none", 0, 1500000000);
    subscribe(0, 0, 1, 20000000, 0);
    polled("poll_clock", 1, 20000000);
    subscribe(0, 0, 0, 20000000, 0);
    polled("poll_realtime", 1, 20000000);
    subscribe(0, 0, 2, 20000000, 0);
    polled("poll_cpu_clock", 1, 1500000000);
    w_clock_time_get(1, 0, &wide);
    subscribe(0, 0, 1, wide + 20000000, 1);
    polled("poll_until", 1, 20000000);
    subscribe(0, 0, 1, 1, 1);
    polled("poll_past", 1, 1500000000);
    subscribe(0, 0, 1, 3000000000, 0);
    subscribe(1, 0, 1, 20000000, 0);
    polled("poll_first", 2, 20000000);
    subscribe(0, 2, 1, 0, 0);
    polled("poll_stdout", 1, 1500000000);
    subscribe(0, 1, 0, 0, 0);
    polled("poll_stdin", 1, 1500000000);
    subscribe(0, 1, 99, 0, 0);
    polled("poll_closed", 1, 1500000000);
    subscribe(0, 0, 1, 3000000000, 0);
    subscribe(1, 2, 1, 0, 0);
    polled("poll_ready", 2, 1500000000);
}

/* Each a kind of name that is none. */
static void of_odd_paths(void)
{
    static char many[5000], huge[200000];
    static const struct { const char *label, *name; int size; } odd[] = { { "nul", "data.txt\0x", 10 },
        { "no_utf8", "\xff\xfe", 2 }, { "latin1", "\xe9.txt", 5 }, { "long_name", huge, 300 },
        { "name_of_255", huge, 255 }, { "many_parts", many, sizeof many }, { "huge", huge, sizeof huge } };
    memset(huge, 'a', sizeof huge);
    for (unsigned i = 0; i < sizeof many; i += 2)
        memcpy(many + i, "./", 2);
    for (unsigned i = 0; i < sizeof odd / sizeof *odd; i++) {
        const char *name = odd[i].name;
        int size = odd[i].size;
        say(joined(odd[i].label, ".stat", "", ""), w_path_filestat_get(3, 0, name, size, buffer), "");
        say(joined(odd[i].label, ".open", "", ""), w_path_open(3, 0, name, size, 0, READ, 0, 0, &got), "");
        say(joined(odd[i].label, ".unlink", "", ""), w_path_unlink_file(3, name, size), "");
        say(joined(odd[i].label, ".mkdir", "", ""), w_path_create_directory(3, name, size), "");
        say(joined(odd[i].label, ".rename", "", ""), w_path_rename(3, "data.txt", 8, 3, name, size), "");
        say(joined(odd[i].label, ".closed", "", ""), w_path_open(99, 0, name, size, 0, READ, 0, 0, &got), "");
        say(joined(odd[i].label, ".readlink", "", ""), w_path_readlink(3, name, size, (char *)buffer, 10, &got), "");
    }
}

/* Numbers that are too large, and flags that contradict each other. */
static void of_odd_values(void)
{
    static const L large[] = { 1ull << 63, ~0ull - 2, ~0ull, 1000 };
    const L most = (1ull << 63) - 1;
    int file = opened("data.txt", 0, READ | SEEK | TELL);
    for (int i = 0; i < 4; i++)
        say(numbered("readdir_from", i), w_fd_readdir(3, buffer, 100, large[i], &got), " %u", got);
    say("pread_most", w_fd_pread(file, one(buffer, 8), 1, most, &got), "");
    say("pread_fits", w_fd_pread(file, one(buffer, 8), 1, most - 8, &got), " %u", got);
    say("pread_input", w_fd_pread(0, one(buffer, 8), 1, ~0ull, &got), "");
    say("pread_closed", w_fd_pread(99, one(buffer, 8), 1, ~0ull, &got), "");
    say("seek_exact", w_fd_seek(file, (1ll << 53) + 1, SET, &wide), " %llu", wide);
    say("seek_most", w_fd_seek(file, most, SET, &wide), " %llu", wide);
    say("seek_exact_on", w_fd_seek(file, 0, CUR, &wide), " %llu", wide);
    say("read_most", w_fd_read(file, one(buffer, 8), 1, &got), "");
    for (int i = 0; i < 3; i++)
        say(numbered("open_sync", i), w_path_open(3, 0, "data.txt", 8, 0, READ, 0, 2 << i * 3 / 2, &got), "");
    say("sync_closed", w_path_open(99, 0, "data.txt", 8, 0, READ, 0, 16, &got), "");
    say("sync_create", w_path_open(3, 0, "data.txt", 8, CREAT, READ, 0, 16, &got), "");
    say("times_both_closed", w_fd_filestat_set_times(99, 0, 0, 3), "");
    say("times_both", w_fd_filestat_set_times(file, 0, 0, 3), "");
    say("times_both_more", w_fd_filestat_set_times(file, 0, 0, 12), "");
    say("path_times_both", w_path_filestat_set_times(3, 0, "data.txt", 8, 0, 0, 3), "");
    say("advise_large", w_fd_advise(file, ~0ull, ~0ull, 0), "");
    say("advise_over", w_fd_advise(file, most, most, 0), "");
    subscribe(0, 2, file, 0, 0);
    polled("poll_write_of_file", 1, 1500000000);
    subscribe(0, 7, 1, 0, 0);
    say("poll_unknown", w_poll_oneoff(wanted, events, 1, &got), "");
    subscribe(0, 0, 1, 20000000, 0xfe);
    say("poll_flags", w_poll_oneoff(wanted, events, 1, &got), "");
    subscribe(0, 0, 1, ~0ull, 0);
    subscribe(1, 0, 1, 20000000, 0);
    polled("poll_longest", 2, 20000000);
    w_fd_close(file);
}

static void of_the_rest(void)
{
    say("args", w_args_sizes_get(&got, &also), " %u %u", got, also);
    say("environ", w_environ_sizes_get(&got, &also), " %u %u", got, also);
    for (int id = 0; id < 4; id++) {
        say(numbered("clock", id), w_clock_time_get(id, 0, &wide), " %d", wide > 0);
        say(numbered("resolution", id), w_clock_res_get(id, &wide), " %d", wide > 0 && wide <= 1000000);
    }
    say("random", w_random_get(buffer, 100), "");
    say("random_none", w_random_get(buffer, 0), "");
    say("yield", w_sched_yield(), "");
    say("write_no_part", w_fd_write(1, one("", 0), 0, &got), " %u", got);
    say("write_stderr", w_fd_write(2, one("some\n", 5), 1, &got), " %u", got);
}

static void of_closing(void)
{
    out = stderr;
    say("close", w_fd_close(1), "");
    say("write", w_fd_write(1, one("lost", 4), 1, &got), "");
    say("close_again", w_fd_close(1), "");
    say("fdstat", w_fd_fdstat_get(1, buffer), "");
    say("close_stdin", w_fd_close(0), "");
    say("read", w_fd_read(0, one(buffer, 3), 1, &got), "");
    int file = opened("data.txt", 0, READ);
    say("read_file", w_fd_read(file, one(buffer, 4), 1, &got), " %u %.*s", got, (int)got, buffer);
    say("close_root", w_fd_close(3), "");
    say("open_closed", opened("data.txt", 0, READ) < 0 ? 1 : 0, "");
}

/* What programs do every day. */
static void of_every_day(void)
{
    static const char *const names[] = { "data.txt", "tables", "tables/deep/b", "missing", "empty" };
    int file;
    for (int fd = 0; fd < 3; fd++) {
        say(numbered("kind", fd), w_fd_fdstat_get(fd, buffer), " %d", buffer[0]);
        say(numbered("status", fd), w_fd_filestat_get(fd, buffer), " %d %llu", buffer[16], number(32));
    }
    say("read_input", w_fd_read(0, one(buffer, 3), 1, &got), " %u %.*s", got, (int)got, buffer);
    parts[0].at = buffer, parts[0].size = 0, parts[1].at = buffer, parts[1].size = 4;
    say("read_parts", w_fd_read(0, parts, 2, &got), " %u %.*s", got, (int)got, buffer);
    say("write_stderr", w_fd_write(2, one("some\n", 5), 1, &got), " %u", got);
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        const char *name = names[i];
        int size = strlen(name);
        say(LABEL("stat"), w_path_filestat_get(ROOT, 0, name, size, buffer), " %d %llu", buffer[16],
            buffer[16] == 4 ? number(32) : 0);
        file = opened_below(ROOT, name, 0, READ);
        say(LABEL("open"), file < 0, "");
        w_fd_close(file);
    }
    file = opened_below(ROOT, "data.txt", 0, READ | SEEK | TELL);
    say("first", w_fd_read(file, one(buffer, 4), 1, &got), " %u %.*s", got, (int)got, buffer);
    say("seek", w_fd_seek(file, -5, END, &wide), " %llu", wide);
    say("next", w_fd_read(file, one(buffer, 4), 1, &got), " %u %.*s", got, (int)got, buffer);
    say("tell", w_fd_tell(file, &wide), " %llu", wide);
    say("pread", w_fd_pread(file, one(buffer, 3), 1, 2, &got), " %u %.*s", got, (int)got, buffer);
    say("write", w_fd_write(file, one("x", 1), 1, &got) != 0 ? 1 : 0, "");
    say("close", w_fd_close(file), "");
    say("closed", w_fd_read(file, one(buffer, 4), 1, &got), "");
    list("list", ROOT, sizeof buffer);
}

int main(int argc, char *argv[])
{
    out = stdout;
    sockets = argc > 1 && !strcmp(argv[1], "calls");
    if (argc > 1 && !strcmp(argv[1], "closing")) {
        of_closing();
        return 0;
    }
    if (argc > 1 && !strcmp(argv[1], "every day")) {
        of_every_day();
        return 0;
    }
    of_the_rest();
    about("stdin", 0);
    about("stdout", 1);
    about("stderr", 2);
    about("root", 3);
    about("file", opened("data.txt", 0, READ));
    about("folder", opened("tables", FOLDER, READ));
    about("none", 99);
    of_a_file();
    of_paths();
    of_polls();
    of_odd_paths();
    of_odd_values();
    return 0;
}
