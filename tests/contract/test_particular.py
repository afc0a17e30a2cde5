"""What only one runtime does, and its worker has to cope with."""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.core import paths
from pipeline.core.errors import WorkerTimeout
from pipeline.experiment import matrix
from pipeline.runtimes.launch import start

#: The index of a call_indirect's table, as wasm-ld writes it and in its shortest form.
INDEXES = {"relocatable": b"\x80\x80\x80\x80\x00", "shortest": b"\x00"}


@pytest.fixture
def protocol():
    return replace(matrix.load({}).protocol, memory_mib=700)


def section(number, content):
    assert len(content) < 128
    return bytes([number, len(content)]) + content


def named(text):
    return bytes([len(text)]) + text


def module(index, pages=1):
    """A WASI command with a call_indirect that names its table by these bytes, and is never reached."""
    body = b"\x00" + b"\x41\x00\x04\x40" + b"\x41\x00\x11\x01" + index + b"\x0b" + b"\x0b"
    return b"".join(
        (
            b"\0asm\1\0\0\0",
            section(1, b"\x02" + b"\x60\x01\x7f\x00" + b"\x60\x00\x00"),
            section(2, b"\x01" + named(b"wasi_snapshot_preview1") + named(b"proc_exit") + b"\x00\x00"),
            section(3, b"\x01\x01"),
            section(4, b"\x01\x70\x00\x01"),
            section(5, b"\x01\x00" + bytes([pages])),
            section(7, b"\x02" + named(b"memory") + b"\x02\x00" + named(b"_start") + b"\x00\x01"),
            section(9, b"\x01\x00\x41\x00\x0b\x01\x01"),
            section(10, b"\x01" + bytes([len(body)]) + body),
        )
    )


def load(worker, backend, path):
    return worker.request({"op": "load", "path": str(path), "options": dict(backend.options)}, 60)


def run(worker):
    return worker.request({"op": "run", "argv": ["guest"], "watch": False}, 30)


@pytest.mark.parametrize("index", INDEXES)
def test_wasm3_runs_what_wasm_ld_writes(present, protocol, tmp_path, index):
    """It refuses table indexes of more than one byte: only re-encoded does such a module run."""
    backend, path = present("wasm3"), tmp_path / "module.wasm"
    path.write_bytes(module(INDEXES[index]))
    with start(backend, protocol) as worker:
        proof = load(worker, backend, path)["proof"]
        answer = run(worker)
    assert (answer["outcome"], answer["code"]) == ("exit", 0)
    # Unchanged where wasm3 takes it as it is.
    assert proof["module"] == {"relocatable": "re-encoded by wabt", "shortest": "as given"}[index]


def test_wasm3_frees_the_memory_of_a_run(present, protocol, tmp_path):
    backend, path = present("wasm3"), tmp_path / "module.wasm"
    path.write_bytes(module(INDEXES["shortest"], pages=127))
    with start(backend, protocol) as worker:
        load(worker, backend, path)
        for _ in range(200):  # of 8 MiB each
            assert run(worker)["outcome"] == "exit"


def test_wasmer_sdk_ends_well_every_time(present, protocol, tmp_path):
    """Closing it aborts now and then: the worker must leave without."""
    backend, path = present("wasmer-sdk.cranelift"), tmp_path / "module.wasm"
    path.write_bytes(module(INDEXES["shortest"]))
    for _ in range(15):
        with start(backend, protocol) as worker:
            load(worker, backend, path)
            assert run(worker)["outcome"] == "exit"
        assert worker.process.returncode == 0


def test_a_worker_leaves_without_cleaning_up(present, protocol, tmp_path):
    """Where Wasmer's SDK would abort now and then: nothing that is to run at exit runs."""
    backend, path, leaving = present("wasmer-sdk.cranelift"), tmp_path / "module.wasm", tmp_path / "left"
    path.write_bytes(module(INDEXES["shortest"]))
    code = f"import atexit, pathlib\natexit.register(pathlib.Path({str(leaving)!r}).touch)\n"
    (tmp_path / "sitecustomize.py").write_text(code + f"pathlib.Path({str(leaving) + '-begun'!r}).touch()\n")
    backend = replace(backend, environment={**backend.environment, "PYTHONPATH": str(tmp_path)})
    with start(backend, protocol) as worker:
        load(worker, backend, path)
        assert run(worker)["outcome"] == "exit"
    assert worker.process.returncode == 0
    assert (tmp_path / "left-begun").exists()
    assert not leaving.exists()


@pytest.mark.parametrize("name", ["wasm2c.clang-O3", "wasm2c.gcc-O3", "wasmer-sdk.cranelift"])
@pytest.mark.parametrize("seconds", [0.02, 0.15, 0.4])
def test_a_load_that_is_killed_leaves_nothing(present, protocol, tmp_path, name, seconds):
    backend = present(name)
    # A place of its own: other tests make such folders at the same time.
    backend = replace(backend, environment={**backend.environment, "TMPDIR": str(tmp_path)})
    path = next(Path(paths.BUILD).glob("artifacts/coremark/zig/*/wasm/coremark.wasm")).absolute()
    request = {"op": "load", "path": str(path), "options": dict(backend.options)}
    with start(backend, protocol) as worker:
        session = worker.process.pid
        # Where it is faster than that, there is nothing to kill.
        with contextlib.suppress(WorkerTimeout):
            worker.request(request, seconds)
    deadline = time.monotonic() + 5
    while (list(tmp_path.iterdir()) or members(session)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not list(tmp_path.iterdir())
    assert not members(session)


def members(session):
    """Living processes of a session."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        if fields[3] == str(session) and fields[0] != "Z":
            found.append(path.parent.name)
    return found
