"""Choosing things by their names: the lists of matrix.toml, the patterns of the command line."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, TypeVar

from pipeline.core import toml_file
from pipeline.core.errors import BadInput, near_miss

_COMMA = re.compile(r",(?![^\[\]]*\])")


class Named(Protocol):
    """A thing that is chosen by its name."""

    @property
    def name(self) -> str: ...


N = TypeVar("N", bound=Named)


def words(key: str, variables: Mapping[str, str], known: Iterable[str] = ()) -> list[str]:
    """The words of ``key=A,B`` on the command line, each once; raises BadInput if there are none.

    A comma between brackets separates nothing here: options of a backend stand there.
    """
    found = [word.strip() for word in _COMMA.split(variables[key]) if word.strip()]
    if not found:
        names = ", ".join(known)
        raise BadInput(f"command line: {key}= is empty{names and f'; known: {names}'}")
    return list(dict.fromkeys(found))


def choose(path: str, key: str, names: Sequence[str], known: Mapping[str, N]) -> list[N]:
    """The known things that a list of matrix.toml names, each once; raises BadInput."""
    if not names:
        raise BadInput(f"{path}: {key}: empty; known: {', '.join(known)}")
    for name in names:
        toml_file.one_of(f"{path}: {key}", key.rpartition("_")[2][:-1], name, known)
    return [known[name] for name in dict.fromkeys(names)]


def filtered(key: str, variables: Mapping[str, str], default: Sequence[N], known: Iterable[N]) -> list[N]:
    """The known things whose names match a pattern of ``key=``; the default without it. Raises BadInput."""
    if key not in variables:
        return list(default)
    named = {item.name: item for item in [*default, *known]}
    chosen: set[str] = set()
    for pattern in words(key, variables, named):
        matching = fnmatch.filter(named, pattern)
        if not matching:
            raise BadInput(f"command line: {key}: {pattern!r} matches nothing{near_miss(pattern, named)}")
        chosen.update(matching)
    return [item for name, item in named.items() if name in chosen]


def only_one(key: str, items: list[N], *, given: bool) -> list[N]:
    """The one that a search is about: the only one that was asked for, or the first of the matrix."""
    if given and len(items) > 1:
        names = ", ".join(each.name for each in items)
        raise BadInput(f"command line: {key}: a search takes one {key[:-1]}, these are {names}")
    return items[:1]
