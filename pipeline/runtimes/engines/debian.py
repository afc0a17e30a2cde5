"""Packages of a suite of Debian, in a folder of ours: with apt, but none of this machine's lists or state."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote

from msgspec import Struct

from pipeline.core import toml_file
from pipeline.core.files import sha256, write_atomic
from pipeline.core.toml_file import Text
from pipeline.runtimes.engines import record
from pipeline.runtimes.engines.build_process import Failed, Unavailable, run, says
from pipeline.runtimes.engines.manifest import LOADER, Engine, place

#: Where packages for x86-64 have libraries.
LIBRARIES = "usr/lib/x86_64-linux-gnu"
#: Fetches files, and compares their digests.
_HELPER = "/usr/lib/apt/apt-helper"
_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
NO_ROUTE = "check the route to Debian's archive, and free disk space, then run doit again"
#: Otherwise root's apt fetches as a user who may not write into root's folders.
_AS_WE_ARE = ("-o", "APT::Sandbox::User=root")
#: Below an archive's root.
_POOL = r"pool/[\w.+~%/:-]+\.deb"
_LOCKED = re.compile(rf"([0-9a-f]{{64}})  ({_POOL})")
_CHOSEN = re.compile(rf"'\S+/({_POOL})' \S+ \d+ SHA256:([0-9a-f]{{64}})")
_NEEDED = re.compile(r"\s*(\S+) => (/\S+) \(0x[0-9a-f]+\)")
_GONE = re.compile(r"/([^/\s]+)_[^/_\s]+\.deb\s+404\b")


class Source(Struct, frozen=True, forbid_unknown_fields=True):
    """debian.toml: a package of one suite that an engine, or its LLVM, is taken from, with all it needs."""

    suite: Text
    package: Text


def source_of(engine: Engine) -> Source:
    """What the folder of a host says; raises BadInput naming file and key."""
    path = str(place() / engine.folder / "debian.toml")
    return toml_file.convert(path, toml_file.read(path), Source)


def missing() -> str | None:
    """The program that this machine lacks, and how to get it; None where all are here."""
    for program, package in (("apt-get", "apt"), (_HELPER, "apt"), ("dpkg-deb", "dpkg")):
        if shutil.which(program) is None:
            return f"fetched by {os.path.basename(program)}, which is not here; on Debian: install {package}"
    return None


def choose(source: Source, release: str, work: Path) -> str:
    """A lock of the suite's packages as they are today; raises Unavailable or Failed.

    A line for each: SHA-256, and where it is below the archive's root. Debian's key has signed the digests.
    """
    options = _own_state(source, work)
    if not os.path.exists(_KEYRING):
        raise Unavailable(f"{_KEYRING} is not here; run: apt-get install debian-archive-keyring")
    _apt([*options, "update"], work)
    shown = says("apt-cache", *options, "show", "--no-all-versions", source.package)
    version = re.search(r"^Version: (?:\d+:)?(.+)$", shown, re.MULTILINE)
    if version is None or not re.match(re.escape(release) + r"(?![\d.])", version[1]):
        has = f"has {version[1]}" if version is not None else "has none"
        raise Unavailable(f"{source.package}: Debian {source.suite} {has}, expected {release}")
    asked = ["-y", "--no-install-recommends", "--print-uris", "install", source.package]
    chosen = _CHOSEN.findall(_apt([*options, *asked], work))
    return "".join(f"{digest}  {unquote(path)}\n" for path, digest in sorted(chosen))


def fetch(lock: Path, source: Source, engine: Engine, folder: Path) -> list[Path]:
    """The packages of a lock, in a folder where some of them may be; raises Unavailable."""
    lines = lock.read_text(encoding="utf-8").splitlines()
    found = [_LOCKED.fullmatch(line) for line in lines]
    if not all(found) or not lines:
        at = f"line {found.index(None) + 1}" if lines else "it is empty"
        expected = "a SHA-256 and a path below pool/ in each line"
        raise Unavailable(
            f"{engine.id}: {lock.name}: {at}: expected {expected}; {record.lock_remedy(engine)}"
        )
    locked = [each.groups() for each in found if each is not None]
    wanted = {folder / os.path.basename(path): (path, digest) for digest, path in locked}
    folder.mkdir(exist_ok=True)
    lacking = _lacking(wanted)
    if lacking:
        root = _archive()
        words: list[str] = []
        for target in lacking:
            path, digest = wanted[target]
            words += [f"{root}/{path}", str(target), f"SHA256:{digest}"]
        try:
            run([_HELPER, *_AS_WE_ARE, "download-file", *words], folder=folder, environment=_environment())
        except Failed as error:
            raise Unavailable(_explained(error, source, engine)) from None
        if wrong := _lacking(wanted):
            names = ", ".join(path.name for path in wrong)
            raise Unavailable(f"{engine.id}: {names}: not what {lock.name} says; {NO_ROUTE}")
    return list(wanted)


def unpack(packages: Sequence[Path], folder: Path) -> None:
    """Their files below a folder, which is emptied before; raises Failed."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for path in packages:
        run(["dpkg-deb", "-x", str(path), str(folder)], folder=folder, environment=_environment())


