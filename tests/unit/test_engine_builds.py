"""Engines from source: what decides a build, what is missing, what is whole, and programs that build."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.core.files import write_record
from pipeline.core.model import Runtime
from pipeline.runtimes.engines import basis, manifest, provision, record, rust, unused
from pipeline.runtimes.engines.basis import basis_of, key_of, lock_of, sources
from pipeline.runtimes.engines.build_process import Failed, Unavailable, complaint, run
from pipeline.runtimes.engines.progress import left
from pipeline.runtimes.engines.record import Basis, EngineRecord

ROOT = Path(__file__).resolve().parents[2]
#: An engine with two families, each with a folder, and a file that both use.
MANIFEST = """
title = "Some engine"
language = "rust"
[[families]]
folder = "v2"
release = "2.0.0"
first = "2"
before = "3"
needs = { rust = "1.80" }
cpu_seconds = 100
disk_mb = 200
[[families]]
folder = "v1"
release = "1.0.0"
first = "1"
before = "2"
cpu_seconds = 100
disk_mb = 200
[backends.some]
kind = "interpreter"
"""
FILES = {
    "some/engine.toml": MANIFEST,
    "some/shared/guest.rs": "shared",
    "some/v1/Cargo.toml": 'some = "=1.0.0"',
    "some/v1/Cargo.lock": "lock 1",
    "some/v2/Cargo.toml": 'some = "=2.0.0"',
    "some/v2/Cargo.lock": "lock 2",
    "some/v2/src/main.rs": "main",
    "some/v2/target/junk": "made by hand",
    "hosts/rust/src/lib.rs": "library",
    "hosts/go/host.go": "other language",
    "other/src/main.rs": "other engine",
}


@pytest.fixture
def engines(tmp_path, monkeypatch):
    """The folder of these engines; its manifest is read, and the cache is next to it."""
    place = tmp_path / "engines"
    for name, text in FILES.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
    found = {"some": manifest.read(place / "some" / "engine.toml")}
    monkeypatch.setattr(manifest, "manifests", lambda: found)
    for module in (manifest, basis):
        monkeypatch.setattr(module, "place", lambda: place)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    basis._tools.cache_clear()
    yield place
    basis._tools.cache_clear()


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """PATH with programs that only say what they are."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("CARGO_HOME", str(tmp_path / "no cargo"))

    def have(**printed):
        for name, text in printed.items():
            (folder / name).write_text(f"#!/bin/sh\necho '{text}'\n")
            (folder / name).chmod(0o755)
        basis._tools.cache_clear()

    return have


def test_a_host_is_made_of_its_family_and_of_what_is_shared(engines):
    found = {str(path.relative_to(engines)) for path in sources(manifest.engine("some", "2.0.0"))}
    assert found == {
        "some/shared/guest.rs",
        "some/v2/Cargo.toml",
        "some/v2/Cargo.lock",
        "some/v2/src/main.rs",
        "hosts/rust/src/lib.rs",
    }


@pytest.mark.parametrize(
    ("name", "decides"),
    [
        (name, name.startswith(("some/v2/src", "some/v2/Cargo", "some/shared", "hosts/rust")))
        for name in FILES
    ],
)
def test_all_that_decides_a_build_is_in_its_key(engines, tools, name, decides):
    tools(cargo="cargo", rustc="rustc 1.90.0 (some)", cc="cc 12")
    wanted = manifest.engine("some", "2.0.0")
    before = key_of(wanted, basis_of(wanted, None))
    assert key_of(wanted, basis_of(wanted, None)) == before
    (engines / name).write_text(FILES[name] + " ")
    assert (key_of(wanted, basis_of(wanted, None)) != before) == decides


def test_the_tools_and_the_release_are_in_the_key(engines, tools):
    keys = set()
    for rustc, cc in (("1.90.0 (some)", "12"), ("1.90.0 (other)", "12"), ("1.90.0 (other)", "13")):
        tools(cargo="cargo", rustc=f"rustc {rustc}", cc=f"cc {cc}")
        for release in ("2.0.0", "2.1.0"):
            wanted = manifest.engine("some", release)
            keys.add(key_of(wanted, basis_of(wanted, None)))
    assert len(keys) == 6


