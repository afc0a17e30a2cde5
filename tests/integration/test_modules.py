"""Modules of others: taken as they are, run under several backends, and judged by each other."""

import hashlib
import json

import pytest
import wasmtime

from pipeline.measure.sample import read
from pipeline.wasm import wasm_tools
from pipeline.wasm.wasi_preview1 import NAMESPACE
from tests.foreign import build, build_program, whole
from toolchain.model import NATIVE

JITS = "backends=wasmtime.cranelift,wasmtime.cranelift-none"
SUM = """
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char *argv[])
{
    unsigned sum = 1;
    long n = (argc > 1 ? strtol(argv[1], NULL, 10) : 300) * 5000;
    for (long i = 0; i < n; i++)
    {
        sum = sum * 33 + (unsigned)i;
        sum ^= sum >> 7;
    }
    printf("first line\\nsum %u\\n", sum);
    return 0;
}
"""
#: Does the same, several times as slowly.
SLOW = SUM.replace("sum ^=", "for (volatile int k = 0; k < 12; k++)\n            ;\n        sum ^=")
#: Works for so many rounds before, and within, the part that it wants timed; the latter is in a file.
PART = """
#include <stdio.h>
__attribute__((import_module("bench"), import_name("start"))) void bench_start(void);
__attribute__((import_module("bench"), import_name("end"))) void bench_end(void);
static volatile unsigned sum = 1;
static void work(long n) { for (long i = 0; i < n * 10000; i++) sum = sum * 33 + (unsigned)i; }
int main(void)
{
    long n = 0;
    FILE *file = fopen("./default.input", "r");
    if (!file || fscanf(file, "%ld", &n) != 1)
        return 1;
    work(BEFORE);
    bench_start();
    work(n);
    ENDS;
    printf("right\\n");
    return 0;
}
"""
#: Waits until so much of the CPU's time has passed, by the clock of that.
WAITS = """
#include <stdio.h>
__attribute__((import_module("wasi_snapshot_preview1"), import_name("clock_time_get")))
int clock_time_get(int, long long, long long *);
int main(void)
{
    long long begun = 0, now = 0;
    clock_time_get(2, 0, &begun);
    do
        clock_time_get(2, 0, &now);
    while (now - begun < 2000000);
    return puts("done") < 0;
}
"""

_WASI = f'(import "{NAMESPACE}"'
_START = '(memory (export "memory") 1) (func (export "_start"))'
#: {name: (what nothing here can run, why not)}.
UNRUNNABLE = {
    "component": ("(component)", "it is a component (WASI 0.2); give a core module"),
    "no_memory": (
        f'(module {_WASI} "proc_exit" (func (param i32))) (func (export "_start")))',
        "it exports no memory; WASI wants its memory exported as memory",
    ),
    "unknown_wasi": (
        f'(module {_WASI} "thread_spawn" (func (param i32) (result i32))) {_START})',
        f"it imports {NAMESPACE}.thread_spawn, which WASI preview 1 does not have",
    ),
    "wrong_type": (
        f'(module {_WASI} "fd_write" (func (param i32 i32) (result i32))) {_START})',
        f"it imports {NAMESPACE}.fd_write as (func (param i32 i32) (result i32)); "
        "WASI preview 1 has (func (param i32 i32 i32 i32) (result i32))",
    ),
}


def cells(workspace):
    results = json.loads((workspace.path / "report/results.json").read_text())
    return {(cell["workload"], cell["variant"], cell["backend"]): cell for cell in results["cells"]}


def samples(workspace, workload):
    return [read(path) for path in sorted(workspace.results.glob(f"{workload}/prebuilt/**/round-*.json"))]


def test_any_command_runs_and_its_bytes_stay(workspace, tmp_path):
    module = build_program(tmp_path / "my sum.wasm", SUM)
    text = '(module (memory (export "memory") 1) (func (export "_start")))'
    (tmp_path / "nothing.wasm").write_bytes(wasmtime.wat2wasm(text))
    for name, (text, _) in UNRUNNABLE.items():
        (tmp_path / f"{name}.wasm").write_bytes(wasm_tools.run(text.encode(), "parse"))
    given = f"module={tmp_path}/*.wasm"
    outcome = workspace.doit("run", given, JITS, "rounds=1", "args={iterations}")
    assert "prebuilt module" in outcome.stdout
    found = cells(workspace)
    for backend in ("wasmtime.cranelift", "wasmtime.cranelift-none"):
        cell = found["my_sum", "module", backend]
        assert cell["status"] == "ok", cell["reason"]
        assert cell["wasm_sha256"] == hashlib.sha256(module.read_bytes()).hexdigest()
        assert any("clang" in each for each in cell["prebuilt"].pop("producers"))
        assert cell["prebuilt"] == {
            "file": "my sum.wasm",
            "interface": "command",
            "validated": "output equal under all backends",
        }
        # The number of iterations has no effect there.
        assert found["nothing", "module", backend]["status"] == "invalid"
        for name, (_, reason) in UNRUNNABLE.items():
            cell = found[name, "module", backend]
            assert (cell["status"], cell["reason"]) == ("unavailable", reason)
    results = json.loads((workspace.path / "report/results.json").read_text())
    ratio_to = {workload["name"]: workload["ratio_to"] for workload in results["workloads"]}
    assert ratio_to["my_sum"] == "wasmtime.cranelift"
    (sample, *_) = samples(workspace, "my_sum")
    assert sample.iterations > 1
    assert workspace.doit("run", given, JITS, "rounds=1", "args={iterations}").returncode == 1
    assert len(samples(workspace, "my_sum")) == 2, "measured once"


