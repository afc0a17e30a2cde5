"""Engines from source: what decides a build, what is missing, what is whole, and programs that build."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.core import paths
from pipeline.core.files import write_record
from pipeline.core.model import Runtime
from pipeline.runtimes.engines import basis, build, manifest, provision, record, rust, unused
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
    before = key_of(wanted, basis_of(wanted))
    assert key_of(wanted, basis_of(wanted)) == before
    (engines / name).write_text(FILES[name] + " ")
    assert (key_of(wanted, basis_of(wanted)) != before) == decides


def test_the_tools_and_the_release_are_in_the_key(engines, tools):
    keys = set()
    for rustc, cc in (("1.90.0 (some)", "12"), ("1.90.0 (other)", "12"), ("1.90.0 (other)", "13")):
        tools(cargo="cargo", rustc=f"rustc {rustc}", cc=f"cc {cc}")
        for release in ("2.0.0", "2.1.0"):
            wanted = manifest.engine("some", release)
            keys.add(key_of(wanted, basis_of(wanted)))
    assert len(keys) == 6


def test_the_builders_code_is_in_the_key(engines, tools, monkeypatch):
    tools(cargo="cargo", rustc="rustc 1.90.0", cc="cc 12")
    wanted = manifest.engine("some", "2.0.0")
    before = key_of(wanted, basis_of(wanted))
    monkeypatch.setattr(type(rust.BUILDER), "code", ("rust", "llvm", "progress"))
    assert key_of(wanted, basis_of(wanted)) != before


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
        basis_of(manifest.engine("some", "2.0.0"))
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("today", ["no cargo", "no answer"])
def test_what_was_built_is_used_where_the_compiler_is_gone(engines, tools, today):
    tools(cargo="cargo", rustc="rustc 1.90.0", cc="cc 12")
    wanted = manifest.engine("some", "2.0.0")
    built = basis_of(wanted)
    folder = record.folder(wanted.id, key_of(wanted, built))
    folder.mkdir(parents=True)
    write_record(folder / record.MADE, EngineRecord(present=True, made_of=built))
    if today == "no cargo":
        (Path(os.environ["PATH"]) / "cargo").unlink()
    tools(rustc="error: no default toolchain")
    assert basis_of(wanted) == built
    with pytest.raises(Unavailable):
        basis_of(wanted, building=True)
    (engines / "some/v2/src/main.rs").write_text("new")
    with pytest.raises(Unavailable):
        basis_of(wanted)


@pytest.mark.parametrize(
    ("configuration", "decides"),
    [
        (
            "[source.crates-io]\nreplace-with = 'near'\n[source.near]\nregistry = 'x'\n[net]\noffline = true",
            False,
        ),
        ("[profile.release]\nopt-level = 1", True),
        ("[build]\nrustc-wrapper = 'x'", True),
        ("no TOML", True),
    ],
)
def test_what_cargos_configuration_decides_is_in_the_key(engines, tools, tmp_path, configuration, decides):
    tools(cargo="cargo", rustc="rustc 1.90.0", cc="cc 12")
    wanted = manifest.engine("some", "2.0.0")
    before = basis_of(wanted)
    (tmp_path / "no cargo").mkdir()
    (tmp_path / "no cargo/config.toml").write_text(configuration)
    assert (basis_of(wanted, building=True) != before) == decides


class Fake:
    """Builds a host that only says what it is."""

    lock, code, shared = "Cargo.lock", ("rust",), ("hosts/rust",)

    def __init__(self, meanwhile=lambda: None):
        self.meanwhile, self.built = meanwhile, 0

    def missing(self, engine):
        return None

    def tools(self, engine):
        return {"tool": "1"}

    def uses(self, engine):
        return []

    def build(self, job):
        self.built += 1
        self.meanwhile()
        (job.into / "host").write_text(f"#!/bin/sh\necho {job.engine.name} {job.engine.release}\n")
        (job.into / "host").chmod(0o755)


@pytest.fixture
def built_by(engines, tmp_path, monkeypatch):
    """A function that makes all engines by this builder, in a checkout of its own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pipeline").symlink_to(ROOT / "pipeline")
    monkeypatch.setattr(build, "place", lambda: engines)

    def use(builder):
        for module in (basis, build, provision):
            monkeypatch.setattr(module, "builder_of", lambda _engine: builder)

    return use


RUNTIME = Runtime("some", "", engine="some", version="2.0.0")


@pytest.mark.parametrize("name", ["some/v2/src/main.rs", "some/v2/Cargo.lock"])
def test_what_is_changed_while_it_is_built_is_not_kept(engines, built_by, name):
    built_by(Fake(lambda: (engines / name).write_text("changed")))
    provision.provision(RUNTIME)
    found = record.load("some-2.0.0")
    assert not found.present
    assert "changed while it was built; run doit again" in found.reason
    built_by(Fake())
    provision.provision(RUNTIME)
    assert record.load("some-2.0.0").present


def test_what_was_not_used_for_long_is_kept_where_it_is_wanted(built_by):
    builder = Fake()
    built_by(builder)
    other = Runtime("some@1", "", engine="some", version="1.0.0")
    old = time.time() - unused.KEPT_DAYS * 86400 - 60
    for runtime in (RUNTIME, other):
        provision.provision(runtime)
    folders = [record.folder(name, record.load(name).key) for name in ("some-2.0.0", "some-1.0.0")]
    for folder in folders:
        os.utime(folder, (old, old))
    # Of a checkout that knows neither.
    for name in ("some-2.0.0", "some-1.0.0"):
        Path(paths.engine_record(name)).unlink()
    provision.provision(RUNTIME)
    assert builder.built == 2
    assert provision.command(RUNTIME) is not None
    assert not folders[1].exists()
    # Of one that has it, whose host was not started yet.
    provision.provision(other)
    os.utime(folders[1], (old, old))
    provision.provision(RUNTIME)
    assert provision.command(other) is not None


def test_a_build_is_found_in_a_cache_that_cannot_be_written(built_by, tmp_path, monkeypatch):
    built_by(Fake())
    provision.provision(RUNTIME)

    def locked(identifier, on_wait):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(record, "locked", locked)
    provision.provision(RUNTIME)
    assert record.load("some-2.0.0").present


def test_programs_that_others_can_change_are_not_run(built_by):
    built_by(Fake())
    provision.provision(RUNTIME)
    record.root().chmod(0o777)
    provision.provision(RUNTIME)
    assert "can be written by others; run: chmod go-w" in record.load("some-2.0.0").reason


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
        (["Host.java:12: error: cannot find symbol", "1 error"], "Host.java:12: error: cannot find symbol"),
        (["host.c:3:5: error: no such type", "1 error generated."], "host.c:3:5: error: no such type"),
        (["[ERROR] Unknown host x", "[ERROR] [Help 1] y"], "[ERROR] Unknown host x"),
        (
            ["error: linking with `cc` failed", "  = note: rust-lld: error: duplicate symbol: f", "error: c"],
            "= note: rust-lld: error: duplicate symbol: f",
        ),
        (
            [
                'error: failed to select a version for "a"',
                "  version 1.0.0 is yanked",
                "location searched: x",
            ],
            "version 1.0.0 is yanked",
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
