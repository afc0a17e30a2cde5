"""JavaScript engines: what their proofs notice, and the WASI that wasi.js gives their guests."""

from __future__ import annotations

import re
import time
from dataclasses import replace

import pytest

from pipeline.core import paths
from pipeline.core.errors import WorkerCrash
from pipeline.core.files import read_json
from pipeline.experiment import matrix
from pipeline.measure.guest import Ended, Guest, prove
from pipeline.runtimes.launch import start
from tests.contract.conftest import compiled

ENGINES = ("jsc.bbq", "spidermonkey.ion", "v8.turbofan", "chromium.turbofan", "firefox.ion")
#: JavaScriptCore maps 4 GiB for a memory, for a moment.
MEMORY_MIB = 6144

#: Prints "name value" for each thing that is asked of WASI.
GUEST = r"""
#include <stdint.h>
#include <stdio.h>

#define WASI(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(#name)))
WASI(clock_res_get) int clock_res(int, uint64_t *);
WASI(clock_time_get) int clock_time(int, int64_t, uint64_t *);
WASI(environ_sizes_get) int environ_sizes(int *, int *);
WASI(fd_write) int fd_write_(int, void *, int, int *);
WASI(random_get) int random_(uint8_t *, int);

static int first, second;
static uint64_t before, after, wall;
static uint8_t bytes[64];

int main(void)
{
    struct { const char *at; int size; } lost = {"lost", 4};

    printf("write_stdin %d\n", fd_write_(0, &lost, 1, &first));
    printf("write_stderr %d", fd_write_(2, &lost, 1, &first));
    printf(" %d\n", first);
    printf("environ %d", environ_sizes(&first, &second));
    printf(" %d %d\n", first, second);
    printf("no_clock %d\n", clock_time(7, 0, &before));
    printf("resolution %d\n", clock_res(1, &before));
    clock_time(1, 0, &before);
    do
        clock_time(1, 0, &after);
    while (after == before);
    printf("step %d\n", (int)(after - before));
    printf("realtime %d", clock_time(0, 0, &wall));
    printf(" %lld\n", (long long)(wall / 1000000000));
    for (int i = 0; i < 64; i++)
        bytes[i] = 0;
    random_(bytes, 64);
    for (int i = first = 0; i < 64; i++)
        first += bytes[i] != 0;
    printf("random %d\n", first > 32);
    return 0;
}
"""


@pytest.fixture(scope="module")
def guest(prepared, tmp_path_factory):
    folder = tmp_path_factory.mktemp("wasi guest")
    (folder / "guest.c").write_text(GUEST, encoding="utf-8")
    return compiled(folder, str(folder / "guest.c"))


def version_of(backend):
    return read_json(paths.runtime_identity(backend.runtime.name))["version"]


@pytest.fixture
def protocol():
    return replace(matrix.load({}).protocol, memory_mib=MEMORY_MIB)


def loaded(backend, protocol, path):
    with start(backend, protocol) as worker:
        return Guest(worker, backend.name, protocol).load(path, backend.options)


@pytest.mark.parametrize("name", ["v8.turbofan", "v8.liftoff"])
def test_v8_without_eager_compilation_is_noticed(present, protocol, guest, name):
    """Its module constructor compiles nothing: a time for it would be the time of nothing."""
    backend = present(name)
    version = version_of(backend)
    eager = "--no-wasm-lazy-compilation"
    assert eager in backend.arguments
    lazy = replace(backend, arguments=tuple(a for a in backend.arguments if a != eager))
    facts = loaded(lazy, protocol, guest)
    assert facts.compile_seconds is None
    with pytest.raises(Ended, match="start"):
        prove(backend, facts, version)
    facts = loaded(backend, protocol, guest)
    assert facts.compile_seconds > 0
    prove(backend, facts, version)


def test_v8_default_tells_no_compile_time(present, protocol, guest):
    backend = present("v8.default")
    version = version_of(backend)
    facts = loaded(backend, protocol, guest)
    assert facts.compile_seconds is None
    prove(backend, facts, version)


