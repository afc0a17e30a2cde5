"""Programs that do not print the same each time, or not in wasm; commands that print lines of their own."""

import json
import sys

import pytest

from pipeline.core import paths
from tests.conftest import installed
from tests.integration.test_own_programs import program

ELAPSED = """
#include <stdio.h>
#include <time.h>
int main(void)
{
    struct timespec from, to;
    volatile unsigned sum = 0;
    clock_gettime(CLOCK_REALTIME, &from);
    for (unsigned i = 0; i < 100000000; i++)
        sum += i;
    clock_gettime(CLOCK_REALTIME, &to);
    printf("sum %u\\nran for %.1f seconds\\n", sum,
           to.tv_sec - from.tv_sec + (to.tv_nsec - from.tv_nsec) / 1e9);
    return 0;
}
"""
ITERATED = """
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
int main(int argc, char *argv[])
{
    volatile unsigned sum = (unsigned)argc;
    clock_t from = clock();
    for (long i = atol(argv[1]) * 20000; i > 0; i--)
        sum += (unsigned)i;
    printf("%u, CPU time %.4f s\\n", sum, (double)(clock() - from) / CLOCKS_PER_SEC);
    return 0;
}
"""
SEEDED = """
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
int main(void)
{
    srand((unsigned)time(NULL));
    puts("a throw of dice:");
    printf("%d\\n", rand());
    return 0;
}
"""
PLACED = """
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    char *volatile block = malloc(1 << 20);
    printf("block at %p\\ndone\\n", (void *)block);
    return !block;
}
"""
NARROW = """
#include <stdio.h>
int main(void)
{
    unsigned long product = 3;
    for (int i = 0; i < 1000; i++)
        product = product * 6364136223846793005u + 1u;
    printf("product %lu\\n", product);
    return 0;
}
"""
#: Wide enough for a few numbers only.
OVERFLOWING = """
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char *argv[])
{
    volatile unsigned long sum = 0;
    for (long i = 0, n = atol(argv[1]) * 1000; i < n; i++)
        sum += 1000000u + (unsigned long)argc;
    printf("sum %lu\\n", sum);
    return 0;
}
"""
FAILING = """
#include <stdio.h>
int main(void) { puts("begun"); fputs("no such table\\n", stderr); return 4; }
"""
#: Not in WASI: the host's files.
LOOKING = """
#include <stdio.h>
int main(void)
{
    FILE *file = fopen("/proc/self/status", "r");
    if (!file) { fputs("where is /proc?\\n", stderr); return 3; }
    puts("found");
    return 0;
}
"""
TRAPPING = """
#include <stdio.h>
int main(void)
{
    puts("begun");
    if (sizeof(void *) == 4)
        __builtin_trap();
    return 0;
}
"""
CLOSING = """
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
static void at_end(void) { if (fclose(stdout) || fclose(stderr)) _Exit(2); }
int main(void) { atexit(at_end); puts("hello"); return 0; }
"""
LEAVING = """
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    for (volatile unsigned i = 0; i < 30000000; i++)
        ;
    puts("hello");
    fflush(stdout);
    _Exit(0);
}
"""
DESTROYING = """
#include <stdio.h>
__attribute__((destructor)) static void at_end(void) { puts("the end"); }
int main(void) { puts("hello"); return 0; }
"""
#: name: (source, more of workload.toml, the status of all cells but native, native's, what the reason says)
PROGRAMS = {
    "elapsed": (ELAPSED, "", "invalid", "invalid", ("not print the same each time", "1.", "figure.match")),
    "iterated": (
        ITERATED,
        'args = ["{iterations}"]',
        "invalid",
        "invalid",
        ("not print the same each time", "CPU time", "figure.match"),
    ),
    "seeded": (SEEDED, "", "invalid", "invalid", ("not print the same each time", "line 2", "proof.native")),
    "placed": (
        PLACED,
        "",
        "invalid",
        "invalid",
        ("not print the same each time", "an address", "proof.ignore"),
    ),
    "placed-ignored": (PLACED, "[proof]\nignore = ['^block at']", "ok", "ok", ()),
    "seeded-matched": (SEEDED, "[proof]\nnative = false\nmatch = '^\\d+$'", "ok", "ok", ()),
    "narrow": (NARROW, "", "invalid", "ok", ("all wasm backends print the same", "no runtime", "32 bits")),
    "overflowing": (
        OVERFLOWING,
        'args = ["{iterations}"]',
        "invalid",
        "ok",
        ("all wasm backends print the same", "32 bits", "(8 iterations)"),
    ),
    "failing": (FAILING, "", "invalid", "invalid", ("the program itself fails", "with 4", "no such table")),
    "looking": (LOOKING, "", "invalid", "ok", ("natively it ends well", "with 3", "where is /proc?", "WASI")),
    "trapping": (TRAPPING, "", "trap", "ok", ("natively it ends well", "traps", "no runtime is at fault")),
    "closing": (CLOSING, "", "ok", "ok", ()),
    "leaving": (LEAVING, "", "invalid", "invalid", ("ended without exit()", 'figure.time = "host"')),
    "leaving-timed": (LEAVING, '[figure]\ntime = "host"', "ok", "ok", ()),
    "destroying": (DESTROYING, "", "ok", "ok", ()),
}


