/* The clock for one wasm2c module named "guest" that exports run and imports env.clock_ms: see clock.py.
   CLOCK_BITS is 32 or 64. The argument is the clock's speed, as virtual nanoseconds that pass within a real
   millisecond: an integer, for the C library's numbers with points would weigh more than the module. */
#include <time.h>

#include "wasm2c_host.h"

/* What the first call returns, ms: START_MS in clock.py. */
#define START_MS 1000

#if CLOCK_BITS == 64
typedef u64 Milliseconds;
#else
typedef u32 Milliseconds;
#endif

static double rate; /* virtual ms a real ns */
static s64 calls;
static s64 guest_ns;         /* real time of the guest since the first call */
static s64 stretch_ns, left; /* between the last two calls; when the last one ended */
static s64 ms, ms_before;    /* what the last two calls returned */

static s64 now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000ll + time.tv_nsec;
}

Milliseconds w2c_env_clock_ms(struct w2c_env *host)
{
    s64 entered = now();
    if (calls++)
        guest_ns += stretch_ns = entered - left;
    ms_before = ms;
    ms = START_MS + (s64)(guest_ns * rate);
    left = now();
    return (Milliseconds)ms;
}

int main(int argc, char *argv[])
{
    (void)checks[0]; /* or the linker drops it */
    rate = strtoull(argv[1], NULL, 10) / 1e12;
    wasm_rt_init();
    CATCH;
    wasm2c_guest_instantiate(&guest, NULL);
#ifdef INITIALIZE
    w2c_guest_0x5Finitialize(&guest);
#endif
    /* Its layout is known to wasm2c_worker.py. */
    struct {
        double score;
        s64 clock_ms, clock_ns, calls;
    } returned = {w2c_guest_run(&guest), 0, 0, 0};
    returned.clock_ms = calls > 1 ? ms - ms_before : 0;
    returned.clock_ns = stretch_ns;
    returned.calls = calls;
    tell("RETURNED_DESCRIPTOR", &returned, sizeof returned);
    _exit(0);
}
