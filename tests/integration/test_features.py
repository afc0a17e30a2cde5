"""A backend that lacks what a module needs says so, instead of failing; real modules, real backends."""

import json

import pytest

from pipeline.core import paths
from pipeline.core.model import Cell, Status
from pipeline.experiment.matrix import load
from pipeline.measure import missing_features
from pipeline.measure.measure_round import _explained
from pipeline.measure.session import Ended


def test_a_backend_without_simd_is_unavailable_and_the_others_are_measured(workspace):
    choice = (
        "variants=O3-simd",
        "backends=native,wasmtime.cranelift,wasmer.singlepass,wasmer.llvm",
        "rounds=1",
    )
    workspace.run(*choice)
    cells = json.loads((workspace.path / paths.RESULTS_JSON).read_text())["cells"]
    states = {c["backend"]: (c["status"], c["reason"]) for c in cells}
    assert states["wasmtime.cranelift"] == states["wasmer.llvm"] == ("ok", None)
    assert states["wasmer.singlepass"] == (
        "unavailable",
        "needs simd128, which wasmer.singlepass (1.1.0) does not have",
    )
    assert states["native"][0] == "unavailable"
    assert "'-msimd128'" in states["native"][1]
    path = workspace.path / "build/artifacts/coremark/zig/O3-simd/wasm/artifact.json"
    record = json.loads(path.read_text())
    assert "simd128" in record["features"]
    assert workspace.run(*choice) == []


@pytest.fixture
def asked(prepared):
    plan = load({})
    missing_features._known.clear()
    return plan


def test_a_backend_is_asked_not_believed(asked):
    backends = asked.known
    has = missing_features.lacking(
        backends["wasmtime.cranelift"], asked.protocol, ["simd128", "tail-call", "sign-ext"]
    )
    assert has == []
    assert missing_features.lacking(backends["wasmtime.winch"], asked.protocol, ["tail-call", "simd128"]) == [
        "tail-call"
    ]


def test_what_lacks_nothing_keeps_its_own_reason(asked):
    backend = asked.known["wasmtime.cranelift"]
    cell = Cell(asked.workloads[0], "zig", asked.variants[0], backend)
    error = Ended(Status.INVALID, "it refuses the module")
    artifact = {"features": ["sign-ext"], "needs": ["simd128"]}
    assert _explained(error, cell, asked.protocol, artifact, {"version": "1"}) is error
    artifact = {"features": ["legacy-exceptions"], "needs": []}
    found = _explained(error, cell, asked.protocol, artifact, {"version": "50.0.1"})
    assert (found.status, str(found)) == (
        Status.UNAVAILABLE,
        "needs legacy-exceptions, which wasmtime.cranelift (50.0.1) does not have",
    )
