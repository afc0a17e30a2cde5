/* CoreMark port for WASI and for native POSIX systems: see core_portme.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _POSIX_C_SOURCE 199309L /* clock_gettime, also under -std=c99 */

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "coremark.h"

_Static_assert(sizeof(ee_ptr_int) == sizeof(void *), "ee_ptr_int must hold a pointer");
_Static_assert(sizeof(ee_s16) == 2 && sizeof(ee_u16) == 2, "16-bit types");
_Static_assert(sizeof(ee_s32) == 4 && sizeof(ee_u32) == 4, "32-bit types");

#define TICKS_PER_SECOND 1000000u

ee_u32 default_num_contexts = MULTITHREAD;

static struct timespec started, stopped;

static void now(struct timespec *t)
{
    if (clock_gettime(CLOCK_MONOTONIC, t) != 0) {
        /* A score without a clock would be a guess. */
        fputs("ERROR! CLOCK_MONOTONIC is not available\n", stderr);
        exit(2);
    }
}

void start_time(void) { now(&started); }

void stop_time(void) { now(&stopped); }

CORE_TICKS get_time(void)
{
    int64_t ns = (int64_t)(stopped.tv_sec - started.tv_sec) * 1000000000 +
                 (stopped.tv_nsec - started.tv_nsec);
    /* A clock that ran backwards shows as 0 ticks, which the harness refuses. */
    return ns > 0 ? (CORE_TICKS)ns / 1000u : 0;
}

secs_ret time_in_secs(CORE_TICKS ticks) { return (secs_ret)ticks / TICKS_PER_SECOND; }

void *portable_malloc(ee_size_t size) { return malloc(size); }

void portable_free(void *p) { free(p); }

void portable_init(core_portable *p, int *argc, char *argv[])
{
    (void)argc;
    (void)argv;
    p->portable_id = 1;
}

void portable_fini(core_portable *p) { p->portable_id = 0; }
