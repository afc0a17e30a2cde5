"""What guests and workers are given, under every backend: nothing of ours; and what each is held to."""

# ruff: noqa: F811 - fixtures of a different folder are imported

from __future__ import annotations

import contextlib
import os
import re
import resource
import socket
import threading
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from pipeline.core.errors import WorkerCrash, WorkerTimeout
from pipeline.experiment import matrix
from pipeline.runtimes.launch import start
from pipeline.runtimes.process_limits import FILE_LIMIT
from tests.contract.conftest import backend, chosen, compiled, distinct, is_chosen, present  # noqa: F401
from toolchain.model import NATIVE, WASM

FAULTS = "Guests that want out"
HOUSE = "what the house keeps for itself"
#: JavaScriptCore maps 4 GiB for a memory, for a moment.
MEMORY_MIB = 6144
#: How many attempts tests/guests/intruder.c makes: fewer, and it ended early.
ATTEMPTS = {"open": 1449, "use": 617, "sockets": 63, "clocks": 96}
#: Those whose guests have a file system of their own in memory: what they make there is gone with the run.
OWN_FILES = ("wasmer.", "wasmer-sdk.")
GIVEN = "arguments 3, environment 0 0 0, input 0, clocks 1, random 1"


@pytest.fixture(scope="module")
def guests(prepared, tmp_path_factory):
    """{name: path} of guests that try things."""
    folder = tmp_path_factory.mktemp("guest modules")
    return {
        "intruder": compiled(folder, "tests/guests/intruder.c"),
        "caller": compiled(folder, "tests/guests/caller.c"),
        WASM: compiled(folder, "tests/guests/guest.c"),
        NATIVE: compiled(folder, "tests/guests/guest.c", NATIVE),
    }


@pytest.fixture
def worker_of():
    """``worker_of(backend, path)``: a worker that has loaded a guest, or the reason why it has not."""
    with contextlib.ExitStack() as stack:

        def made(backend, path):
            worker = stack.enter_context(
                start(backend, replace(matrix.load({}).protocol, memory_mib=MEMORY_MIB))
            )
            answer = worker.request({"op": "load", "path": path, "options": dict(backend.options)}, 60)
            return worker, answer.get("refused") or answer.get("unavailable")

        yield made


def run(worker, *argv, timeout=60):
    return worker.request({"op": "run", "argv": ["guest", *argv], "watch": False}, timeout)


def test_an_intruder_gets_nothing(backend, guests, worker_of, tmp_path, monkeypatch, tried):
    """By raw calls on each descriptor: the host's files, folders, sockets, or what other runs left there."""
    if backend.native:
        pytest.skip("native code is under no sandbox: see SECURITY.md")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", HOUSE)
    assert "root:" in Path("/etc/passwd").read_text()
    secret = tmp_path / "secret"
    secret.write_text(HOUSE)
    house = tree(tmp_path)
    worker, refused = worker_of(backend, guests["intruder"])
    assert refused is None
    attempts = 0
    for what in ("given", "open", "use", "sockets", "clocks", "close", "given", "renumber", "given", "raise"):
        try:
            answer = run(worker, what, str(secret))
        except WorkerCrash as error:
            # Wasmer 1.1 panics at what it lacks: the crash of a worker, which is this cell's status.
            if "not implemented: wasi::" not in str(error):
                raise
            worker, _ = worker_of(backend, guests["intruder"])
            continue
        printed = answer["stdout"]
        lines = printed.splitlines()
        assert HOUSE not in printed, what
        assert "root:" not in printed, f"{what}: /etc/passwd"
        assert not [name for name in os.environ if f"{name}=" in printed], f"{what}: the host's environment"
        assert secret.name + "\n" not in printed.replace("\0", "\n"), f"{what}: a folder was listed"
        if what == "given":
            assert lines[0] == GIVEN
        if what in ATTEMPTS and answer["outcome"] == "exit":
            assert lines[-1] == f"{ATTEMPTS[what]} attempts", what
            attempts += ATTEMPTS[what]
            if what in ("sockets", "clocks") or not backend.name.startswith(OWN_FILES):
                assert lines[:-1] == [], what
        assert tree(tmp_path) == house, f"{what}: something was changed"
    assert attempts >= ATTEMPTS["open"] + ATTEMPTS["use"]
    assert not Path("/made").exists()
    tried("a guest's raw calls for files, folders and sockets", "nothing given, nothing changed", attempts)


def test_the_intruder_would_tell(present, guests, tmp_path):
    """Given a folder, the same attempts find what is there."""
    (tmp_path / "secret").write_text(HOUSE)
    chosen = present("wasmtime.cranelift")
    with start(chosen, matrix.load({}).protocol) as worker:
        options = {**chosen.options, "files": str(tmp_path)}
        worker.request({"op": "load", "path": guests["intruder"], "options": options}, 60)
        printed = run(worker, "open", "/secret")["stdout"]
    assert printed.splitlines()[0].startswith("got ")
    assert HOUSE in printed


def tree(folder):
    """All that is in a folder: {path: content}."""
    return {str(p): p.read_bytes() if p.is_file() else None for p in folder.rglob("*")}


