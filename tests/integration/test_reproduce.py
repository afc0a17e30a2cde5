"""Reproduce, with the real compiler: what changes bytes is named, with the variation that did it."""

import json
from pathlib import Path

import pytest

from pipeline.core import paths
from pipeline.core.errors import ProjectError
from pipeline.experiment.matrix import load
from pipeline.reproducibility import reproduce, variations
from pipeline.reproducibility.variations import Variation


def _changed_port(folder):
    port = folder / paths.third_party("coremark") / "core_portme.c"
    port.write_text(port.read_text() + "\n__attribute__((used)) int made_in(void) { return 7; }\n")


def test_a_variation_that_changes_bytes_is_named(prepared, monkeypatch, capsys, tmp_path):
    tried = [
        Variation("umask", "0077", variations.Conditions(umask=0o077)),
        Variation("planted", "a function more", prepare=_changed_port),
        Variation("failing", "a source that is no C", prepare=lambda folder: _break(folder)),
        Variation("absent", "something", missing="there is none; run: install it"),
    ]
    monkeypatch.setattr(reproduce, "all_variations", lambda base: iter(tried))
    for name in ("REPRODUCE_TXT", "REPRODUCE_JSON"):
        monkeypatch.setattr(paths, name, str(tmp_path / name))
    plan = load({"variants": "O1", "backends": "wasmtime.cranelift"})
    with pytest.raises(ProjectError, match="not the same bytes under: planted, failing"):
        reproduce.reproduce(plan)
    output = capsys.readouterr().out
    assert output == (tmp_path / "REPRODUCE_TXT").read_text()
    assert "umask: same (0077)" in output
    assert "coremark/zig/O1/wasm: differs from the plain build" in output
    assert "object core_portme.o differs" in output
    assert "function made_in: it should not be there" in output
    assert "absent: not tried: there is none; run: install it" in output
    found = json.loads((tmp_path / "REPRODUCE_JSON").read_text())
    assert [each["status"] for each in found["variations"]] == ["same", "differs", "fails", "not tried"]
    assert not [each for each in Path(paths.REBUILT).iterdir() if each.name.startswith("reproduce-")]


def _break(folder):
    (folder / paths.third_party("coremark") / "core_util.c").write_text("no C\n")


def test_there_are_at_least_twelve_variations(tmp_path, monkeypatch):
    monkeypatch.setattr(variations, "_other_python", lambda base: Variation("Python", "a second one"))
    assert len({each.name for each in variations.all_variations(tmp_path)}) >= 12
