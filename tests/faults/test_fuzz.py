"""Modules mutated from real ones: refused, stopped or validated; the parent survives."""

from __future__ import annotations

import random
import resource
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from pipeline.build import prebuilt
from pipeline.core import paths
from pipeline.core.artifact import Artifact, load_record
from pipeline.core.files import read_json
from pipeline.core.model import PREBUILT, Prebuilt, Status
from pipeline.coremark import validator
from pipeline.experiment import matrix
from pipeline.measure.guest import Ended
from pipeline.measure.session import Session
from pipeline.runtimes.backends import discover
from pipeline.runtimes.launch import start
from tests.contract.conftest import compiled
from tests.faults.mutate import MUTATIONS
from tests.foreign import build_program
from toolchain.model import WASM

FAULTS = "modules fuzzed from real ones"
MANY = 200
#: backend: how many mutations, bounded and long. The others compile by a program, or for half a second.
BACKENDS = {
    "wasmtime.cranelift": (MANY, 4400),
    "wasmtime.cranelift-none": (0, 500),
    "wasmtime.winch": (30, 900),
    "wasmtime.pulley": (0, 500),
    "v8.default": (20, 700),
    "v8.turbofan": (0, 300),
    "v8.liftoff": (0, 300),
    "jsc.omg": (10, 400),
    "jsc.bbq": (0, 300),
    "spidermonkey.ion": (0, 200),
    "spidermonkey.baseline": (0, 200),
    "wasm3": (20, 700),
    "wasmer.cranelift": (10, 500),
    "wasmer.singlepass": (20, 700),
    "wasmer.llvm": (0, 100),
    "wasmer-sdk.cranelift": (0, 200),
    "wasm2c.clang-O1": (0, 20),
}
#: It tells a module's size by how executable memory grows: of the first one only.
LOADS_ONCE = ("wasmer-sdk.cranelift",)
MEMORY_MIB = 512
ITERATIONS = 10
#: A program for ``module=``.
SUM = """
#include <stdio.h>
int main(void)
{
    unsigned sum = 1;
    for (unsigned i = 0; i < 3000000; i++)
        sum = (sum * 33 + i) ^ sum >> 7;
    return printf("sum %u\\n", sum) < 0;
}
"""
#: That the parent may grow by, over thousands of modules.
GROWTH_KIB = 200 << 10


@pytest.fixture(scope="module")
def modules(prepared, tmp_path_factory):
    """CoreMark, and a program that is none: {path: bytes}."""
    names = [Artifact("coremark", "zig", "Os", WASM).path]
    names.append(compiled(tmp_path_factory.mktemp("fuzzed"), "tests/guests/guest.c"))
    return {name: Path(name).read_bytes() for name in names}


class Victim:
    """A worker that loads and runs one module after the other; a new one once it is dead."""

    def __init__(self, backend):
        self.backend = backend
        settings = replace(matrix.load({}).protocol, load_timeout_s=20, run_timeout_s=1)
        self.protocol = replace(settings, memory_mib=max(MEMORY_MIB, 6144 * backend.name.startswith("jsc.")))
        self.stack, self.worker = ExitStack(), None
        self.expected = None  # the final CRC of the real module, which comes first

    def attempt(self, path):
        """How a module ends: (status, reason, final CRC)."""
        if self.backend.name in LOADS_ONCE:
            self.end()
        if self.worker is None:
            self.worker = self.stack.enter_context(start(self.backend, self.protocol))
        session = Session(self.worker, self.backend.name, self.protocol, validator=validator.CoreMark())
        try:
            session.load(path, self.backend.options)
            if self.expected is None:
                self.expected = session.run(validator.PERFORMANCE, ITERATIONS).result
            session.iterations, session.expected = ITERATIONS, self.expected
            return Status.OK, "", session.chunk().result
        except Ended as error:
            if error.status in (Status.CRASH, Status.TIMEOUT):
                self.end()
            return error.status, error.reason, None

    def end(self):
        """The next module gets a worker of its own."""
        self.stack.close()
        self.worker = None


def outcome(status, reason):
    """A status, and of those with several reasons which, as the table says it."""
    if status is Status.INVALID:
        for sign, words in (("refuses the module", "refused"), ("exited with", "exit status")):
            if sign in reason:
                return words
        return "invalid"
    return "ok: its output right" if status is Status.OK else status.value


