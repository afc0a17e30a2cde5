"""The LLVM of an engine: this machine's, a package of Debian's, or none, and what each decides."""

from __future__ import annotations

import hashlib
import os

import pytest

from pipeline.runtimes.engines import debian, llvm, manifest, rust
from pipeline.runtimes.engines.build_process import Unavailable
from pipeline.runtimes.engines.languages import Job
from pipeline.runtimes.engines.manifest import Engine, FamilyTable
from pipeline.runtimes.engines.progress import Progress
from tests.unit.conftest import script

CONTENT = b"a package"
LOCK = f"{hashlib.sha256(CONTENT).hexdigest()}  pool/main/g/glibc/libc6_2.41-12_amd64.deb\n"
LIBRARIES = ("libLLVM.so.18.1", "libedit.so.2", "libc.so.6", "libm.so.6")
#: What the loader of the packages prints: a library of the machine is none of the packages.
LISTS = """#!/bin/sh
test -e "$3/lacks" && echo "  libedit.so.2 => /usr/lib/libedit.so.2 (0x1)" && exit
for name in libedit.so.2 libc.so.6 libm.so.6; do echo "  $name => $3/$name (0x1)"; done
"""


@pytest.fixture
def unpacked(debian_programs, tmp_path, monkeypatch):
    """The same folder on x86-64 with cargo, and a dpkg-deb that unpacks libraries; no llvm-config."""
    folder = debian_programs
    monkeypatch.setattr(llvm.platform, "machine", lambda: "x86_64")
    script(folder / "cargo", "true")
    script(folder / "rustc", "echo rustc 1.95.0")
    (tmp_path / "loader").write_text(LISTS)
    (tmp_path / "loader").chmod(0o755)
    into = 'to="$3/usr/lib/x86_64-linux-gnu"; mkdir -p "$to"'
    files = "; ".join(f'echo {name} > "$to/{name}"' for name in LIBRARIES)
    links = 'ln -s libLLVM.so.18.1 "$to/libLLVM-18.so"'
    loader = f'cp "{tmp_path}/loader" "$to/{manifest.LOADER}"'
    script(folder / "dpkg-deb", f"{into}; {files}; {links}; {loader}")
    return folder


@pytest.fixture
def engine(tmp_path, monkeypatch):
    """An engine that can do without LLVM 18, and has a lock of a package of it."""
    place = tmp_path / "engines"
    folder = place / "some" / "v1"
    folder.mkdir(parents=True)
    (folder / "debian.toml").write_text('suite = "trixie"\npackage = "libllvm18"\n')
    (folder / "packages.lock").write_text(LOCK)
    for module in (llvm, debian):
        monkeypatch.setattr(module, "place", lambda: place)
    monkeypatch.setattr(llvm, "_config", lambda major: None)
    return some(optional={"llvm": "18"})


def some(**llvm_of):
    table = manifest.manifests()["wasmi"]
    return Engine("some", "1.0.0", table, FamilyTable("1.0.0", "1", "2", 1, 1, folder="v1", **llvm_of))


def glibc(monkeypatch, release):
    monkeypatch.setattr(llvm.os, "confstr", lambda name: f"glibc {release}")


def test_one_that_is_nowhere_is_named(unpacked, engine):
    (llvm.place() / "some/v1/packages.lock").unlink()
    reason = "wasmi 1.0.0 wants LLVM 18; run: apt-get install llvm-18-dev"
    assert rust.BUILDER.missing(some(needs={"llvm": "18"})) == reason
    # Where an engine can do without, it is built without, under a different key.
    assert rust.BUILDER.missing(engine) is None
    assert llvm.left_out(engine) == reason
    assert rust.BUILDER.tools(engine)["llvm"] == "none"


@pytest.mark.parametrize("lacks", ["apt-get", "helper", "processor"])
def test_one_that_cannot_be_unpacked_is_named(unpacked, engine, monkeypatch, lacks):
    monkeypatch.setenv("PATH", str(unpacked))
    if lacks == "processor":
        monkeypatch.setattr(llvm.platform, "machine", lambda: "aarch64")
    else:
        (unpacked / lacks).unlink()
    assert llvm.left_out(engine) == "wasmi 1.0.0 wants LLVM 18; run: apt-get install llvm-18-dev"


@pytest.mark.parametrize(("release", "whose"), [("2.36", "its"), ("2.41", "this machine's"), ("2.9", "its")])
def test_a_package_of_debians_is_enough(unpacked, engine, monkeypatch, release, whose):
    glibc(monkeypatch, release)
    assert llvm.left_out(engine) is None
    assert llvm.missing(some(needs={"llvm": "18"})) is None
    assert llvm.tools(engine) == {"llvm": f"libllvm18 of Debian trixie, with {whose} C library"}
    assert llvm.libraries(engine) == []


def job_of(engine, tmp_path):
    job = Job(engine, llvm.place(), tmp_path / "work", tmp_path / "made", Progress(engine))
    for folder in (job.work, job.into):
        folder.mkdir()
    return job


@pytest.mark.parametrize("release", ["2.36", "2.41"])
def test_what_a_host_loads_lies_beside_it(unpacked, engine, monkeypatch, tmp_path, release):
    glibc(monkeypatch, release)
    job = job_of(engine, tmp_path)
    environment = llvm.provide(job)
    prefix = environment.pop("LLVM_SYS_180_PREFIX")
    assert environment == {"COREMARK_LLVM_IS_BESIDE": "1"}
    assert sorted(os.listdir(f"{prefix}/lib")) == ["libLLVM-18.so", "libLLVM.so.18.1"]
    beside = {"libLLVM-18.so", "libLLVM.so.18.1", "libedit.so.2"}
    newer = {"libc.so.6", "libm.so.6", manifest.LOADER} if release == "2.36" else set()
    assert set(os.listdir(job.into / "lib")) == beside | newer
    # A host starts with the C library that it was given, and with the machine's otherwise.
    command = manifest.command_line(engine, str(job.into), ["--stack"])
    own = [f"{job.into}/lib/{manifest.LOADER}", "--inhibit-cache", "--library-path", f"{job.into}/lib"]
    assert command == [*(own if newer else []), f"{job.into}/host", "--stack"]


def test_packages_that_lack_a_library_are_refused(unpacked, engine, tmp_path):
    script(unpacked / "dpkg-deb", (unpacked / "dpkg-deb").read_text() + 'touch "$to/lacks"')
    with pytest.raises(Unavailable, match=r"^some-1\.0\.0: its packages lack a library that LLVM loads$"):
        llvm.provide(job_of(engine, tmp_path))


def test_this_machines_comes_first(unpacked, engine, monkeypatch, tmp_path):
    script(
        unpacked / "llvm-config-18", 'case "$1" in --version) echo 18.1.8;; --prefix) echo /opt/llvm;; esac'
    )
    monkeypatch.setattr(llvm, "_config", lambda major: str(unpacked / f"llvm-config-{major}"))
    assert llvm.tools(engine) == {"llvm": "18.1.8"}
    assert llvm.provide(job_of(engine, tmp_path)) == {"LLVM_SYS_180_PREFIX": "/opt/llvm"}
