"""What WASI answers: our layers in JavaScript, Python and C as Wasmtime does, and no terminal anywhere."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from pipeline.experiment import matrix
from pipeline.runtimes.launch import start
from tests.contract.conftest import BACKENDS, HOSTS, VERSIONED, compiled
from toolchain.model import NATIVE, WASM

#: JavaScriptCore maps 4 GiB for a memory, for a moment.
MEMORY_MIB = 6144
REFERENCE = "wasmtime.cranelift"
WASM_BACKENDS = [name for name, backend in BACKENDS.items() if not backend.native]
#: Those with a WASI of their own, which differs from Wasmtime's.
FOREIGN = ("wasmer.", "wasmer-sdk.")
OWN = [name for name in WASM_BACKENDS if not name.startswith((*FOREIGN, "wasmtime."))] + list(VERSIONED)
INPUT = b"the input of a guest\n"
FILES = {"data.txt": b"some text\n", "empty": b"", "tables/a.bin": bytes(8), "tables/deep/b": b"b"}

#: Where the answers of such a WASI differ, and why.
DIFFERENCES = {
    "wasmer.": {
        # It forgets that a file was opened only to read; no other run sees what is written, to a copy.
        "write": "0",
        "closed": "28",  # invalid, and not: no such descriptor
        # It leaves out "." and "..".
        "list": "0 3",
        "list.0": "0 data.txt:4",
        "list.1": "0 empty:4",
        "list.2": "0 tables:3",
        "list.3": None,
        "list.4": None,
    },
    "wasmer-sdk.": {
        # A package's root has folders of the system's.
        "list": "0 13",
        "list.2": "0 .app:3",
        "list.3": "0 .private:3",
        "list.4": "0 bin:3",
        "list.5": "0 data.txt:4",
        "list.6": "0 dev:3",
        "list.7": "0 empty:4",
        "list.8": "0 etc:3",
        "list.9": "0 tables:3",
        "list.10": "0 tmp:3",
        "list.11": "0 usr:3",
        "list.12": "0 workspace:3",
    },
}

TERMINAL = r"""
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
int main(void)
{
    struct stat status[3];
    for (int fd = 0; fd < 3; fd++)
        fstat(fd, &status[fd]);
    printf("%d %d %d\n", isatty(0), isatty(1), isatty(2));
    printf("%d %d %d\n", S_ISCHR(status[0].st_mode), S_ISCHR(status[1].st_mode), S_ISCHR(status[2].st_mode));
    return 0;
}
"""
LINES = r"""
#include <stdio.h>
int main(void)
{
    for (int n = 0; n < 3000; n++)
        printf("line %d\n", n);
    return 0;
}
"""
#: Names a list of pieces of memory, or a piece, that the guest does not have.
OUTSIDE = r"""
#include <stdlib.h>
__attribute__((import_module("wasi_snapshot_preview1"), import_name("fd_write")))
int fd_write_(int, const void *, int, int *);
static int got;
int main(int argc, char *argv[])
{
    struct { const char *at; int size; } piece = { (const char *)-16, 32 };
    return fd_write_(1, atoi(argv[1]) ? (const void *)&piece : (const void *)-8, 1, &got);
}
"""
#: Reads its input by blocks of 64 KiB into stdio, which gives a runtime two pieces at a time.
BLOCKS = r"""
#include <stdio.h>
int main(void)
{
    static unsigned char block[1 << 16];
    unsigned sum = 0;
    size_t got, all = 0;
    while ((got = fread(block, 1, sizeof block, stdin)) > 0)
        for (size_t i = 0; i < got; i++)
            sum = 31 * sum + block[i], all++;
    printf("%d %u\n", (int)all, sum);
    return 0;
}
"""


@pytest.fixture(scope="module")
def protocol():
    return replace(matrix.load({}).protocol, memory_mib=MEMORY_MIB)


@pytest.fixture(scope="module")
def calls(prepared, tmp_path_factory):
    return compiled(tmp_path_factory.mktemp("guest modules"), "tests/guests/wasi_calls.c")


@pytest.fixture(scope="module")
def small(prepared, tmp_path_factory):
    """A function from a C text to a guest that is made of it, once."""
    folder = tmp_path_factory.mktemp("small guests")

    @cache
    def make(text, target):
        source = folder / f"{hash(text):x}.c"
        source.write_text(text, encoding="utf-8")
        return compiled(folder, str(source), target)

    return make


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    place = tmp_path_factory.mktemp("inputs")
    (place / "input").write_bytes(INPUT)
    for name, content in FILES.items():
        path = place / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return {"stdin": str(place / "input"), "files": str(place / "files")}


def run(backend, protocol, path, options, *argv):
    with start(backend, protocol) as worker:
        request = {"op": "load", "path": path, "options": {**backend.options, **options}}
        loaded = worker.request(request, 60)
        assert not {"refused", "unavailable"} & set(loaded), loaded
        return worker.request({"op": "run", "argv": ["guest", *argv], "watch": False}, 60)


def answers(backend, protocol, path, inputs, mode):
    """{call: what it answers}."""
    answer = run(backend, protocol, path, inputs, mode)
    assert (answer["outcome"], answer["code"]) == ("exit", 0), answer["message"]
    printed = answer["stderr" if mode == "closing" else "stdout"]
    return dict(line.split(" ", 1) for line in printed.splitlines())


@pytest.fixture(scope="module")
def expected(present, protocol, calls, inputs):
    """What Wasmtime answers, by mode."""
    modes = ("calls", "closing", "every day")
    return {mode: answers(present(REFERENCE), protocol, calls, inputs, mode) for mode in modes}


#: The clocks of the CPU's time, which Wasmtime has not and ours have.
CPU_CLOCKS = dict.fromkeys(("clock2", "clock3", "resolution2", "resolution3"), "0 1")


@pytest.mark.parametrize("name", sorted({*OWN} & {*HOSTS.values()}))
def test_our_layers_answer_as_wasmtime_does(chosen, protocol, calls, inputs, expected, name):
    backend = chosen(name)
    for mode in ("calls", "closing", "every day"):
        found = answers(backend, protocol, calls, inputs, mode)
        wanted = expected[mode] | (CPU_CLOCKS if mode == "calls" else {})
        differences = {
            call: (found.get(call), wanted.get(call))
            for call in {*found, *wanted}
            if found.get(call) != wanted.get(call)
        }
        assert differences == {}, mode
    assert len(expected["calls"]) > 450


@pytest.mark.parametrize("name", [name for name in WASM_BACKENDS if name.startswith(FOREIGN)])
def test_other_layers_differ_where_it_is_known(chosen, protocol, calls, inputs, expected, name):
    found = answers(chosen(name), protocol, calls, inputs, "every day")
    known = next(known for prefix, known in DIFFERENCES.items() if name.startswith(prefix))
    wanted = {**expected["every day"], **known}
    assert found == {call: answer for call, answer in wanted.items() if answer is not None}


def test_no_guest_sees_a_terminal(distinct, protocol, small, inputs):
    """Whether or not it is given an input and files."""
    guest = small(TERMINAL, NATIVE if distinct.native else WASM)
    for given in ({}, inputs):
        answer = run(distinct, protocol, guest, given)
        assert answer["stdout"] == "0 0 0\n0 0 0\n"


def test_lines_are_written_many_at_a_time(distinct, protocol, small):
    """By stdio, which writes each line on its own to what it takes for a terminal."""
    answer = run(distinct, protocol, small(LINES, NATIVE if distinct.native else WASM), {})
    assert answer["stdout"] == "".join(f"line {n}\n" for n in range(3000))
    calls = answer.get("wasi_calls")
    assert calls is not None or distinct.name not in OWN
    assert calls is None or 20 < calls < 100


@pytest.mark.parametrize("what", ["0", "1"])
@pytest.mark.parametrize("name", [name for name in BACKENDS if name.startswith("wasmtime.")] + OWN)
def test_a_pointer_outside_of_the_memory_is_a_trap(chosen, protocol, small, name, what):
    answer = run(chosen(name), protocol, small(OUTSIDE, WASM), {}, what)
    assert answer["outcome"] == "trap"
    assert answer["message"]


def test_input_is_read_in_order(distinct, protocol, small, tmp_path):
    data = bytes(i * i % 251 for i in range(300_000))
    (tmp_path / "input").write_bytes(data)
    guest = small(BLOCKS, NATIVE if distinct.native else WASM)
    total = 0
    for byte in data:
        total = (31 * total + byte) % 2**32
    answer = run(distinct, protocol, guest, {"stdin": str(tmp_path / "input")})
    assert answer["stdout"] == f"{len(data)} {total}\n"