def cells(workspace):
    found = json.loads((workspace.path / paths.RESULTS_JSON).read_text())["cells"]
    return {(c["workload"], c["backend"]): c for c in found}


def test_the_right_one_is_blamed(workspace, tmp_path):
    places = [program(tmp_path, name, source, more) for name, (source, more, *_) in PROGRAMS.items()]
    # Who is to blame is known by two runtimes; V8 is in an extra.
    backends = ["native", "wasmtime.cranelift", *(installed("v8.turbofan") or ["wasmer.cranelift"])]
    choice = (f"workload={','.join(map(str, places))}", f"backends={','.join(backends)}", "variants=O2")
    outcome = workspace.doit("run", *choice, "rounds=1")
    assert outcome.returncode == 1
    assert "Traceback" not in outcome.stderr
    found = cells(workspace)
    for name, (_, _, status, native, words) in PROGRAMS.items():
        for backend in backends:
            cell = found[name, backend]
            expected = native if backend == "native" else status
            assert cell["status"] == expected, (name, backend, cell["reason"])
            if expected != "ok":
                assert [word for word in words if word not in cell["reason"]] == [], (name, backend, cell)
        assert len({found[name, b]["reason"] for b in backends if found[name, b]["status"] != "ok"}) <= 1
    # Each reason is once in the report, with the cells that it holds for.
    report = (workspace.path / paths.REPORT_MD).read_text()
    assert report.count("all wasm backends print the same") == 2
    assert "] measure " not in workspace.doit("run", *choice, "rounds=1").stdout


BANNER = """
import os, sys, wasmtime
if sys.argv[1] == "--version":
    print("noisy 1.2.3")
    sys.exit()
engine = wasmtime.Engine()
store = wasmtime.Store(engine)
wasi = wasmtime.WasiConfig()
wasi.argv = ["guest", *sys.argv[2:]]
wasi.inherit_stdout()
store.set_wasi(wasi)
linker = wasmtime.Linker(engine)
linker.define_wasi()
print("BEFORE" * (sys.argv[0].count("before")), end="\\n" * sys.argv[0].count("before"), flush=True)
try:
    module = wasmtime.Module.from_file(engine, sys.argv[1])
    linker.instantiate(store, module).exports(store)["_start"](store)
except wasmtime.ExitTrap as ended:
    if ended.code:
        sys.exit(ended.code)
if "after" in sys.argv[0]:
    print("Result: []\\nin", os.getpid())
"""


@pytest.mark.parametrize("name", ["plain", "before", "after", "before-after"])
def test_lines_that_a_command_prints_itself_are_not_the_guests(workspace, tmp_path, name):
    command = workspace.path / f"{name}.py"
    command.write_text(BANNER)
    argv = f'["{sys.executable}", "{command}", "{{artifact}}", "{{args}}"]'
    workspace.append("matrix.toml", f"\n[runtimes.{name}]\nargv = {argv}\n")
    right = program(tmp_path, "right", DESTROYING, '[figure]\ntime = "host"')
    wrong = program(tmp_path, "wrong", NARROW)
    backends = f"backends=wasmtime.cranelift,v8.turbofan,{name}"
    assert (
        workspace.doit("run", f"workload={right},{wrong}", backends, "variants=O2", "rounds=1").returncode
        == 1
    )
    found = cells(workspace)
    assert found["right", name]["status"] == "ok", found["right", name]["reason"]
    assert found["wrong", name]["reason"].startswith("all wasm backends print the same")
