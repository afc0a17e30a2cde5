"""Files that are complete or absent, and digests of their content."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

#: Prefix of the names of files and folders that are not complete yet. tasks/checkout_lock.py removes those
#: that a killed process left.
NEW = ".new-"


def sha256(path: str | Path) -> str:
    """Hex SHA-256 of a file's bytes."""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def digest_of(value: Any) -> str:
    """Hex SHA-256 of a JSON value, independent of the order of its keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def write_atomic(path: str | Path, data: str | bytes) -> None:
    """Write a file so that a reader, a crash or a full disk never meets half of it."""
    raw = data.encode("utf-8") if isinstance(data, str) else data
    with _naming(path):
        _write(Path(path), raw)


def _write(target: Path, raw: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=f"{NEW}{target.name}.", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(raw)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def write_json(path: str | Path, value: Any) -> None:
    """Write a JSON file, UTF-8, keys in the order given, atomically."""
    write_atomic(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: str | Path) -> Any:
    """Read a JSON file; raises OSError or ValueError."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def read_record(path: str | Path, kind: type[T]) -> T:
    """Read a JSON file as a msgspec Struct; raises OSError, or ValueError for other content."""
    try:
        return msgspec.json.decode(Path(path).read_bytes(), type=kind)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(f"{path}: {error}") from None


def write_record(path: str | Path, record: msgspec.Struct) -> None:
    """Write a msgspec Struct as a JSON file, as ``write_json`` does."""
    write_json(path, msgspec.to_builtins(record))


@contextlib.contextmanager
def new_folder(place: str | Path) -> Iterator[str]:
    """A temporary folder in a place, for files that are moved from there when they are complete."""
    Path(place).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=NEW, dir=place, ignore_cleanup_errors=True) as folder:
        try:
            yield folder
        except OSError as error:
            error.filename = error.filename or str(place)  # a write names no file
            raise


@contextlib.contextmanager
def fresh_file(path: str | Path) -> Iterator[str]:
    """A file of the same name in a folder of its own, for a program to write; moved to ``path`` on success.

    The same name, because linkers write it into what they make (wasm-ld: the module's name).
    """
    target = Path(path)
    with new_folder(target.parent) as folder:
        temporary = os.path.join(folder, target.name)
        yield temporary
        os.replace(temporary, target)


@contextlib.contextmanager
def _naming(path: str | Path) -> Iterator[None]:
    """Errors name the file that was to be written: a write names none, and temporary names do not help."""
    try:
        yield
    except OSError as error:
        error.filename, error.filename2 = str(path), None
        raise


def _umask() -> int:
    current = os.umask(0o022)
    os.umask(current)
    return current
