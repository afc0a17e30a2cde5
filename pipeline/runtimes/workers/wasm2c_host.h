/* What every program around a wasm2c module named "guest" has: the mark of its checks, how it traps, and a clock. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "guest.h"

/* Left in the executable for the proof. */
#if WASM_RT_MEMCHECK_GUARD_PAGES
#define CHECKS "guard pages"
#else
#define CHECKS "bounds checks"
#endif
__attribute__((section(".wasm2c"), used)) static const volatile char checks[] = CHECKS;

static w2c_guest guest;

/* CATCH comes before all calls of the guest: an exception that it does not catch is a trap. */
#ifdef THROWS
#include "wasm-rt-exceptions.h"
#define CATCH                                                \
    static WASM_RT_UNWIND_TARGET outermost;                  \
    if (wasm_rt_try(outermost))                              \
        wasm_rt_trap(WASM_RT_TRAP_UNCAUGHT_EXCEPTION);       \
    wasm_rt_set_unwind_target(&outermost)
#else
#define CATCH (void)0
#endif

/* A file for the parent, by the name of the variable that holds its descriptor. */
static void tell(const char *variable, const void *data, size_t size)
{
    const char *file = getenv(variable);
    if (file)
        (void)!write(atoi(file), data, size);
}

/* Called for every trap, also within a signal handler. */
void trapped(wasm_rt_trap_t code)
{
    const char *reason = wasm_rt_strerror(code);
    tell("TRAP_DESCRIPTOR", reason, strlen(reason));
    signal(SIGABRT, SIG_DFL);
    abort();
}

static s64 now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000ll + time.tv_nsec;
}

/* A clock of the guest's own: see clock.py. Its speed is 0 where the guest has none. */
enum { START_MS = 1000, MILLISECOND = 1000000 };
static struct {
    double speed;         /* virtual ns a real ns */
    s64 calls, guest_ns;  /* real time of the guest since the first call */
    s64 stretch_ns, left; /* between the last two calls; when the last one ended */
    s64 ns, before;       /* what the last two calls came to */
} watch;

/* The text is the virtual ns that pass within a real ms: an integer, for the C library's numbers with points would
   weigh more than the module. */
static void set_watch(const char *text) { watch.speed = text ? strtoull(text, NULL, 10) / 1e6 : 0; }

/* Virtual ns since the first call, in steps of so many; leave_watch() must follow. */
static s64 enter_watch(s64 step)
{
    s64 entered = now();
    if (watch.calls++)
        watch.guest_ns += watch.stretch_ns = entered - watch.left;
    watch.before = watch.ns;
    return watch.ns = (s64)(watch.guest_ns * watch.speed) / step * step;
}

static void leave_watch(void) { watch.left = now(); }

/* Virtual ms between the last two calls. */
static s64 watch_ms(void) { return watch.calls > 1 ? (watch.ns - watch.before) / MILLISECOND : 0; }
