/* The clocks that a module is given which decides by them how long to run: see workers/clock.py. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "json.h"

/* A run begins: so many ns of the clock pass within a real one; 0 for a guest that has the machine's. */
void begin_clock(double speed);
bool has_clock(void);
/* env.clock_ms of a module that exports run. */
int64_t read_clock(void);
/* What one of WASI's clocks shows for this, ns; false for a guest that has the machine's. */
bool show_clock(uint32_t id, uint64_t *shown);
/* The fact "returned" of a run with this score. */
void put_returned(Text *facts, double score);
