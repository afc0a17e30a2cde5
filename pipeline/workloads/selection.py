"""Which workloads a run is about: those of matrix.toml, of workloads=NAMES, or of workload=FOLDER."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pipeline.core import paths
from pipeline.core.errors import BadInput, near_miss
from pipeline.core.model import Workload
from pipeline.workloads import workload_toml


def third_parties() -> list[str]:
    """Whose sources are obtained: names of folders, and of variables that name a checkout in their place."""
    return sorted(path.parent.name for path in Path(paths.THIRD_PARTY).glob("*/manifest.toml"))


def checkouts(
    path: str, data: Mapping[str, Any], variables: Mapping[str, str], parties: Iterable[str]
) -> dict[str, str]:
    """{third party: the user's own checkout of it}."""
    found = {}
    for name in parties:
        folder = variables.get(name, data.get(name))
        if folder == "":
            raise BadInput(f"{name}= is empty; give the folder that holds its sources")
        if folder:
            found[name] = os.path.expanduser(folder)
    return found


def chosen(
    path: str, data: Mapping[str, Any], variables: Mapping[str, str], *, every: bool = False
) -> list[Workload]:
    """The workloads that are meant, each once; raises BadInput.

    ``workloads`` are names and patterns, ``workload`` also folders; ``every``: without either all of ours.
    """
    ready = workload_toml.ready()
    names: list[str] = []
    for key in ("workloads", "workload"):
        if key in variables:
            names += _given(f"command line: {key}", key, variables[key], ready)
    if not names and every:
        names = list(ready)
    asked = data.get("workloads", [])
    if not asked or not all(isinstance(each, str) and each for each in asked):
        raise BadInput(f"{path}: workloads: expected names or folders; known: {', '.join(ready)}")
    if not names:
        names = [each for name in asked for each in _found(f"{path}: workloads", name, ready, folders=True)]
    found: dict[str, Workload] = {}
    # What is said across workloads begins with the first: that is one of matrix.toml where it is among them.
    for name in sorted(dict.fromkeys(names), key=lambda name: name not in asked):
        own = name in ready
        one = workload_toml.read(ready.get(name, name), own=own)
        if one.name in found or (not own and one.name in ready):
            raise BadInput(f"{name}: another workload is called {one.name} as well; rename the folder")
        found[one.name] = one
    return list(found.values())


def _given(where: str, key: str, text: str, ready: Mapping[str, str]) -> list[str]:
    folders = key == "workload"
    # A folder by its whole name, which may have a comma in it.
    words = [text] if folders and os.path.isdir(os.path.expanduser(text)) else text.split(",")
    words = [word.strip() for word in words if word.strip()]
    if not words:
        raise BadInput(f"{where}= is empty; known: {', '.join(ready)}")
    return [name for word in words for name in _found(where, word, ready, folders=folders)]


def _found(where: str, word: str, ready: Mapping[str, str], *, folders: bool) -> list[str]:
    """Names of ours that a pattern matches, or a folder of the user's own."""
    matching = fnmatch.filter(ready, word)
    if matching:
        return matching
    if word in (local := workload_toml.local()):
        return [local[word]]
    folder = os.path.expanduser(word)
    if folders and (os.path.isdir(folder) or os.sep in word):
        if not os.path.isdir(folder):
            raise BadInput(f"{where}: {word}: no such folder")
        # Beside the project's own: the same by whatever path.
        return [next((name for name, own in ready.items() if os.path.samefile(own, folder)), folder)]
    hint = near_miss(word, ready)
    if folders:
        raise BadInput(
            f"{where}: {word!r} is no workload of the project, or a folder with a workload.toml{hint}"
        )
    raise BadInput(f"{where}: {word!r} matches nothing (for your own: workload=FOLDER){hint}")
