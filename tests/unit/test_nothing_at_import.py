"""Loading the tasks, and ``doit list``, start no process, write nothing and take no lock."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

#: Python reports these before they happen (PEP 578), in any module.
_WATCHED = """
import atexit, json, os, signal, sys
writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT
seen = []
def watch(event, arguments):
    if event == "open" and arguments[0] != os.devnull:
        if arguments[2] & writing or set(arguments[1] or "r") & set("wax+"):
            seen.append([event, str(arguments[0])])
    elif event.startswith(("subprocess.", "os.posix_spawn", "os.exec", "os.fork", "os.system", "os.mkdir",
                           "os.rename", "os.remove", "os.rmdir", "os.utime", "fcntl.", "sqlite3.")):
        seen.append([event, str(arguments)])
at_exit = []
register = atexit.register
def registering(function, *arguments, **named):
    # Not what the standard library registers: that differs between versions.
    if function.__module__.split(".")[0] in ("dodo", "pipeline", "toolchain", "__main__"):
        at_exit.append(str(function))
    return register(function, *arguments, **named)
atexit.register = registering
def state():
    numbers = signal.SIGTERM, signal.SIGHUP, signal.SIGINT
    return list(at_exit), [str(signal.getsignal(number)) for number in numbers]
before = state()
sys.addaudithook(watch)
"""
_REPORT = "\nprint(json.dumps([seen, before == state()]), file=sys.stderr)\n"


def watched(code, tmp_path):
    """What the code did in the project's folder; on PATH is a program wasmer that was never asked."""
    program = tmp_path / "wasmer"
    program.write_text(f"#!/bin/sh\ntouch '{tmp_path}/started'\n")
    program.chmod(0o755)
    outcome = subprocess.run(
        [sys.executable, "-B", "-c", f"{_WATCHED}{code}{_REPORT}"],
        cwd=ROOT,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert outcome.returncode == 0, outcome.stderr
    assert not (tmp_path / "started").exists()
    return (*json.loads(outcome.stderr.splitlines()[-1]), outcome.stdout)


@pytest.mark.parametrize(
    "code",
    [
        "import dodo",
        "from pipeline.runtimes import backends; backends.discover(); backends.troubles()",
        "import importlib, pkgutil, pipeline.tasks as t\n"
        "for m in pkgutil.walk_packages(t.__path__, 'pipeline.tasks.'): importlib.import_module(m.name)",
    ],
)
def test_an_import_does_nothing(code, tmp_path):
    seen, same, _ = watched(code, tmp_path)
    assert (seen, same) == ([], True)


@pytest.mark.parametrize("command", ["list", "list --all", "help", "help run", "help tune", "run help"])
def test_reading_commands_write_nothing(command, tmp_path):
    code = f"from doit.doit_cmd import DoitMain\nassert DoitMain().run({command.split()!r}) == 0"
    seen, same, printed = watched(code, tmp_path)
    assert (seen, same) == ([], True)
    assert printed


def test_the_watching_sees_what_a_run_does(tmp_path):
    code = "import subprocess\nsubprocess.run(['true'])\nopen('/dev/stdout', 'w')\nsignal.signal(15, print)"
    seen, same, _ = watched(code, tmp_path)
    assert [event for event, _ in seen][:1] == ["subprocess.Popen"]
    assert "open" in [event for event, _ in seen]
    assert not same