def test_the_builders_code_is_in_the_key(engines, tools, monkeypatch):
    tools(cargo="cargo", rustc="rustc 1.90.0", cc="cc 12")
    wanted = manifest.engine("some", "2.0.0")
    before = key_of(wanted, basis_of(wanted, None))
    monkeypatch.setattr(type(rust.BUILDER), "code", ("rust", "llvm", "progress"))
    assert key_of(wanted, basis_of(wanted, None)) != before


@pytest.mark.parametrize(
    ("printed", "message"),
    [
        ({}, "Some engine is built by cargo, which is not on PATH; install Rust: apt-get install cargo"),
        ({"cargo": "cargo"}, "Some engine is built by rustc, which is not on PATH"),
        (
            {"cargo": "cargo", "rustc": "rustc 1.90.0"},
            "Some engine is linked by cc, which is not on PATH; run: apt-get install gcc",
        ),
        (
            {"cargo": "cargo", "rustc": "rustc 1.63.0", "cc": "cc 12"},
            "Some engine 2.0.0 wants Rust 1.80 or later, rustc is 1.63.0; run: rustup update",
        ),
        ({"cargo": "cargo", "rustc": "no Rust", "cc": "cc 12"}, "rustc -Vv does not print its release"),
    ],
)
def test_what_is_missing_is_one_line(engines, tools, printed, message):
    tools(**printed)
    with pytest.raises(Unavailable) as caught:
        basis_of(manifest.engine("some", "2.0.0"), None)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_what_was_built_is_used_where_the_compiler_is_gone(engines, tools):
    tools(cargo="cargo", rustc="rustc 1.90.0", cc="cc 12")
    wanted = manifest.engine("some", "2.0.0")
    built = basis_of(wanted, None)
    (Path(os.environ["PATH"]) / "cargo").unlink()
    assert basis_of(wanted, built) == built
    (engines / "some/v2/src/main.rs").write_text("new")
    assert basis_of(wanted, built) != built


def test_a_lock_is_the_projects_or_lies_in_the_cache(engines, tools, tmp_path):
    assert lock_of(manifest.engine("some", "2.0.0")) == engines / "some/v2/Cargo.lock"
    lock = lock_of(manifest.engine("some", "2.5.0"))
    assert lock.parent == tmp_path / "cache/coremark-wasm/engines"
    (engines / "some/v2/Cargo.toml").write_text('some = "=2.0.0"\nmore = "1"')
    assert lock_of(manifest.engine("some", "2.5.0")) != lock


def test_the_text_of_a_release_is_replaced():
    wanted = manifest.engine("wasmi", "1.0.0")
    text = 'wasmi = { version = "=2.0.0" }\nserde = "=2.0.01"\n'
    assert rust.BUILDER.at_release(text, wanted) == 'wasmi = { version = "=1.0.0" }\nserde = "=2.0.01"\n'


def test_a_folder_that_is_not_what_was_built_is_none(tmp_path):
    (tmp_path / "host").write_text("program")
    made = EngineRecord(present=True, key="1", files={"host": record.sha256(tmp_path / "host")})
    assert record.made(tmp_path) is None
    write_record(tmp_path / record.MADE, made)
    assert record.made(tmp_path) == made
    (tmp_path / "host").write_text("different")
    assert record.made(tmp_path) is None
    (tmp_path / "host").unlink()
    assert record.made(tmp_path) is None


