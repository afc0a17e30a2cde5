/* WASI preview 1 for one wasm2c module named "guest": arguments, environment, clocks, random bytes, standard input
   and output, and files to read. No network: those calls say so. */
#include <sys/random.h>
#include <time.h>

#include "wasm2c_host.h"
#include "wasm2c_files.h"

#ifndef HOST
#define HOST , NULL
#endif

typedef struct w2c_wasi__snapshot__preview1 Host;
#define WASI(name) u32 w2c_wasi__snapshot__preview1_##name

extern char **environ;
static int count, variable_count;
static char **words, **variables;

/* wasm2c has no bounds checks that host code could use: every pointer of the guest goes through here. */
static void *at(u64 address, u64 size)
{
    wasm_rt_memory_t *memory = w2c_guest_memory(&guest);
    if (address > memory->size || size > memory->size - address)
        wasm_rt_trap(WASM_RT_TRAP_OOB);
    return memory->data + address;
}

static void put32(u32 address, u32 value) { memcpy(at(address, 4), &value, 4); }
static void put64(u32 address, u64 value) { memcpy(at(address, 8), &value, 8); }

static u32 get32(u64 address)
{
    u32 value;
    memcpy(&value, at(address, 4), 4);
    return value;
}

static u32 put_sizes(char **texts, int number, u32 number_at, u32 size_at)
{
    u32 bytes = 0;
    for (int i = 0; i < number; i++)
        bytes += strlen(texts[i]) + 1;
    put32(number_at, number);
    put32(size_at, bytes);
    return OK;
}

static u32 put_texts(char **texts, int number, u32 pointers, u32 buffer)
{
    for (int i = 0; i < number; i++, pointers += 4) {
        u32 length = strlen(texts[i]) + 1;
        put32(pointers, buffer);
        memcpy(at(buffer, length), texts[i], length);
        buffer += length;
    }
    return OK;
}

WASI(args_sizes_get)(Host *host, u32 argc, u32 size) { return put_sizes(words, count, argc, size); }
WASI(args_get)(Host *host, u32 argv, u32 buffer) { return put_texts(words, count, argv, buffer); }

WASI(environ_sizes_get)(Host *host, u32 number, u32 size)
{
    return put_sizes(variables, variable_count, number, size);
}

WASI(environ_get)(Host *host, u32 list, u32 buffer)
{
    return put_texts(variables, variable_count, list, buffer);
}

/* The guest's own are those behind a sign: see wasm2c_worker.py. */
static void find_variables(void)
{
    static const char sign[] = "guest:";
    size_t length = sizeof sign - 1;
    int all = 0;
    while (environ[all])
        all++;
    variables = calloc(all + 1, sizeof *variables);
    for (int i = 0; i < all; i++)
        if (!strncmp(environ[i], sign, length))
            variables[variable_count++] = environ[i] + length;
}

static u32 clock_of(u32 id, u64 *nanoseconds, int (*ask)(clockid_t, struct timespec *))
{
    static const clockid_t clocks[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID,
                                        CLOCK_THREAD_CPUTIME_ID };
    struct timespec now;
    if (id >= sizeof clocks / sizeof *clocks || ask(clocks[id], &now))
        return INVAL;
    *nanoseconds = now.tv_sec * 1000000000ull + now.tv_nsec;
    return OK;
}

WASI(clock_time_get)(Host *host, u32 id, u64 precision, u32 result)
{
    u64 value = 0;
    u32 status = clock_of(id, &value, clock_gettime);
    put64(result, value);
    return status;
}

WASI(clock_res_get)(Host *host, u32 id, u32 result)
{
    u64 value = 0;
    u32 status = clock_of(id, &value, clock_getres);
    put64(result, value);
    return status;
}

WASI(random_get)(Host *host, u32 buffer, u32 size)
{
    for (u32 done = 0; done < size;) {
        ssize_t got = getrandom(at((u64)buffer + done, size - done), size - done, 0);
        if (got < 0)
            return IO;
        done += got;
    }
    return OK;
}

