/* WASI preview 1 for one wasm2c module named "guest": arguments, environment, clocks, random bytes, standard input
   and output, and files to read. No network: those calls say so. */
#include <time.h>

#include "wasm2c_host.h"

#ifndef HOST
#define HOST , NULL
#endif
#ifndef BENCH
#define BENCH
#endif

typedef struct w2c_wasi__snapshot__preview1 Host;
#define CALL(name) w2c_wasi__snapshot__preview1_##name
#define WASI(name) u32 CALL(name)

/* wasm2c has no bounds checks that host code could use: every pointer of the guest goes through here. */
static void *at(u64 address, u64 size)
{
    wasm_rt_memory_t *memory = w2c_guest_memory(&guest);
    if (address > memory->size || size > memory->size - address)
        wasm_rt_trap(WASM_RT_TRAP_OOB);
    return memory->data + address;
}

static u64 nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000ull + now.tv_nsec;
}

/* A clock of the guest's own: see clock.py. CLOCK_SPEED is the virtual ns that pass within a real us. */
static struct {
    u64 speed, looks;
    u64 guest_ns;         /* real time of the guest since the first look */
    u64 stretch_ns, left; /* between the last two looks; when the last one ended */
    u64 ns, before;       /* what the last two looks came to */
    u64 epoch;
} watch;

static void set_clock(void)
{
    const char *speed = getenv("CLOCK_SPEED");
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    watch.epoch = now.tv_sec * 1000000000ull + now.tv_nsec;
    watch.speed = speed ? strtoull(speed, NULL, 10) : 0;
}

static int guest_clock(u32 id, u64 *shown)
{
    enum { START_NS = 1000000000 }; /* START_MS in clock.py */
    u64 entered = nanoseconds();
    if (!watch.speed)
        return 0;
    if (watch.looks++)
        watch.guest_ns += watch.stretch_ns = entered - watch.left;
    watch.before = watch.ns;
    watch.ns = watch.guest_ns * watch.speed / 1000;
    *shown = watch.ns + (id ? START_NS : watch.epoch);
    watch.left = nanoseconds();
    return 1;
}

#define GUEST_CLOCK(id, shown) guest_clock(id, shown)
#include "wasi.h"

extern char **environ;

/* The part of its run that a module says is timed: see bench.py. */
struct w2c_bench;
static u64 bench_calls, bench_started, bench_ended;

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

void w2c_bench_start(struct w2c_bench *host)
{
    bench_calls++;
    bench_started = nanoseconds();
}

void w2c_bench_end(struct w2c_bench *host)
{
    bench_ended = nanoseconds();
    bench_calls++;
}

/* Its layout is known to wasm2c_worker.py. */
static void end(int code)
{
    s64 part = bench_calls == 2 && bench_started <= bench_ended ? (s64)(bench_ended - bench_started) : -1;
    struct {
        u64 calls;
        s64 bench_ns;
        u64 clock_ms, clock_ns, looks;
    } shown = {calls, part, watch.looks > 1 ? (watch.ns - watch.before) / 1000000 : 0, watch.stretch_ns, watch.looks};
    tell("CALLS_DESCRIPTOR", &shown, sizeof shown);
    _exit(code);
}

void w2c_wasi__snapshot__preview1_proc_exit(Host *host, u32 code)
{
    /* The kernel keeps eight bits, and 256 is no success. */
    end(code > 255 ? 255 : (int)code);
}

int main(int argc, char *argv[])
{
    (void)checks[0]; /* or the linker drops it */
    count = argc;
    words = argv;
    find_variables();
    set_clock();
    const char *folder = getenv("FILES_DESCRIPTOR");
    if (folder)
        add_root(atoi(folder));
    wasm_rt_init();
    CATCH;
    wasm2c_guest_instantiate(&guest BENCH HOST);
    w2c_guest_0x5Fstart(&guest);
    end(0);
}
