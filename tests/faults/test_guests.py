"""A guest that misbehaves, or whose clock lies, ends as the status of its cell; the rest is not touched."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pytest

from pipeline.core.model import MOST_MODULE_BYTES
from pipeline.measure import sample
from tests import foreign
from tests.conftest import environment, make_workspace
from tests.faults.harness import Run, finished, one_error

FAULTS = "guests"
BOTH = ("native", "wasmtime.cranelift")
#: As CI has it: keys in the environment of doit itself.
HOUSE = "what the house keeps for itself"
#: Put into the port's start_time, chosen by a -D flag of the variant.
DOES = r"""
#include <stddef.h>
#include <string.h>
static char *volatile kept;
static volatile int deeper = 1;
static int recurse(int n)
{
    volatile char block[4096];
    block[n % 4096] = (char)n;
    return deeper ? recurse(n + 1) + block[n % 4096] : n;
}
static void fault(void)
{
    kept = 0;
#ifdef TRAP
    __builtin_trap();
#endif
#ifdef LOOP
    volatile int x = 1;
    while (x) ;
#endif
#if defined PLENTY || defined FLOOD
    static char block[65536];
    memset(block, 'x', sizeof block);
#ifdef PLENTY
    for (int i = 0; i < 32; i++)
#else
    for (;;)
#endif
        fwrite(block, 1, sizeof block, stdout);
#endif
#ifdef GROW
    for (int i = 0; i < 64; i++) {
        char *p = malloc(64u << 20);
        if (!p) { printf("ERROR! out of memory\n"); break; }
        memset(p, 1, 64u << 20);
        kept = p;
    }
#endif
#ifdef GROW_SLOWLY
    for (;;) {
#ifdef __wasm__
        size_t page = __builtin_wasm_memory_grow(0, 1);
        char *p = page == (size_t)-1 ? NULL : (char *)(page * 65536);
#else
        char *p = malloc(65536);
#endif
        if (!p) { printf("ERROR! out of memory\n"); break; }
        memset(p, 1, 65536);
        kept = p;
    }
#endif
#ifdef RECURSE
    recurse(0);
#endif
#ifdef EXIT
    exit(EXIT);
#endif
#ifdef SILENT
    _Exit(0);
#endif
#ifdef BEFORE
    fwrite("\xff\xfe\xc3(\xed\xa0\x80\n", 1, 8, stdout);
#endif
#ifdef RAW
    fwrite("ERROR! \x1b]0;owned\x07\x1b[2J\0\x9b" "31mred\r\xe2\x80\xae", 1, 31, stdout);
#endif
}
static void within(void)
{
#ifdef WITHIN
    fwrite("\xff\xfe\xc3(", 1, 4, stdout);
#endif
}
static core_portable *own;
static int asked;
static void remember(core_portable *p, int argc, char *argv[])
{
    own = p;
    asked = argc > 4 ? atoi(argv[4]) : 0;
}
static void done(void)
{
#ifdef LONG_WRONG
    if (asked > 10) /* not where its CRCs are validated */
        ((core_results *)((char *)own - offsetof(core_results, port)))->crc ^= 1;
#endif
}
"""
CLOCK = """
#ifdef STANDSTILL
    t->tv_sec = 1; t->tv_nsec = 5;
#endif
#ifdef SLOW
    long long ns = (t->tv_sec * 1000000000LL + t->tv_nsec) / 2;
    t->tv_sec = ns / 1000000000; t->tv_nsec = ns % 1000000000;
#endif
#ifdef FAST
    long long ns = (t->tv_sec * 1000000000LL + t->tv_nsec) * 2;
    t->tv_sec = ns / 1000000000; t->tv_nsec = ns % 1000000000;