WASI(fd_write)(Host *host, u32 fd, u32 vectors, u32 number, u32 result)
{
    u32 total = 0;
    if (fd != 1 && fd != 2)
        return BADF;
    for (u32 i = 0; i < number; i++) {
        u32 size = get32(vectors + 8ull * i + 4);
        char *data = at(get32(vectors + 8ull * i), size);
        for (u32 done = 0; done < size;) {
            ssize_t written = write(fd, data + done, size - done);
            if (written < 0)
                return IO;
            done += written;
        }
        total += size;
    }
    put32(result, total);
    return OK;
}

/* Read into the guest's pieces of memory; offset -1 stands for where the file is. */
static u32 read_into(int file, u32 vectors, u32 number, s64 offset, u32 result)
{
    u32 total = 0;
    for (u32 i = 0; i < number; i++) {
        u32 size = get32(vectors + 8ull * i + 4);
        char *data = at(get32(vectors + 8ull * i), size);
        ssize_t got = offset < 0 ? read(file, data, size) : pread(file, data, size, offset + total);
        if (got < 0)
            return number_of(errno);
        total += got;
        if (got < size)
            break;
    }
    put32(result, total);
    return OK;
}

WASI(fd_read)(Host *host, u32 fd, u32 vectors, u32 number, u32 result)
{
    if (fd && kind_of(fd) != REGULAR_FILE)
        return fd == ROOT && kind_of(fd) ? ISDIR : BADF;
    return read_into(hosts[fd], vectors, number, -1, result);
}

WASI(fd_pread)(Host *host, u32 fd, u32 vectors, u32 number, u64 offset, u32 result)
{
    if (kind_of(fd) != REGULAR_FILE)
        return fd < ROOT ? SPIPE : BADF;
    return offset >> 63 ? INVAL : read_into(hosts[fd], vectors, number, offset, result);
}

WASI(fd_seek)(Host *host, u32 fd, u64 offset, u32 whence, u32 result)
{
    static const int from[] = { SEEK_SET, SEEK_CUR, SEEK_END };
    if (kind_of(fd) != REGULAR_FILE)
        return fd < ROOT ? SPIPE : BADF;
    off_t position = whence < 3 ? lseek(hosts[fd], offset, from[whence]) : -1;
    if (position < 0)
        return INVAL;
    put64(result, position);
    return OK;
}

WASI(fd_tell)(Host *host, u32 fd, u32 result)
{
    return w2c_wasi__snapshot__preview1_fd_seek(host, fd, 0, 1, result);
}

WASI(fd_close)(Host *host, u32 fd)
{
    if (!kind_of(fd))
        return BADF;
    if (fd > ROOT) {
        close(hosts[fd]);
        hosts[fd] = 0;
    }
    return OK;
}

WASI(fd_fdstat_get)(Host *host, u32 fd, u32 result)
{
    if (!kind_of(fd))
        return BADF;
    memset(at(result, 24), 0, 24);
    *(char *)at(result, 1) = kind_of(fd);
    put64(result + 8, rights_of(fd));
    put64(result + 16, fd == ROOT ? ALL_RIGHTS : 0);
    return OK;
}

WASI(fd_fdstat_set_flags)(Host *host, u32 fd, u32 flags) { return kind_of(fd) ? OK : BADF; }

/* No device, one link, and no time. */
static void put_status(u32 result, int kind, u64 inode, u64 size)
{
    memset(at(result, 64), 0, 64);
    put64(result + 8, inode);
    *(char *)at(result + 16, 1) = kind;
    put64(result + 24, 1);
    put64(result + 32, size);
}

WASI(fd_filestat_get)(Host *host, u32 fd, u32 result)
{
    struct stat status = {0};
    if (!kind_of(fd))
        return BADF;
    if (kind_of(fd) == REGULAR_FILE && fstat(hosts[fd], &status))
        return IO;
    put_status(result, kind_of(fd), status.st_ino, status.st_size);
    return OK;
}

WASI(path_filestat_get)(Host *host, u32 fd, u32 flags, u32 name, u32 size, u32 result)
{
    struct stat status;
    int found;
    u32 error = open_path(fd, at(name, size), size, &found, &status);
    if (error)
        return error;
    close(found);
    if (S_ISDIR(status.st_mode))
        put_status(result, DIRECTORY, 0, 0);
    else
        put_status(result, REGULAR_FILE, status.st_ino, status.st_size);
    return OK;
}

