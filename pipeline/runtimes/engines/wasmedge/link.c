#include "link.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "guest.h"

enum { MOST_PARAMETERS = 16, MOST_NAMES = 10000, LONGEST = 200 };
/* A code of our own, in WasmEdge's category for them. */
enum { OUTSIDE = 1 };

uint32_t exit_code;
static WasmEdge_MemoryInstanceContext *guest_memory; /* NULL until the guest's first call */
static const char *clock_type; /* "i32" or "i64"; NULL for a command */

void begin_calls(void)
{
    exit_code = 0;
    guest_memory = NULL;
}

WasmEdge_String name(const char *text) { return WasmEdge_StringWrap(text, strlen(text)); }

static WasmEdge_Result call_wasi(void *data, const WasmEdge_CallingFrameContext *frame, const WasmEdge_Value *given,
                                 WasmEdge_Value *results)
{
    const Call *call = data;
    if (!guest_memory) /* of several, the one that WASI wants */
        guest_memory = WasmEdge_ModuleInstanceFindMemory(WasmEdge_CallingFrameGetModuleInstance(frame), name("memory"));
    uint64_t size = guest_memory ? (uint64_t)WasmEdge_MemoryInstanceGetPageSize(guest_memory) * PAGE : 0;
    uint8_t *start = size ? WasmEdge_MemoryInstanceGetPointer(guest_memory, 0, 1) : NULL;
    uint64_t parameters[MOST_PARAMETERS];
    uint32_t answer;
    for (int i = 0; call->parameters[i]; i++)
        parameters[i] = call->parameters[i] == 'I' ? (uint64_t)WasmEdge_ValueGetI64(given[i])
                                                   : (uint32_t)WasmEdge_ValueGetI32(given[i]);
    if (!answer_call(call, parameters, start, size, &answer))
        return WasmEdge_ResultGen(WasmEdge_ErrCategory_UserLevelError, OUTSIDE);
    if (!strcmp(call->name, "proc_exit")) {
        exit_code = answer;
        return WasmEdge_Result_Terminate;
    }
    results[0] = WasmEdge_ValueGenI32(answer);
    return WasmEdge_Result_Success;
}

static WasmEdge_Result call_clock(void *data, const WasmEdge_CallingFrameContext *frame, const WasmEdge_Value *given,
                                  WasmEdge_Value *results)
{
    int64_t now = read_clock();
    results[0] = strcmp(clock_type, "i32") ? WasmEdge_ValueGenI64(now) : WasmEdge_ValueGenI32((int32_t)now);
    return WasmEdge_Result_Success;
}

static WasmEdge_Result call_start(void *data, const WasmEdge_CallingFrameContext *frame, const WasmEdge_Value *given,
                                  WasmEdge_Value *results)
{
    start_part();
    return WasmEdge_Result_Success;
}

static WasmEdge_Result call_end(void *data, const WasmEdge_CallingFrameContext *frame, const WasmEdge_Value *given,
                                WasmEdge_Value *results)
{
    end_part();
    return WasmEdge_Result_Success;
}

/* A function of the host, and the letters of its types. */
typedef struct { WasmEdge_HostFunc_t call; void *data; const char *parameters, *results; } Given;

/* False where there is none of that name. */
static bool find_function(const char *namespace, const char *called, Given *found)
{
    if (clock_type) {
        *found = (Given){ call_clock, NULL, "", strcmp(clock_type, "i32") ? "I" : "i" };
        return !strcmp(namespace, "env") && !strcmp(called, "clock_ms");
    }
    if (!strcmp(namespace, BENCH_NAMESPACE)) {
        bool start = !strcmp(called, "start");
        *found = (Given){ start ? call_start : call_end, NULL, "", "" };
        return start || !strcmp(called, "end");
    }
    const Call *call = strcmp(namespace, WASI_NAMESPACE) ? NULL : find_call(called);
    if (call)
        *found = (Given){ call_wasi, (void *)call, call->parameters, strcmp(called, "proc_exit") ? "i" : "" };
    return call;
}

static WasmEdge_FunctionTypeContext *type_of(const char *parameters, const char *result)
{
    WasmEdge_ValType types[MOST_PARAMETERS], returned[1];
    uint32_t number = strlen(parameters);
    for (uint32_t i = 0; i < number; i++)
        types[i] = parameters[i] == 'I' ? WasmEdge_ValTypeGenI64() : WasmEdge_ValTypeGenI32();
    returned[0] = *result == 'I' ? WasmEdge_ValTypeGenI64() : WasmEdge_ValTypeGenI32();
    return WasmEdge_FunctionTypeCreate(types, number, returned, strlen(result));
}

