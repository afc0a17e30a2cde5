#include "clock.h"

#include <math.h>

#include "process.h"

/* What the first call returns, ms: START_MS in clock.py. */
enum { START_MS = 1000, MILLISECOND = 1000000 };

static double speed;             /* 0 where the guest has no clock of its own */
static int64_t epoch;            /* real time when the run began, ns */
static int64_t calls, guest_ns;  /* real time of the guest since the first call */
static int64_t stretch_ns, left; /* between the last two calls; when the last one ended */
static int64_t ns, ns_before;    /* what the last two calls came to */

void begin_clock(double virtual_per_real)
{
    speed = virtual_per_real;
    epoch = (int64_t)(seconds(CLOCK_REALTIME) * 1e9);
    calls = guest_ns = stretch_ns = left = ns = ns_before = 0;
}

bool has_clock(void) { return speed > 0; }

/* Virtual ns since the first call, in steps of so many. */
static int64_t ask_clock(int64_t step)
{
    int64_t entered = nanoseconds();
    if (calls++)
        guest_ns += stretch_ns = entered - left;
    ns_before = ns;
    ns = (int64_t)(guest_ns * speed) / step * step;
    left = nanoseconds();
    return ns;
}

int64_t read_clock(void) { return START_MS + ask_clock(MILLISECOND) / MILLISECOND; }

bool show_clock(uint32_t id, uint64_t *shown)
{
    if (!has_clock())
        return false;
    *shown = ask_clock(1) + (id ? (int64_t)START_MS * MILLISECOND : epoch);
    return true;
}

void put_returned(Text *facts, double score)
{
    put(facts, ",\"returned\":{\"score\":");
    if (isfinite(score))
        put(facts, "%.17g", score);
    else
        put(facts, "null");
    put(facts, ",\"clock_ms\":%lld,\"clock_ns\":%lld,\"calls\":%lld}",
        (long long)(calls > 1 ? (ns - ns_before) / MILLISECOND : 0), (long long)stretch_ns, (long long)calls);
}
