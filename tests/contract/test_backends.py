"""Every discovered backend keeps the worker protocol with any guest."""

from __future__ import annotations

import contextlib
import json
import os
import time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.core import paths
from pipeline.core.errors import WorkerCrash, WorkerError, WorkerTimeout
from pipeline.core.files import read_json
from pipeline.experiment import matrix
from pipeline.measure import limits
from pipeline.runtimes.launch import start
from tests.contract.conftest import BACKENDS, compiled
from toolchain.model import NATIVE, WASM

MEMORY_MIB = 700


@pytest.fixture(scope="module")
def guests(prepared, tmp_path_factory):
    """tests/guests/guest.c for both targets: {target: path}."""
    folder = tmp_path_factory.mktemp("guest modules")
    return {target: compiled(folder, "tests/guests/guest.c", target) for target in (WASM, NATIVE)}


@pytest.fixture(scope="module")
def protocol():
    return replace(matrix.load({}).protocol, memory_mib=MEMORY_MIB)


@pytest.fixture(scope="module")
def worker(backend, protocol, guests):
    with start(backend, protocol) as worker:
        loaded = load(worker, backend, guests[NATIVE if backend.native else WASM])
        assert "refused" not in loaded
        worker.loaded = loaded
        yield worker


def load(worker, backend, path):
    options = dict(backend.options)
    return worker.request({"op": "load", "path": path, "options": options}, 60)


def run(worker, *argv, timeout=30):
    return worker.request({"op": "run", "argv": ["guest", *argv], "watch": False}, timeout)


def printed(answer):
    """The text that a guest printed: an answer has a character a byte."""
    return answer["stdout"].encode("latin-1").decode()


#: Backends that compile function by function or within a run: their compile time would be wrong.
LAZY = ("v8.default", "jsc.omg", "jsc.bbq", "jsc.ipint", "graalwasm.compiled")
#: Those that do not tell how much code they made, or make none.
NO_CODE_SIZE = (
    *("v8.default", "v8.turbofan", "v8.liftoff", "jsc.omg", "jsc.bbq", "jsc.ipint", "wasm3"),
    *("wasmi.eager", "tinywasm", "wazero.interpreter", "chicory.compiler", "chicory.interpreter"),
    *("chromium.turbofan", "chromium.liftoff", "firefox.ion", "firefox.baseline"),
    *("endive.compiler", "endive.interpreter", "graalwasm.compiled", "graalwasm.interpreted"),
    "wasmedge.interpreter",
)


def test_load_says_what_it_is(worker, backend):
    facts = worker.loaded
    identity = read_json(paths.runtime_identity(backend.runtime.name))
    assert facts["version"] == identity.get("version")
    assert facts["proof"]
    if backend.name in NO_CODE_SIZE:
        assert facts["code_bytes"] is None
    else:
        assert 1000 < facts["code_bytes"] < 10_000_000
    if backend.native or backend.name in LAZY:
        assert facts["compile_seconds"] is None
    else:
        assert facts["compile_seconds"] > 0


def test_a_run_gives_output_and_time_again_and_again(worker):
    for word in ("one", "two words", "ünï"):
        answer = run(worker, "hello", word)
        assert answer["outcome"] == "exit"
        assert answer["code"] == 0
        assert printed(answer).splitlines()[:3] == ["guest", "hello", word]
        assert answer["wall_seconds"] > 0


def test_a_guest_gets_no_environment_no_input_and_no_files(worker, backend):
    lines = run(worker, "hello")["stdout"].splitlines()
    assert lines[2] == "env 0, stdin -1"
    if not backend.native:  # native code is under no sandbox: see docs/backends.md
        assert lines[3] == "file 0"


