/* malloc and its family: Doug Lea's allocator as newlib has it, for wasm and natively.
 *
 * So a program asks for memory in the same steps on both sides of a ratio. The compiler's wheel has a different
 * one, which natively maps and unmaps each block above 32 KiB. As in wasi-libc, memory grows in steps of 64 KiB
 * and is never given back; natively by moving the break (musl's sbrk refuses), with a lock that only programs
 * take which can start threads.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#define STEP 65536 /* a page of wasm */

#ifdef __wasm__

/* By wasm-ld: where static data and stack end, and what memory there is at first. */
extern char __heap_base, __heap_end;

static void *move_break(intptr_t increment)
{
    static uintptr_t now, end;
    size_t size = (size_t)increment;
    uintptr_t start;
    if (now == 0) {
        now = ((uintptr_t)&__heap_base + 15) & ~(uintptr_t)15;
        end = (uintptr_t)&__heap_end;
    }
    if (end - now < size) {
        size_t pages;
        uintptr_t all = __builtin_wasm_memory_size(0) * (uintptr_t)STEP;
        if (all != end) /* the program has grown memory, too: what lies between is its own */
            now = end = all;
        pages = (size - (end - now)) / STEP + ((size - (end - now)) % STEP != 0);
        if (__builtin_wasm_memory_grow(0, pages) == (size_t)-1) {
            errno = ENOMEM;
            return (void *)-1;
        }
        end += pages * STEP;
    }
    start = now;
    now += size;
    return (void *)start;
}

#define MALLOC_LOCK ((void)0)
#define MALLOC_UNLOCK ((void)0)

#else

#include <sched.h>
#include <sys/syscall.h>

static void *move_break(intptr_t increment)
{
    static uintptr_t now;
    uintptr_t start, end;
    if (now == 0)
        now = (uintptr_t)syscall(SYS_brk, 0);
    start = now;
    end = start + (uintptr_t)increment;
    if (end < start || (increment != 0 && (uintptr_t)syscall(SYS_brk, end) != end)) {
        errno = ENOMEM;
        return (void *)-1;
    }
    now = end;
    return (void *)start;
}

/* Its address is 0 in a static program that never names it. */
extern int pthread_create() __attribute__((weak));

static char *owner; /* of the lock: the address of its thread's own variable */
static int depth;   /* how often the owner has taken it */
static _Thread_local char self;

static void take_lock(void)
{
    char *no_owner = NULL;
    if (__atomic_load_n(&owner, __ATOMIC_RELAXED) != &self)
        while (!__atomic_compare_exchange_n(&owner, &no_owner, &self, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
            no_owner = NULL;
            sched_yield();
        }
    depth++;
}

static void release_lock(void)
{
    if (--depth == 0)
        __atomic_store_n(&owner, NULL, __ATOMIC_RELEASE);
}

#define MALLOC_LOCK ((void)(pthread_create && (take_lock(), 0)))
#define MALLOC_UNLOCK ((void)(pthread_create && (release_lock(), 0)))

#endif

#define HAVE_MMAP 0
#define MORECORE move_break
#define MALLOC_ALIGNMENT 16
#define malloc_getpagesize STEP
#define DEFAULT_TRIM_THRESHOLD (~0UL) /* never */

/* By names of their own: compilers know what the functions of the usual names do, and would use them here. */
#define malloc lea_malloc
#define free lea_free
#define calloc lea_calloc
#define realloc lea_realloc
#define memalign lea_memalign
#define valloc lea_valloc
#define pvalloc lea_pvalloc
#define cfree lea_cfree
#define mallinfo lea_mallinfo
#define mallopt lea_mallopt
#define malloc_stats lea_malloc_stats
#define malloc_trim lea_malloc_trim
#define malloc_usable_size lea_malloc_usable_size

static void *malloc(size_t), *calloc(size_t, size_t), *realloc(void *, size_t), *memalign(size_t, size_t);
static void *valloc(size_t), *pvalloc(size_t), free(void *), cfree(void *), malloc_stats(void);
static int mallopt(int, int), malloc_trim(size_t);
static size_t malloc_usable_size(void *);

#include "mallocr.c"

#undef malloc
#undef free
#undef calloc
#undef realloc
#undef memalign
#undef valloc
#undef malloc_usable_size

/* Weak: a program may have an allocator of its own. */
#define WEAK __attribute__((weak))

static int is_power_of_2(size_t number)
{
    return number != 0 && (number & (number - 1)) == 0;
}

WEAK void *malloc(size_t size)
{
    return lea_malloc(size);
}

WEAK void free(void *block)
{
    lea_free(block);
}

WEAK void *calloc(size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return lea_calloc(count, size);
}

WEAK void *realloc(void *block, size_t size)
{
    return lea_realloc(block, size);
}

WEAK void *reallocarray(void *block, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return lea_realloc(block, bytes);
}

WEAK void *memalign(size_t alignment, size_t size)
{
    if (!is_power_of_2(alignment)) {
        errno = EINVAL;
        return NULL;
    }
    if (size > (size_t)-1 / 2 - alignment) {
        errno = ENOMEM;
        return NULL;
    }
    return lea_memalign(alignment, size);
}

WEAK void *aligned_alloc(size_t alignment, size_t size)
{
    return memalign(alignment, size);
}

WEAK int posix_memalign(void **block, size_t alignment, size_t size)
{
    int before = errno;
    void *got;
    if (!is_power_of_2(alignment) || alignment % sizeof(void *) != 0)
        return EINVAL;
    got = memalign(alignment, size);
    errno = before;
    if (got == NULL)
        return ENOMEM;
    *block = got;
    return 0;
}

WEAK void *valloc(size_t size)
{
    return memalign(STEP, size);
}

WEAK size_t malloc_usable_size(void *block)
{
    return lea_malloc_usable_size(block);
}

#ifndef __wasm__
/* musl's fork calls it in programs with threads: before with -1, after in the parent with 0, in the child 1. */
__attribute__((visibility("hidden"))) void __malloc_atfork(int who)
{
    if (who < 0)
        take_lock();
    else
        release_lock();
}
#endif
