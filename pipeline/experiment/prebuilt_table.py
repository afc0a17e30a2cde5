"""The [artifacts] table and artifact=FILE -> prebuilt modules to measure."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Collection, Mapping
from typing import Annotated

from msgspec import Meta, Struct

from pipeline.core import paths, toml_file
from pipeline.core.errors import BadInput
from pipeline.core.model import MOST_MODULE_BYTES, PREBUILT, Prebuilt
from pipeline.core.toml_file import NAME

_MAGIC = b"\0asm"

ModulePath = Annotated[str, Meta(min_length=1, description="the path of a .wasm file")]


class ArtifactTable(Struct, frozen=True, forbid_unknown_fields=True):
    """An entry of [artifacts] that is more than a path."""

    file: ModulePath
    sha256: str | None = None


Entry = Annotated[
    Annotated[str, Meta(min_length=1)] | ArtifactTable, Meta(description="a path or { file = …, sha256 = … }")
]


def from_matrix(path: str, tables: Mapping[str, Entry], taken: Collection[str]) -> tuple[Prebuilt, ...]:
    """The modules of [artifacts], checked; raises BadInput.

    ``taken`` are names of variants, which no module may have: both are in one column of a table.
    """
    found = {}
    for name, entry in tables.items():
        where = f"artifacts.{name}"
        table = ArtifactTable(entry) if isinstance(entry, str) else entry
        digest = toml_file.sha256(path, f"{where}.sha256", table.sha256)
        found[f"{path}: {where}"] = Prebuilt(name, os.path.expanduser(table.file), digest)
    for where, each in found.items():
        if each.name in taken:
            raise BadInput(f"{where}: {each.name} is the name of a variant; choose a different name")
        _check(where, each)
    return tuple(found.values())


def from_command_line(text: str, taken: Collection[str]) -> tuple[Prebuilt, ...]:
    """The modules of artifact=FILE[,FILE…], named by their files, checked; raises BadInput.

    A file that exists by the whole text is one module, also if its name has a comma in it.
    """
    where = "command line: artifact"
    whole = os.path.expanduser(text)
    files = [whole] if os.path.exists(whole) else [os.path.expanduser(x.strip()) for x in text.split(",")]
    files = [file for file in files if file]
    if not files:
        raise BadInput(f"{where}= is empty; give a .wasm file")
    modules: dict[str, Prebuilt] = {}
    for file in dict.fromkeys(files):
        stem = re.sub(r"[^A-Za-z0-9._+-]", "_", os.path.basename(file).removesuffix(".wasm"))[:60]
        base = stem.lstrip("-._+") or "module"
        assert NAME.fullmatch(base), base
        names = (base, f"{base}-prebuilt", *(f"{base}-{number}" for number in range(2, len(files) + 3)))
        name = next(each for each in names if each not in modules and each not in taken)
        modules[name] = Prebuilt(name, file)
        _check(where, modules[name])
    return tuple(modules.values())


def _check(where: str, each: Prebuilt) -> None:
    """Raises BadInput unless it is a file that begins as a module does."""
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
        raise BadInput(f"{where}: {each.path}: this is the copy that doit made; give the original")
    if magic != _MAGIC:
        raise BadInput(f"{where}: {each.path}: it begins with {magic!r}; expected a .wasm module (\\0asm)")
