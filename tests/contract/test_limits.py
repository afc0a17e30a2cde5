"""Limits of a run have the same value under every backend, and are named where a guest meets them."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace

import pytest

from pipeline.experiment import matrix
from pipeline.measure import limits
from pipeline.measure.guest import Ended
from pipeline.measure.open_session import open_session
from pipeline.runtimes.launch import start
from pipeline.wasm import wasm_tools
from pipeline.workloads import workload_toml
from tests.contract.conftest import BACKENDS, compiled
from toolchain import discover
from toolchain.model import NATIVE, WASM, Variant

MEMORY_MIB = 200
#: Calls that nearly fill a stack of 8 MiB natively.
DEPTH = 50_000
#: Runtimes that give no choice of their own stack: of 1 MiB, and of 8.
SMALL_STACK = ("wasmer-sdk.cranelift", "firefox.ion", "firefox.baseline")


@pytest.fixture(scope="module")
def guests(prepared, tmp_path_factory):
    folder = tmp_path_factory.mktemp("guests at limits")
    return {target: compiled(folder, "tests/guests/memory.c", target) for target in (WASM, NATIVE)}


@pytest.fixture(scope="module")
def protocol(prepared):
    return matrix.load({}).protocol


@pytest.fixture(scope="module")
def limited(tmp_path_factory):
    """A function from the [limits] of a workload to that workload."""

    def make(text=""):
        folder = tmp_path_factory.mktemp("workload") / "limits"
        folder.mkdir()
        (folder / "main.c").touch()
        (folder / "workload.toml").write_text(f"[limits]\n{text}\n")
        return workload_toml.read(str(folder))

    return make


@pytest.fixture(scope="module")
def workload(limited):
    return limited()


@contextmanager
def lines_of(backend, protocol, workload, path):
    """A session of a backend; gives the lines of a run with these arguments."""
    with start(backend, protocol) as worker:
        session = open_session(worker, backend.name, protocol, backend, workload)
        session.load(path, backend.options)

        def lines(*argv):
            answer = session._answer({"argv": ["guest", *argv]}, watch=False)
            return answer.stdout.splitlines()[:-1]

        yield lines


@pytest.fixture
def opened(guests, workload):
    """A session of a backend with other limits than usual; gives the lines of a run with these arguments."""

    @contextmanager
    def open_(backend, **limits):
        # Long enough where run_timeout_s is not what is tested: a JVM copies a memory that grows.
        protocol = replace(matrix.load({}).protocol, **{"run_timeout_s": 120.0, **limits})
        with lines_of(backend, protocol, workload, guests[NATIVE if backend.native else WASM]) as lines:
            yield lines

    return open_


@pytest.fixture(scope="module")
def natively():
    return BACKENDS["native"]


def test_a_guest_gets_as_much_memory_as_natively(backend, natively, opened):
    with opened(natively, memory_mib=MEMORY_MIB) as lines:
        expected = lines("fill")
    with opened(backend, memory_mib=MEMORY_MIB) as lines:
        assert lines("fill") == expected
        assert lines("fill") == expected, "no less where a run before it took all"
    # But for its stack of 8 MiB, and 16 MiB of static data.
    assert MEMORY_MIB - 26 < int(expected[0]) < MEMORY_MIB - 23


def test_output_ends_where_the_limit_is_and_that_is_named(backend, opened):
    with opened(backend, output_kib=2048) as lines:
        printed = lines("print", "2000")
        assert len(printed) == 32000
        assert printed[-1].lstrip("0") == "31999"
        with pytest.raises(Ended, match=r"expected at most 2097152; .* set output_kib under \[limits\]"):
            lines("print", "2100")
        assert len(lines("print", "1")) == 16


def test_a_guest_calls_itself_as_deep_as_natively(backend, natively, opened):
    with opened(natively) as lines:
        natively_called = lines("call", str(DEPTH))
    with opened(backend) as lines:
        if backend.name in SMALL_STACK:
            with pytest.raises(Ended, match=r"its stack has 8,192 KiB; .* set stack_kib under \[limits\]"):
                lines("call", str(DEPTH))
        else:
            assert lines("call", str(DEPTH)) == natively_called
        assert lines("call", "100")


def test_an_endless_recursion_names_the_stack(backend, opened):
    with opened(backend) as lines, pytest.raises(Ended, match="set stack_kib under"):
        lines("call", "100000000")


def test_a_run_that_takes_too_long_names_its_limit(backend, opened):
    with opened(backend, run_timeout_s=0.2) as lines, pytest.raises(Ended, match="set run_timeout_s under"):
        lines("print", "100000000")


#: 640 MiB before it runs, of which it uses the last page.
STATIC = """(module (memory (export "memory") 10240)
  (func (export "_start") (i32.store (i32.const 671088636) (i32.const 1))))"""


@pytest.mark.parametrize("name", ["wasmtime.cranelift", "v8.turbofan"])
def test_a_guest_gets_the_memory_that_its_workload_asks_for(
    chosen, guests, limited, protocol, tmp_path, name
):
    """300 MiB of the heap are beyond 310, with the stack and what is static, and within 340."""
    backend, static = chosen(name), tmp_path / "static.wasm"
    static.write_bytes(wasm_tools.run(STATIC.encode(), "parse"))
    for mib, printed in ((310, "none"), (340, str(300 * 255 * 128))):
        workload = limited(f"memory_mib = {mib}")
        given = limits.with_workload_limits(workload, protocol)
        beyond = limits.beyond_memory(workload, given, backend, str(static))
        assert beyond.startswith(f"needs 640 MiB of memory before it runs; a guest gets {mib}; ")
        with lines_of(backend, given, workload, guests[WASM]) as lines:
            assert lines("heap", "300") == [printed]
    workload = limited("memory_mib = 700")
    given = limits.with_workload_limits(workload, protocol)
    assert limits.beyond_memory(workload, given, backend, str(static)) is None
    with lines_of(backend, given, workload, str(static)) as lines:
        assert lines() == []


#: Two million calls, each with little on the stack.
DEEP = """
#include <stdio.h>
static int deep(int n);
static int (*volatile again)(int) = deep;
static int deep(int n) { return n == 0 ? 0 : again(n - 1) + n % 3; }
int main(void) { printf("%d\\n", deep(2000000)); return 0; }
"""


@pytest.mark.parametrize(
    ("name", "words"), [("native", "SIGSEGV"), ("wasmtime.cranelift", "call stack exhausted")]
)
def test_a_recursion_too_deep_for_the_stack_runs_with_a_larger_one(protocol, program, name, words):
    backend = BACKENDS[name]
    target = NATIVE if backend.native else WASM
    for toml in ("", "[limits]\nstack_kib = 131072"):
        spec = program(discover()["zig"], Variant("O2", ("-O2",)), target, toml, main=DEEP)
        given = limits.with_workload_limits(spec.workload, protocol)
        with lines_of(backend, given, spec.workload, spec.artifact.path) as lines:
            if toml:
                assert lines() == ["2000001"]
            else:
                with pytest.raises(Ended, match=rf"{words}.*its stack has 8,192 KiB; .* set stack_kib under"):
                    lines()
