/* WASI preview 1 for one wasm2c module named "guest": arguments, environment, clocks, random bytes, standard input
   and output, and files to read. No network: those calls say so. */
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

static u64 epoch; /* of the real time when it began, ns */

static int guest_clock(u32 id, u64 *shown)
{
    if (!watch.speed)
        return 0;
    *shown = enter_watch(1) + (id ? (u64)START_MS * MILLISECOND : epoch);
    leave_watch();
    return 1;
}

static void set_clock(void)
{
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    epoch = time.tv_sec * 1000000000ull + time.tv_nsec;
    set_watch(getenv("CLOCK_SPEED"));
}

#define GUEST_CLOCK(id, shown) guest_clock(id, shown)
#include "wasi.h"

extern char **environ;

/* The part of its run that a module says is timed: see bench.py. */
struct w2c_bench;
static s64 bench_calls, bench_started, bench_ended;

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
    bench_started = now();
}

void w2c_bench_end(struct w2c_bench *host)
{
    bench_ended = now();
    bench_calls++;
}

/* Its layout is known to wasm2c_worker.py. */
static void end(int code)
{
    struct {
        u64 calls;
        s64 bench_ns, clock_ms, clock_ns, looks;
    } shown = {calls, -1, watch_ms(), watch.stretch_ns, watch.calls};
    if (bench_calls == 2 && bench_started <= bench_ended)
        shown.bench_ns = bench_ended - bench_started;
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
