#define _GNU_SOURCE
#include "stack.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "process.h"

/* Below the end of the stack the kernel keeps so much free, by default. */
enum { GAP = 1 << 20, OWN_STACK = 1 << 18 };

jmp_buf stack_end;
static size_t most_bytes; /* of one piece of memory, while the interpreter runs; else 0 */
static uintptr_t top, end;
static volatile sig_atomic_t ended;
static void (*engine_handler)(int, siginfo_t *, void *);

void begin_watch(size_t most)
{
    static char own_stack[OWN_STACK];
    struct rlimit limit;
    ended = 0;
    most_bytes = most;
    if (top)
        return;
    if (getrlimit(RLIMIT_STACK, &limit) || limit.rlim_cur == RLIM_INFINITY)
        fail("the stack has no limit");
    top = (uintptr_t)&limit;
    end = top - limit.rlim_cur;
    sigaltstack(&(stack_t){ .ss_sp = own_stack, .ss_size = sizeof own_stack }, NULL);
}

void unwatch_stack(void) { most_bytes = 0; }
bool stack_has_ended(void) { return ended; }

static void on_fault(int number, siginfo_t *info, void *context)
{
    uintptr_t address = (uintptr_t)info->si_addr;
    if (number == SIGSEGV && address < top && address >= end - GAP)
        ended = 1;
    engine_handler(number, info, context);
}

/* Takes the place of the C library's for WasmEdge, whose handler then has a stack of its own. LLVM's handlers, which
   bring one, are left out: they would be there after it has compiled, also for a file that is full. */
int sigaction(int number, const struct sigaction *wanted, struct sigaction *old)
{
    static int (*real)(int, const struct sigaction *, struct sigaction *);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "sigaction");
    if (!wanted || !(wanted->sa_flags & SA_SIGINFO))
        return real(number, wanted, old);
    if (wanted->sa_flags & SA_ONSTACK)
        return real(number, NULL, old);
    struct sigaction changed = *wanted;
    engine_handler = wanted->sa_sigaction;
    changed.sa_sigaction = on_fault;
    changed.sa_flags |= SA_ONSTACK;
    return real(number, &changed, old);
}

/* C++'s operator new, likewise: the interpreter's stack is pieces of memory that double. */
void *_Znwm(size_t size)
{
    static void *(*real)(size_t);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "_Znwm");
    if (most_bytes && size > most_bytes) {
        most_bytes = 0;
        longjmp(stack_end, 1);
    }
    return real(size);
}
