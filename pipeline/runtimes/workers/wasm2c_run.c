/* The clock for one wasm2c module named "guest" that exports run and imports env.clock_ms: see clock.py.
   CLOCK_BITS is 32 or 64. The argument is the clock's speed: see wasm2c_host.h. */
#include "wasm2c_host.h"

#if CLOCK_BITS == 64
typedef u64 Milliseconds;
#else
typedef u32 Milliseconds;
#endif

Milliseconds w2c_env_clock_ms(struct w2c_env *host)
{
    s64 ms = START_MS + enter_watch(MILLISECOND) / MILLISECOND;
    leave_watch();
    return (Milliseconds)ms;
}

int main(int argc, char *argv[])
{
    (void)checks[0]; /* or the linker drops it */
    set_watch(argv[1]);
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
    returned.clock_ms = watch_ms();
    returned.clock_ns = watch.stretch_ns;
    returned.calls = watch.calls;
    tell("RETURNED_DESCRIPTOR", &returned, sizeof returned);
    _exit(0);
}
