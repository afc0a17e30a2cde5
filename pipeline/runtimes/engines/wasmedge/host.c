/* The host of WasmEdge: what its AOT compiler makes, its JIT, or its interpreter. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <wasmedge/wasmedge.h>

#include "clock.h"
#include "engine.h"
#include "guest.h"
#include "process.h"
#include "stack.h"

#define HAS_RUN_MODES (WASMEDGE_VERSION_MINOR >= 16)
#define PAGE (1 << 16)
enum { PAGES_A_MIB = 16, MOST_PAGES = 1 << 16, MOST_PARAMETERS = 16 };
/* Codes of our own, in WasmEdge's category for them. */
enum { OUTSIDE = 1 };

const char engine_name[] = "wasmedge";
const char *engine_release(void) { return WasmEdge_VersionGet(); }

enum mode { AOT, JIT, INTERPRETER };
static const char *const mode_names[] = { "aot", "jit", "interpreter" };

/* The loaded module. */
static struct {
    enum mode mode;
    const char *clock;
    bool initializes;
    WasmEdge_ConfigureContext *configuration;
    WasmEdge_ModuleInstanceContext *imports;
    WasmEdge_VMContext *machine;
    const char *code; /* the module, or what the AOT compiler made of it */
    size_t size, stack;
} loaded;
static uint32_t exit_code; /* of the guest that has ended itself */

static WasmEdge_String name(const char *text) { return WasmEdge_StringWrap(text, strlen(text)); }
static WasmEdge_Bytes bytes(const char *data, size_t size) { return WasmEdge_BytesWrap((const uint8_t *)data, size); }