static bool same_types(const WasmEdge_FunctionTypeContext *wanted, const WasmEdge_FunctionTypeContext *has)
{
    WasmEdge_ValType a[MOST_PARAMETERS], b[MOST_PARAMETERS];
    uint32_t number = WasmEdge_FunctionTypeGetParametersLength(wanted);
    bool same = number <= MOST_PARAMETERS && number == WasmEdge_FunctionTypeGetParametersLength(has);
    WasmEdge_FunctionTypeGetParameters(wanted, a, MOST_PARAMETERS);
    WasmEdge_FunctionTypeGetParameters(has, b, MOST_PARAMETERS);
    for (uint32_t i = 0; same && i < number; i++)
        same = WasmEdge_ValTypeIsEqual(a[i], b[i]);
    number = WasmEdge_FunctionTypeGetReturnsLength(wanted);
    same = same && number == WasmEdge_FunctionTypeGetReturnsLength(has);
    WasmEdge_FunctionTypeGetReturns(wanted, a, MOST_PARAMETERS);
    WasmEdge_FunctionTypeGetReturns(has, b, MOST_PARAMETERS);
    return same && (number == 0 || (number == 1 && WasmEdge_ValTypeIsEqual(a[0], b[0])));
}

/* Give the module a function that it imports; false where there is none such. */
static bool link_function(Linked *linked, const char *namespace, const char *called, const WasmEdge_FunctionTypeContext *wanted)
{
    Given found;
    if (!find_function(namespace, called, &found))
        return false;
    WasmEdge_FunctionTypeContext *type = type_of(found.parameters, found.results);
    bool fits = same_types(wanted, type), bench = !strcmp(namespace, BENCH_NAMESPACE);
    if (bench && !linked->bench)
        linked->bench = WasmEdge_ModuleInstanceCreate(name(BENCH_NAMESPACE));
    if (fits)
        WasmEdge_ModuleInstanceAddFunction(bench ? linked->bench : linked->imports, name(called),
                                           WasmEdge_FunctionInstanceCreate(type, found.call, found.data, 0));
    WasmEdge_FunctionTypeDelete(type);
    return fits;
}

/* Why what it imports is not here; NULL if all is. */
static const char *link_imports(const WasmEdge_ASTModuleContext *module, Linked *linked)
{
    static const WasmEdge_ImportTypeContext *imports[MOST_NAMES];
    static char reason[2 * LONGEST + 40];
    uint32_t number = WasmEdge_ASTModuleListImports(module, imports, MOST_NAMES);
    for (uint32_t i = 0; i < number && i < MOST_NAMES; i++) {
        WasmEdge_String from = WasmEdge_ImportTypeGetModuleName(imports[i]);
        WasmEdge_String what = WasmEdge_ImportTypeGetExternalName(imports[i]);
        char namespace[LONGEST + 1], called[LONGEST + 1];
        snprintf(namespace, sizeof namespace, "%.*s", (int)from.Length, from.Buf);
        snprintf(called, sizeof called, "%.*s", (int)what.Length, what.Buf);
        bool function = WasmEdge_ImportTypeGetExternalType(imports[i]) == WasmEdge_ExternalType_Function;
        if (function && link_function(linked, namespace, called, WasmEdge_ImportTypeGetFunctionType(module, imports[i])))
            continue;
        snprintf(reason, sizeof reason, "it imports %s %s.%s", function ? "the function" : "the object", namespace,
                 called);
        return reason;
    }
    return NULL;
}

static bool exports(const WasmEdge_ASTModuleContext *module, const char *wanted, enum WasmEdge_ExternalType kind)
{
    static const WasmEdge_ExportTypeContext *found[MOST_NAMES];
    uint32_t number = WasmEdge_ASTModuleListExports(module, found, MOST_NAMES);
    for (uint32_t i = 0; i < number && i < MOST_NAMES; i++)
        if (WasmEdge_StringIsEqual(WasmEdge_ExportTypeGetExternalName(found[i]), name(wanted)) &&
            WasmEdge_ExportTypeGetExternalType(found[i]) == kind)
            return true;
    return false;
}

const char *link_module(const WasmEdge_ConfigureContext *configuration, WasmEdge_Bytes module, const char *clock,
                        Linked *linked)
{
    WasmEdge_LoaderContext *loader = WasmEdge_LoaderCreate(configuration);
    WasmEdge_ASTModuleContext *read = NULL;
    WasmEdge_Result outcome = WasmEdge_LoaderParseFromBytes(loader, &read, module);
    const char *reason = WasmEdge_ResultOK(outcome) ? NULL : WasmEdge_ResultGetMessage(outcome);
    clock_type = clock;
    if (!reason) {
        linked->imports = WasmEdge_ModuleInstanceCreate(name(clock ? "env" : WASI_NAMESPACE));
        linked->initializes = exports(read, "_initialize", WasmEdge_ExternalType_Function);
        reason = link_imports(read, linked);
        if (!reason && !clock && !exports(read, "_start", WasmEdge_ExternalType_Function))
            reason = "not a WASI command: it exports no function _start";
        if (!reason && !clock && !exports(read, "memory", WasmEdge_ExternalType_Memory))
            reason = "not a WASI command: it exports no memory memory";
        WasmEdge_ASTModuleDelete(read);
    }
    WasmEdge_LoaderDelete(loader);
    return reason;
}
