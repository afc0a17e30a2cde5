"""Programs that are not built here: files of modules -> what a workload runs.

Of a module nothing is known but its bytes. So they are checked for what they are before anything is made of
them, and are copied as they are: see build/prebuilt.py.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Collection, Mapping

from pipeline.core import paths, toml_file
from pipeline.core.errors import BadInput
from pipeline.core.model import MOST_MODULE_BYTES, ONLY_MODULE, PREBUILT, Prebuilt
from pipeline.core.toml_file import NAME
from pipeline.workloads import file_patterns

SUFFIX = ".wasm"
_MAGIC = b"\0asm"
_ELF = b"\x7fELF"
_LONGEST_NAME = 60


def of_table(where: str, folder: str, given: str | Mapping[str, str]) -> tuple[Prebuilt, ...]:
    """The modules of the key ``module``: a file below the folder, or {column: file}; raises BadInput."""
    files = {ONLY_MODULE: given} if isinstance(given, str) else given
    found = []
    for name, file in files.items():
        key = "module" if isinstance(given, str) else toml_file.key_path("module", name)
        toml_file.named(where, key, name)
        relative = file_patterns.relative(where, key, file)
        file_patterns.inside(where, key, folder, relative)
        found.append(Prebuilt(name, os.path.join(folder, relative)))
        check(f"{where}: {key}", found[-1].path)
    return tuple(found)


def executable(where: str, folder: str, native: bool | str) -> str | None:
    """The path of the native executable that the key ``native`` names; raises BadInput."""
    if isinstance(native, bool):
        return None
    relative = file_patterns.relative(where, "native", native)
    file_patterns.inside(where, "native", folder, relative)
    path = os.path.join(folder, relative)
    with open(path, "rb") as stream:
        magic = stream.read(len(_ELF))
    if magic != _ELF:
        raise BadInput(f"{where}: native: {native}: it begins with {magic!r}; expected an ELF executable")
    return path


def check(where: str, path: str) -> None:
    """Raises BadInput unless it is a file that begins as a module does."""
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            raise BadInput(f"{where}: {path}: not a file; expected a .wasm module")
        if status.st_size > MOST_MODULE_BYTES:
            raise BadInput(f"{where}: {path}: {status.st_size} bytes; expected at most {MOST_MODULE_BYTES}")
        with open(path, "rb") as stream:
            magic = stream.read(len(_MAGIC))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadInput(f"{where}: {path}: {reason}; expected a .wasm module") from None
    within = os.path.relpath(os.path.realpath(path), os.path.realpath(paths.ARTIFACTS)).split(os.sep)
    if within[1:2] == [PREBUILT]:
        raise BadInput(f"{where}: {path}: this is the copy that doit made; give the original")
    if magic != _MAGIC:
        raise BadInput(f"{where}: {path}: it begins with {magic!r}; expected a .wasm module (\\0asm)")


def name_of(file: str, taken: Collection[str], others: int = 0) -> str:
    """A name for a module by that of its file, none of ``taken``; ``others``: how many there are besides."""
    stem = re.sub(r"[^A-Za-z0-9._+-]", "_", os.path.basename(file).removesuffix(SUFFIX))[:_LONGEST_NAME]
    base = stem.lstrip("-._+") or "module"
    assert NAME.fullmatch(base), base
    names = (base, f"{base}-prebuilt", *(f"{base}-{number}" for number in range(2, others + 3)))
    return next(each for each in names if each not in taken)
