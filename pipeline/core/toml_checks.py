"""Checks of claims.toml until it is read by core/toml_file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.core.errors import BadInput, near_miss
from pipeline.core.toml_file import NAME
from pipeline.core.toml_file import read as read_toml

__all__ = ["named", "only", "read_toml", "typed"]


def named(path: str, where: str, name: str) -> None:
    if not NAME.fullmatch(name):
        raise BadInput(
            f"{path}: {where}: not a name; expected letters, digits and . _ + -, "
            "at most 80, starting with a letter or a digit"
        )


def typed(path: str, key: str, value: Any, kind: type) -> None:
    if not isinstance(value, kind):
        names = {"list": "a list", "str": "a string", "dict": "a table"}
        raise BadInput(f"{path}: {key}: expected {names[kind.__name__]}, found {value!r}")


def only(path: str, where: str, entry: Mapping[str, Any], known: Iterable[str]) -> None:
    known = sorted(known)
    for key in entry:
        if key not in known:
            raise BadInput(f"{path}: {where}: unknown key {key!r}{near_miss(key, known)}")