#endif
"""
#: variant: (fault in words, status, what the reason says); a pair of those where native code differs.
GUESTS = {
    "trap": ("traps", "trap", ""),
    "loop": ("never ends", "timeout", "no answer within 2 s"),
    "plenty": ("prints 2 MiB", "invalid", "it printed 2[0-9]{6} bytes"),
    "flood": ("prints without end", "timeout", "no answer within 2 s"),
    "grow": ("takes all memory, much at a time", "invalid", "out of memory"),
    # A runtime that gets none for itself ends.
    "grow-slowly": ("takes all memory, a page at a time", "invalid|crash", "out of memory|SIGABRT"),
    "recurse": ("calls itself without end", "trap", "(SIGSEGV|call stack exhausted|out of bounds)"),
    "silent": ("prints nothing", "invalid", r"no line 'seedcrc' in its output \(''\)"),
    "before": ("prints what is no UTF-8 before its lines", "ok", ""),
    "within": ("prints what is no UTF-8 within its lines", "invalid", "CoreMark says: .*ERROR!"),
    "raw": ("prints escape sequences and NUL", "invalid", "CoreMark says: ERROR!"),
    "crc": ("has a wrong CRC", "invalid", "seedcrc is 0x"),
    "long-wrong": ("has a wrong CRC in long runs only", "invalid", "crcfinal is 0x.*native's is 0x"),
    "standstill": ("reads a clock that stands still", "invalid", "stands still or is wrong"),
    "slow": ("reads a clock at half the speed", "invalid", "clock ran at 0."),
    "fast": ("reads a clock at twice the speed", "invalid", "the guest says it ran"),
    **{f"exit-{n}": (f"exits with {n}", "invalid", f"exited with {n}") for n in (1, 3, 7, 125)},
    # Of these Wasmtime makes a trap.
    **{
        f"exit-{n}": (f"exits with {n}", "invalid|trap", f"exited with {n}|invalid exit status")
        for n in (126, 128, 255)
    },
}
#: Not where time is short: others are like them.
LONG = (
    "trap",
    "standstill",
    "slow",
    "fast",
    "before",
    "within",
    "exit-255",
    "exit-1",
    "exit-7",
    "exit-125",
    "exit-126",
    "exit-128",
)
#: A different size gives different CRCs.
FLAGS = {"crc": "-DTOTAL_DATA_SIZE=1800"}
#: What the host's clock does: (in words, what the reason says), of a clock_time_get of our own.
CLOCKS = {
    "still": ("stands still", "stands still or is wrong"),
    "zero": ("is always 0", "stands still or is wrong"),
    "backwards": ("runs backwards", "stands still or is wrong"),
    "forward": ("jumps forward by an hour", "iterations/s, but 10 in 3600 s|the guest says it ran"),
    "back": ("jumps back by an hour", "stands still or is wrong"),
    "fast": ("runs 1.3 times as fast", "the guest says it ran"),
    "slow": ("runs at 0.7 of its speed", r"clock ran at 0\.[67]"),
    "later-fast": ("is right at first, then 1.3 times as fast", "the guest says it ran"),
    "later-slow": ("is right at first, then at half its speed", r"clock ran at 0\.[0-5]"),
    "later-still": ("is right at first, then stands still", "stands still or is wrong"),
}
LONG_CLOCKS = ("zero", "back", "later-fast", "later-still")
BACKEND = """
from pipeline.runtimes.backends.wasmtime import BACKENDS as WASMTIME
from dataclasses import replace

