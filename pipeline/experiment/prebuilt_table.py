"""The modules of [artifacts] in matrix.toml, or of artifact=FILE: which are asked for."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Collection, Mapping
from typing import Any

from pipeline.core import paths
from pipeline.core.errors import BadInput
from pipeline.core.model import MOST_MODULE_BYTES, PREBUILT, Prebuilt
from pipeline.core.toml_checks import NAME, named, only

_DIGEST = re.compile(r"[0-9a-f]{64}")


_MAGIC = b"\0asm"


def chosen(
    path: str, data: Mapping[str, Any], variables: Mapping[str, str], taken: Collection[str]
) -> tuple[Prebuilt, ...]:
    """The modules of [artifacts], or those of artifact=FILE[,FILE…]; raises BadInput for what is none.

    ``taken`` are names of variants, which no module may have: both are columns of one table.
    """
    found = [_described(path, name, entry) for name, entry in data.get("artifacts", {}).items()]
    if "artifact" in variables:
        found = _given(variables["artifact"], taken)
    for where, each in found:
        if each.name in taken:
            raise BadInput(f"{where}: {each.name} is a variant of our own; choose another name")
    for where, each in found:
        _check(where, each)
    return tuple(each for _, each in found)


def _described(path: str, name: str, entry: object) -> tuple[str, Prebuilt]:
    where = f"artifacts.{name}"
    named(path, where, name)
    entry = {"file": entry} if isinstance(entry, str) else entry
    if not isinstance(entry, dict):
        raise BadInput(f"{path}: {where}: expected a path or {{ file = …, sha256 = … }}, found {entry!r}")
    only(path, where, entry, ["file", "sha256"])
    file, digest = entry.get("file"), entry.get("sha256")
    if not isinstance(file, str) or not file:
        raise BadInput(f"{path}: {where}: expected the path of a .wasm file, found {file!r}")
    if digest is not None and not (isinstance(digest, str) and _DIGEST.fullmatch(digest)):
        raise BadInput(f"{path}: {where}.sha256: expected 64 hexadecimal digits, found {digest!r}")
    return f"{path}: {where}", Prebuilt(name, os.path.expanduser(file), digest)


def _given(text: str, taken: Collection[str]) -> list[tuple[str, Prebuilt]]:
    """Of the command line: a file that is there by its whole name, or several, separated by commas."""
    where = "command line: artifact"
    whole = os.path.expanduser(text)
    files = [whole] if os.path.exists(whole) else [os.path.expanduser(x.strip()) for x in text.split(",")]
    files = [file for file in files if file]
    if not files:
        raise BadInput(f"{where}= is empty; give a .wasm file")
    found: dict[str, Prebuilt] = {}
    for file in dict.fromkeys(files):
        stem = re.sub(r"[^A-Za-z0-9._+-]", "_", os.path.basename(file).removesuffix(".wasm"))[:60]
        base = stem.lstrip("-._+") or "module"
        assert NAME.fullmatch(base), base
        names = (base, f"{base}-theirs", *(f"{base}-{number}" for number in range(2, len(files) + 3)))
        name = next(each for each in names if each not in found and each not in taken)
        found[name] = Prebuilt(name, file)
    return [(where, each) for each in found.values()]


def _check(where: str, each: Prebuilt) -> None:
    """What can be seen at a glance; raises BadInput."""
    try:
        status = os.stat(each.path)
        if not stat.S_ISREG(status.st_mode):
            raise BadInput(f"{where}: {each.path}: not a file; expected a .wasm module")
        if status.st_size > MOST_MODULE_BYTES:
            raise BadInput(
                f"{where}: {each.path}: {status.st_size} bytes; expected at most {MOST_MODULE_BYTES}"
            )
        with open(each.path, "rb") as stream:
            magic = stream.read(len(_MAGIC))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadInput(f"{where}: {each.path}: {reason}; expected a .wasm module") from None
    within = os.path.relpath(os.path.realpath(each.path), os.path.realpath(paths.ARTIFACTS)).split(os.sep)
    if within[1:2] == [PREBUILT]:
        raise BadInput(f"{where}: {each.path}: what was taken in from elsewhere; give the original")
    if magic != _MAGIC:
        raise BadInput(f"{where}: {each.path}: it begins with {magic!r}; expected a .wasm module (\\0asm)")
