"""Resolve the files that a workload.toml names; refuse any outside its folder.

Workloads are not trusted. A file that a pattern matches is taken only if its real path is below the folder:
neither ".." nor a link leads out of it.
"""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.core.errors import BadInput

#: Most files of one workload, and most bytes of one file: all files are copied.
MOST_FILES = 2000
MOST_BYTES = 64 << 20


def relative(where: str, key: str, path: object) -> str:
    """A path or a pattern below the folder, normalised; raises BadInput."""
    if not isinstance(path, str) or not path or "\0" in path or "\n" in path:
        raise BadInput(f"{where}: {key}: expected a path below its folder, found {path!r}")
    normal = os.path.normpath(path)
    if os.path.isabs(path) or normal.split(os.sep)[0] == os.pardir:
        raise BadInput(f"{where}: {key}: {path!r} leads out of its folder; expected a path below it")
    return normal


def matching(where: str, key: str, folder: str, patterns: Sequence[str]) -> list[str]:
    """Files below the folder that the patterns match, in their order, each once; raises BadInput.

    ``**/`` stands for any number of folders, also none; ``*`` for anything but "/".
    """
    present = list(_below(where, folder))
    found: dict[str, None] = {}
    for pattern in patterns:
        wanted = relative(where, key, pattern)
        matched = [name for name in present if _matches(name, wanted)]
        for name in matched:
            inside(where, key, folder, name)
        found.update(dict.fromkeys(matched))
    return list(found)


def inside(where: str, key: str, folder: str, name: str) -> None:
    """Raises BadInput if the path is not a readable file, or a link leads out of the folder."""
    path = os.path.join(folder, name)
    root = os.path.realpath(folder)
    if not os.path.realpath(path).startswith(root + os.sep):
        raise BadInput(f"{where}: {key}: {name!r} is a link out of its folder")
    try:
        size = os.stat(path).st_size
    except OSError as error:
        raise BadInput(f"{where}: {key}: {name}: {error.strerror}") from None
    if not os.path.isfile(path):
        raise BadInput(f"{where}: {key}: {name}: not a file")
    if size > MOST_BYTES:
        raise BadInput(f"{where}: {key}: {name}: {size} bytes; expected at most {MOST_BYTES}")


def _matches(name: str, pattern: str) -> bool:
    wanted = pattern.split("/")
    # "**/**" means "**", but would be tried again for each folder.
    wanted = [part for at, part in enumerate(wanted) if part != "**" or wanted[at - 1 : at] != ["**"]]
    return _match(name.split("/"), wanted)


def _match(parts: list[str], wanted: list[str]) -> bool:
    if not wanted:
        return not parts
    if wanted[0] == "**":
        return any(_match(parts[skipped:], wanted[1:]) for skipped in range(len(parts) + 1))
    return bool(parts) and fnmatch.fnmatchcase(parts[0], wanted[0]) and _match(parts[1:], wanted[1:])


def _below(where: str, folder: str) -> Iterator[str]:
    """Every file below the folder, sorted; without hidden folders and links to folders."""
    count = 0
    for at, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.isprintable() or "=" in name:
                raise BadInput(f"{where}: {name!r}: expected file names of printable characters without '='")
            count += 1
            if count > MOST_FILES:
                raise BadInput(
                    f"{where}: more than {MOST_FILES} files in {folder}; give the program a folder of its own"
                )
            yield Path(os.path.join(at, name)).relative_to(folder).as_posix()
