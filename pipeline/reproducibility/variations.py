"""Differences between two machines that must not change an artifact, one at a time."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from pipeline.reproducibility.rebuild import Conditions
from pipeline.runtimes.interpreters import candidates, version_of
from pipeline.runtimes.uv import Unavailable, uv

_YEAR_S = 365 * 24 * 3600


def _nothing(folder: Path) -> None:
    pass


@dataclass(frozen=True)
class Variation:
    """One deliberate difference from a plain build."""

    name: str
    what: str
    conditions: Conditions = field(default_factory=Conditions)
    #: The place of the copy, below the run's own folder; the same one where something else varies.
    folder: str = "plain"
    #: Whether the compilers use the caches of the checkout.
    warm: bool = True
    #: Whether the copy's files are made in the opposite order: directories are then read in that order.
    reverse: bool = False
    #: Changes the copy before it is built.
    prepare: Callable[[Path], None] = _nothing
    #: Why it cannot be tried here, and what to install.
    missing: str = ""


def all_variations(base: Path) -> Iterator[Variation]:
    """All variations, in the order in which they are tried; ``base`` is a folder for what they need."""
    deep = "/".join(["a" * 40] * 5)
    yield Variation("long path", "205 characters more", folder=f"long/{deep}")
    yield Variation("odd path", "spaces, quotes, letters that are not ASCII", folder='it\'s a "földer" 日本')
    yield _environment("HOME", "a home that does not exist", HOME="/nonexistent")
    yield _user()
    yield Variation("umask", "0077 in place of ours", Conditions(umask=0o077))
    yield _environment("TZ", "the other side of the date line", TZ="Pacific/Kiritimati")
    yield _locale()
    yield _clock()
    yield Variation("file order", "files created in the opposite order", reverse=True, missing=_order(base))
    yield Variation("parallel", "four tasks at a time", Conditions(arguments=("-n", "4")))
    yield Variation("cold", "no compiler's cache: C libraries again", folder="cold/place", warm=False)
    yield Variation("host name", "a different one", Conditions(host="other-host"), missing=_no_namespaces())
    yield _environment("hash seed", "other orders of Python's sets", PYTHONHASHSEED="4711")
    yield _environment("noise", "variables that compilers and linkers read", **_NOISE)
    yield Variation("one processor", "of those that are there", Conditions(cpus=_last()), missing=_single())
    yield _other_python(base)


_NOISE = {
    "CPATH": "/nonexistent/include",
    "C_INCLUDE_PATH": "/nonexistent/c",
    "LIBRARY_PATH": "/nonexistent/lib",
    "CFLAGS": "-O1 -g",
    "CPPFLAGS": "-DNDEBUG",
    "LDFLAGS": "-s",
    "CC": "false",
    "CCC_OVERRIDE_OPTIONS": "+-O1",
    "SOURCE_DATE_EPOCH": "1",
    "ZIG_LIB_DIR": "/nonexistent/zig",
    "ZIG_VERBOSE_LINK": "1",
    "COLUMNS": "20",
    "TERM": "dumb",
}


def _environment(name: str, what: str, **variables: str) -> Variation:
    return Variation(name, what, Conditions(environment=variables))


def _last() -> frozenset[int]:
    return frozenset({max(os.sched_getaffinity(0))})


def _user() -> Variation:
    """A different user as far as processes can see; files keep their owner, so no rights are needed."""
    wrapper = ("unshare", "--map-user=12345", "--map-group=12345")
    missing = _refused(*wrapper, "true")
    conditions = Conditions(prefix=wrapper, environment={"USER": "builder", "LOGNAME": "builder"})
    return Variation("user", "number 12345, called builder", conditions, missing=missing)


def _no_namespaces() -> str:
    return _refused("unshare", "--uts", "true")


def _refused(*command: str) -> str:
    """The message of a command that fails; "" where it does not."""
    try:
        outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return f"there is no {command[0]}; run: apt-get install util-linux"
    return "" if outcome.returncode == 0 else outcome.stderr.strip().partition("\n")[0] or "it is refused"


def _single() -> str:
    return "" if len(os.sched_getaffinity(0)) > 1 else "there is one processor only; allow a second"


def _order(base: Path) -> str:
    """Some file systems list files by a hash of their names, not in the order in which they were made."""
    names = [str(number) for number in range(9)]
    listed = []
    for name, order in (("forwards", names), ("backwards", names[::-1])):
        folder = base / name
        folder.mkdir(exist_ok=True)
        for each in order:
            (folder / each).touch()
        listed.append(os.listdir(folder))
    same = "this file system lists files in one order, however they were made; put the checkout on tmpfs"
    return same if listed[0] == listed[1] else ""


def _locale() -> Variation:
    """An installed one that is not C: what is only a variable changes nothing."""
    try:
        printed = subprocess.run(["locale", "-a"], capture_output=True, text=True, check=False).stdout
    except OSError:
        printed = ""
    other = [name for name in printed.split() if not name.startswith(("C", "POSIX"))]
    name = next((each for each in other if each.startswith("tr_TR")), next(iter(other), ""))
    missing = "" if name else "no locale but C is installed; run: apt-get install locales-all"
    return Variation("locale", name, Conditions(environment={"LANG": name, "LC_ALL": name}), missing=missing)


def _clock() -> Variation:
    """What goes by LD_PRELOAD reaches our processes only: compilers get an environment of their own."""
    libraries = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    preload = {"LD_PRELOAD": str(libraries[0]), "FAKETIME": "+365d"} if libraries else {}
    what = "files, and all processes but the compilers, a year later"
    missing = "" if libraries else "there is no libfaketime; run: apt-get install faketime"
    return Variation("clock", what, Conditions(environment=preload), prepare=_later, missing=missing)


def _later(folder: Path) -> None:
    then = time.time() + _YEAR_S
    for path in folder.rglob("*"):
        if not path.is_symlink():
            os.utime(path, (then, then))


def _other_python(base: Path) -> Variation:
    """A different minor version of CPython, with the same packages."""
    minors = [minor for minor in (15, 14, 13, 12, 11) if minor != sys.version_info.minor]
    declared = metadata.requires("coremark-wasm") or ()
    wanted = [each.partition(";")[0].strip() for each in declared if "extra ==" not in each]
    reason = "no other CPython from 3.11 to 3.15 was found"
    for interpreter in candidates(tuple(f"3.{minor}" for minor in minors)):
        version = version_of(interpreter)
        if version is None or version == f"3.{sys.version_info.minor}":
            continue
        place = base / f"python-{version}"
        python = str(place / "bin" / "python")
        try:
            uv("venv", "--python", interpreter, str(place))
            uv("pip", "install", "--python", python, *wanted)
        except Unavailable as error:
            reason = str(error)
            continue
        return Variation("Python", f"CPython {version}", Conditions(python=python))
    return Variation("Python", "a different CPython", missing=f"{reason}; pyenv or uv bring one")
