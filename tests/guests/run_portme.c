/* CoreMark port of the ``run`` interface: see run_portme.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>

#include "coremark.h"

__attribute__((import_module("env"), import_name("clock_ms"))) CORE_TICKS clock_ms(void);

#define TICKS_PER_SECOND 1000

/* The performance run's seeds; CoreMark finds the number of iterations by the clock. */
volatile ee_s32 seed1_volatile = 0;
volatile ee_s32 seed2_volatile = 0;
volatile ee_s32 seed3_volatile = 0x66;
volatile ee_s32 seed4_volatile = 0;
volatile ee_s32 seed5_volatile = 0;

ee_u32 default_num_contexts = MULTITHREAD;

static CORE_TICKS started, stopped;
static double score;
static int valid;

void start_time(void) { started = clock_ms(); }

void stop_time(void) { stopped = clock_ms(); }

CORE_TICKS get_time(void) { return stopped - started; }

secs_ret time_in_secs(CORE_TICKS ticks) { return (secs_ret)ticks / TICKS_PER_SECOND; }

void portable_init(core_portable *p, int *argc, char *argv[])
{
    (void)argc;
    (void)argv;
    p->portable_id = 1;
}

void portable_fini(core_portable *p) { p->portable_id = 0; }

static int begins(const char *text, const char *with)
{
    while (*with && *text == *with)
        text++, with++;
    return !*with;
}

/* Nothing is printed. What CoreMark has found is only to be had from what it would print. */
int ee_printf(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    if (begins(format, "Iterations/Sec"))
        score = va_arg(values, double);
    if (begins(format, "Correct operation validated"))
        valid = 1;
    va_end(values);
    return 0;
}

/* Iterations a second of the host's clock. 0 where CoreMark found an error: also fewer than ten seconds. */
__attribute__((export_name("run"))) float run(void)
{
    score = valid = 0;
    coremark_main();
    return valid ? (float)score : 0;
}
