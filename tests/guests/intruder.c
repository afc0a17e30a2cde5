/* Asks, by raw calls of WASI preview 1, for all that is not a guest's own; wasm only.
   Prints what it was not refused, and what it read; at the end how many attempts there were. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wasi/api.h>

#include "print.h"

#define MOST_DESCRIPTORS 20
#define COUNT(list) (sizeof list / sizeof *list)

/* Which the C library's header does not have. */
__attribute__((import_module("wasi_snapshot_preview1"), import_name("proc_raise"))) int proc_raise(int signal);

static unsigned char block[65536];
static __wasi_iovec_t into = { block, sizeof block };
static __wasi_ciovec_t from = { (const unsigned char *)"intruded", 8 };
static int attempts;

static int got(const char *what, int fd, int error)
{
    attempts++;
    if (!error)
        print("got %s %d\n", what, fd);
    return !error;
}

/* All that a descriptor gives away, as it stands. */
static void reveal(__wasi_fd_t fd)
{
    __wasi_size_t size = 0;
    if (!__wasi_fd_read(fd, &into, 1, &size) || !__wasi_fd_readdir(fd, block, sizeof block, 0, &size))
        fwrite(block, 1, size, stdout);
    puts("");
}

/* A path from every descriptor, to read, to list and to make; not by a C library that changes it first. */
static void open_path(const char *path)
{
    static const __wasi_rights_t rights[] = { __WASI_RIGHTS_FD_READ, __WASI_RIGHTS_FD_READDIR,
                                              __WASI_RIGHTS_FD_WRITE };
    static const int how[] = { 0, __WASI_OFLAGS_DIRECTORY, __WASI_OFLAGS_CREAT };
    for (int fd = 0; fd <= MOST_DESCRIPTORS; fd++)
        for (unsigned i = 0; i < COUNT(how); i++) {
            __wasi_fd_t opened = 0;
            if (got(path, fd, __wasi_path_open(fd, 1, path, how[i], rights[i], rights[i], 0, &opened)))
                reveal(opened);
        }
}

/* The secret is named by its absolute path on the host. */
static void open_everything(const char *secret)
{
    static const char *const before[] = { "", "/", "..", "../..", "../../../../../../../..", "./../../../..",
                                          "/proc/self/root", "proc/self/cwd", "/../../..", "tmp/../../..", "//" };
    static const char *const others[] = { "/", ".", "..", "/etc/passwd", "etc/passwd", "/proc/self/environ",
                                          "/dev/stdin", "/proc/self/fd/0", "dev/fd/3", "\xff\xfe", "" };
    char path[1000];
    for (unsigned i = 0; i < COUNT(before); i++) {
        strcat(strcpy(path, before[i]), secret);
        open_path(path);
    }
    open_path(secret + 1);
    for (unsigned i = 0; i < COUNT(others); i++)
        open_path(others[i]);
}

/* Every kind of call on files, on every descriptor that a careless host might have left open. */
static void use_descriptors(const char *secret)
{
    __wasi_size_t size = 0;
    char folder[1000], *name;
    strcpy(folder, secret);
    name = strrchr(folder, '/');
    *name++ = 0;
    for (int fd = 0; fd <= MOST_DESCRIPTORS; fd++) {
        __wasi_prestat_t prestat;
        __wasi_filestat_t status;
        if (fd > 2) {
            got("prestat", fd, __wasi_fd_prestat_get(fd, &prestat));
            if (got("read", fd, __wasi_fd_read(fd, &into, 1, &size)))
                reveal(fd);
            got("write", fd, __wasi_fd_write(fd, &from, 1, &size));
            got("pwrite", fd, __wasi_fd_pwrite(fd, &from, 1, 0, &size));
            got("truncate", fd, __wasi_fd_filestat_set_size(fd, 0));
        }
        if (got("readdir", fd, __wasi_fd_readdir(fd, block, sizeof block, 0, &size)))
            reveal(fd);
        got("symlink", fd, __wasi_path_symlink(secret, fd, "to-file"));
        got("symlink", fd, __wasi_path_symlink(folder, fd, "to-folder"));
        got("link", fd, __wasi_path_link(fd, 0, secret, fd, "linked"));
        got("rename", fd, __wasi_path_rename(fd, secret, fd, "renamed"));
        got("unlink", fd, __wasi_path_unlink_file(fd, secret));
        got("rmdir", fd, __wasi_path_remove_directory(fd, folder));
        got("stat", fd, __wasi_path_filestat_get(fd, 1, secret, &status));
        strcat(strcpy((char *)block, folder), "/made");
        got("mkdir", fd, __wasi_path_create_directory(fd, (char *)block));
        got("mkdir", fd, __wasi_path_create_directory(fd, "made"));
    }
    open_path("to-file");
    open_path("linked");
    open_path("renamed");
    open_path("to-folder");
    strcat(strcpy((char *)block, "to-folder/"), name);
    strcpy(folder, (char *)block);
    open_path(folder);
    got("truncate", 0, __wasi_fd_filestat_set_size(0, 0));
    got("write", 0, __wasi_fd_write(0, &from, 1, &size));
}

static void use_sockets(void)
{
    __wasi_size_t size = 0;
    for (int fd = 0; fd <= MOST_DESCRIPTORS; fd++) {
        __wasi_roflags_t flags;
        got("recv", fd, __wasi_sock_recv(fd, &into, 1, 0, &size, &flags));
        got("send", fd, __wasi_sock_send(fd, &from, 1, 0, &size));
        got("shutdown", fd, __wasi_sock_shutdown(fd, 3));
    }
}

/* What it was given: arguments, an environment, an input; and what anybody may have: time and random bytes. */
static void show_given(int argc)
{
    __wasi_size_t count = 77, size = 77, read = 77;
    __wasi_timestamp_t real = 0, monotonic = 0;
    unsigned char one[32] = {0}, other[32] = {0};
    int error = __wasi_environ_sizes_get(&count, &size);
    print("arguments %d, environment %d %d %d", argc, error, (int)count, (int)size);
    error = __wasi_fd_read(0, &into, 1, &read);
    print(", input %d", error ? 0 : (int)read);
    error = __wasi_clock_time_get(0, 0, &real) || __wasi_clock_time_get(1, 0, &monotonic);
    print(", clocks %d", !error && real && monotonic);
    error = __wasi_random_get(one, 32) || __wasi_random_get(other, 32);
    print(", random %d\n", !error && memcmp(one, other, 32));
}

int main(int argc, char *argv[])
{
    const char *what = argc > 1 ? argv[1] : "";
    if (!strcmp(what, "given"))
        show_given(argc);
    if (!strcmp(what, "open"))
        open_everything(argv[2]);
    if (!strcmp(what, "use"))
        use_descriptors(argv[2]);
    if (!strcmp(what, "sockets"))
        use_sockets();
    if (!strcmp(what, "clocks"))
        for (unsigned id = 4; id < 100; id++) {
            __wasi_timestamp_t now;
            got("clock", id, __wasi_clock_time_get(id, 0, &now));
        }
    if (!strcmp(what, "close"))
        for (int fd = 0; fd <= MOST_DESCRIPTORS; fd++)
            (void)!__wasi_fd_close(fd);
    if (!strcmp(what, "renumber"))
        for (int fd = 0; fd <= MOST_DESCRIPTORS; fd++)
            for (int to = 0; to < 3; to++)
                (void)!__wasi_fd_renumber(fd, to);
    if (!strcmp(what, "raise"))
        got("raise", 9, proc_raise(9));
    print("%d attempts\n", attempts);
    return 0;
}
