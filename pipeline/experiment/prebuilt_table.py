"""The [artifacts] table and artifact=FILE -> prebuilt modules to measure."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from typing import Annotated

from msgspec import Meta, Struct

from pipeline.core import toml_file
from pipeline.core.errors import BadInput
from pipeline.core.model import Prebuilt
from pipeline.workloads import module_files

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
        module_files.check(where, each.path)
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
        name = module_files.name_of(file, {*modules, *taken}, len(files))
        modules[name] = Prebuilt(name, file)
        module_files.check(where, file)
    return tuple(modules.values())
