"""Building an engine from source goes wrong: nothing is lost, and the record says why in one line."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.core.model import Runtime
from pipeline.runtimes.engines import basis, build, manifest, provision, record
from tests.conftest import ROOT
from tests.faults import mounts

FAULTS = "Engines from source"
MANIFEST = """
title = "Some engine"
language = "rust"
[[families]]
release = "1.0.0"
first = "1"
before = "2"
cpu_seconds = 4
disk_mb = 10
[backends.some]
kind = "interpreter"
"""
CARGO = """
[package]
name = "coremark-some"
version = "0.1.0"
edition = "2021"
"""
#: The release as a host finds it: what a panic's place would have.
MAIN = 'fn main() { println!("some 1.0.0"); }\n'
LOCK = """
version = 3

[[package]]
name = "coremark-some"
version = "0.1.0"
"""
#: Takes its time, in a program that cargo starts.
SLOW = "fn main() { std::thread::sleep(std::time::Duration::from_secs(SECONDS)); }\n"
RUNTIME = Runtime("some", "", engine="some", version="1.0.0")

pytestmark = pytest.mark.skipif(shutil.which("cargo") is None, reason="there is no cargo on PATH")


@pytest.fixture
def some(tmp_path, monkeypatch):
    """The folder of an engine without packages, in a project of its own with a cache of its own."""
    folder = tmp_path / "engines" / "some"
    (folder / "src").mkdir(parents=True)
    (tmp_path / "engines" / "hosts" / "rust").mkdir(parents=True)
    for name, text in (
        ("engine.toml", MANIFEST),
        ("Cargo.toml", CARGO),
        ("Cargo.lock", LOCK),
        ("src/main.rs", MAIN),
    ):
        (folder / name).write_text(text)
    (tmp_path / "pipeline").symlink_to(ROOT / "pipeline")
    found = {"some": manifest.read(folder / "engine.toml")}
    monkeypatch.setattr(manifest, "manifests", lambda: found)
    for module in (manifest, basis, build):
        monkeypatch.setattr(module, "place", lambda: tmp_path / "engines")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return folder


#: The same in a process of its own, which is the one that is killed.
CHILD = """
import signal
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background ignores it
from pipeline.core.model import Runtime
from pipeline.runtimes.engines import basis, build, manifest, provision
place = Path("engines").absolute()
found = {"some": manifest.read(place / "some" / "engine.toml")}
manifest.manifests = lambda: found
for module in (manifest, basis, build):
    module.place = lambda: place
provision.provision(Runtime("some", "", engine="some", version="1.0.0"))
"""


def started():
    return subprocess.Popen(
        [sys.executable, "-c", CHILD],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def made():
    """The record after one more try."""
    provision.provision(RUNTIME)
    return record.load("some-1.0.0")


def building(folder):
    """Processes that work in a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cwd"):
        try:
            if os.readlink(path).startswith(str(folder)) and path.parent.name != str(os.getpid()):
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def wait_for(condition):
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_an_engine_is_built_once(some, tried):
    first = made()
    assert first.present, first.reason
    assert (first.says, list(first.files)) == ("some 1.0.0", ["host"])
    host = record.folder("some-1.0.0", first.key) / "host"
    before = host.stat().st_mtime_ns
    assert made() == first
    assert host.stat().st_mtime_ns == before
    assert provision.present(RUNTIME)
    # A program that is not what was built is built again.
    host.write_text("#!/bin/sh\necho some 1.0.0\n")
    assert made() == first
    assert host.stat().st_size > 1000
    assert [path.name for path in record.root().iterdir() if not path.name.startswith(".")] == [
        f"some-1.0.0-{first.key}"
    ]
    tried("the program of an engine is replaced", "it is built again")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_build_that_is_ended_goes_on(some, number, tried):
    (some / "build.rs").write_text(SLOW.replace("SECONDS", "600"))
    cache = record.root()
    with started() as process:
        wait_for(lambda: len(building(cache)) >= 2)
        process.send_signal(number)
    wait_for(lambda: not building(cache))
    assert not [path for path in cache.iterdir() if path.name.startswith("some-1.0.0-")]
    (some / "build.rs").write_text(SLOW.replace("SECONDS", "0"))
    assert made().present
    tried(
        f"{signal.Signals(number).name} while an engine is built", "nothing goes on; the next run builds it"
    )


def test_two_runs_build_an_engine_once(some, tried):
    (some / "build.rs").write_text(SLOW.replace("SECONDS", "3"))
    with started() as one, started() as other:
        printed = [process.communicate(timeout=300)[0] for process in (one, other)]
    assert [one.returncode, other.returncode] == [0, 0]
    assert sum("is built" in text for text in printed) == 1
    assert sum("waiting for a different run" in text for text in printed) == 1
    assert record.load("some-1.0.0").present
    tried("two runs want the same engine", "one builds it, the other waits and uses it")


def test_a_full_cache_is_one_line(some, tmp_path, tried):
    mounts.private()
    with mounts.disk(tmp_path / "cache") as disk:
        disk.shrink(disk.used() + 20)
        found = made()
        assert not found.present
        assert "No space left on device" in found.reason
        assert "\n" not in found.reason
        disk.grow()
        assert made().present
    tried("a full disk while an engine is built", "its cells say so; with room it is built")


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (lambda text: text.replace('"0.1.0"', '"0.2.0"'), "lock"),
        (lambda text: text.replace("[[package]]", "[[package"), "lock"),
        (lambda text: "", "lock"),
    ],
)
def test_a_lock_that_was_edited_is_refused(some, edit, why, tried):
    (some / "Cargo.lock").write_text(edit(LOCK))
    (some / "Cargo.toml").write_text(f"{CARGO}\n[dependencies]\nlibc = '0.2'\n")
    found = made()
    assert not found.present
    assert why in found.reason
    assert "\n" not in found.reason
    tried("the lock of an engine is edited", "it is not built, and says why")


def test_a_registry_that_does_not_answer_is_one_line(some, tmp_path, monkeypatch, tried):
    home = tmp_path / "cargo home"
    home.mkdir()
    (home / "config.toml").write_text(
        '[source.crates-io]\nreplace-with = "nowhere"\n'
        '[source.nowhere]\nregistry = "sparse+http://127.0.0.1:9/"\n[net]\nretry = 0\n'
    )
    monkeypatch.setenv("CARGO_HOME", str(home))
    (some / "Cargo.toml").write_text(f"{CARGO}\n[dependencies]\nlibc = '=0.2.191'\n")
    (some / "Cargo.lock").write_text(
        LOCK.rstrip() + '\ndependencies = [\n "libc",\n]\n\n[[package]]\nname = "libc"\nversion = "0.2.191"\n'
        'source = "registry+https://github.com/rust-lang/crates.io-index"\n'
        f'checksum = "{"0" * 64}"\n'
    )
    found = made()
    assert not found.present
    assert re.search(r"127\.0\.0\.1|[Cc]onnect|download|failed to get", found.reason), found.reason
    assert found.reason.endswith("then run doit again")
    assert "\n" not in found.reason
    tried("the registry of crates does not answer", "its cells say so")