def test_nobody_is_called(distinct, guests, worker_of, tried):
    """WASIX has sockets: a runtime refuses the module, or the call."""
    if distinct.native:
        pytest.skip("native code is under no sandbox: see SECURITY.md")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        worker, refused = worker_of(distinct, guests["caller"])
        if refused is None:
            answer = run(worker, str(server.getsockname()[1]))
            assert answer["outcome"] == "trap" or answer["stdout"] == "refused\n", answer
        with pytest.raises(BlockingIOError):
            server.accept()
    tried("a guest that opens a connection", "its module or its call is refused")


STUBS = ("v8.", "jsc.", "spidermonkey.", "chicory.", "endive.", "graalwasm.")


def module(*imported):
    """A WASI command whose _start calls one imported function."""
    names = b"".join(bytes([len(name)]) + name.encode() for name in imported)
    sections = {
        1: b"\x01\x60\x00\x00",  # () -> ()
        2: b"\x01" + names + b"\x00\x00",
        3: b"\x01\x00",
        5: b"\x01\x00\x01",
        7: b"\x02\x06_start\x00\x01\x06memory\x02\x00",
        10: b"\x01\x04\x00\x10\x00\x0b",
    }
    return b"\0asm\1\0\0\0" + b"".join(bytes([n, len(body)]) + body for n, body in sections.items())


def test_an_unknown_function_of_the_host_is_no_function(distinct, worker_of, tmp_path, tried):
    if distinct.native:
        pytest.skip("native code imports nothing")
    for imported in (("env", "system"), ("wasi_snapshot_preview1", "proc_exec")):
        path = tmp_path / "module.wasm"
        path.write_bytes(module(*imported))
        # Engines of JavaScript and those on a JVM are given a function for it that says ENOSYS.
        stub = imported[0] != "env" and distinct.name.startswith(STUBS)
        try:
            worker, refused = worker_of(distinct, str(path))
            assert refused or stub or run(worker)["outcome"] == "trap", imported
        except WorkerCrash as error:  # wasmer-sdk: the crash of a worker, which is this cell's status
            if not re.search("unknown import|died of SIGABRT", str(error)):
                raise
    tried("a module that imports a function that no host has", "refused, or a trap", 2)


def test_a_worker_inherits_nothing(distinct, guests, worker_of, tmp_path, monkeypatch, tried):
    """Neither environment nor descriptors, though these would be inherited; it is held to its limits."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", HOUSE)
    secret = tmp_path / "secret"
    secret.write_text(HOUSE)
    descriptor = os.open(secret, os.O_RDONLY)
    os.set_inheritable(descriptor, True)
    try:
        worker, _ = worker_of(distinct, guests[NATIVE if distinct.native else WASM])
    finally:
        os.close(descriptor)
    own = facts(worker.process.pid)
    assert own["session"] == worker.process.pid, "it shares a session with us"
    assert own["folder"] == "/"
    words = own["environment"].decode().split("\0")
    names = {word.partition("=")[0] for word in words if word}
    assert names <= {"PATH", "LC_ALL", "TZ", "LD_LIBRARY_PATH", *distinct.environment}
    found = [own, *(guests_of(worker) if distinct.forks else [])]
    assert len(found) == 1 + distinct.forks
    for each in found:
        assert HOUSE.encode() not in each["environment"]
        assert str(secret) not in each["files"]
        assert each["core"] == (0, 0)
        assert each["file size"] == (FILE_LIMIT, FILE_LIMIT)
        data_mib = MEMORY_MIB * distinct.runtime.memory_factor + distinct.runtime.reserved_mib
        assert each["data"] == (int(data_mib * 2**20),) * 2
    for each in found[1:]:
        # For wasm2c's host, in which the guest is, the numbers of files in memory.
        assert distinct.native is (each["environment"] == b"")
        assert re.fullmatch(rb"((TRAP|RETURNED|CALLS)_DESCRIPTOR=\d+\0)*", each["environment"])
        assert re.match(r"/dev/null$|/memfd:", each["input"]), each["input"]
        assert all(re.match(r"/dev/null|/memfd:", file) for file in each["files"]), each["files"]
        assert each["folder"] == "/"
    tried("a worker whose parent has secrets", "it has none of them, and its limits", len(found))


def facts(pid):
    """What a process has and is held to."""
    process = Path(f"/proc/{pid}")
    return {
        "environment": (process / "environ").read_bytes(),
        "files": {os.readlink(link) for link in (process / "fd").iterdir()},
        "input": os.readlink(process / "fd" / "0"),
        "folder": os.readlink(process / "cwd"),
        "session": os.getsid(pid),
        "core": resource.prlimit(pid, resource.RLIMIT_CORE),
        "file size": resource.prlimit(pid, resource.RLIMIT_FSIZE),
        "data": resource.prlimit(pid, resource.RLIMIT_DATA),
    }


def guests_of(worker):
    """The facts of the guest that a worker runs as a process."""
    parent = psutil.Process(worker.process.pid)
    found = {}
    done = threading.Event()

    def watch():
        while not done.wait(0.02):
            with contextlib.suppress(psutil.Error, OSError):
                for child in parent.children():
                    if child.exe() != parent.exe():  # it is not between fork and exec
                        found[child.pid] = facts(child.pid)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        with pytest.raises(WorkerTimeout):
            run(worker, "loop", timeout=0.6)
    finally:
        done.set()
        watcher.join()
    return list(found.values())
