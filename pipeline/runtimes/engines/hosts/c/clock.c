#include "clock.h"

#include <math.h>

#include "process.h"

/* What the first call returns, ms: START_MS in clock.py. */
#define START_MS 1000

static double rate;             /* virtual ms a real ns */
static int64_t calls, guest_ns; /* real time of the guest since the first call */
static int64_t stretch_ns, left; /* between the last two calls; when the last one ended */
static int64_t ms, ms_before;   /* what the last two calls returned */

void begin_clock(double speed)
{
    rate = speed / 1e6;
    calls = guest_ns = stretch_ns = left = ms = ms_before = 0;
}

int64_t read_clock(void)
{
    int64_t entered = nanoseconds();
    if (calls++)
        guest_ns += stretch_ns = entered - left;
    ms_before = ms;
    ms = START_MS + (int64_t)(guest_ns * rate);
    left = nanoseconds();
    return ms;
}

void put_returned(Text *facts, float score)
{
    put(facts, ",\"returned\":{\"score\":");
    if (isfinite(score))
        put(facts, "%.17g", score);
    else
        put(facts, "null");
    put(facts, ",\"clock_ms\":%lld,\"clock_ns\":%lld,\"calls\":%lld}", (long long)(calls > 1 ? ms - ms_before : 0),
        (long long)stretch_ns, (long long)calls);
}
