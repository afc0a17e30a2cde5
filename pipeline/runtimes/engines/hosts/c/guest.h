/* WASI for the guest of an engine that calls functions of the host. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "json.h"

#define WASI_NAMESPACE "wasi_snapshot_preview1"
#define BENCH_NAMESPACE "bench"

/* A call: 'i' and 'I' are parameters of 32 and 64 bits. Its result is an i32, and nothing of proc_exit's. */
typedef struct Call { const char *name, *parameters; uint32_t (*answer)(const uint64_t *parameters); } Call;

/* NULL for no call of WASI. */
const Call *find_call(const char *name);
/* Its answer for a guest with this memory; false where it names memory that the guest does not have. proc_exit's is
   the guest's exit code. */
bool answer_call(const Call *call, const uint64_t *parameters, uint8_t *memory, uint64_t size, uint32_t *answer);

/* A run begins, with nothing open but the input and outputs, and the folder "/" if there is one, else -1. Both lists
   end with NULL. */
void begin_guest(char **arguments, char **environment, int folder);
/* bench.start and bench.end, of the part of its run that it says is timed: see workers/bench.py. */
void start_part(void);
void end_part(void);
/* The facts of a run that is over: wasi_calls and, of a part that was begun and ended once, bench_seconds. */
void put_guest(Text *facts);