@pytest.mark.parametrize("name", BACKENDS)
def test_loaded_and_run_in_a_worker(modules, often, tried, tmp_path, name):
    backend = discover()[name]
    identity = read_json(paths.runtime_identity(backend.runtime.name))
    if not identity["present"]:
        pytest.skip(identity["reason"])
    number = often(*BACKENDS[name])
    if not number:
        pytest.skip("--long-faults")
    chance = random.Random(name)
    victim, tally = Victim(backend), Counter()
    (real, real_data), *_ = modules.items()
    children = set(psutil.Process().children(recursive=True))
    with victim.stack:
        status, reason, expected = victim.attempt(real)
        assert status is Status.OK, reason
        for turn in range(number):
            data = chance.choice((real_data, real_data, *modules.values()))
            how = chance.choice(list(MUTATIONS))
            path = tmp_path / f"{turn}.wasm"
            path.write_bytes(MUTATIONS[how](data, chance))
            status, reason, result = victim.attempt(str(path))
            assert bool(reason) == (status is not Status.OK), (turn, how, status)
            assert result in (None, expected), (turn, how, "a wrong result is believed")
            tally[how, outcome(status, reason)] += 1
            path.unlink()
            if turn % 50 == 49:
                # After any of them, in such a worker or a new one the real module is right.
                status, reason, result = victim.attempt(real)
                assert (status, result) == (Status.OK, expected), (turn, how, reason)
                # Our workers load one module in their lives; a runtime may keep what it was given before.
                victim.end()
    assert tally.total() == number
    assert "refused" in {words for _, words in tally}
    # Not all are refused: some run, and of these some are right.
    assert number < MANY or {words for _, words in tally} >= {"ok: its output right", "trap", "invalid"}
    left = [c for c in psutil.Process().children(recursive=True) if c not in children]
    assert not [c for c in left if c.status() != psutil.STATUS_ZOMBIE]
    for (how, words), times in tally.items():
        tried(f"a module with {how}", words, times)


def test_read_by_ourselves(modules, often, tried, tmp_path, monkeypatch):
    """What ``artifact=`` names is read in the parent: it is a record with a reason, at no great cost."""
    monkeypatch.chdir(tmp_path)
    chance = random.Random(2)
    tally, path = Counter(), tmp_path / "given.wasm"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    slowest = 0.0
    for turn in range(often(120, 10_000)):
        how = chance.choice(list(MUTATIONS))
        data = MUTATIONS[how](chance.choice(list(modules.values())), chance)
        path.write_bytes(data)
        began = time.process_time()
        prebuilt.take_in("coremark", Prebuilt("given", str(path)))
        slowest = max(slowest, time.process_time() - began)
        record = load_record(Artifact("coremark", PREBUILT, "given", WASM))
        trouble = record.unrunnable or ""
        assert "\n" not in trouble, (turn, how, trouble)
        words = "read"
        if trouble:
            words = "no module" if "no WebAssembly module" in trouble else "of no known interface"
        elif record.features is None:
            words = "left to the engines"
        tally[how, words] += 1
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < GROWTH_KIB, f"{grown} KiB"
    assert slowest < 5, "processor time of one module, s"
    kinds = {"read", "no module", "of no known interface", "left to the engines"}
    assert {words for _, words in tally} == kinds
    for (how, words), times in tally.items():
        tried(f"read by ourselves: a module with {how}", words, times)


def test_given_as_programs(workspace, often, tried, tmp_path):
    """What ``module=`` names: each ends with a status of its own, and the real one among them is right."""
    chance = random.Random(3)
    folder = tmp_path / "given"
    folder.mkdir()
    real = build_program(folder / "real.wasm", SUM).read_bytes()
    hows = {f"fuzzed_{turn}": chance.choice(list(MUTATIONS)) for turn in range(often(6, 200))}
    for name, how in hows.items():
        (folder / f"{name}.wasm").write_bytes(MUTATIONS[how](real, chance))
    workspace.edit("pipeline/workloads/module_option.py", "_RUN_TIMEOUT_S = 60.0", "_RUN_TIMEOUT_S = 2.0")
    asked = (f"module={folder}", "backends=wasmtime.cranelift,wasmtime.cranelift-none", "rounds=1")
    outcome = workspace.doit("run", *asked, timeout=6000)
    assert outcome.returncode in (0, 1), outcome.stderr
    assert "Traceback" not in outcome.stdout + outcome.stderr
    cells = read_json(workspace.path / "report/results.json")["cells"]
    assert {cell["workload"] for cell in cells} == {"real", *hows}
    for cell in cells:
        assert (cell["status"] == "ok") == (cell["reason"] is None), cell
        assert "\n" not in (cell["reason"] or "")
        if cell["workload"] == "real":
            assert cell["status"] == "ok", cell["reason"]
        else:
            tried(f"given as a program: a module with {hows[cell['workload']]}", cell["status"])
