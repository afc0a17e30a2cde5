/* What a module imports, as functions of the host. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wasmedge/wasmedge.h>

#define PAGE (1 << 16)

typedef struct {
    WasmEdge_ModuleInstanceContext *imports, *bench; /* of WASI or env; of bench, or NULL */
    bool initializes; /* it exports _initialize */
} Linked;

/* Of the guest that has ended itself; 0 before. */
extern uint32_t exit_code;

/* A run of a new instance begins. */
void begin_calls(void);

WasmEdge_String name(const char *text);

/* Give a module what it imports; why that is not to be had, or NULL. The clock is "i32" or "i64" for a module with the
   export run, and NULL for a command. */
const char *link_module(const WasmEdge_ConfigureContext *configuration, WasmEdge_Bytes module, const char *clock,
                        Linked *linked);