_ONE = next(b for b in WASMTIME if b.name == "wasmtime.cranelift")
_RUNTIME = replace(_ONE.runtime, name="clock", worker="clock_worker.py")
BACKENDS = tuple(
    replace(
        _ONE, name=f"clock.{clock}", runtime=_RUNTIME, environment={"LIE": clock, "LOOKS": f"{LOOKS}.{clock}"}
    )
    for clock in CLOCKS
)
"""


def flag(name):
    word, _, number = name.upper().replace("-", "_").partition("EXIT_")
    return FLAGS.get(name, f"-DEXIT={number}" if number else f"-D{word}")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory, prepared):
    made = make_workspace(tmp_path_factory.mktemp("guests") / "a copy", prepared)
    port = "third_party/coremark/core_portme.c"
    made.edit(port, "static struct timespec started", DOES + "static struct timespec started")
    made.edit(port, "void start_time(void) { ", "void start_time(void) { fault(); ")
    made.edit(port, "void stop_time(void) { ", "void stop_time(void) { done(); ")
    made.edit(port, "{ return (secs_ret)ticks", "{ within(); return (secs_ret)ticks")
    made.edit(port, "    (void)argc;\n    (void)argv;\n", "    remember(p, *argc, argv);\n")
    made.edit(port, "exit(2);\n    }\n", "exit(2);\n    }\n" + CLOCK)
    lines = [f'{name} = {{ flags = "-O1 {flag(name)}" }}' for name in GUESTS]
    made.edit("matrix.toml", "[variants]\n", "[variants]\n" + "\n".join(lines) + "\n")
    made.edit("matrix.toml", "memory_mib = 2048", "memory_mib = 256")
    made.edit("matrix.toml", "run_timeout_s = 5", "run_timeout_s = 2")
    # So many that a clock can change while they run.
    for key in ("undisturbed", "pairs"):
        made.edit("matrix.toml", f"{key} = 2 ", f"{key} = 16 ")
    made.edit("matrix.toml", "chunk_ms = 5 ", "chunk_ms = 20 ")
    standins = Path(__file__).resolve().parents[1] / "standins"
    shutil.copy(standins / "clock_worker.py", made.path / "pipeline/runtimes/workers")
    backend = BACKEND.replace("CLOCKS", repr(("honest", "often-slow", *CLOCKS)))
    backend = backend.replace("{LOOKS}", f"{made.path}/looks")
    (made.path / "pipeline/runtimes/backends/clock.py").write_text(backend)
    return made


def run(workspace, *choice):
    """A run in which cells go wrong: {(variant, backend): cell}, and what it printed."""
    env = {**environment(workspace.path), "AWS_SECRET_ACCESS_KEY": HOUSE, "GITHUB_TOKEN": HOUSE}
    run = Run(workspace.path, "run", *choice, "rounds=1", env=env)
    assert run.end(900) == 1, run.printed
    printed = run.printed
    assert "Traceback" not in printed, printed
    assert run.orphans() == []
    # What they print reaches neither a terminal nor a file raw.
    report = [p.read_text() for p in (workspace.path / "report").iterdir() if p.is_file()]
    assert not [t for t in (printed, *report) if re.search("[\x00\x07\x1b\x9b\u202e]", t)]
    assert HOUSE not in printed
    places = [workspace.path / name for name in ("build", "results", "report", "history")]
    files = [p for place in places for p in place.rglob("*") if p.is_file()]
    assert {p.name for p in files} >= {"results.json", "round-01.json", "coremark.wasm"}
    assert not [p for p in files if HOUSE.encode() in p.read_bytes()]
    # What is known is not tried again, and still fails.
    again = workspace.doit("run", *choice, "rounds=1")
    assert again.returncode == 1
    assert "] measure " not in again.stdout
    cells = json.loads((workspace.path / "report/results.json").read_text())["cells"]
    return {(cell["variant"], cell["backend"]): cell for cell in cells}, printed


def objection(cell, status, reason, printed):
    """What is wrong with the report of a cell; None if nothing is."""
    name = f"coremark/zig/{cell['variant']}/{cell['backend']}"
    right = re.fullmatch(status, cell["status"]) and re.search(reason, cell["reason"] or "")
    # Cells with one reason are reported together: "loop, grow under all backends".
    reported = status == "ok" or re.search(rf"\b{cell['variant']}\b", printed)
    bare = status == "ok" or cell["measurement"] is None
    return None if right and reported and bare else f"{name}: {cell['status']}, {cell['reason']}"


def chunks_and_clock(workspace, name):
    """(given, recorded) time of each chunk of a clock's only round, relative to the true time."""
    (found,) = [s for s in map(sample.read, finished(workspace)) if s.cell.endswith(f"/clock.{name}")]
    looks = (workspace.path / f"looks.{name}").read_text().splitlines()[-len(found.scores) :]
    runs = zip(found.scores, (map(int, line.split()) for line in looks), strict=True)
    return [(given / true, found.iterations / score / (true / 1e9)) for score, (true, given) in runs]


def test_every_kind_of_bad_guest(workspace, often, tried):
    names = often([n for n in GUESTS if n not in LONG], list(GUESTS))
    found, printed = run(
        workspace, f"variants={','.join([*names, 'O2', 'O3'])}", f"backends={','.join(BOTH)}"
    )
    assert {found[v, b]["status"] for v in ("O2", "O3") for b in BOTH} == {"ok"}
    wrong = [objection(found[n, b], *GUESTS[n][1:], printed) for n in names for b in BOTH]
    assert not any(wrong), "\n".join(filter(None, wrong))
    for name in names:
        tried(f"a guest that {GUESTS[name][0]}", GUESTS[name][1].replace("|", " or "), len(BOTH))
    tried("secrets in the environment of a run", "no file tells them")


