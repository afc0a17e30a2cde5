"""Limits of a run have the same value under every backend, and are named where a guest meets them."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace

import pytest

from pipeline.experiment import matrix
from pipeline.measure.guest import Ended
from pipeline.measure.open_session import open_session
from pipeline.runtimes.launch import start
from pipeline.workloads import workload_toml
from tests.contract.conftest import BACKENDS, compiled
from toolchain.model import NATIVE, WASM

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
def workload(tmp_path_factory):
    folder = tmp_path_factory.mktemp("workload") / "limits"
    folder.mkdir()
    (folder / "main.c").touch()
    (folder / "workload.toml").touch()
    return workload_toml.read(str(folder))


@pytest.fixture
def opened(guests, workload):
    """A session of a backend with other limits than usual; gives the lines of a run with these arguments."""

    @contextmanager
    def open_(backend, **limits):
        # Long enough where run_timeout_s is not what is tested: a JVM copies a memory that grows.
        protocol = replace(matrix.load({}).protocol, **{"run_timeout_s": 120.0, **limits})
        with start(backend, protocol) as worker:
            session = open_session(worker, backend.name, protocol, backend, workload)
            session.load(guests[NATIVE if backend.native else WASM], backend.options)

            def lines(*argv):
                answer = session._answer({"argv": ["guest", *argv]}, watch=False)
                return answer.stdout.splitlines()[:-1]

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
