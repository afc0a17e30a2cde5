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
#: Most files that are looked at to find them.
MOST_SEEN = 100_000


def relative(where: str, key: str, path: object) -> str:
    """A path or a pattern below the folder, normalised; raises BadInput."""
    if not isinstance(path, str) or not path or "\0" in path or "\n" in path:
        raise BadInput(f"{where}: {key}: expected a path below its folder, found {path!r}")
    normal = os.path.normpath(path)
    if os.path.isabs(path) or normal.split(os.sep)[0] == os.pardir:
        raise BadInput(f"{where}: {key}: {path!r} leads out of its folder; expected a path below it")
    return normal


def matching(
    where: str, key: str, folder: str, patterns: Sequence[str], exclude: Sequence[str] = ()
) -> list[str]:
    """Files below the folder that the patterns match, in their order, each once; raises BadInput.

    ``**/`` stands for any number of folders, also none; ``*`` for anything but "/". A pattern of ``exclude``
    takes away a file, or all that is in a folder.
    """
    excluded = [relative(where, "exclude", pattern) for pattern in exclude]
    present = list(_below(where, folder, excluded))
    found: dict[str, None] = {}
    for pattern in patterns:
        wanted = relative(where, key, pattern)
        matched = [name for name in present if name not in found and _matches(name, wanted)]
        for name in matched:
            if not usable(name):
                raise BadInput(f"{where}: {name!r}: expected file names of printable characters without '='")
            inside(where, key, folder, name)
        found.update(dict.fromkeys(matched))
        if len(found) > MOST_FILES:
            raise BadInput(
                f"{where}: {key}: more than {MOST_FILES} files in {folder}; "
                "give the program a folder of its own, or narrower patterns"
            )
    return list(found)


def usable(name: str) -> bool:
    """Whether a file's name can be part of a task's name, of a dependency list and of a message."""
    return name.isprintable() and "=" not in name and "\\" not in name


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


def _below(where: str, folder: str, excluded: Sequence[str] = ()) -> Iterator[str]:
    """Every file below the folder, sorted; without hidden and excluded folders, and links to folders."""
    count = 0
    for at, folders, files in os.walk(folder):
        below = Path(at).relative_to(folder)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        folders[:] = [name for name in folders if not _any(excluded, (below / name).as_posix())]
        for name in sorted(files):
            count += 1
            if count > MOST_SEEN:
                raise BadInput(
                    f"{where}: more than {MOST_SEEN} files in {folder}; "
                    "give the program a folder of its own, or exclude folders"
                )
            path = (below / name).as_posix()
            if not _any(excluded, path):
                yield path


def _any(patterns: Sequence[str], name: str) -> bool:
    return any(_matches(name, pattern) for pattern in patterns)
