/* What the one source file of an engine's host defines, and what it is given. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json.h"

/* What is asked of a host when it loads a module. */
typedef struct {
    const Json *all;                  /* the backend's own, as engine.toml has them, and all others */
    const char *clock;                /* of a module with the export run: "i32" or "i64"; else NULL */
    size_t memory_mib, engine_stack;  /* what the guest may have, 0 for no limit; bytes of the engine's own stack */
} Options;

enum loaded { LOADED, REFUSED, UNAVAILABLE };
enum ended { RETURNED, EXITED, TRAPPED };

extern const char engine_name[];
/* The release that the engine says of itself. */
const char *engine_release(void);

/* Compile a module. Facts are members of the answer, each after a comma: compile_seconds, code_bytes and proof. What
   is refused or unavailable has a reason. */
enum loaded engine_load(const uint8_t *module, size_t size, const Options *options, Text *facts, const char **reason);

/* Run it once in an instance of its own. Facts are those that are known of: wall_seconds, instantiate_seconds,
   returned. A trap has a message, an exit a code. */
enum ended engine_run(Text *facts, uint32_t *code, const char **message);