def test_without_a_proof_backends_must_agree_and_a_run_is_one_of_its_own_size(workspace, tmp_path):
    build_program(tmp_path / "sum.wasm", SUM)
    module = tmp_path / "sum.wasm"
    assert workspace.run(f"module={module}", JITS, "rounds=1")[-1] == "check"
    assert all(sample.iterations == 1 for sample in samples(workspace, "sum"))
    assert workspace.run(f"module={module}", JITS, "rounds=1") == []


def test_how_soon_a_module_answers_is_a_figure_of_its_own(workspace, tmp_path):
    module = build_program(tmp_path / "sum.wasm", SUM)
    assert workspace.run(f"module={module}", JITS, "rounds=1", "args=1", "figure=startup")[-1] == "check"
    found = cells(workspace)
    assert set(found) == {
        ("sum-startup", "module", "wasmtime.cranelift"),
        ("sum-startup", "module", "wasmtime.cranelift-none"),
    }
    for sample in samples(workspace, "sum-startup"):
        # Its run takes a hundredth of what compiling takes, which differs from time to time.
        assert max(sample.scores) < 5 / sample.compile_seconds
    outcome = workspace.doit("run", "figure=startup", JITS)
    assert outcome.returncode == 1
    assert "figure=startup: coremark: its times are those that it prints" in outcome.stderr


def test_a_suite_times_the_part_that_a_module_names(workspace, tmp_path):
    suite = tmp_path / "suite"
    programs = {"long": (3000, "bench_end()"), "short": (0, "bench_end()"), "open": (0, "(void)0")}
    for name, (before, ends) in programs.items():
        folder = suite / name
        folder.mkdir(parents=True)
        build_program(folder / "benchmark.wasm", PART.replace("BEFORE", str(before)).replace("ENDS", ends))
        (folder / "default.input").write_text("300\n")
        (folder / "benchmark.stdout.expected").write_text("right\n")
    wrong = suite / "wrong"
    wrong.mkdir()
    (wrong / "other.wasm").write_bytes((suite / "short/benchmark.wasm").read_bytes())
    (wrong / "default.input").write_text("300\n")
    (wrong / "other.stdout.expected").write_text("left\n")
    outcome = workspace.doit("run", f"suite={suite}", "backends=wasmtime.cranelift", "rounds=1")
    assert outcome.returncode == 1
    found = {name: cell for (name, _, _), cell in cells(workspace).items()}
    assert {name: cell["status"] for name, cell in found.items()} == {
        "long": "ok",
        "short": "ok",
        "open": "invalid",
        "other": "invalid",
    }
    assert "bench.start and then bench.end, each once" in found["open"]["reason"]
    assert "'left'" in found["other"]["reason"]
    assert found["long"]["prebuilt"]["interface"] == "command, timed from bench.start to bench.end"
    text = (workspace.path / "report/report.txt").read_text()
    assert text.count("prebuilt modules") == 1, "programs of one module each are one table"
    assert "4 programs, prebuilt modules" in text
    long, short = (max(samples(workspace, name)[0].scores) for name in ("long", "short"))
    assert 0.2 < long / short < 5, "ten times the work is before the part that is timed"


def test_a_workload_names_its_modules_and_a_native_form(workspace, tmp_path):
    folder = tmp_path / "sums"
    folder.mkdir()
    build_program(folder / "once.wasm", SUM)
    build_program(folder / "again.wasm", SLOW)
    build_program(folder / "sum", SUM, NATIVE)
    (folder / "workload.toml").write_text(
        'native = "sum"\nargs = ["{iterations}"]\n[module]\nonce = "once.wasm"\nagain = "again.wasm"\n'
        "[proof]\nmatch = 'sum [0-9]+'\n"
    )
    outcome = workspace.doit("run", f"workload={folder}", "backends=wasmtime.cranelift", "rounds=1")
    found = cells(workspace)
    assert {name: cell["status"] for name, cell in found.items()} == {
        ("sums", "once", "wasmtime.cranelift"): "ok",
        ("sums", "again", "wasmtime.cranelift"): "ok",
    }, outcome.stdout
    results = json.loads((workspace.path / "report/results.json").read_text())
    (workload,) = results["workloads"]
    assert workload["ratio_to"] == "native"
    assert workload["reference"]["toolchain"] == "prebuilt"
    assert workload["reference"]["sha256"] == hashlib.sha256((folder / "sum").read_bytes()).hexdigest()
    scores = {name[1]: cell["measurement"]["ratio"] for name, cell in found.items()}
    # The start of a native run, a millisecond, is hardly a part of a chunk.
    assert 0.4 < scores["once"] < 1.6
    assert scores["again"] < scores["once"] / 1.5


