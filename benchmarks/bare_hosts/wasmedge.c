/* WasmEdge and nothing else: host MODE MODULE; each line of input is a run of the module's _start; prints its
   seconds. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <wasmedge/wasmedge.h>

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static void expect(WasmEdge_Result outcome)
{
    if (WasmEdge_ResultOK(outcome))
        return;
    fprintf(stderr, "%s\n", WasmEdge_ResultGetMessage(outcome));
    exit(1);
}

int main(int count, char **arguments)
{
    const char *mode = arguments[count - 2], *path = arguments[count - 1];
    char compiled[] = "/tmp/bare-wasmedge-XXXXXX";
    WasmEdge_LogSetErrorLevel();
    WasmEdge_ConfigureContext *configuration = WasmEdge_ConfigureCreate();
#if WASMEDGE_VERSION_MINOR >= 16
    WasmEdge_ConfigureSetRunMode(configuration, !strcmp(mode, "aot")   ? WasmEdge_RunMode_AOT
                                                : !strcmp(mode, "jit") ? WasmEdge_RunMode_JIT
                                                                       : WasmEdge_RunMode_Interpreter);
#endif
    WasmEdge_ConfigureCompilerSetOptimizationLevel(configuration, WasmEdge_CompilerOptimizationLevel_O3);
    WasmEdge_ConfigureCompilerSetOutputFormat(configuration, WasmEdge_CompilerOutputFormat_Wasm);
    if (!strcmp(mode, "aot")) {
        close(mkstemp(compiled));
        expect(WasmEdge_CompilerCompile(WasmEdge_CompilerCreate(configuration), path, compiled));
        path = compiled;
    }
    WasmEdge_VMContext *machine = WasmEdge_VMCreate(configuration, NULL);
    expect(WasmEdge_VMLoadWasmFromFile(machine, path));
    expect(WasmEdge_VMValidate(machine));
    if (path == compiled)
        unlink(compiled);
    char line[16];
    while (fgets(line, sizeof line, stdin)) {
        expect(WasmEdge_VMInstantiate(machine));
        double begun = now();
        expect(WasmEdge_VMExecute(machine, WasmEdge_StringCreateByCString("_start"), NULL, 0, NULL, 0));
        printf("%.9f\n", now() - begun);
        fflush(stdout);
    }
    return 0;
}
