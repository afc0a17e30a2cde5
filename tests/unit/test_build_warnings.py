"""What a linker warned of reaches the reader, though the program was built."""

from __future__ import annotations

import pytest

from pipeline.core.artifact import ArtifactRecord, save_record
from pipeline.core.model import Backend, Cell, Kind, Runtime
from pipeline.experiment import matrix
from pipeline.measure.sample_key import artifact_of
from pipeline.report.terminal_table import render_table
from pipeline.report.write_report import render_markdown
from pipeline.results.problems import build_warnings
from tests import factories
from toolchain.model import Variant

MISMATCH = "wasm-ld: function signature mismatch: area (referenced by main.c, other.c)"


@pytest.fixture
def cells(tmp_path, monkeypatch):
    """Of two modules and a native program, with the warnings of each."""
    workload = matrix.load({}).workloads[0]
    monkeypatch.chdir(tmp_path)
    found = []
    for level, kind, warnings in (
        ("O2", Kind.BASELINE, (MISMATCH,)),
        ("O3", Kind.BASELINE, (MISMATCH, "wasm-ld: a second one")),
        ("O3", Kind.NATIVE, ()),
    ):
        backend = Backend("x.y", kind, Runtime("x", "x.py"))
        cell = Cell(workload, "zig", Variant(level, ()), backend)
        record = ArtifactRecord(
            present=True,
            reason=None,
            workload=workload.name,
            toolchain="zig",
            variant=level,
            flags=(),
            link=(),
            wasm_opt=None,
            needs=(),
            features=(),
            target="wasm32-wasip1",
            sha256="0" * 64,
            bytes=8,
            warnings=warnings,
        )
        save_record(artifact_of(cell), record)
        found.append(cell)
    return found


def test_a_mismatch_of_signatures_is_one_warning_with_its_artifacts(cells):
    found = build_warnings.find([*cells, *cells])
    assert [each.found for each in found] == [
        f"{MISMATCH} (coremark/zig/O2/wasm and 1 more)",
        "wasm-ld: a second one (coremark/zig/O3/wasm)",
    ]
    assert "does not fit its type traps (unreachable)" in found[0].effect
    assert "build/artifacts/coremark/zig/O2/wasm/build.log has all warnings" in found[0].remedy


def test_it_is_in_each_report_also_of_a_quiet_machine(cells):
    results = factories.results([factories.cell()], warnings=tuple(build_warnings.find(cells)))
    for text in (render_table(results), render_markdown(results)):
        flat = " ".join(text.replace("\\", "").split())
        assert "The machine was quiet" in flat
        assert flat.count("function signature mismatch: area") == 1
