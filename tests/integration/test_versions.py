"""Versions side by side: real packages from PyPI, each in an environment of its own, or a reason why not."""

import json
import os
import shutil
import subprocess

import pytest

OLD = "wasmtime.cranelift@38.0.0"
CHOICE = (f"backends=native,{OLD}", "variants=O3", "rounds=2")


def cells(workspace, name="results.json"):
    found = json.loads((workspace.path / "report" / name).read_text())["cells"]
    return {c["backend"]: c for c in found}


def left_behind(workspace):
    """Files other than finished environments, their records and their pins."""
    folder = workspace.path / "build/environments"
    finished = ("wasmer-1.1.0", "wasmtime-38.0.0", "wasmtime-37.0.0")
    known = {name + end for name in finished for end in ("", ".json", ".txt")}
    return {p.name for p in folder.iterdir()} - known


def test_a_version_is_fetched_once_and_proves_itself(workspace):
    tasks = workspace.run(*CHOICE)
    assert "provide environment (downloads some 40 MB) wasmtime-38.0.0" in tasks
    cell = cells(workspace)[OLD]
    assert cell["status"] == "ok"
    assert cell["identity"]["version"] == "38.0.0"
    assert cell["measurement"]["compiler_evidence"]["compiler"] == "cranelift"
    assert workspace.run(*CHOICE) == []
    # Shared: a second cell of this version needs no environment of its own.
    tasks = workspace.run(f"backends={OLD},wasmtime.cranelift-none@38.0.0", "variants=O2,O3", "rounds=2")
    assert not [t for t in tasks if t.startswith("provide")]
    assert not [t for t in tasks if f"O3 {OLD}" in t]
    assert cells(workspace)["wasmtime.cranelift-none@38.0.0"]["status"] == "ok"
    assert not left_behind(workspace)


def test_a_version_without_pins_of_ours_is_resolved_once_with_hashes(workspace):
    workspace.run("backends=native,wasmtime.cranelift@37.0.0", "variants=O3", "rounds=1")
    pins = (workspace.path / "build/environments/wasmtime-37.0.0.txt").read_text()
    assert "wasmtime==37.0.0" in pins
    assert "--hash=sha256:" in pins
    assert cells(workspace)["wasmtime.cranelift@37.0.0"]["status"] == "ok"


def test_a_version_that_does_not_exist_is_a_reason(workspace):
    outcome = workspace.doit("run", "backends=native,wasmtime.cranelift@38.99.0", "variants=O3", "rounds=1")
    assert outcome.returncode == 1
    assert "no wasm cell of coremark could be measured" in outcome.stderr
    cell = cells(workspace)["wasmtime.cranelift@38.99.0"]
    assert cell["status"] == "unavailable"
    assert "38.99.0" in cell["reason"]
    assert "Traceback" not in outcome.stderr
    assert {p for p in left_behind(workspace) if not p.endswith(".json")} == set()


@pytest.fixture
def small_disk(workspace):
    """build/environments on a file system with room for two megabytes."""
    folder = workspace.path / "build/environments"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if os.getuid() != 0 or subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("mounting a small file system needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_a_reason_and_leaves_nothing_half_made(workspace, small_disk):
    outcome = workspace.doit("run", *CHOICE)
    assert outcome.returncode == 1
    assert "no wasm cell of coremark could be measured" in outcome.stderr
    cell = cells(workspace)[OLD]
    assert cell["status"] == "unavailable"
    assert "free disk space" in cell["reason"]
    assert cells(workspace)["native"]["status"] == "ok"
    assert [p.name for p in small_disk.iterdir()] == ["wasmtime-38.0.0.json"]


def test_a_sweep_says_which_release_changed_the_score(workspace):
    outcome = workspace.doit("run", "sweep", "runtime=wasmtime", "versions=38.0.0,0.39.99", "rounds=2")
    assert outcome.returncode == 0, outcome.stderr
    assert "38.0.0" in outcome.stdout
    data = json.loads((workspace.path / "report/sweep-wasmtime.json").read_text())
    points = {p["version"]: p for p in data["chart"]}
    assert points["38.0.0"]["status"] == "ok"
    assert points["38.0.0"]["ratio_low"] <= points["38.0.0"]["ratio"] <= points["38.0.0"]["ratio_high"]
    assert points["0.39.99"]["status"] == "unavailable"
    assert not (workspace.path / "report/report.md").exists(), "the report answers a different question"


def test_a_sweep_without_a_runtime_says_what_to_run(workspace):
    outcome = workspace.doit("run", "sweep")
    assert outcome.returncode == 1
    assert "doit run sweep runtime=wasmtime" in outcome.stderr
