/* CoreMark port of the ``run`` interface: a module that is no WASI command and needs no C library.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * It stands in for the builds of CoreMark that are published in this form. CoreMark's files include it as
 * "core_portme.h". Define CLOCK_BITS, 32 or 64: how wide the milliseconds are that the host's clock returns.
 */
#ifndef CORE_PORTME_H
#define CORE_PORTME_H

#include <stddef.h>
#include <stdint.h>

#define HAS_FLOAT 1
#define HAS_TIME_H 0
#define USE_CLOCK 0
#define HAS_STDIO 0
#define HAS_PRINTF 0
#define MAIN_HAS_NOARGC 1
#define MAIN_HAS_NORETURN 0

#define SEED_METHOD SEED_VOLATILE
#define MEM_METHOD MEM_STATIC
#define MEM_LOCATION "STATIC"

#define MULTITHREAD 1

#define COMPILER_VERSION ""
#define COMPILER_FLAGS ""

typedef int16_t ee_s16;
typedef uint16_t ee_u16;
typedef int32_t ee_s32;
typedef float ee_f32;
typedef uint8_t ee_u8;
typedef uint32_t ee_u32;
typedef uintptr_t ee_ptr_int;
typedef size_t ee_size_t;

#define align_mem(x) (void *)(4 + (((ee_ptr_int)(x)-1) & ~(ee_ptr_int)3))

/* Milliseconds. Unsigned: a difference is right also where a clock of 32 bits begins again. */
#if CLOCK_BITS == 64
typedef uint64_t CORE_TICKS;
#elif CLOCK_BITS == 32
typedef uint32_t CORE_TICKS;
#else
#error "define CLOCK_BITS as 32 or 64"
#endif

typedef struct CORE_PORTABLE_S {
    ee_u8 portable_id;
} core_portable;

extern ee_u32 default_num_contexts;

void portable_init(core_portable *p, int *argc, char *argv[]);
void portable_fini(core_portable *p);
int ee_printf(const char *format, ...);

/* The compiler gives a function of the name main a symbol that depends on its arguments. */
#define main coremark_main
int coremark_main(void);

#endif
