/* WASI preview 1 for one wasm2c module named "guest": arguments, clocks, random bytes and standard output.
   No input, no files, no environment, no network: those calls say so. */
#include <sys/random.h>
#include <time.h>

#include "wasm2c_host.h"

enum { OK = 0, BADF = 8, INVAL = 28, IO = 29, NOSYS = 52, SPIPE = 70 };

typedef struct w2c_wasi__snapshot__preview1 Host;
#define WASI(name) u32 w2c_wasi__snapshot__preview1_##name

static int count;
static char **words;

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

WASI(args_sizes_get)(Host *host, u32 argc, u32 size)
{
    u32 bytes = 0;
    for (int i = 0; i < count; i++)
        bytes += strlen(words[i]) + 1;
    put32(argc, count);
    put32(size, bytes);
    return OK;
}

WASI(args_get)(Host *host, u32 argv, u32 buffer)
{
    for (int i = 0; i < count; i++, argv += 4) {
        u32 length = strlen(words[i]) + 1;
        put32(argv, buffer);
        memcpy(at(buffer, length), words[i], length);
        buffer += length;
    }
    return OK;
}

WASI(environ_sizes_get)(Host *host, u32 number, u32 size) { put32(number, 0); put32(size, 0); return OK; }
WASI(environ_get)(Host *host, u32 list, u32 buffer) { return OK; }

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
        /* Standard error is none of the result. */
        for (u32 done = 0; fd == 1 && done < size;) {
            ssize_t written = write(1, data + done, size - done);
            if (written < 0)
                return IO;
            done += written;
        }
        total += size;
    }
    put32(result, total);
    return OK;
}

WASI(fd_read)(Host *host, u32 fd, u32 vectors, u32 number, u32 result)
{
    put32(result, 0);
    return fd == 0 ? OK : BADF;
}

WASI(fd_fdstat_get)(Host *host, u32 fd, u32 result)
{
    if (fd > 2)
        return BADF;
    memset(at(result, 24), 0, 24);
    *(char *)at(result, 1) = 2; /* a character device, so that nobody seeks */
    put64(result + 8, fd ? 1 << 6 : 1 << 1);
    return OK;
}

WASI(fd_close)(Host *host, u32 fd) { return fd > 2 ? BADF : OK; }
WASI(fd_seek)(Host *host, u32 fd, u64 offset, u32 whence, u32 result) { return fd > 2 ? BADF : SPIPE; }
WASI(fd_fdstat_set_flags)(Host *host, u32 fd, u32 flags) { return fd > 2 ? BADF : OK; }
WASI(fd_prestat_get)(Host *host, u32 fd, u32 result) { return BADF; }
WASI(fd_prestat_dir_name)(Host *host, u32 fd, u32 name, u32 size) { return BADF; }
WASI(fd_filestat_get)(Host *host, u32 fd, u32 result) { return BADF; }
WASI(path_open)(Host *host, u32 fd, u32 look, u32 name, u32 size, u32 how, u64 base, u64 inheriting,
                u32 flags, u32 result) { return BADF; }
WASI(path_filestat_get)(Host *host, u32 fd, u32 flags, u32 name, u32 size, u32 result) { return BADF; }
WASI(poll_oneoff)(Host *host, u32 in, u32 out, u32 number, u32 result) { return NOSYS; }
WASI(sched_yield)(Host *host) { return OK; }

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
    wasm_rt_init();
    wasm2c_guest_instantiate(&guest, NULL);
    w2c_guest_0x5Fstart(&guest);
    _exit(0);
}
