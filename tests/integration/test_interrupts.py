"""Whatever kills a run, at whatever moment: the next one goes on and ends as if nothing had been."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import environment


def statuses(workspace):
    cells = json.loads((workspace.path / "report/results.json").read_text())["cells"]
    return {(c["variant"], c["backend"]): c["status"] for c in cells}


def processes_in(folder):
    """Living processes whose command line or working folder is the workspace's."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            line = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
            here = str(folder) in line or os.readlink(f"/proc/{pid}/cwd") == str(folder)
            if line and here and int(pid) != os.getpid():
                found.append(line.replace("\0", " "))
    return found


@pytest.mark.parametrize(
    ("signal_", "options"),
    [(signal.SIGKILL, []), (signal.SIGKILL, ["-n", "2"]), (signal.SIGINT, []), (signal.SIGTERM, [])],
)
def test_a_killed_run_is_continued(workspace, signal_, options):
    (workspace.path / "build/artifacts/coremark/zig/O3/native/core_main.o").unlink()
    workspace.append("third_party/coremark/core_portme.c", "int another_symbol = 1;\n")
    chance = random.Random(int(signal_))
    finished = {}
    for _ in range(5):
        run = subprocess.Popen(
            [sys.executable, "-m", "doit", "run", *options],
            cwd=workspace.path,
            env=environment(workspace.path),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(chance.uniform(0.2, 2.5))
        run.send_signal(signal_)
        run.wait(timeout=60)
        deadline = time.monotonic() + 10
        while processes_in(workspace.path) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert processes_in(workspace.path) == []
        now = {p: p.read_bytes() for p in (workspace.path / "results").rglob("round-*.json")}
        assert finished.items() <= now.items(), "a finished sample was measured again"
        finished = now
    tasks = workspace.run()
    now = {p: p.read_bytes() for p in (workspace.path / "results").rglob("round-*.json")}
    assert finished.items() <= now.items()
    assert len(now) == 8
    assert sum(t.startswith("measure") for t in tasks) <= 8 - len(finished) + 1
    assert set(statuses(workspace).values()) == {"ok"}
    assert workspace.run() == []


def test_finished_compiles_survive_a_kill(workspace):
    workspace.run()
    workspace.edit("matrix.toml", '"-O2"', '"-O2 -DNOTHING"')
    run = subprocess.Popen(
        [sys.executable, "-m", "doit", "run"],
        cwd=workspace.path,
        env=environment(workspace.path),
        stdout=subprocess.PIPE,
        text=True,
    )
    done = 0
    for line in run.stdout:
        done += "compile" in line
        if done == 6:
            run.kill()
            break
    run.wait()
    run.stdout.close()
    again = [t for t in workspace.run() if t.startswith("compile")]
    assert len(again) <= 12 - 5
