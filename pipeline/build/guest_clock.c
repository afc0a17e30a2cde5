/* Linked into programs that are timed by their own clock: says at the end of their output how long they ran.
 *
 * From before the first constructor of theirs until exit() or the end of main, whatever has been registered
 * to run then; not when they end by _Exit() or abort(). The last line of standard output is for
 * pipeline/workloads/validators/output.py, which takes it away. It comes there also where the program closes
 * its standard output, as GNU programs do at their end, or opens a file in its place.
 *
 * Before that time begins, every page of the program's own code and data is used once: the kernel gives pages
 * at their first use, which takes longer than most of what is done with them, and some runtimes have them given
 * before they run the program. Stack and heap are not: they grow within the time, here and natively.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* clock_gettime, getrusage and link.h, also under -std=c99 */
#endif

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096

static struct timespec started, begun;
static int output;
static unsigned long long faults; /* of pages, until then */

/* Read a byte of each page, and write it where that is allowed, with a number added; then with it taken off.
   So the second time all of these bytes are in a cache, as far as they fit there, in a module and natively. And
   what runs a module, which does not tell what is volatile, may leave out writing what was just read. */
static unsigned long touch(size_t from, size_t end, int writable)
{
    unsigned long pages = 0;
    int added = 1;
    for (; added >= -1; added -= 2) {
        size_t at = from;
        for (pages = 0; at < end; at = (at | (PAGE - 1)) + 1, pages++) {
            volatile char *byte = (volatile char *)at;
            char value = *byte;
            if (writable)
                *byte = (char)(value + added);
        }
    }
    return pages;
}

#ifdef __wasm__

/* WASI has no second descriptor for a file: standard output is not closed, whatever the program asks for. These are
   wasi-libc's name for the imported function and that of Zig's C library, which a linker takes from here. */
__attribute__((import_module("wasi_snapshot_preview1"), import_name("fd_close"))) int close_of_host(int);
int close_for_wasi_libc(int) __asm__("__imported_wasi_snapshot_preview1_fd_close");
int close_for_zig(int) __asm__("fd_close|wasi_snapshot_preview1");
int close_for_wasi_libc(int descriptor)
{
    static int closed;
    if (descriptor != 1)
        return close_of_host(descriptor);
    return closed++ ? 8 : 0; /* 8: no such descriptor */
}
int close_for_zig(int descriptor) { return close_for_wasi_libc(descriptor); }

static int own_output(void) { return 1; }

/* By wasm-ld: what holds the data, zeros included. */
extern char __global_base, __data_end;

static void touch_program(void)
{
    /* One to read, where a page of zeros stands for all, and one to write. */
    faults = 2 * touch((size_t)&__global_base, (size_t)&__data_end, 1);
}

#else

#include <fcntl.h>
#include <link.h>
#include <sys/auxv.h>
#include <sys/resource.h>

/* A second descriptor of standard output, with a number that no program reaches by opening files. */
static int own_output(void)
{
    int copy = fcntl(1, F_DUPFD_CLOEXEC, 500);
    return copy < 0 ? 1 : copy;
}

static void touch_program(void)
{
    const ElfW(Phdr) *parts = (const ElfW(Phdr) *)getauxval(AT_PHDR);
    size_t count = parts ? getauxval(AT_PHNUM) : 0, i, base = 0, sealed = 0, sealed_end = 0;
    struct rusage usage;
    for (i = 0; i < count; i++)
        if (parts[i].p_type == PT_PHDR)
            base = (size_t)parts - parts[i].p_vaddr;
    for (i = 0; i < count; i++)
        if (parts[i].p_type == PT_GNU_RELRO) { /* may be read-only by now, in whole pages */
            sealed = (base + parts[i].p_vaddr) & ~(size_t)(PAGE - 1);
            sealed_end = (base + parts[i].p_vaddr + parts[i].p_memsz + PAGE - 1) & ~(size_t)(PAGE - 1);
        }
    for (i = 0; i < count; i++) {
        size_t from = base + parts[i].p_vaddr, end = from + parts[i].p_memsz;
        if (parts[i].p_type != PT_LOAD || !(parts[i].p_flags & PF_R))
            continue;
        if (!(parts[i].p_flags & PF_W))
            touch(from, end, 0);
        else if (from < sealed_end && sealed < end) {
            touch(from, sealed, 1);
            touch(sealed < from ? from : sealed, sealed_end < end ? sealed_end : end, 0);
            touch(sealed_end, end, 1);
        } else
            touch(from, end, 1);
    }
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        faults = (unsigned long long)(usage.ru_minflt + usage.ru_majflt);
}

#endif

static unsigned long long ns_between(const struct timespec *from, const struct timespec *to)
{
    return (unsigned long long)(to->tv_sec - from->tv_sec) * 1000000000u + (unsigned long long)to->tv_nsec -
           (unsigned long long)from->tv_nsec;
}

/* Append a text and a number, without stdio, whose use would be the program's. */
static char *put(char *at, const char *text, unsigned long long number)
{
    char digits[24];
    size_t count = 0;
    while (*text)
        *at++ = *text++;
    do
        digits[count++] = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    while (count > 0)
        *at++ = digits[--count];
    return at;
}

static void tell(void)
{
    static const char end[] = " ns\n";
    char text[160], *at = text;
    struct timespec ended;
    size_t size, done = 0;
    if (clock_gettime(CLOCK_MONOTONIC, &ended) != 0)
        return;
    at = put(at, "coremark-wasm: ran ", ns_between(&begun, &ended));
    at = put(at, " ns after ", faults);
    at = put(at, " page faults in ", ns_between(&started, &begun));
    memcpy(at, end, sizeof end - 1);
    size = (size_t)(at - text) + sizeof end - 1;
    fflush(NULL);
    while (done < size) {
        ssize_t wrote = write(output, text + done, size - done);
        if (wrote <= 0)
            return;
        done += (size_t)wrote;
    }
}

/* 101 is the first priority that is not the implementation's own. */
__attribute__((constructor(101))) static void begin(void)
{
    atexit(tell);
    output = own_output();
    clock_gettime(CLOCK_MONOTONIC, &started);
    touch_program();
    clock_gettime(CLOCK_MONOTONIC, &begun);
}
