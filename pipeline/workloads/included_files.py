"""Files that a program includes though no pattern of its workload.toml names them: ``#include "impl.c"``."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence

from pipeline.workloads import file_patterns

_INCLUDE = re.compile(
    rb'^[ \t]*#[ \t]*(?:include|import|embed)[ \t]*(?:"([^"\n]+)"|<([^>\n]+)>)', re.MULTILINE
)


def includes_of(path: str) -> list[tuple[str, bool]]:
    """(name, whether it is in quotes) of what a file includes, under any condition."""
    with open(path, "rb") as stream:
        text = stream.read()
    found = [(quoted or angled, bool(quoted)) for quoted, angled in _INCLUDE.findall(text)]
    return [(name.decode("utf-8", "surrogateescape"), quoted) for name, quoted in dict.fromkeys(found)]


def included(where: str, folder: str, sources: Sequence[str], places: Sequence[str]) -> list[str]:
    """Files below the folder that the sources include, and what those include; raises BadInput.

    ``places`` are folders that a compiler looks into, relative to the folder.
    """
    found: dict[str, None] = {}
    queue = list(sources)
    while queue:
        name = queue.pop()
        for other, quoted in includes_of(os.path.join(folder, name)):
            beside = [os.path.dirname(name)] if quoted else []
            path = first_below(folder, other, [*beside, *places])
            if path is None or path in found or path in sources:
                continue
            file_patterns.inside(where, f"{name} includes", folder, path)
            found[path] = None
            queue.append(path)
    return list(found)


def first_below(folder: str, name: str, places: Iterable[str]) -> str | None:
    """The first file of that name in one of the places; None where it is below none of them."""
    if os.path.isabs(name):
        return None
    for place in places:
        path = os.path.normpath(os.path.join(place, name))
        below = path.split(os.sep)[0] != os.pardir
        if below and file_patterns.usable(path) and os.path.isfile(os.path.join(folder, path)):
            return path
    return None