def test_an_exit_status_is_reported_and_the_next_run_works(worker, backend):
    answer = run(worker, "exit")
    assert (answer["outcome"], answer["code"]) == ("exit", 3)
    assert 0 < answer["wall_seconds"] < 10
    if not backend.forks and not backend.native:
        assert answer.get("instantiate_seconds") is not None or backend.name.startswith("wasmer-sdk")
    assert run(worker, "hello", "again")["stdout"].splitlines()[2] == "again"


def test_a_trap_is_an_answer_and_the_next_run_works(worker):
    answer = run(worker, "trap")
    assert answer["outcome"] == "trap"
    assert answer["message"]
    assert run(worker, "hello", "again")["stdout"].splitlines()[2] == "again"


def test_a_flood_of_output_is_counted_not_kept(worker):
    answer = run(worker, "flood")
    assert answer["stdout_bytes"] > 60 << 20
    assert len(answer["stdout"]) <= 1 << 20


def test_memory_ends_where_it_should(backend, protocol, guests):
    path = guests[NATIVE if backend.native else WASM]
    own = nullcontext(path) if backend.native else limits.capped(path, MEMORY_MIB)
    with start(backend, protocol) as worker, own as given:
        options = {**backend.options, **limits.options(protocol)}
        worker.request({"op": "load", "path": os.path.abspath(given), "options": options}, 60)
        run(worker, "hello")  # what a runtime needs for itself it has taken now
        try:
            answer = run(worker, "grow", timeout=300)  # a JVM copies a memory that grows
        except WorkerError as error:
            # Where no limit of the kernel's fits, the parent looks.
            if "MiB of memory" not in str(error):
                raise
            return
        if answer["outcome"] == "exit":
            got = int(answer["stdout"].split()[1])
            assert 100 < got < MEMORY_MIB
        most_mib = MEMORY_MIB * backend.runtime.memory_factor + backend.runtime.own_mib - 50
        assert worker.peak_rss_bytes() < most_mib * 2**20


def test_a_runaway_is_killed(backend, protocol, guests):
    with start(backend, protocol) as worker:
        load(worker, backend, guests[NATIVE if backend.native else WASM])
        with pytest.raises(WorkerTimeout):
            run(worker, "loop", timeout=0.2)
        assert worker.process.returncode is not None
        assert gone(worker)


def gone(worker):
    """Whether nothing of the worker's session lives on, after the kernel had time to end it."""
    deadline = time.monotonic() + 15
    while (living := processes_of(worker)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return living == []


def processes_of(worker):
    """Living processes of the worker's session, of which it is the leader."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, _, session = stat.read_text().rpartition(")")[2].split()[:4]
            if int(session) == worker.process.pid and state != "Z":
                found.append(stat.parent.name)
    return found


@pytest.mark.parametrize("content", [b"", b"\0asm\1\0\0\0\xff\xff", b"#!/bin/sh\n", b"\0asm\1\0\0\0"])
def test_a_bad_module_ends_as_an_answer_or_a_dead_worker(backend, protocol, tmp_path, content):
    """Never as a hang, and never as a guest that seems to run."""
    path = tmp_path / "bad"
    path.write_bytes(content)
    with start(backend, protocol) as worker:
        try:
            answer = load(worker, backend, str(path))
        except WorkerCrash:
            return
        if "refused" not in answer:
            assert run(worker, "hello")["outcome"] == "trap"


def test_differently_labelled_backends_never_share_a_proof(prepared, is_chosen, protocol, guests):
    proofs = {}
    for name, backend in BACKENDS.items():
        # Chromium's V8 proves its tiers as Node's does.
        same = backend.runtime.name == "chromium"
        if (
            same
            or not is_chosen(backend)
            or not read_json(paths.runtime_identity(backend.runtime.name))["present"]
        ):
            continue
        with start(backend, protocol) as worker:
            proof = load(worker, backend, guests[NATIVE if backend.native else WASM])["proof"]
        assert proof, f"{name} proves nothing"
        key = json.dumps(proof, sort_keys=True)
        assert key not in proofs, f"{name} proves the same as {proofs[key]}"
        proofs[key] = name
