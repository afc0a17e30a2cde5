"""Runtimes that are only commands: a user's own of matrix.toml, and Wasmer's binaries, by a stand-in."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.core import paths
from pipeline.core.errors import WorkerTimeout
from pipeline.core.model import Kind, Runtime
from pipeline.experiment import backend_selection, matrix
from pipeline.experiment.backend_selection import RuntimeTable
from pipeline.runtimes import identity
from pipeline.runtimes.backends import wasmer_cli
from pipeline.runtimes.launch import start
from tests.contract.conftest import compiled

STANDIN = Path(__file__).resolve().parents[1] / "standins" / "wasmer"


@pytest.fixture(scope="module")
def guest(prepared, tmp_path_factory):
    return compiled(tmp_path_factory.mktemp("guest module"), "tests/guests/guest.c")


def asked():
    """Its backends after a run asked the binaries."""
    wasmer_cli.ask()
    return wasmer_cli.backends()


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Put a stand-in of some version and compilers in a folder of its own; nothing else is Wasmer."""
    path = os.pathsep.join(p for p in os.get_exec_path() if not os.path.exists(os.path.join(p, "wasmer")))
    monkeypatch.setenv("PATH", path)
    monkeypatch.delenv("WASMER", raising=False)
    monkeypatch.setattr(paths, "WASMER_ANSWERS", str(tmp_path / "runtimes" / "answers.json"))

    def install(version="3.3.0", compilers="singlepass,llvm", name="wasmer"):
        file = tmp_path / f"wasmer {version}" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(
            f"#!/bin/sh\necho started >> '{tmp_path}/starts'\n"
            f"export STANDIN_VERSION={version} STANDIN_COMPILERS={compilers}\n"
            f"exec '{sys.executable}' '{STANDIN}' \"$@\"\n"
        )
        file.chmod(0o755)
        return str(file)

    return install


@pytest.fixture
def protocol():
    return replace(matrix.load({}).protocol, memory_mib=700)


@pytest.fixture
def worker(install, protocol, guest, request, monkeypatch):
    """A loaded worker of the command that the test's parameter names."""
    program = install()
    if request.param == "wasmer-cli":
        monkeypatch.setenv("WASMER", program)
        (backend,) = [b for b in asked() if b.name == "wasmer-cli.llvm@3.3.0"]
    else:
        argv = [program, "run", "{artifact}", "--", "{args}"]
        backend = backend_selection.known("matrix.toml", {"mine": RuntimeTable(tuple(argv))})["mine"]
    before = homes()
    with start(backend, protocol) as worker:
        worker.loaded = load(worker, backend, guest)
        worker.homes = homes() - before
        yield worker


both = pytest.mark.parametrize("worker", ["wasmer-cli", "matrix.toml"], indirect=True)


def load(worker, backend, path):
    return worker.request({"op": "load", "path": path, "options": dict(backend.options)}, 60)


def run(worker, *argv, timeout=30):
    return worker.request({"op": "run", "argv": ["guest", *argv], "watch": True}, timeout)


def homes():
    return {str(path) for path in Path("/tmp").glob("coremark-wasm-*") if path.is_dir()}


@both
def test_a_command_keeps_the_protocol(worker):
    assert worker.loaded == {"compile_seconds": None, "code_bytes": None, "version": None, "proof": {}}
    for word in ("two words", "--flag", "ünï"):
        answer = run(worker, "hello", word)
        printed = answer["stdout"].encode("latin-1").decode()  # a character a byte
        assert printed.splitlines() == ["guest", "hello", word, "env 0, stdin -1", "file 0"]
        assert 0 < answer["cpu_share"] < 2
        assert answer["peak_rss_bytes"] > 1 << 20
    answer = run(worker, "exit")
    assert (answer["outcome"], answer["code"]) == ("exit", 3)
    # Only its status tells of a trap, and the last line that it printed.
    answer = run(worker, "trap")
    assert answer["code"] == 1
    assert "unreachable" in answer["stderr"]
    assert run(worker, "flood")["stdout_bytes"] > 60 << 20
    answer = run(worker, "grow")
    # A command's process has so much more, and is given the module as it is.
    most = 700 + Runtime.reserved_mib
    assert answer["outcome"] == "trap" or answer["code"] or int(answer["stdout"].split()[1]) < most
    assert run(worker, "hello", "again")["code"] == 0