static WasmEdge_Result call_wasi(void *data, const WasmEdge_CallingFrameContext *frame, const WasmEdge_Value *given,
                                 WasmEdge_Value *results)
{
    const Call *call = data;
    WasmEdge_MemoryInstanceContext *memory = WasmEdge_CallingFrameGetMemoryInstance(frame, 0);
    uint64_t size = memory ? (uint64_t)WasmEdge_MemoryInstanceGetPageSize(memory) * PAGE : 0;
    uint8_t *start = size ? WasmEdge_MemoryInstanceGetPointer(memory, 0, 1) : NULL;
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
    results[0] = strcmp(loaded.clock, "i32") ? WasmEdge_ValueGenI64(now) : WasmEdge_ValueGenI32((int32_t)now);
    return WasmEdge_Result_Success;
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
static bool link_function(const char *namespace, const char *called, const WasmEdge_FunctionTypeContext *wanted)
{
    const Call *call = strcmp(namespace, WASI_NAMESPACE) ? NULL : find_call(called);
    bool clock = loaded.clock && !strcmp(namespace, "env") && !strcmp(called, "clock_ms");
    if (loaded.clock ? !clock : !call)
        return false;
    WasmEdge_FunctionTypeContext *type =
        clock ? type_of("", strcmp(loaded.clock, "i32") ? "I" : "i")
              : type_of(call->parameters, strcmp(called, "proc_exit") ? "i" : "");
    bool fits = same_types(wanted, type);
    if (fits) {
        WasmEdge_HostFunc_t function = clock ? call_clock : call_wasi;
        WasmEdge_ModuleInstanceAddFunction(loaded.imports, name(called),
                                           WasmEdge_FunctionInstanceCreate(type, function, (void *)call, 0));
    }
    WasmEdge_FunctionTypeDelete(type);
    return fits;
}

enum { MOST_NAMES = 10000, LONGEST = 200 };

/* Why what it imports is not here; NULL if all is. */
static const char *link_imports(const WasmEdge_ASTModuleContext *module)
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
        if (function && link_function(namespace, called, WasmEdge_ImportTypeGetFunctionType(module, imports[i])))
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

/* Read what the module imports and exports, and link it; why that does not go, or NULL. */
static const char *inspect(const char *module, size_t size)
{
    WasmEdge_LoaderContext *loader = WasmEdge_LoaderCreate(loaded.configuration);
    WasmEdge_ASTModuleContext *read = NULL;
    WasmEdge_Result outcome = WasmEdge_LoaderParseFromBytes(loader, &read, bytes(module, size));
    const char *reason = WasmEdge_ResultOK(outcome) ? NULL : WasmEdge_ResultGetMessage(outcome);
    if (!reason) {
        loaded.imports = WasmEdge_ModuleInstanceCreate(name(loaded.clock ? "env" : WASI_NAMESPACE));
        loaded.initializes = exports(read, "_initialize", WasmEdge_ExternalType_Function);
        reason = link_imports(read);
        if (!reason && !loaded.clock && !exports(read, "_start", WasmEdge_ExternalType_Function))
            reason = "not a WASI command: it exports no function _start";
        if (!reason && !loaded.clock && !exports(read, "memory", WasmEdge_ExternalType_Memory))
            reason = "not a WASI command: it exports no memory memory";
        WasmEdge_ASTModuleDelete(read);
    }
    WasmEdge_LoaderDelete(loader);
    return reason;
}

/* Features that are not always on. */
static const struct { const char *name; enum WasmEdge_Proposal proposal; } switches[] = {
    { "atomics", WasmEdge_Proposal_Threads },
    { "exception-handling", WasmEdge_Proposal_ExceptionHandling },
    { "extended-const", WasmEdge_Proposal_ExtendedConst },
    { "function-references", WasmEdge_Proposal_FunctionReferences },
    { "tail-call", WasmEdge_Proposal_TailCall },
};

static void configure(const Options *options, const char *run_mode)
{
    WasmEdge_ConfigureContext *made = WasmEdge_ConfigureCreate();
    const Json *features = member(options->all, "features");
    for (const Json *each = features ? features->child : NULL; each; each = each->next)
        for (size_t i = 0; i < sizeof switches / sizeof *switches; i++)
            if (!strcmp(each->text, switches[i].name))
                WasmEdge_ConfigureAddProposal(made, switches[i].proposal);
    size_t pages = options->memory_mib * PAGES_A_MIB;
    if (pages && pages < MOST_PAGES)
        WasmEdge_ConfigureSetMaxMemoryPage(made, pages);
    WasmEdge_ConfigureCompilerSetOptimizationLevel(made, WasmEdge_CompilerOptimizationLevel_O3);
    WasmEdge_ConfigureCompilerSetOutputFormat(made, WasmEdge_CompilerOutputFormat_Wasm);
#if HAS_RUN_MODES
    WasmEdge_ConfigureSetRunMode(made, !strcmp(run_mode, "aot")   ? WasmEdge_RunMode_AOT
                                       : !strcmp(run_mode, "jit") ? WasmEdge_RunMode_JIT
                                                                  : WasmEdge_RunMode_Interpreter);
#else
    WasmEdge_ConfigureSetForceInterpreter(made, strcmp(run_mode, "aot"));
#endif
    loaded.configuration = made;
}

/* Replace the module by what the AOT compiler makes of it: a module with the same functions and their machine code
   in a section. Why it makes none, or NULL. */
static const char *compile(void)
{
    char folder[200], path[220];
    if (!make_scratch(folder, sizeof folder))
        fail("cannot make a temporary folder");
    snprintf(path, sizeof path, "%s/module.wasm", folder);
    WasmEdge_CompilerContext *compiler = WasmEdge_CompilerCreate(loaded.configuration);
    WasmEdge_Result outcome = WasmEdge_CompilerCompileFromBytes(compiler, bytes(loaded.code, loaded.size), path);
    WasmEdge_CompilerDelete(compiler);
    if (WasmEdge_ResultOK(outcome) && !(loaded.code = whole_file(path, &loaded.size)))
        fail("the compiled module cannot be read; check free disk space");
    remove_scratch(folder);
    return WasmEdge_ResultOK(outcome) ? NULL : WasmEdge_ResultGetMessage(outcome);
}

/* Load it into a new machine. */
static WasmEdge_Result prepare(void)
{
    loaded.machine = WasmEdge_VMCreate(loaded.configuration, NULL);
    WasmEdge_Result outcome = WasmEdge_VMRegisterModuleFromImport(loaded.machine, loaded.imports);
    if (WasmEdge_ResultOK(outcome))
        outcome = WasmEdge_VMLoadWasmFromBytes(loaded.machine, bytes(loaded.code, loaded.size));
    if (WasmEdge_ResultOK(outcome))
        outcome = WasmEdge_VMValidate(loaded.machine);
    return outcome;
}

/* Whose the code is that was added: the compiled module has its bytes, or it was made here, or there is none. */
static const char *origin(const Ranges *added)
{
    enum { SAMPLE = 256 };
    int found = 0;
    for (int i = 0; i < added->count; i++) {
        const char *middle = (const char *)(added->all[i].from + (added->all[i].to - added->all[i].from) / 2);
        found += memmem(loaded.code, loaded.size, middle, SAMPLE) != NULL;
    }
    return !added->count ? "none" : found == added->count ? "of the compiled module" : found ? "unclear" : "made at load";
}

static void release_memory(void)
{
    const WasmEdge_ModuleInstanceContext *instance = WasmEdge_VMGetActiveModule(loaded.machine);
    WasmEdge_MemoryInstanceContext *memory = instance ? WasmEdge_ModuleInstanceFindMemory(instance, name("memory")) : NULL;
    size_t size = memory ? (size_t)WasmEdge_MemoryInstanceGetPageSize(memory) * PAGE : 0;
    /* The instance stays until the next one is made; its memory must not count by then. Addresses stay reserved. */
    if (size)
        mmap(WasmEdge_MemoryInstanceGetPointer(memory, 0, 1), size, PROT_NONE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
}

enum loaded engine_load(const uint8_t *module, size_t size, const Options *options, Text *facts, const char **reason)
{
    const char *mode = text_of(options->all, "mode", "");
    while (loaded.mode <= INTERPRETER && strcmp(mode_names[loaded.mode], mode))
        loaded.mode++;
    if (loaded.mode > INTERPRETER || (loaded.mode == JIT && !HAS_RUN_MODES)) {
        *reason = "this release of WasmEdge has no such mode";
        return UNAVAILABLE;
    }
    loaded.clock = options->clock;
    loaded.code = (const char *)module;
    loaded.size = size;
    loaded.stack = options->engine_stack;
    WasmEdge_LogOff();
    configure(options, text_of(options->all, "run_mode", mode));
    if ((*reason = inspect(loaded.code, loaded.size)))
        return REFUSED;
    static Ranges before, after;
    double started = seconds(CLOCK_MONOTONIC);
    if (loaded.mode == AOT && (*reason = compile()))
        return REFUSED;
    executable_ranges(&before);
    WasmEdge_Result outcome = prepare();
    if (WasmEdge_ResultOK(outcome) && loaded.mode == JIT) {
        char *nothing[] = { NULL };
        begin_guest(nothing, nothing, -1);
        /* The JIT compiles at the first instance; a start section runs there, and is not judged. */
        (void)WasmEdge_VMInstantiate(loaded.machine);
        release_memory();
    }
    double spent = seconds(CLOCK_MONOTONIC) - started;
    if (!WasmEdge_ResultOK(outcome)) {
        *reason = WasmEdge_ResultGetMessage(outcome);
        return REFUSED;
    }
    executable_ranges(&after);
    added_ranges(&before, &after);
    size_t added = bytes_in(&after);
    put(facts, ",\"compile_seconds\":%.9g,\"code_bytes\":", spent);
    put(facts, added ? "%zu" : "null", added);
    put(facts, ",\"proof\":{\"code\":\"%s\",\"executable_bytes_added\":%zu}", origin(&after), added);
    return LOADED;
}

/* How a call ended, and what is to be said of it. */
static enum ended judged(WasmEdge_Result outcome, uint32_t *code, const char **message)
{
    if (WasmEdge_ResultOK(outcome)) {
        *code = exit_code;
        return WasmEdge_ResultGetCode(outcome) == WasmEdge_Result_Terminate.Code ? EXITED : RETURNED;
    }
    bool ours = WasmEdge_ResultGetCategory(outcome) == WasmEdge_ErrCategory_UserLevelError;
    *message = stack_has_ended() ? "call stack exhausted"
               : ours            ? "a call of WASI names memory that the guest does not have"
                                 : WasmEdge_ResultGetMessage(outcome);
    return TRAPPED;
}

static enum ended run_once(Text *facts, uint32_t *code, const char **message)
{
    double begun = seconds(CLOCK_MONOTONIC);
    WasmEdge_Value score;
    WasmEdge_Result outcome = WasmEdge_VMInstantiate(loaded.machine);
    enum ended how = judged(outcome, code, message);
    if (how == RETURNED && loaded.clock && loaded.initializes)
        how = judged(WasmEdge_VMExecute(loaded.machine, name("_initialize"), NULL, 0, NULL, 0), code, message);
    if (how == RETURNED) {
        double started = seconds(CLOCK_MONOTONIC);
        outcome = WasmEdge_VMExecute(loaded.machine, name(loaded.clock ? "run" : "_start"), NULL, 0, &score,
                                     loaded.clock ? 1 : 0);
        put(facts, ",\"wall_seconds\":%.9g,\"instantiate_seconds\":%.9g", seconds(CLOCK_MONOTONIC) - started,
            started - begun);
        how = judged(outcome, code, message);
        if (how == RETURNED && loaded.clock)
            put_returned(facts, WasmEdge_ValueGetF32(score));
    } else
        put(facts, ",\"wall_seconds\":%.9g", seconds(CLOCK_MONOTONIC) - begun);
    return how;
}

enum ended engine_run(Text *facts, uint32_t *code, const char **message)
{
    exit_code = 0;
    if (!loaded.machine && !WasmEdge_ResultOK(prepare()))
        fail("the module cannot be loaded again");
    if (watch_stack(loaded.mode == INTERPRETER ? loaded.stack : 0)) {
        /* The interpreter was left in the middle of a call: so is its machine. */
        release_memory();
        loaded.machine = NULL;
        put(facts, ",\"wall_seconds\":0");
        *message = "call stack exhausted";
        return TRAPPED;
    }
    enum ended how = run_once(facts, code, message);
    unwatch_stack();
    release_memory();
    return how;
}
