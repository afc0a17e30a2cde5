"""wazero, in a host in Go: what its proof notices, what a build gives, and what only it does."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from pipeline.experiment import matrix
from pipeline.measure.guest import Ended, prove
from pipeline.measure.worker_messages import Loaded
from pipeline.runtimes.engines import provision, record
from pipeline.runtimes.engines.build import copy_sources
from pipeline.runtimes.engines.build_process import Unavailable
from pipeline.runtimes.engines.languages import Job, builder_of
from pipeline.runtimes.engines.progress import Progress
from pipeline.runtimes.launch import start
from pipeline.runtimes.worker_process import Worker
from tests.conftest import ROOT
from tests.contract.conftest import compiled

NAMES = ("wazero.compiler", "wazero.interpreter")
MEMORY_MIB = 700


@pytest.fixture(scope="module")
def protocol():
    return replace(matrix.load({}).protocol, memory_mib=MEMORY_MIB)


@pytest.fixture(scope="module")
def guests(prepared, tmp_path_factory):
    """{name: path} of guests."""
    folder = tmp_path_factory.mktemp("guest modules")
    return {name: compiled(folder, f"tests/guests/{name}.c") for name in ("guest", "memory")}


def load(worker, backend, path):
    return worker.request({"op": "load", "path": path, "options": dict(backend.options)}, 60)


def run(worker, *argv):
    return worker.request({"op": "run", "argv": ["guest", *argv], "watch": False}, 60)


def loaded(backend, protocol, path):
    with start(backend, protocol) as worker:
        return msgspec.convert(load(worker, backend, path), Loaded)


@pytest.mark.parametrize(("name", "other"), [NAMES, NAMES[::-1]])
def test_a_label_that_is_not_what_runs_is_invalid(present, protocol, guests, name, other):
    backend = present(name)
    swapped = replace(backend, options=present(other).options)
    with pytest.raises(Ended, match="it should prove code "):
        prove(backend, loaded(swapped, protocol, guests["guest"]), backend.runtime.version)
    prove(backend, loaded(backend, protocol, guests["guest"]), backend.runtime.version)


@pytest.fixture
def built(present, tmp_path):
    """A function that builds the host from sources with some text replaced, and gives its path."""
    wanted = provision.engine_of(present(NAMES[0]).runtime)

    def build(old="", new=""):
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folders = [folder / name for name in ("sources", "work", "into")]
        for each in folders:
            each.mkdir(parents=True)
        job = Job(wanted, *folders, Progress(wanted))
        copy_sources(job)
        main = job.host / "main.go"
        text = main.read_text()
        assert old in text
        main.write_text(text.replace(old, new))
        builder_of(wanted).build(job)
        return job.into / "host"

    return build


def test_an_interpreter_that_calls_itself_a_compiler_is_caught(present, built, protocol, guests):
    tampered = built("wazero.NewRuntimeConfigCompiler()", "wazero.NewRuntimeConfigInterpreter()")
    backend = present("wazero.compiler")
    with Worker([str(tampered)], {}, memory_mib=MEMORY_MIB, reserved_mib=1024) as worker:
        found = msgspec.convert(load(worker, backend, guests["guest"]), Loaded)
    with pytest.raises(Ended, match="it should prove code 'machine code', but its code is 'none'"):
        prove(backend, found, backend.runtime.version)


def test_the_same_sources_give_the_same_bytes(present, built):
    wanted = provision.engine_of(present(NAMES[0]).runtime)
    known = record.load(wanted.id)
    expected = (record.folder(wanted.id, known.key) / "host").read_bytes()
    assert built().read_bytes() == expected
    for path in (b"/root/", b"/home/", str(ROOT).encode()):
        assert path not in expected, path


@pytest.mark.parametrize("name", NAMES)
def test_what_runs_leave_behind_is_freed(present, protocol, guests, name):
    """Hundreds of memories of 16 MiB, and Go's own heap: neither adds up."""
    backend = present(name)
    with start(backend, protocol) as worker:
        load(worker, backend, guests["memory"])
        for _ in range(20):
            run(worker, "own")
        before = worker.peak_rss_bytes()
        for _ in range(60):
            assert run(worker, "own")["outcome"] == "exit"
        assert worker.peak_rss_bytes() - before < 24 << 20


def test_no_garbage_is_collected_within_a_run(present, protocol, guests, monkeypatch):
    """Go says of each collection when it was; those between runs are forced."""
    backend = replace(present("wazero.compiler"), environment={"GODEBUG": "gctrace=1"})
    with start(backend, protocol) as worker:
        load(worker, backend, guests["guest"])
        for _ in range(50):
            assert run(worker, "hello")["outcome"] == "exit"
        worker._stderr.seek(0)
        lines = worker._stderr.read().decode().splitlines()
    assert [line for line in lines if line.startswith("gc ") and "(forced)" not in line] == []


@pytest.fixture
def refused(present, tmp_path):
    """A function that builds with a changed lock, and gives the reason why that is refused."""
    wanted = provision.engine_of(present(NAMES[0]).runtime)

    def build(change):
        folders = [tmp_path / name for name in ("sources", "work", "into")]
        for each in folders:
            each.mkdir(parents=True)
        job = Job(wanted, *folders, Progress(wanted))
        copy_sources(job)
        lock = job.host / "go.sum"
        lock.write_text(change(lock.read_text()))
        with pytest.raises(Unavailable) as caught:
            builder_of(wanted).build(job)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return build


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace("h1:D", "h1:A", 1), "checksum mismatch"),
        (lambda text: text.partition("\n")[2], "missing go.sum entry for module"),
    ],
)
def test_a_lock_that_was_changed_by_hand_is_one_line(refused, change, words):
    reason = refused(change)
    assert words in reason
    assert reason.endswith("go.sum was changed, or is not for these packages; run: git checkout pipeline")


def test_a_proxy_that_does_not_answer_is_one_line(refused, monkeypatch, tmp_path):
    monkeypatch.setenv("GOPROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("GOMODCACHE", str(tmp_path / "no packages"))
    reason = refused(lambda text: text)
    assert "connection refused" in reason
    assert reason.endswith(
        "check the route to the proxy of Go modules, and free disk space, then run doit again"
    )
