"""What lies in the environment of doit itself reaches no worker and no file."""

from __future__ import annotations

import contextlib
import signal
from pathlib import Path

import psutil

from tests.conftest import environment, make_workspace
from tests.faults.harness import Run

FAULTS = "Guests that want out"
HOUSE = "what the house keeps for itself"


def test_no_worker_of_a_real_run_has_our_environment(prepared, tmp_path, tried):
    """As CI has it: tokens and keys in the environment of doit itself."""
    workspace = make_workspace(tmp_path / "a copy", prepared)
    ours = {"AWS_SECRET_ACCESS_KEY": HOUSE, "GITHUB_TOKEN": HOUSE, "LD_PRELOAD_SECRET": HOUSE}
    doit = Run(workspace.path, "run", "variants=O3", "rounds=1", env={**environment(workspace.path), **ours})
    found = {}
    try:
        while doit.process.poll() is None:
            for child in doit.children():
                with contextlib.suppress(psutil.Error, OSError):
                    script = next((w for w in child.cmdline() if "pipeline/workers/" in w), None)
                    if script and child.pid not in found:
                        found[child.pid] = (Path(script).name, child.environ())
    finally:
        doit.kill(signal.SIGKILL, group=True)
    assert doit.process.returncode == 0, doit.said
    assert {name for name, _ in found.values()} == {"native_worker.py", "wasmtime_worker.py"}
    for name, variables in found.values():
        assert set(variables) <= {"PATH", "LC_ALL", "TZ"}, name
    assert HOUSE not in "".join(
        p.read_text(errors="replace")
        for folder in ("build", "results", "report")
        for p in (workspace.path / folder).rglob("*")
        if p.is_file()
        and p.suffix in (".json", ".html", ".txt", ".md", ".csv")
        and p.stat().st_size < 1 << 22
    )
    tried("secrets in the environment of a run", "no worker has them, no file tells them", len(found))
