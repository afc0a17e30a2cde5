/* CoreMark port for WASI and for native POSIX systems, from one source.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Only what EEMBC's run rules allow a port to define: data types, the timer, how seeds arrive,
 * and the two strings that a report must show. The seeds and the iteration count come from the
 * command line, so that one artifact serves the performance run, the validation run and every
 * chunk of a measurement.
 */
#ifndef CORE_PORTME_H
#define CORE_PORTME_H

#include <stddef.h>
#include <stdint.h>

#define HAS_FLOAT 1
#define HAS_TIME_H 1
#define USE_CLOCK 0 /* clock() counts CPU time, and not every WASI host has it: CLOCK_MONOTONIC */
#define HAS_STDIO 1
#define HAS_PRINTF 1
#define MAIN_HAS_NOARGC 0
#define MAIN_HAS_NORETURN 0

#define SEED_METHOD SEED_ARG
#define MEM_METHOD MEM_STACK
#define MEM_LOCATION "STACK"

#define MULTITHREAD 1
#define USE_PTHREAD 0
#define USE_FORK 0
#define USE_SOCKET 0

#ifndef COMPILER_VERSION
#if defined(__clang__)
#define COMPILER_VERSION "Clang " __clang_version__
#elif defined(__GNUC__)
#define COMPILER_VERSION "GCC " __VERSION__
#else
#error "unknown compiler: define COMPILER_VERSION, the run rules ask for it"
#endif
#endif

#ifndef COMPILER_FLAGS
#ifndef FLAGS_STR
#error "define FLAGS_STR as the flags that this file is compiled with, the run rules ask for it"
#endif
#define COMPILER_FLAGS FLAGS_STR
#endif

typedef int16_t ee_s16;
typedef uint16_t ee_u16;
typedef int32_t ee_s32;
typedef float ee_f32;
typedef uint8_t ee_u8;
typedef uint32_t ee_u32;
typedef uintptr_t ee_ptr_int;
typedef size_t ee_size_t;

/* CoreMark places its list and its matrices at 4-byte boundaries of one memory block. */
#define align_mem(x) (void *)(4 + (((ee_ptr_int)(x)-1) & ~(ee_ptr_int)3))

/* Microseconds, so that CoreMark's "%lu" holds 71 minutes where long has 32 bits. */
typedef uint64_t CORE_TICKS;

typedef struct CORE_PORTABLE_S {
    ee_u8 portable_id;
} core_portable;

extern ee_u32 default_num_contexts;

void portable_init(core_portable *p, int *argc, char *argv[]);
void portable_fini(core_portable *p);

#endif
