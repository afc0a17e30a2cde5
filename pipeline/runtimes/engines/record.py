"""Where engines that are built lie, for all checkouts of a user, and what is known of each."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shlex
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import msgspec

from pipeline.core import paths
from pipeline.core.files import read_record, sha256
from pipeline.runtimes.engines.build_process import Unavailable
from pipeline.runtimes.engines.manifest import Engine

#: The record within a folder that is complete.
MADE = "made.json"
_POLL_S = 0.2


class Basis(msgspec.Struct, frozen=True):
    """All that decides a build: digests of files, and what tools of this machine say of themselves."""

    sources: str
    lock: str
    builder: str
    tools: dict[str, str]


class EngineRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An engine in one release, as recorded in build/engines/ and in its folder in the cache."""

    present: bool
    reason: str | None = None  # why it is not present
    key: str | None = None  # of its folder's name
    says: str | None = None  # what its host prints of itself
    made_of: Basis | None = None
    files: dict[str, str] = {}  # {path below its folder: SHA-256}
    uses: dict[str, str] = {}  # {file of this machine that its host loads: SHA-256}


def root() -> Path:
    """The folder of all engines that this user has built, also for other checkouts."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(given) if os.path.isabs(given) else Path.home() / ".cache"
    return base / "coremark-wasm" / "engines"


def folder(identifier: str, key: str) -> Path:
    """Where a build of an engine is, or will be."""
    return root() / f"{identifier}-{key}"


def shown(path: Path) -> str:
    """A path in the cache for a message."""
    return f"~/{path.relative_to(Path.home())}" if path.is_relative_to(Path.home()) else str(path)


def make_root() -> Path:
    """The same, made if it is not there: what is built is run, so no one else may write there."""
    made = root()
    made.parent.mkdir(parents=True, exist_ok=True)
    made.mkdir(mode=0o700, exist_ok=True)
    return made


def check_root() -> None:
    """Raises Unavailable where others may write into the folder of all engines, whose programs we run."""
    place = root()
    if not place.exists():
        return
    state = place.stat()
    if state.st_uid not in (0, os.getuid()):
        raise Unavailable(
            f"{shown(place)} belongs to a different user; set XDG_CACHE_HOME to a folder of yours"
        )
    if state.st_mode & 0o022:
        raise Unavailable(
            f"{shown(place)} can be written by others; run: chmod go-w {shlex.quote(str(place))}"
        )


def lock_remedy(wanted: Engine) -> str:
    """What helps where an engine's lock is not what it should be."""
    made = f"{shown(root())}/{wanted.id}-*.lock"
    return "run: git checkout pipeline" if wanted.shipped else f"delete {made}, then run doit again"


def load(identifier: str) -> EngineRecord | None:
    """The record in build/engines/; None where there is none that can be read."""
    try:
        return read_record(paths.engine_record(identifier), EngineRecord)
    except (OSError, ValueError):
        return None


def described(place: Path) -> EngineRecord | None:
    """The record in a folder of the cache, without a look at its files; None where none can be read."""
    try:
        return read_record(place / MADE, EngineRecord)
    except (OSError, ValueError):
        return None


def made(place: Path) -> EngineRecord | None:
    """The record of a folder all of whose files are what was built; None for any other."""
    record = described(place)
    if record is None or not record.files:
        return None
    try:
        whole = all(sha256(place / name) == digest for name, digest in record.files.items())
    except OSError:
        return None
    return record if whole else None


def files(identifier: str) -> list[str]:
    """The files of an engine that was built, as absolute paths; none where it was not."""
    record = load(identifier)
    if record is None or record.key is None:
        return []
    place = folder(identifier, record.key)
    return [str(place / name) for name in record.files]


@contextlib.contextmanager
def locked(identifier: str, on_wait: Callable[[], None]) -> Iterator[None]:
    """One process at a time makes an engine; ``on_wait`` is called once where a different one does."""
    with _lock_file(identifier) as stream:
        if not _lock(stream):
            on_wait()
        while not _lock(stream):
            time.sleep(_POLL_S)
        yield


@contextlib.contextmanager
def locked_now(identifier: str) -> Iterator[bool]:
    """The same without waiting: whether no other process makes the engine."""
    with _lock_file(identifier) as stream:
        yield _lock(stream)


def _lock_file(identifier: str) -> IO[bytes]:
    return open(make_root() / f".{identifier}.lock", "ab")


def _lock(stream: IO[bytes]) -> bool:
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
