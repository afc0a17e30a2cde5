/* WASI preview 1 for one guest, but for proc_exit: arguments, environment, clocks, random bytes, standard input and
   output, and files to read. No network: those calls say so. All answers are those of Wasmtime, with a folder that
   is read-only, but for the clocks of the CPU's time, which that has not: tests/contract/test_wasi.py.

   Who includes it has the types u8, u32, u64, s64 and Host; WASI(name), the head of a call's definition, and
   CALL(name), its name; may define GUEST_CLOCK(id, &nanoseconds), which is true where it knows better than the
   machine what a clock shows; and at(address, size), the guest's memory there, which does not return where it has none. */
#include <sys/random.h>
#include <time.h>

#include "wasi_files.h"

static int count, variable_count;
static char **words, **variables;
static u64 calls;
#define CALLED (calls++)

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

WASI(args_sizes_get)(Host *host, u32 argc, u32 size) { CALLED; return put_sizes(words, count, argc, size); }
WASI(args_get)(Host *host, u32 argv, u32 buffer) { CALLED; return put_texts(words, count, argv, buffer); }

WASI(environ_sizes_get)(Host *host, u32 number, u32 size)
{
    CALLED;
    return put_sizes(variables, variable_count, number, size);
}

WASI(environ_get)(Host *host, u32 list, u32 buffer)
{
    CALLED;
    return put_texts(variables, variable_count, list, buffer);
}

static u32 clock_of(u32 id, u64 *nanoseconds, int (*ask)(clockid_t, struct timespec *))
{
    static const clockid_t clocks[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID,
                                        CLOCK_THREAD_CPUTIME_ID };
    struct timespec now;
    if (id > 3)
        return INVAL;
#ifdef GUEST_CLOCK
    if (ask == clock_gettime && GUEST_CLOCK(id, nanoseconds))
        return OK;
#endif
    if (ask(clocks[id], &now))
        return INVAL;
    *nanoseconds = now.tv_sec * 1000000000ull + now.tv_nsec;
    return OK;
}

WASI(clock_time_get)(Host *host, u32 id, u64 precision, u32 result)
{
    CALLED;
    u64 value = 0;
    u32 status = clock_of(id, &value, clock_gettime);
    if (!status)
        put64(result, value);
    return status;
}

WASI(clock_res_get)(Host *host, u32 id, u32 result)
{
    CALLED;
    u64 value = 0;
    u32 status = clock_of(id, &value, clock_getres);
    if (!status)
        put64(result, value);
    return status;
}

WASI(random_get)(Host *host, u32 buffer, u32 size)
{
    CALLED;
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
    CALLED;
    u32 total = 0;
    if (!is_output(fd))
        return BADF;
    for (u32 i = 0; i < number; i++) {
        u32 size = get32(vectors + 8ull * i + 4);
        char *data = at(get32(vectors + 8ull * i), size);
        for (u32 done = 0; done < size;) {
            ssize_t written = write(opened[fd].host, data + done, size - done);
            if (written < 0)
                return IO;
            done += written;
        }
        total += size;
    }
    put32(result, total);
    return OK;
}

WASI(sched_yield)(Host *host) { CALLED; return OK; }
WASI(proc_raise)(Host *host, u32 a) { CALLED; return NOTSUP; }

#include "wasi_calls.h"
