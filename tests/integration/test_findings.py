"""What cannot be measured, or is not what it seems to be, is a finding; the rest is not touched."""

import json
import shutil


def unavailable(workspace):
    """Run without Wasmer's environment; returns why the cell is unavailable, the rest being ok."""
    shutil.rmtree(workspace.path / "build/environments", ignore_errors=True)
    outcome = workspace.doit(
        "run", "backends=native,wasmtime.cranelift,wasmer.llvm", "variants=O3", "rounds=1"
    )
    assert outcome.returncode == 0, outcome.stderr
    results = json.loads((workspace.path / "report/results.json").read_text())
    found = {c["backend"]: c for c in results["cells"]}
    assert found["wasmtime.cranelift"]["status"] == "ok"
    assert found["wasmer.llvm"]["status"] == "unavailable"
    assert "unavailable: runtime: " in outcome.stdout
    folder = workspace.path / "build/environments"
    assert [p.name for p in folder.iterdir()] == ["wasmer-1.1.0.json"], "nothing half-made"
    return found["wasmer.llvm"]["reason"]


def test_a_missing_interpreter_is_a_reason_not_an_end(workspace):
    """Without CPython 3.7 to 3.10 the wasmer cells say so, and the rest runs."""
    workspace.edit("pipeline/runtimes/backends/wasmer.py", '("3.10", "3.9", "3.8", "3.7")', '("3.5",)')
    reason = unavailable(workspace)
    assert "needs CPython 3.5" in reason
    assert "run doit again" in reason


def test_no_route_to_pypi_is_a_reason_and_is_tried_again(workspace, tmp_path, monkeypatch):
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "empty"))
    monkeypatch.setenv("UV_OFFLINE", "1")
    reason = unavailable(workspace)
    assert "(uv pip failed)" in reason
    assert not reason.removeprefix("runtime: ").startswith("uv"), "the cause comes first"
    monkeypatch.undo()
    choice = ("backends=native,wasmtime.cranelift,wasmer.llvm", "variants=O3", "rounds=1")
    tasks = workspace.run(*choice)
    assert [t for t in tasks if t.startswith("measure")] == ["measure coremark zig O3 wasmer.llvm 1"]
    results = json.loads((workspace.path / "report/results.json").read_text())
    assert {c["status"] for c in results["cells"]} == {"ok"}
    assert workspace.run(*choice) == []


def test_a_program_that_does_not_build_is_a_finding(workspace):
    choice = ("backends=native,wasmtime.cranelift", "variants=O3", "rounds=1")
    tasks = workspace.run(*choice, "flags=-O2 -Dmain=;-O2 -Dprintf=no_such_printf")
    assert len([t for t in tasks if t.startswith("measure")]) == 6
    cells = json.loads((workspace.path / "report/results.json").read_text())["cells"]
    reasons = {c["variant"]: c["reason"] for c in cells if c["status"] == "unavailable"}
    assert "core_main.c does not compile: " in reasons["O2-Dmain_"]
    assert "it does not link: " in reasons["O2-Dprintf_no_such_printf"]
    assert {c["status"] for c in cells if c["variant"] == "O3"} == {"ok"}


def test_a_label_that_the_runtime_does_not_confirm_is_no_result(workspace):
    """As if a different compiler had been behind the label: it has happened to others for months."""
    workspace.edit(
        "pipeline/runtimes/backends/wasmtime.py",
        "options=options",
        'options={**options, "opt_level": "none"}',
    )
    outcome = workspace.doit("run", "backends=wasmtime.cranelift", "variants=O3", "rounds=1")
    assert outcome.returncode == 1
    printed = " ".join(outcome.stdout.split())
    reason = "it should prove opt_level 'speed', but its opt_level is 'none'"
    assert printed.count(reason) == 2, "when it was seen, and below the table"
