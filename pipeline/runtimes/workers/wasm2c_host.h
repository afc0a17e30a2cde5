/* What every program around a wasm2c module named "guest" has: the mark of its checks, and how it traps. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
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
