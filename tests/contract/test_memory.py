"""Memory that the kernel gives at its first use: the same under every backend, and counted."""

from __future__ import annotations

import pytest

from pipeline.experiment import matrix
from pipeline.runtimes.launch import start
from pipeline.workloads import validators, workload_toml
from tests.contract.conftest import compiled
from toolchain.model import NATIVE, WASM

MIB = 16
PAGES = MIB * 256
#: Less than what the kernel needs to give a page, s.
FAULT_S = 1e-7
#: A guest's memory is an array in the heap of a JVM. Its pages stay from run to run, and the JVM clears them.
JVM = ("chicory.", "endive.", "graalwasm.")


@pytest.fixture(scope="module")
def guests(prepared, tmp_path_factory):
    folder = tmp_path_factory.mktemp("guests with memory")
    return {target: compiled(folder, "tests/guests/memory.c", target) for target in (WASM, NATIVE)}


@pytest.fixture(scope="module")
def validator(tmp_path_factory):
    folder = tmp_path_factory.mktemp("workload") / "memory-use"
    folder.mkdir()
    (folder / "main.c").touch()
    (folder / "workload.toml").touch()
    return validators.validator_of(workload_toml.read(str(folder)))


@pytest.fixture(scope="module")
def worker(backend, guests):
    with start(backend, matrix.load({}).protocol) as worker:
        path = guests[NATIVE if backend.native else WASM]
        loaded = worker.request({"op": "load", "path": path, "options": dict(backend.options)}, 60)
        assert "refused" not in loaded
        yield worker


def run(worker, validator, *argv):
    """What was validated of a run, and the page faults while it was timed."""
    answer = worker.request({"op": "run", "argv": ["guest", *argv], "watch": False}, 30)
    found = validator.validate(answer["stdout"].encode("latin-1"), None, 1, answer["wall_seconds"])
    assert found.result.rstrip().isdigit()
    return found, answer["page_faults"] - found.touched.page_faults


def test_own_memory_is_used_before_the_time_begins(worker, validator, backend):
    run(worker, validator, "own")  # what a runtime needs once
    # The quickest of a few: other programs make a run longer.
    runs = [run(worker, validator, "own") for _ in range(5)]
    found, faults = min(runs, key=lambda each: each[0].clock_s)
    assert found.touched.page_faults > PAGES
    assert 0 < found.touched.seconds < 10
    assert faults < PAGES / 4
    # Or it was not left out. Where an engine used its pages before the run began, it takes next to nothing.
    if found.touched.seconds > PAGES * FAULT_S and not backend.name.startswith(JVM):
        assert found.touched.seconds > found.clock_s


def test_the_heap_is_used_within_the_time(worker, validator, backend):
    run(worker, validator, "heap")
    before = run(worker, validator, "heap", "1")[1]
    after = run(worker, validator, "heap", str(MIB))[1]
    if backend.name.startswith(JVM):
        assert abs(after - before) < PAGES * 0.2
    else:
        assert PAGES * 0.8 < after - before < PAGES * 2.5


def test_a_worker_says_how_much_of_a_run_was_the_kernels(worker, backend):
    request = {"op": "run", "argv": ["guest", "own"], "watch": False}  # nearly nothing but page faults
    runs = [worker.request(request, 30)["used"] for _ in range(20)]
    # Of one run the kernel's ticks say little.
    cpu = sum(each["cpu_seconds"] for each in runs)
    system = sum(each["system_seconds"] for each in runs)
    assert (0 <= system < 0.1 * cpu) if backend.name.startswith(JVM) else (0.1 * cpu < system < 1.5 * cpu)
