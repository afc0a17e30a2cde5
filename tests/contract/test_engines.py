"""Engines that are built from source: what they show of themselves, and those that are not what they say."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from pipeline.core.model import Status
from pipeline.experiment import matrix
from pipeline.measure.guest import Ended, prove
from pipeline.measure.worker_messages import Loaded
from pipeline.runtimes import identity
from pipeline.runtimes.engines import provision, record
from pipeline.runtimes.engines.build import describe
from pipeline.runtimes.engines.build_process import Unavailable, says
from pipeline.runtimes.engines.languages import Job, builder_of
from pipeline.runtimes.engines.manifest import engine, manifests, place
from pipeline.runtimes.engines.progress import Progress
from pipeline.runtimes.launch import start
from tests.contract.conftest import BACKENDS, VERSIONED, compiled

BUILT = [name for name, backend in BACKENDS.items() if backend.runtime.engine is not None]
MEMORY_MIB = 6144


@pytest.fixture(scope="module")
def guest(prepared, tmp_path_factory):
    return compiled(tmp_path_factory.mktemp("guest modules"), "tests/guests/guest.c")


def loaded(backend, guest, **options):
    protocol = replace(matrix.load({}).protocol, memory_mib=MEMORY_MIB)
    with start(backend, protocol) as worker:
        request = {"op": "load", "path": guest, "options": {**backend.options, **options}}
        return msgspec.convert(worker.request(request, 60), Loaded)


@pytest.mark.parametrize("name", BUILT)
def test_a_host_proves_its_release_and_its_compiler(present, guest, name):
    backend = present(name)
    found, known = loaded(backend, guest), identity.load_identity(backend.runtime)
    assert found.version == known.version == backend.runtime.version
    prove(backend, found, known.version)
    assert {part.version for part in known.programs.values()} >= {backend.runtime.version}


def test_a_host_of_a_different_release_is_invalid(present, guest):
    backend = present("wasmi.eager")
    with pytest.raises(Ended) as caught:
        prove(backend, loaded(backend, guest), "1.0.0")
    assert caught.value.status is Status.INVALID
    assert str(caught.value) == "the runtime says it is 2.0.0, expected 1.0.0"


def test_a_mode_that_is_not_what_the_label_says_is_invalid(present, guest):
    backend = present("wasmi.eager")
    with pytest.raises(Ended, match="it should prove mode 'eager', but its mode is 'lazy'"):
        prove(backend, loaded(backend, guest, mode="lazy"), backend.runtime.version)


def test_a_mode_that_the_engine_has_not_is_unavailable(present, guest):
    backend = present("wasmi.eager")
    protocol = matrix.load({}).protocol
    with start(backend, protocol) as worker:
        request = {"op": "load", "path": guest, "options": {"mode": "jit"}}
        assert worker.request(request, 60) == {"unavailable": 'wasmi has no mode "jit"'}


@pytest.fixture
def own_cache(present, tmp_path, monkeypatch):
    """A copy of wasmi as it was built, in a cache of its own: the runtime, and its folder there."""
    runtime = present("wasmi.eager").runtime
    wanted = provision.engine_of(runtime)
    known = record.load(wanted.id)
    built = record.folder(wanted.id, known.key)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    copy = record.make_root() / built.name
    shutil.copytree(built, copy)
    return runtime, copy


def test_a_program_that_was_changed_is_not_used(own_cache):
    runtime, copy = own_cache
    assert provision.is_built(runtime)
    with open(copy / "host", "ab") as stream:
        stream.write(b"\0")
    assert not provision.is_built(runtime)


def test_a_program_that_is_gone_is_one_line(own_cache):
    runtime, copy = own_cache
    assert provision.command(runtime)[0] == str(copy / "host")
    shutil.rmtree(copy)
    assert provision.command(runtime) is None
    assert not provision.present(runtime)


@pytest.mark.parametrize(
    "printed", ["wasmi 1.0.0", "wasmi none", "wasmi 2.0.0 and 1.0.0", "tinywasm 2.0.0", ""]
)
def test_what_is_built_must_be_the_release_that_was_asked_for(tmp_path, printed):
    host = tmp_path / "host"
    host.write_text(f"#!/bin/sh\necho '{printed}'\n")
    host.chmod(0o755)
    wanted = engine("wasmi", "2.0.0")
    job = Job(wanted, tmp_path, tmp_path, tmp_path, Progress(wanted))
    with pytest.raises(
        Unavailable, match=r"^wasmi-2\.0\.0: its host says it is '.*', expected 'wasmi 2\.0\.0'$"
    ):
        describe(job, builder_of(wanted))


@pytest.mark.parametrize("name", [*BUILT, *VERSIONED])
def test_no_path_of_this_machine_is_in_what_is_built(present, name):
    backend = present(name)
    command = provision.command(backend.runtime)
    assert says(*command, "--version") == f"{backend.runtime.engine} {backend.runtime.version}"
    if manifests()[backend.runtime.engine].language != "rust":
        pytest.skip("its program is no host of ours")
    program = Path(next(word for word in command if word.endswith("/host"))).read_bytes()
    for path in (b"/root/", b"/home/", b"registry/src", b"index.crates"):
        assert path not in program, path


@pytest.mark.skipif(shutil.which("cargo") is None, reason="cargo is not here")
def test_the_rust_layer_passes_its_own_tests(tmp_path):
    layer = shutil.copytree(place() / "hosts" / "rust", tmp_path / "layer")
    if subprocess.run(["cargo", "fetch"], cwd=layer, capture_output=True, check=False).returncode != 0:
        pytest.skip("cargo has no route to the registry of crates")
    ran = subprocess.run(["cargo", "test", "--quiet"], cwd=layer, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "\ntest result: ok. 3 passed; 0 failed" in ran.stdout