@pytest.mark.parametrize(
    ("name", "like"),
    [
        ("v8.turbofan", "v8.liftoff"),
        ("v8.liftoff", "v8.turbofan"),
        ("v8.turbofan", "v8.default"),
        ("v8.liftoff", "v8.default"),
        ("v8.default", "v8.turbofan"),
        ("v8.default", "v8.liftoff"),
        ("jsc.omg", "jsc.bbq"),
        ("jsc.bbq", "jsc.omg"),
        ("jsc.bbq", "jsc.ipint"),
        ("jsc.ipint", "jsc.bbq"),
        ("jsc.ipint", "jsc.omg"),
        ("chromium.turbofan", "chromium.liftoff"),
        ("chromium.liftoff", "chromium.turbofan"),
        ("firefox.ion", "firefox.baseline"),
        ("firefox.baseline", "firefox.ion"),
        ("spidermonkey.ion", "spidermonkey.baseline"),
        ("spidermonkey.baseline", "spidermonkey.ion"),
    ],
)
def test_a_proof_does_not_come_from_the_label(present, protocol, guest, name, like):
    """Set up like a different backend, it proves to be that one, or at least not what it is called.

    V8 and JavaScriptCore are set up by arguments and environment: the request still names the right one.
    """
    backend = present(name)
    version = version_of(backend)
    other = present(like)
    by_options = name.startswith(("chromium.", "firefox.", "spidermonkey."))
    options = other.options if by_options else backend.options
    swapped = replace(backend, arguments=other.arguments, environment=other.environment, options=options)
    with pytest.raises(Ended, match="it should prove"):
        prove(backend, loaded(swapped, protocol, guest), version)


@pytest.mark.parametrize(
    ("name", "changes", "printed"),
    [
        ("v8.liftoff", {"arguments": ("--no-such-tier",)}, "bad option"),
        ("jsc.bbq", {"environment": {"BUN_JSC_useNoSuchTier": "0"}}, "exited with status 1"),
    ],
)
def test_a_flag_that_the_engine_does_not_know_ends_the_worker(present, protocol, name, changes, printed):
    backend = replace(present(name), **changes)
    with start(backend, protocol) as worker, pytest.raises(WorkerCrash, match=printed):
        worker.request({"op": "load"}, 30)


def test_jsc_does_not_run_with_slower_memory(present, protocol, guest):
    """Without room for 4 GiB it would check bounds, and compile again in each run."""
    backend = present("jsc.omg")
    environment = {**backend.environment, "BUN_JSC_maxNumWasmFastMemories": "0"}
    with pytest.raises(Ended, match="died of SIGABRT"):
        loaded(replace(backend, environment=environment), protocol, guest)


@pytest.mark.parametrize("name", ENGINES)
def test_wasi(chosen, protocol, guest, name):
    backend = chosen(name)
    with start(backend, protocol) as worker:
        Guest(worker, name, protocol).load(guest, backend.options)
        answer = worker.request({"op": "run", "argv": ["guest"]}, 30)
    assert (answer["outcome"], answer["code"]) == ("exit", 0), answer["message"]
    printed = dict(line.split(" ", 1) for line in answer["stdout"].splitlines())
    step, realtime = int(printed.pop("step")), printed.pop("realtime").split()
    assert 0 < step < 100_000  # ns: not a clock of milliseconds
    assert realtime[0] == "0"
    assert abs(int(realtime[1]) - time.time()) < 10
    assert printed == {
        "write_stdin": "8",
        "write_stderr": "0 4",
        "environ": "0 0 0",
        "no_clock": "28",
        "resolution": "0",
        "random": "1",
    }
    assert "lost" not in answer["stdout"]


#: Asks for the time, and prints, very often.
CALLER = r"""
#include <time.h>
#include <unistd.h>
int main(void)
{
    struct timespec now;
    for (int i = 0; i < 40000; i++)
        if (clock_gettime(CLOCK_MONOTONIC, &now) || write(1, "x", 1) != 1)
            return 1;
    return 0;
}
"""


@pytest.mark.parametrize("name", ENGINES)
def test_a_guest_may_call_often(chosen, protocol, prepared, tmp_path, name):
    """SpiderMonkey stopped for good after some ten thousand times that it was given as text."""
    (tmp_path / "caller.c").write_text(CALLER, encoding="utf-8")
    backend = chosen(name)
    with start(backend, protocol) as worker:
        Guest(worker, name, protocol).load(compiled(tmp_path, str(tmp_path / "caller.c")), backend.options)
        for _ in range(4):
            answer = worker.request({"op": "run", "argv": ["guest"]}, 30)
            assert (answer["outcome"], answer["code"]) == ("exit", 0), answer["message"]
            assert answer["stdout"] == 40000 * "x"
            assert 80_000 <= answer["wasi_calls"] < 80_100


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize(
    ("sections", "reason"),
    [
        # An import of a different module: type () -> (), then "env" "f".
        ([b"\1\4\1\x60\0\0", b"\2\x09\1\3env\1f\0\0"], "imports the function env.f"),
        # _start, but no memory.
        (
            [b"\1\4\1\x60\0\0", b"\3\2\1\0", b"\7\x0a\1\6_start\0\0", b"\x0a\4\1\2\0\x0b"],
            "exports no memory memory",
        ),
    ],
)
def test_what_is_no_wasi_command_is_refused(chosen, protocol, tmp_path, name, sections, reason):
    path = tmp_path / "module.wasm"
    path.write_bytes(b"\0asm\1\0\0\0" + b"".join(sections))
    backend = chosen(name)
    with pytest.raises(Ended, match=re.escape(reason)):
        loaded(backend, protocol, str(path))
