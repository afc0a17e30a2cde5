"""The files of a folder of the user's that ``doit run new`` can copy, and what it leaves out, and why."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.core.errors import BadInput
from pipeline.workloads import file_patterns

HEADER_SUFFIXES = (".h", ".hh", ".hpp", ".hxx", ".inc", ".inl", ".def")
#: Folders that a build makes: no file in them belongs to a program.
_MADE_FILES = ("CMakeCache.txt", "CMakeFiles", "config.status", "build.ninja")
_MADE_FOLDERS = ("CMakeFiles", "node_modules", "__pycache__", "autom4te.cache")
_MOST_SEEN = 200_000


@dataclass
class Found:
    """What a folder has."""

    files: list[str] = field(default_factory=list)  # C, C++, headers: relative, sorted
    left_out: dict[str, str] = field(default_factory=dict)  # {file or folder: why}
    others: int = 0  # files of other kinds
    other_bytes: int = 0


def look(root: str, suffixes: tuple[str, ...]) -> Found:
    """Every file below the folder; ``suffixes`` are those of sources. Raises BadInput."""
    found, seen = Found(), 0
    for at, folders, files in os.walk(root):
        below = Path(at).relative_to(root)
        folders[:] = sorted(_entered(at, below, folders, found))
        for name in sorted(files):
            seen += 1
            if seen > _MOST_SEEN:
                raise BadInput(
                    f"command line: from: {root}: more than {_MOST_SEEN} files; give one program's"
                )
            _note(root, (below / name).as_posix(), suffixes, found)
    found.files.sort()
    return found


def _entered(at: str, below: Path, folders: list[str], found: Found) -> list[str]:
    """The folders to look into."""
    kept = []
    for name in folders:
        path = os.path.join(at, name)
        shown = f"{(below / name).as_posix()}/"
        if name.startswith("."):
            continue
        if os.path.islink(path):
            found.left_out[shown] = "a link to a folder"
        elif name in _MADE_FOLDERS or any(os.path.exists(os.path.join(path, each)) for each in _MADE_FILES):
            found.left_out[shown] = "made by a build"
        else:
            kept.append(name)
    return kept


def _note(root: str, name: str, suffixes: tuple[str, ...], found: Found) -> None:
    path = os.path.join(root, name)
    if not name.endswith((*suffixes, *HEADER_SUFFIXES)):
        found.others += 1
        found.other_bytes += os.lstat(path).st_size
        return
    reason = _unfit(root, name)
    if reason:
        found.left_out[name] = reason
    else:
        found.files.append(name)


def _unfit(root: str, name: str) -> str:
    """Why a file cannot be copied, or ""."""
    if not file_patterns.usable(name):
        return "its name has '=', a backslash, or a character that cannot be printed"
    try:
        file_patterns.inside("", "", root, name)
    except BadInput as error:
        return str(error).rpartition(": ")[2].replace(repr(name), "").strip()
    if not os.access(os.path.join(root, name), os.R_OK):
        return "it cannot be read"
    return ""