WASI(path_open)(Host *host, u32 fd, u32 look, u32 name, u32 size, u32 how, u64 rights, u64 inherited,
                u32 flags, u32 result)
{
    u32 opened, error = open_file(fd, at(name, size), size, how, rights, &opened);
    if (!error)
        put32(result, opened);
    return error;
}

WASI(fd_prestat_get)(Host *host, u32 fd, u32 result)
{
    if (kind_of(fd) != DIRECTORY)
        return BADF;
    put64(result, 1ull << 32); /* a folder, with a name of one byte */
    return OK;
}

WASI(fd_prestat_dir_name)(Host *host, u32 fd, u32 name, u32 size)
{
    if (kind_of(fd) != DIRECTORY)
        return BADF;
    if (!size)
        return NAMETOOLONG;
    *(char *)at(name, 1) = '/';
    return OK;
}

WASI(sched_yield)(Host *host) { return OK; }

/* What would change a file. */
WASI(fd_allocate)(Host *host, u32 a, u64 b, u64 c) { return ROFS; }
WASI(fd_filestat_set_size)(Host *host, u32 a, u64 b) { return ROFS; }
WASI(fd_filestat_set_times)(Host *host, u32 a, u64 b, u64 c, u32 d) { return ROFS; }
WASI(path_create_directory)(Host *host, u32 a, u32 b, u32 c) { return ROFS; }
WASI(path_filestat_set_times)(Host *host, u32 a, u32 b, u32 c, u32 d, u64 e, u64 f, u32 g) { return ROFS; }
WASI(path_link)(Host *host, u32 a, u32 b, u32 c, u32 d, u32 e, u32 f, u32 g) { return ROFS; }
WASI(path_remove_directory)(Host *host, u32 a, u32 b, u32 c) { return ROFS; }
WASI(path_rename)(Host *host, u32 a, u32 b, u32 c, u32 d, u32 e, u32 f) { return ROFS; }
WASI(path_symlink)(Host *host, u32 a, u32 b, u32 c, u32 d, u32 e) { return ROFS; }
WASI(path_unlink_file)(Host *host, u32 a, u32 b, u32 c) { return ROFS; }

/* What there is none of. */
WASI(fd_advise)(Host *host, u32 a, u64 b, u64 c, u32 d) { return NOSYS; }
WASI(fd_datasync)(Host *host, u32 a) { return NOSYS; }
WASI(fd_fdstat_set_rights)(Host *host, u32 a, u64 b, u64 c) { return NOSYS; }
WASI(fd_pwrite)(Host *host, u32 a, u32 b, u32 c, u64 d, u32 e) { return NOSYS; }
WASI(fd_readdir)(Host *host, u32 a, u32 b, u32 c, u64 d, u32 e) { return NOSYS; }
WASI(fd_renumber)(Host *host, u32 a, u32 b) { return NOSYS; }
WASI(fd_sync)(Host *host, u32 a) { return NOSYS; }
WASI(path_readlink)(Host *host, u32 a, u32 b, u32 c, u32 d, u32 e, u32 f) { return NOSYS; }
WASI(poll_oneoff)(Host *host, u32 a, u32 b, u32 c, u32 d) { return NOSYS; }
WASI(proc_raise)(Host *host, u32 a) { return NOSYS; }
WASI(sock_accept)(Host *host, u32 a, u32 b, u32 c) { return NOSYS; }
WASI(sock_recv)(Host *host, u32 a, u32 b, u32 c, u32 d, u32 e, u32 f) { return NOSYS; }
WASI(sock_send)(Host *host, u32 a, u32 b, u32 c, u32 d, u32 e) { return NOSYS; }
WASI(sock_shutdown)(Host *host, u32 a, u32 b) { return NOSYS; }

void w2c_wasi__snapshot__preview1_proc_exit(Host *host, u32 code)
{
    /* The kernel keeps eight bits, and 256 is no success. */
    _exit(code > 255 ? 255 : (int)code);
}

int main(int argc, char *argv[])
{
    (void)checks[0]; /* or the linker drops it */
    count = argc;
    words = argv;
    find_variables();
    find_files();
    wasm_rt_init();
    CATCH;
    wasm2c_guest_instantiate(&guest HOST);
    w2c_guest_0x5Fstart(&guest);
    _exit(0);
}
