#define _GNU_SOURCE
#include "process.h"

#include <ftw.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

double seconds(clockid_t clock)
{
    struct timespec now = { 0, 0 };
    clock_gettime(clock, &now);
    return now.tv_sec + now.tv_nsec / 1e9;
}

int64_t nanoseconds(void)
{
    struct timespec now = { 0, 0 };
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000ll + now.tv_nsec;
}

Usage usage_now(void)
{
    struct rusage used = { 0 };
    getrusage(RUSAGE_SELF, &used);
    double system = used.ru_stime.tv_sec + used.ru_stime.tv_usec / 1e6;
    return (Usage){ seconds(CLOCK_PROCESS_CPUTIME_ID), system, used.ru_minflt + used.ru_majflt };
}

void executable_ranges(Ranges *found)
{
    char line[4096];
    FILE *maps = fopen("/proc/self/maps", "r");
    found->count = 0;
    if (!maps)
        fail("cannot read /proc/self/maps");
    while (found->count < MOST_RANGES && fgets(line, sizeof line, maps)) {
        unsigned long from, to;
        char permissions[8], path[8];
        int fields = sscanf(line, "%lx-%lx %7s %*s %*s %*s %7s", &from, &to, permissions, path);
        if (fields == 3 && strchr(permissions, 'x'))
            found->all[found->count++] = (struct range){ from, to };
    }
    fclose(maps);
}

void added_ranges(const Ranges *before, Ranges *after)
{
    int kept = 0;
    for (int i = 0; i < after->count; i++) {
        bool known = false;
        for (int k = 0; k < before->count; k++)
            known |= before->all[k].from == after->all[i].from && before->all[k].to == after->all[i].to;
        if (!known)
            after->all[kept++] = after->all[i];
    }
    after->count = kept;
}

size_t bytes_in(const Ranges *ranges)
{
    size_t bytes = 0;
    for (int i = 0; i < ranges->count; i++)
        bytes += ranges->all[i].to - ranges->all[i].from;
    return bytes;
}

int memory_file(void)
{
    int made = memfd_create("guest-output", MFD_CLOEXEC);
    if (made < 0)
        fail("cannot make a file in memory");
    return made;
}

void place(int opened, int descriptor)
{
    if (opened < 0 || dup2(opened, descriptor) < 0)
        fail("cannot open a file");
    close(opened);
}

int64_t file_size(int descriptor)
{
    struct stat status;
    return fstat(descriptor, &status) || !S_ISREG(status.st_mode) ? -1 : status.st_size;
}

void cut(int descriptor, int64_t size)
{
    (void)!ftruncate(descriptor, size);
    lseek(descriptor, size, SEEK_SET);
}

char *content(int descriptor, int64_t from, size_t most, size_t *size)
{
    int64_t there = file_size(descriptor) - from;
    size_t wanted = there < 0 ? 0 : (size_t)there < most ? (size_t)there : most;
    char *bytes = malloc(wanted + 1);
    ssize_t got = 1;
    if (!bytes)
        fail("out of memory");
    for (*size = 0; *size < wanted && got > 0; *size += got > 0 ? got : 0)
        got = pread(descriptor, bytes + *size, wanted - *size, from + *size);
    bytes[*size] = 0;
    return bytes;
}

char *whole_file(const char *path, size_t *size)
{
    int opened = open(path, O_RDONLY | O_CLOEXEC);
    int64_t all = opened < 0 ? -1 : file_size(opened);
    char *bytes = all < 0 ? NULL : content(opened, 0, all, size);
    if (opened >= 0)
        close(opened);
    return bytes;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *at)
{
    return remove(path) && false;
}

void remove_scratch(const char *path) { nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS); }

bool make_scratch(char *path, size_t room)
{
    const char *base = getenv("TMPDIR");
    int ends[2];
    snprintf(path, room, "%s/coremark-wasm-XXXXXX", base ? base : "/tmp");
    if (!mkdtemp(path) || pipe2(ends, O_CLOEXEC))
        return false;
    /* A process of its own waits for the end of a pipe, which is the end of this process. */
    pid_t keeper = fork();
    if (keeper == 0) {
        char byte;
        setsid();
        close_range(0, ends[0] - 1, 0);
        close_range(ends[0] + 1, ~0u, 0);
        while (read(ends[0], &byte, 1) > 0)
            ;
        remove_scratch(path);
        _exit(0);
    }
    close(ends[0]); /* the other end stays open as long as this process does */
    return keeper > 0;
}

void fail(const char *what)
{
    fprintf(stderr, "Error: %s\n", what);
    _exit(1);
}
