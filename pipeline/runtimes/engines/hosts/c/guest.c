#define _GNU_SOURCE
#include "guest.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "process.h"

typedef uint8_t u8;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t s64;
typedef void Host;
#define CALL(name) wasi_##name
#define WASI(name) static u32 CALL(name)

static u8 *memory;
static u64 memory_size;
static jmp_buf outside;

/* Leaves answer_call, and only that: there are no frames but ours. */
static void *at(u64 address, u64 size)
{
    if (address > memory_size || size > memory_size - address)
        longjmp(outside, 1);
    return memory + address;
}

#define GUEST_CLOCK(id, shown) show_clock(id, shown)
#include "wasi.h"

WASI(proc_exit)(Host *host, u32 code) { CALLED; return code; }

/* What one run called of bench. */
static struct { s64 calls, started, ended; } part;

void start_part(void) { part.calls++, part.started = nanoseconds(); }
void end_part(void) { part.ended = nanoseconds(), part.calls++; }

void begin_guest(char **arguments, char **environment, int folder)
{
    for (u32 fd = 0; fd < count_opened; fd++)
        if (opened[fd].kind != NONE)
            drop(fd);
    for (count_opened = 0; count_opened < 3; count_opened++)
        opened[count_opened] = (struct descriptor){ UNKNOWN, count_opened, 0, 0 };
    if (folder >= 0)
        add_root(folder);
    words = arguments;
    variables = environment;
    for (count = 0; words[count]; count++)
        ;
    for (variable_count = 0; variables[variable_count]; variable_count++)
        ;
    calls = part.calls = part.started = part.ended = 0;
}

void put_guest(Text *facts)
{
    put(facts, ",\"wasi_calls\":%llu", (unsigned long long)calls);
    if (part.calls == 2 && part.started && part.started <= part.ended)
        put(facts, ",\"bench_seconds\":%.9g", (part.ended - part.started) / 1e9);
}

/* The n-th parameter of a call. */
#define P(n) v[n]
#define P1 P(0)
#define P2 P1, P(1)
#define P3 P2, P(2)
#define P4 P3, P(3)
#define P5 P4, P(4)
#define P6 P5, P(5)
#define P7 P6, P(6)
#define P8 P7, P(7)
#define P9 P8, P(8)

/* Each call with the letters of its parameters, and how many these are. */
#define CALLS(X)                                                                                                   \
    X(args_get, "ii", P2) X(args_sizes_get, "ii", P2) X(clock_res_get, "ii", P2) X(clock_time_get, "iIi", P3)      \
    X(environ_get, "ii", P2) X(environ_sizes_get, "ii", P2) X(fd_advise, "iIIi", P4) X(fd_allocate, "iII", P3)     \
    X(fd_close, "i", P1) X(fd_datasync, "i", P1) X(fd_fdstat_get, "ii", P2) X(fd_fdstat_set_flags, "ii", P2)       \
    X(fd_fdstat_set_rights, "iII", P3) X(fd_filestat_get, "ii", P2) X(fd_filestat_set_size, "iI", P2)              \
    X(fd_filestat_set_times, "iIIi", P4) X(fd_pread, "iiiIi", P5) X(fd_prestat_dir_name, "iii", P3)                \
    X(fd_prestat_get, "ii", P2) X(fd_pwrite, "iiiIi", P5) X(fd_read, "iiii", P4) X(fd_readdir, "iiiIi", P5)        \
    X(fd_renumber, "ii", P2) X(fd_seek, "iIii", P4) X(fd_sync, "i", P1) X(fd_tell, "ii", P2)                       \
    X(fd_write, "iiii", P4) X(path_create_directory, "iii", P3) X(path_filestat_get, "iiiii", P5)                  \
    X(path_filestat_set_times, "iiiiIIi", P7) X(path_link, "iiiiiii", P7) X(path_open, "iiiiiIIii", P9)            \
    X(path_readlink, "iiiiii", P6) X(path_remove_directory, "iii", P3) X(path_rename, "iiiiii", P6)                \
    X(path_symlink, "iiiii", P5) X(path_unlink_file, "iii", P3) X(poll_oneoff, "iiii", P4) X(proc_exit, "i", P1)   \
    X(proc_raise, "i", P1) X(random_get, "ii", P2) X(sock_accept, "iii", P3) X(sock_recv, "iiiiii", P6)            \
    X(sock_send, "iiiii", P5) X(sock_shutdown, "ii", P2)

#define ANSWER(name, letters, parameters) \
    static u32 answer_##name(const u64 *v) { return CALL(name)(NULL, parameters); }
CALLS(ANSWER)
static u32 answer_sched_yield(const u64 *v) { return CALL(sched_yield)(NULL); }

#define ENTRY(name, letters, parameters) { #name, letters, answer_##name },
static const Call table[] = { CALLS(ENTRY) { "sched_yield", "", answer_sched_yield } };

const Call *find_call(const char *name)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (!strcmp(table[i].name, name))
            return &table[i];
    return NULL;
}

bool answer_call(const Call *call, const uint64_t *parameters, uint8_t *bytes, uint64_t size, uint32_t *answer)
{
    memory = bytes;
    memory_size = size;
    if (setjmp(outside))
        return false;
    *answer = call->answer(parameters);
    return true;
}