def test_others_may_not_write_where_programs_lie(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert record.make_root().stat().st_mode & 0o777 == 0o700
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert record.root() == Path.home() / ".cache/coremark-wasm/engines"


def test_an_engine_that_cannot_be_built_is_a_record(engines, tools, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pipeline").symlink_to(ROOT / "pipeline")
    runtime = Runtime("some", "", engine="some", version="2.0.0")
    provision.provision(runtime)
    found = record.load("some-2.0.0")
    assert not found.present
    assert found.reason.startswith("Some engine is built by cargo, which is not on PATH")
    assert not provision.present(runtime)
    assert provision.command(runtime) is None
    assert provision.state(runtime) == ("missing", found.reason)
    assert not provision.can_be_had(runtime)


#: Starts a program that starts a second one in the background.
BUILDER = """
import os, signal
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background ignores it
from pipeline.runtimes.engines.build_process import run
print(os.getpid(), flush=True)
run(["/bin/sh", "-c", "sleep 4711 & sleep 4712"], folder=Path("."), environment=dict(os.environ))
"""


def sleeping():
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if words[0] == b"sleep" and words[1] in (b"4711", b"4712"):
            found.append(path.parent.name)
    return found


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_what_builds_ends_with_us(number):
    process = subprocess.Popen(
        [sys.executable, "-c", BUILDER],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    with process:
        process.stdout.readline()
        wait_for(lambda: len(sleeping()) == 2)
        process.send_signal(number)
    wait_for(lambda: not sleeping())


def wait_for(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_program_that_builds_is_read_line_by_line(tmp_path):
    lines = []
    code = r"printf 'a\n\033[1mb\033[0m\r  c'; printf 'd' >&2"
    last = run(["/bin/sh", "-c", code], folder=tmp_path, environment={}, on_line=lines.append)
    assert lines == ["a", "b", "  cd"]
    assert last == "a\nb\n  cd"
    with pytest.raises(Failed, match=r"^sh: error: this$"):
        run(["/bin/sh", "-c", "echo warning; echo error: this; exit 7"], folder=tmp_path, environment={})


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            ["error: could not write", "  No space left on device (os error 28)"],
            "No space left on device (os error 28)",
        ),
        (
            ["error: failed to fetch", "Caused by:", "  [6] Could not resolve host (index.invalid)"],
            "[6] Could not resolve host (index.invalid)",
        ),
        (
            ["Compiling a", "error[E0425]: cannot find value", "error: could not compile"],
            "error[E0425]: cannot find value",
        ),
        (["only words", ""], "only words"),
        ([], "no message"),
    ],
)
def test_a_complaint_is_one_line(lines, expected):
    assert complaint(lines) == expected


@pytest.mark.parametrize(
    ("guess", "spent", "done", "total", "expected"),
    [
        (600, 0, 0, 40, "10 min"),
        (600, 550, 39, 40, "50 s"),
        (60, 120, 30, 40, "40 s"),
        (60, 120, 0, 40, "80 min"),
    ],
)
def test_the_time_that_is_left_is_guessed(guess, spent, done, total, expected):
    assert left(guess, spent, done, total) == expected


def test_a_tools_basis_is_plain():
    """It is written as JSON, and compared with what is read of that."""
    found = Basis("a", "b", "c", {"rustc": "1\n2"})
    again = EngineRecord(present=True, made_of=found)
    assert again.made_of == found


def test_builds_that_nobody_uses_are_removed(engines):
    root = record.make_root()
    key = "0123456789abcdef"
    names = (
        f"some-1.0.0-{key}",
        f"some-2.0.0-rc.1-{key}",
        "other-3.0.part",
        f"other-4.0-{key}",
        "made by hand",
    )
    for name in (*names, f"other-5.0-{key}"):
        (root / name).mkdir()
        (root / name / "host").write_text("")
        os.utime(root / name, (0, time.time() - unused.KEPT_DAYS * 86400 - 60))
    unused.note_use(root / names[1])
    with record.locked("other-4.0", lambda: None):
        removed = unused.remove_unused()
    assert [path.name for path in removed] == ["other-3.0.part", f"other-5.0-{key}", f"some-1.0.0-{key}"]
    kept = {path.name for path in root.iterdir() if path.is_dir()}
    assert kept == {names[1], names[3], names[4]}