def test_a_host_function_that_lies_about_the_time(workspace, often, tried):
    names = often([n for n in CLOCKS if n not in LONG_CLOCKS], list(CLOCKS))
    backends = ",".join(f"clock.{n}" for n in ("honest", "often-slow", *names))
    found, printed = run(workspace, "variants=O3", f"backends=native,{backends}")
    wrong = [objection(found["O3", f"clock.{n}"], "ok", "", printed) for n in ("honest", "often-slow")]
    wrong += [objection(found["O3", f"clock.{n}"], "invalid", CLOCKS[n][1], printed) for n in names]
    assert not any(wrong), "\n".join(filter(None, wrong))
    for name in names:
        tried(f"a host whose clock {CLOCKS[name][0]}", "invalid")
    # Single chunks: the speeds of two rounds differ by more than this on a busy machine.
    chunks = chunks_and_clock(workspace, "often-slow")
    slow = [recorded for given, recorded in chunks if given < 0.6]
    assert len(slow) == len(chunks) / 2 >= 8, chunks
    # By its own clock each would be 0.5, as one of less than 4 ms may be: a busy machine shortens them.
    noticed = [recorded for recorded in slow if recorded > 0.8]
    assert len(noticed) > len(slow) / 2, chunks
    assert min(noticed) < 1.2, chunks
    assert min(recorded for given, recorded in chunks if given > 0.6) > 0.99, chunks
    tried("a host whose clock runs at half its speed in every other run", "those are timed by our clock")


@pytest.fixture
def unspoilt(tmp_path, prepared):
    """A workspace without bad guests, and with the memory that guests usually have."""
    return make_workspace(tmp_path / "a copy", prepared)


def test_a_module_above_the_limit_is_one_line(unspoilt, tried):
    module = unspoilt.path / "vast.wasm"
    module.write_bytes(b"\0asm\1\0\0\0")
    for size in (MOST_MODULE_BYTES + 1, 1 << 40):
        os.truncate(module, size)
        outcome = unspoilt.doit("run", f"artifact={module}", "backends=wasmtime.cranelift")
        assert outcome.returncode == 1
        assert f"{size} bytes; expected at most {MOST_MODULE_BYTES}" in one_error(outcome.stderr)
        assert outcome.stderr.count("\n") == 1
        assert finished(unspoilt) == {}
        tried("a module of more than 64 MiB", "one line, nothing measured")


def test_a_module_with_50_mb_of_data(unspoilt, tmp_path, often, tried):
    data = "static volatile char data[50 << 20] __attribute__((used)) = {1};\n"
    started = "static struct timespec started"
    module = foreign.build(tmp_path / "large.wasm", {started: data + started})
    assert 50 << 20 < module.stat().st_size < MOST_MODULE_BYTES
    choice = (f"artifact={module}", often("backends=wasmtime.cranelift", "backends=*"), "rounds=1")
    run = Run(unspoilt.path, "run", *choice)
    status = run.end(900)
    assert "Traceback" not in run.printed, run.printed
    assert run.orphans() == []
    found = json.loads((unspoilt.path / "report/results.json").read_text())["cells"]
    found = {cell["backend"]: (cell["status"], cell["reason"]) for cell in found}
    assert found["wasmtime.cranelift"] == ("ok", None)
    assert status == (0 if {what for what, _ in found.values()} <= {"ok", "unavailable"} else 1), run.printed
    for name, (what, reason) in found.items():
        # wasm2c writes more C of it than a worker's files may have; wasmer-sdk takes long for an instance.
        other = {"wasm2c": "refuses the module: wasm2c", "wasmer-sdk": "clock ran at"}.get(name.split(".")[0])
        assert what in ("ok", "unavailable") or (what == "invalid" and other and other in reason), reason
        tried("a module with 50 MB of data", "ok" if what == "ok" else f"{what}, with the reason")