def loaded_by(program: Path, libraries: Path) -> dict[str, Path]:
    """{name: file} of all libraries in that folder that a program or a library loads, and the loader.

    Empty where it needs one that is not there.
    """
    loader = libraries / LOADER
    shown = says(str(loader), "--inhibit-cache", "--library-path", str(libraries), "--list", str(program))
    # The loader's own line has a path for a name.
    needed = {os.path.basename(name): Path(path) for name, path in _NEEDED.findall(shown)}
    whole = needed and all(path.is_relative_to(libraries) for path in needed.values())
    return {**needed, LOADER: loader} if whole else {}


def take(libraries: Mapping[str, Path], folder: Path) -> None:
    """Put files under these names into a folder, which is made."""
    folder.mkdir(parents=True)
    for name, path in libraries.items():
        os.link(path.resolve(), folder / name)


def _lacking(wanted: Mapping[Path, tuple[str, str]]) -> list[Path]:
    """Those that are not there as they should be; what is there instead is removed."""
    lacking = [path for path, (_, digest) in wanted.items() if not path.exists() or sha256(path) != digest]
    for path in lacking:
        path.unlink(missing_ok=True)
    return lacking


def _explained(error: Failed, source: Source, engine: Engine) -> str:
    gone = _GONE.search(str(error))
    if gone is None:
        return f"{error}; {NO_ROUTE}"
    others = [each.release for each in engine.manifest.families if each.release != engine.family.release]
    instead = f"; try @{others[0]}" if others else ""
    return f"{engine.id}: Debian {source.suite} no longer has {unquote(gone[1])}, which is locked{instead}"


def _archive() -> str:
    """Where apt of this machine gets Debian from; raises Unavailable."""
    named = "$(ORIGIN) $(LABEL) $(REPO_URI)"
    targets = says("apt-get", "indextargets", "--format", named, "Created-By: Packages")
    # Lists that were never fetched have no origin, and then both are empty.
    found = re.search(r"^Debian Debian (\S+)$", targets, re.MULTILINE)
    found = found or re.search(r"^ *(\S+/debian)/?$", targets, re.MULTILINE)
    if found is None:
        raise Unavailable("apt of this machine gets nothing from Debian's archive; see: man sources.list")
    return found[1].rstrip("/")


def _own_state(source: Source, work: Path) -> list[str]:
    """Options of apt for lists and state in a folder of ours, and that suite alone."""
    state = work / "apt"
    for name in ("lists/partial", "cache/archives/partial", "none"):
        (state / name).mkdir(parents=True, exist_ok=True)
    (state / "status").touch()
    write_atomic(state / "sources.list", f"deb [signed-by={_KEYRING}] {_archive()} {source.suite} main\n")
    values = {
        "Dir::State": state,
        "Dir::State::lists": state / "lists",
        "Dir::State::status": state / "status",
        "Dir::Cache": state / "cache",
        "Dir::Etc::sourcelist": state / "sources.list",
        "Dir::Etc::sourceparts": state / "none",
        "Dir::Etc::preferences": state / "none" / "preferences",
        "Dir::Etc::preferencesparts": state / "none",
        "Acquire::Languages": "none",
        "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled": "false",
        "Acquire::ForceHash": "SHA256",
    }
    return [*_AS_WE_ARE, *(word for name, value in values.items() for word in ("-o", f"{name}={value}"))]


def _apt(arguments: Sequence[str], work: Path) -> str:
    """What apt-get prints; raises Failed."""
    lines: list[str] = []
    run(["apt-get", *arguments], folder=work, environment=_environment(), on_line=lines.append)
    return "\n".join(lines)


def _environment() -> dict[str, str]:
    """The user's, with its proxies."""
    return {**os.environ, "LC_ALL": "C.UTF-8"}
