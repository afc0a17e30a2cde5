/* env.clock_ms of a module that exports run: see workers/clock.py. */
#pragma once

#include <stdint.h>

#include "json.h"

/* A run begins: so many ms of the clock pass within a real one. */
void begin_clock(double speed);
/* What the module is given. */
int64_t read_clock(void);
/* The fact "returned" of a run with this score. */
void put_returned(Text *facts, float score);
