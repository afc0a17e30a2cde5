"""A backend that lacks what a module needs says so, instead of failing; real modules, real backends."""

import json

import pytest

from pipeline.core import paths
from pipeline.core.model import Status
from pipeline.experiment.matrix import load
from pipeline.measure.probes import missing_features
from pipeline.measure.session import Ended


def test_a_backend_without_simd_is_unavailable_and_the_others_are_measured(workspace):
    choice = (
        "variants=O3-simd",
        "backends=native,wasmtime.cranelift,wasmer.singlepass,wasmer.llvm",
        "rounds=1",
    )
    workspace.run(*choice)
    cells = json.loads((workspace.path / paths.RESULTS_JSON).read_text())["cells"]
    outcomes = {c["backend"]: (c["status"], c["reason"]) for c in cells}
    assert outcomes["wasmtime.cranelift"] == outcomes["wasmer.llvm"] == ("ok", None)
    assert outcomes["wasmer.singlepass"] == (
        "unavailable",
        "needs simd128, which wasmer.singlepass (1.1.0) does not have",
    )
    assert outcomes["native"][0] == "unavailable"
    assert "'-msimd128'" in outcomes["native"][1]
    path = workspace.path / "build/artifacts/coremark/zig/O3-simd/wasm/artifact.json"
    record = json.loads(path.read_text())
    assert "simd128" in record["features"]
    assert workspace.run(*choice) == []


#: Multiplies to 128 bits.
WIDE = """
#include <stdio.h>
int main(void)
{
    unsigned long long hash = 1;
    for (unsigned i = 0; i < 300000; i++) {
        unsigned __int128 product = (unsigned __int128)(hash ^ i) * 0xd6e8feb86659fd93u;
        hash = (unsigned long long)product ^ (unsigned long long)(product >> 64);
    }
    printf("%llu\\n", hash);
    return 0;
}
"""


def test_what_one_engine_has_a_switch_for_ends_no_run(workspace, tmp_path):
    """The same of all others, and of the flag natively, is a status; other programs are measured."""
    for name, text in {
        "wide": WIDE,
        "plain": WIDE.replace("__int128", "long long").replace(">> 64", ">> 32"),
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "main.c").write_text(text)
        (tmp_path / name / paths.WORKLOAD_TOML).touch()
    lacking = "wasmer.singlepass"
    backends = f"backends=native,wasmtime.cranelift,{lacking}"
    flags = ("variants=O2", "flags=-O2 -mwide-arithmetic")
    workspace.run(f"workload={tmp_path}/wide,{tmp_path}/plain", *flags, backends, "rounds=1")
    cells = json.loads((workspace.path / paths.RESULTS_JSON).read_text())["cells"]
    wide = {
        c["backend"]: c for c in cells if (c["workload"], c["variant"]) == ("wide", "O2-mwide-arithmetic")
    }
    assert wide["wasmtime.cranelift"]["status"] == "ok", wide["wasmtime.cranelift"]["reason"]
    assert wide[lacking]["status"] == wide["native"]["status"] == "unavailable"
    assert wide[lacking]["reason"].startswith(f"needs wide-arithmetic, which {lacking} (")
    assert {c["status"] for c in cells if c["variant"] == "O2"} == {"ok"}
    assert {c["status"] for c in cells if c["workload"] == "plain" and c["backend"] != "native"} == {"ok"}


@pytest.fixture
def asked(prepared):
    plan = load({})
    missing_features.clear_answers()
    return plan


def test_a_backend_is_asked_not_believed(asked):
    backends = asked.known
    has = missing_features.missing_features(
        backends["wasmtime.cranelift"], asked.protocol, ["simd128", "tail-call", "sign-ext"]
    )
    assert has == []
    assert missing_features.missing_features(
        backends["wasmtime.winch"], asked.protocol, ["reference-types", "simd128"]
    ) == ["reference-types"]


def test_what_a_switch_turns_on_is_not_missing(asked):
    """And is on for modules that use it only."""
    backend = asked.known["wasmtime.cranelift"]
    used = ["custom-page-sizes", "simd128"]
    assert missing_features.missing_features(backend, asked.protocol, used) == []
    assert backend.with_features(["simd128"]) is backend
    assert backend.with_features(used).options == {**backend.options, "features": ["custom-page-sizes"]}


def test_a_function_of_wasi_that_a_release_lacks_is_what_it_needs(asked):
    for reason in (
        'trap: Error while importing "wasi_snapshot_preview1"."sock_accept": unknown import. Expected …',
        "trap: unknown import: `wasi_snapshot_preview1::sock_accept` has not been defined",
    ):
        error = Ended(Status.TRAP, reason)
        found = missing_features.explained(
            error, asked.known["wasmtime.cranelift"], asked.protocol, [], "0.40"
        )
        assert (found.status, found.reason) == (
            Status.UNAVAILABLE,
            "needs sock_accept of WASI, which wasmtime.cranelift (0.40) does not have",
        )


def test_a_failure_without_a_missing_feature_keeps_its_reason(asked):
    backend = asked.known["wasmtime.cranelift"]
    error = Ended(Status.INVALID, "it refuses the module")
    used = ["sign-ext", "simd128"]
    assert missing_features.explained(error, backend, asked.protocol, used, "1") is error
    used = ["legacy-exceptions"]
    found = missing_features.explained(error, backend, asked.protocol, used, "50.0.1")
    assert (found.status, str(found)) == (
        Status.UNAVAILABLE,
        "needs legacy-exceptions, which wasmtime.cranelift (50.0.1) does not have",
    )
