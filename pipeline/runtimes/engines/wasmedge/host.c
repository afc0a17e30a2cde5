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
#include "link.h"
#include "process.h"
#include "stack.h"

#define HAS_RUN_MODES (WASMEDGE_VERSION_MINOR >= 16)
enum { PAGES_A_MIB = 16, MOST_PAGES = 1 << 16 };

const char engine_name[] = "wasmedge";
const char *engine_release(void) { return WasmEdge_VersionGet(); }

enum mode { AOT, JIT, INTERPRETER };
static const char *const mode_names[] = { "aot", "jit", "interpreter" };

/* The loaded module. */
static struct {
    enum mode mode;
    const char *clock;
    Linked linked;
    WasmEdge_ConfigureContext *configuration;
    WasmEdge_VMContext *machine;
    const char *code; /* the module, or what the AOT compiler made of it */
    size_t size, stack;
} loaded;

static WasmEdge_Bytes bytes(const char *data, size_t size) { return WasmEdge_BytesWrap((const uint8_t *)data, size); }

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
    WasmEdge_Result outcome = WasmEdge_VMRegisterModuleFromImport(loaded.machine, loaded.linked.imports);
    if (WasmEdge_ResultOK(outcome) && loaded.linked.bench)
        outcome = WasmEdge_VMRegisterModuleFromImport(loaded.machine, loaded.linked.bench);
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
    if ((*reason = link_module(loaded.configuration, bytes(loaded.code, size), loaded.clock, &loaded.linked)))
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

/* How a call ended, with the guest's exit code or why it was stopped. */
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
    if (how == RETURNED && loaded.clock && loaded.linked.initializes)
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
    begin_calls();
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