def test_a_coremark_that_runs_for_ten_seconds_of_its_clock_takes_none(workspace, tmp_path):
    module = build(tmp_path / "external.wasm", whole(0))
    workspace.doit("run", f"artifact={module}", "backends=wasmtime.cranelift", "rounds=1")
    ((_, cell),) = cells(workspace).items()
    assert cell["status"] == "ok", cell["reason"]
    assert cell["prebuilt"]["validated"].startswith("CRCs of the performance seeds")
    (sample,) = samples(workspace, "coremark")
    assert sample.iterations < 20_000, "ten seconds of real time are some 200,000"
    assert 0.1 < cell["measurement"]["ratio"] < 2


def test_a_clock_of_the_engine_is_used_after_the_first_run(workspace, tmp_path):
    """Functions of one run do not reach the next."""
    module = build(tmp_path / "ours.wasm", {})
    workspace.run(f"artifact={module}", "backends=wasmtime.cranelift", "rounds=1")


def test_a_memory_that_threads_may_share_is_a_memory_too(workspace, tmp_path):
    """The first run of a guest is given its clock by us, which writes to that."""
    text = f"""(module
      (import "{NAMESPACE}" "clock_time_get" (func $time (param i32 i64 i32) (result i32)))
      (memory (export "memory") 1 2 shared)
      (func (export "_start") (local $i i32)
        (if (call $time (i32.const 1) (i64.const 0) (i32.const 64)) (then (unreachable)))
        (if (i64.eqz (i64.load (i32.const 64))) (then (unreachable)))
        (loop $again
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br_if $again (i32.lt_u (local.get $i) (i32.const 3000000))))))"""
    (tmp_path / "shared.wasm").write_bytes(wasm_tools.run(text.encode(), "parse"))
    workspace.run(f"module={tmp_path / 'shared.wasm'}", "backends=wasmtime.cranelift", "rounds=1")


def test_what_waits_for_a_clock_that_an_engine_has_not_is_ended_at_once(workspace, tmp_path):
    module = build_program(tmp_path / "waits.wasm", WAITS)
    workspace.doit("run", f"module={module}", "backends=wasmtime.*", "rounds=1")
    found = {(cell["status"], cell["reason"]) for cell in cells(workspace).values()}
    assert found == {("unavailable", "needs the CPU-time clock, which Wasmtime does not have")}


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (("module=",), "module= is empty; give a .wasm file"),
        (("module=no.wasm",), "no.wasm: No such file or directory; expected a .wasm module"),
        (("module=matrix.toml",), "expected a .wasm module"),
        (("module=*.nothing",), "no file matches"),
        (("module=toolchain",), "0 .wasm files; expected 1 to 500"),
        (("suite=no",), "no: no such folder; expected one with .wasm files"),
        (("module=a.wasm", "workload=json"), "module= says which programs are measured; leave out workload="),
        (("args=3",), "args= goes with module="),
        (("figure=speed",), "figure: expected startup, found 'speed'"),
    ],
)
def test_what_is_no_module_is_one_line(workspace, given, reason):
    outcome = workspace.doit("run", *given, JITS)
    assert outcome.returncode == 1
    assert reason in outcome.stderr
    assert outcome.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('sources = ["a.c"]', "sources: with module nothing is compiled; leave out one of them"),
        ("native = false", "native: a module has no native form, unless native names an executable"),
        ('native = "words"', "expected an ELF executable"),
        ('figure = { time = "guest" }', "figure.time: nothing of ours is in a module"),
        ('stdin = "gone"', "gone"),
    ],
)
def test_keys_that_do_not_go_with_a_module_are_one_line(workspace, tmp_path, text, reason):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "x.wasm").write_bytes(b"\0asm\1\0\0\0")
    (folder / "words").write_text("words")
    (folder / "workload.toml").write_text(f'module = "x.wasm"\n{text}\n')
    outcome = workspace.doit("run", f"workload={folder}", JITS)
    assert outcome.returncode == 1
    assert reason in outcome.stderr
    assert outcome.stderr.count("\n") == 1
