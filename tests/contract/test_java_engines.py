"""Engines on a JVM prove what ran, and a host that is not what its label says is caught."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from pipeline.experiment import matrix
from pipeline.measure.guest import Ended, prove
from pipeline.measure.worker_messages import Loaded
from pipeline.runtimes.launch import start
from tests.contract.conftest import BACKENDS, compiled

CLASSES = ("chicory", "endive")


@pytest.fixture(scope="module")
def guest(prepared, tmp_path_factory):
    return compiled(tmp_path_factory.mktemp("guest modules"), "tests/guests/guest.c")


def load(backend, path):
    protocol = replace(matrix.load({}).protocol, memory_mib=700)
    with start(backend, protocol) as worker:
        request = {"op": "load", "path": path, "options": {**backend.options}}
        return worker.request(request, 120)


@pytest.mark.parametrize("engine", CLASSES)
def test_the_interpreter_is_not_taken_for_the_compiler(present, guest, engine):
    compiler, interpreter = (present(f"{engine}.{name}") for name in ("compiler", "interpreter"))
    for labelled, runs in ((compiler, interpreter), (interpreter, compiler)):
        answer = load(replace(labelled, options=runs.options), guest)
        with pytest.raises(Ended, match="it should prove code"):
            prove(labelled, msgspec.convert(answer, Loaded), answer["version"])
        prove(runs, msgspec.convert(answer, Loaded), answer["version"])


@pytest.mark.parametrize("engine", CLASSES)
def test_a_jvm_that_compiles_nothing_is_caught(present, guest, engine):
    backend = present(f"{engine}.compiler")
    answer = load(replace(backend, arguments=("-Xint", *backend.arguments)), guest)
    with pytest.raises(Ended, match="it should prove jit"):
        prove(backend, msgspec.convert(answer, Loaded), answer["version"])


def test_graalwasm_without_its_compiler_is_caught(present, guest):
    """As GraalWasm runs where a JDK has no JVMCI: as slowly as it interprets, and without a word."""
    compiled_, interpreted = present("graalwasm.compiled"), present("graalwasm.interpreted")
    answer = load(replace(compiled_, arguments=interpreted.arguments), guest)
    assert "JVMCI" in answer["unavailable"]
    answer = load(replace(compiled_, arguments=interpreted.arguments, options=interpreted.options), guest)
    with pytest.raises(Ended, match="it should prove implementation"):
        prove(compiled_, msgspec.convert(answer, Loaded), answer["version"])


def test_java_engines_are_there_by_name_only():
    names = {"chicory.compiler", "chicory.interpreter", "endive.compiler", "endive.interpreter"}
    assert names | {"graalwasm.compiled", "graalwasm.interpreted"} <= set(BACKENDS)
