/* malloc and its family: Doug Lea's allocator as wasi-libc has it, for wasm and natively.
 *
 * So a program asks for memory in the same steps on both sides of a ratio, and gets what the C library of
 * WASI that most people use gives it. The compiler's wheel has a different one, which natively maps and unmaps
 * each block above 32 KiB. Settings are wasi-libc's; natively the break is moved by its system call (musl's
 * sbrk refuses) and never back, and there is a lock, taken only by programs that can start threads.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#define USE_DL_PREFIX 1 /* and so no compiler knows what these functions do */
#define DLMALLOC_EXPORT static inline
#define HAVE_MMAP 0
#define MORECORE_CANNOT_TRIM 1
#define MALLOC_ALIGNMENT 16
#define malloc_getpagesize 65536
#define ABORT __builtin_unreachable()
#define LACKS_TIME_H 1 /* its seed would be the time */
#define NO_MALLINFO 1
#define NO_MALLOC_STATS 1

#ifdef __wasm__
void *sbrk(intptr_t);
#else
#include <sched.h>
#include <sys/syscall.h>

static char __heap_base; /* the linker's name in wasm, where memory before the first sbrk is used too */
#define __heap_end __heap_base

static void *move_break(intptr_t increment)
{
    static uintptr_t now;
    if (now == 0)
        now = (uintptr_t)syscall(SYS_brk, 0);
    if (increment > 0) {
        if (now + (uintptr_t)increment < now ||
            (uintptr_t)syscall(SYS_brk, now + (uintptr_t)increment) != now + (uintptr_t)increment) {
            errno = ENOMEM;
            return (void *)-1;
        }
        now += (uintptr_t)increment;
        return (void *)(now - (uintptr_t)increment);
    }
    return (void *)now;
}
#define MORECORE move_break

/* Its address is 0 in a static program that never names it. */
extern int pthread_create() __attribute__((weak));

static int taken(int *lock)
{
    if (pthread_create)
        while (__atomic_exchange_n(lock, 1, __ATOMIC_ACQUIRE))
            sched_yield();
    return 0;
}

static void release(int *lock)
{
    if (pthread_create)
        __atomic_store_n(lock, 0, __ATOMIC_RELEASE);
}
#define USE_LOCKS 2
#define MLOCK_T int
#define INITIAL_LOCK(lock) (*(lock) = 0)
#define DESTROY_LOCK(lock) (0)
#define ACQUIRE_LOCK(lock) taken(lock)
#define RELEASE_LOCK(lock) release(lock)
static MLOCK_T malloc_global_mutex;
#endif

static size_t dlmalloc_usable_size(void *);

#include "dlmalloc.c"

void *malloc(size_t size)
{
    return dlmalloc(size);
}

void free(void *block)
{
    dlfree(block);
}

void *calloc(size_t count, size_t size)
{
    return dlcalloc(count, size);
}

void *realloc(void *block, size_t size)
{
    return dlrealloc(block, size);
}

void *reallocarray(void *block, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return dlrealloc(block, bytes);
}

int posix_memalign(void **block, size_t alignment, size_t size)
{
    return dlposix_memalign(block, alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return dlmemalign(alignment, size);
}

void *memalign(size_t alignment, size_t size)
{
    return dlmemalign(alignment, size);
}

void *valloc(size_t size)
{
    return dlmemalign(malloc_getpagesize, size);
}

size_t malloc_usable_size(void *block)
{
    return dlmalloc_usable_size(block);
}

#ifndef __wasm__
/* musl's fork calls it in programs with threads: before with -1, after in the parent with 0, in the child 1. */
__attribute__((visibility("hidden"))) void __malloc_atfork(int who)
{
    if (who < 0)
        taken(&gm->mutex);
    else
        release(&gm->mutex);
}
#endif