@both
def test_a_killed_worker_leaves_nothing(worker):
    mine = worker.homes
    assert len(mine) == 1
    with pytest.raises(WorkerTimeout):
        run(worker, "loop", timeout=1)
    deadline = time.monotonic() + 5
    while (mine & homes() or session(worker)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not mine & homes()
    assert not session(worker)


def session(worker):
    """What is left of a worker's processes."""
    listed = subprocess.run(["pgrep", "-s", str(worker.process.pid)], capture_output=True, text=True)
    return listed.stdout.split()


def test_a_module_that_is_none_is_not_run(install, protocol, tmp_path):
    program = install()
    argv = [program, "run", "{artifact}", "{args}"]
    backend = backend_selection.known("matrix.toml", {"mine": RuntimeTable(tuple(argv))})["mine"]
    (tmp_path / "bad").write_bytes(b"\0asm\1\0\0\0\xff\xff")
    with start(backend, protocol) as worker:
        load(worker, backend, str(tmp_path / "bad"))
        answer = run(worker, "hello")
        assert answer["code"] == 1
        assert answer["stdout"] == ""


def test_a_command_that_is_gone_is_refused(protocol, tmp_path):
    argv = ["no-such-runtime", "--file={artifact}", "{args}"]
    backend = backend_selection.known("matrix.toml", {"mine": RuntimeTable(tuple(argv))})["mine"]
    with start(backend, protocol) as worker:
        assert load(worker, backend, "/x")["refused"] == "there is no no-such-runtime on PATH"


def test_an_unknown_flag_is_said(install, protocol, guest):
    argv = [install(), "run", "--cranelift", "{artifact}", "{args}"]  # this one has no Cranelift
    backend = backend_selection.known("matrix.toml", {"mine": RuntimeTable(tuple(argv))})["mine"]
    with start(backend, protocol) as worker:
        load(worker, backend, guest)
        answer = run(worker, "hello")
        assert answer["code"] == 2
        assert "--cranelift" in answer["stderr"]


def test_a_signal_is_a_trap(protocol, tmp_path):
    argv = ["sh", "-c", "echo end >&2; kill -SEGV $$", "{artifact}", "{args}"]
    backend = backend_selection.known("matrix.toml", {"mine": RuntimeTable(tuple(argv))})["mine"]
    with start(backend, protocol) as worker:
        load(worker, backend, "/x")
        answer = run(worker)
        assert (answer["outcome"], answer["message"]) == ("trap", f"killed by {signal.SIGSEGV.name}")
        assert answer["stderr"] == "end\n"


def test_no_wasmer_costs_nothing(install):
    assert asked() == ()
    assert not Path(paths.WASMER_ANSWERS).parent.exists()


def test_each_binary_is_asked_once(install, monkeypatch, tmp_path):
    old, new = install("3.3.0", "singlepass,llvm"), install("7.1.0", "cranelift,llvm,v8")
    link = tmp_path / "wasmer"
    link.symlink_to(new)
    monkeypatch.setenv("WASMER", f"{old}:{new}::{tmp_path}/none")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    names = [
        "wasmer-cli.llvm@3.3.0",
        "wasmer-cli.singlepass@3.3.0",
        "wasmer-cli.cranelift@7.1.0",
        "wasmer-cli.llvm@7.1.0",
    ]
    assert wasmer_cli.backends() == (), "looking for backends starts nothing"
    assert not (tmp_path / "starts").exists()
    for _ in range(3):
        assert [backend.name for backend in asked()] == names
    assert (tmp_path / "starts").read_text().count("started") == 2
    kinds = {backend.name: backend.kind for backend in asked()}
    assert kinds["wasmer-cli.singlepass@3.3.0"] is Kind.BASELINE

    os.utime(old)  # a different one, as far as can be seen
    assert [backend.name for backend in asked()] == names
    assert (tmp_path / "starts").read_text().count("started") == 3


@pytest.mark.parametrize("rubbish", ["", "[]", "3", '{"a": 1}', "{", '{"%s": ["9", "gcc"]}', '{"%s": [1]}'])
def test_a_spoilt_cache_is_asked_anew(install, monkeypatch, rubbish):
    program = install()
    monkeypatch.setenv("WASMER", program)
    status = os.stat(program)
    answers = Path(paths.WASMER_ANSWERS)
    answers.parent.mkdir()
    answers.write_text(rubbish.replace("%s", f"{program} {status.st_mtime_ns} {status.st_size}"))
    assert len(asked()) == 2
    assert list(json.loads(answers.read_text()).values())[-1] == ["3.3.0", "llvm", "singlepass"]


@pytest.mark.parametrize(
    ("says", "remembered"),
    [("exit 1", 0), ("echo hello", 0), ("echo wasmer 1.0; echo compiler:", 1), ("exec sleep 0.1", 0)],
)
def test_what_is_no_wasmer_has_no_backends(install, monkeypatch, says, remembered):
    """And is asked again, for it may have been busy; doit run doctor says why."""
    program = Path(install())
    program.write_text(f"#!/bin/sh\n{says}\n")
    monkeypatch.setenv("WASMER", str(program))
    assert asked() == ()
    assert len(wasmer_cli._read_answers()) == remembered
    assert bool(wasmer_cli.troubles()) == (not remembered)


def test_matrix_toml_names_a_runtime(install, tmp_path, monkeypatch):
    folder = os.path.dirname(install())
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    path = tmp_path / "matrix.toml"
    shutil.copy(paths.MATRIX, path)
    with open(path, "a") as stream:
        stream.write('[runtimes.mine]\nargv = ["wasmer", "run", "{artifact}", "--", "{args}"]\n')
    plan = matrix.load({"backends": "mine"}, str(path))
    (backend,) = plan.backends
    assert backend.kind is Kind.PROGRAM
    assert backend.forks
    assert identity.installed(backend.runtime)
    monkeypatch.setattr(paths, "runtime_identity", lambda name: str(tmp_path / f"{name}.json"))
    identity.identify(backend.runtime)
    record = identity.load_identity(backend.runtime)
    assert (record.present, record.version) == (True, "3.3.0")
