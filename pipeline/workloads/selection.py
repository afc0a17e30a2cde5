"""Which workloads a run measures: those of matrix.toml, of workloads=NAMES, or of workload=FOLDER."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pipeline.core import paths
from pipeline.core.errors import BadInput, near_miss
from pipeline.core.model import Workload
from pipeline.workloads import module_option, suite_option, validators, workload_toml

#: Each says which programs are measured.
_PROGRAMS = ("module", "suite", "workload", "workloads", "artifact")


def third_parties() -> list[str]:
    """Folders of third_party/ with a manifest. Each is also a variable that names a checkout instead."""
    return sorted(path.parent.name for path in Path(paths.THIRD_PARTY).glob("*/manifest.toml"))


def checkouts(folders: Mapping[str, str]) -> dict[str, str]:
    """{third party: the user's own checkout of it}; raises BadInput for an empty folder name."""
    for name, folder in folders.items():
        if not folder:
            raise BadInput(f"{name}= is empty; give the folder that holds its sources")
    return {name: os.path.expanduser(folder) for name, folder in folders.items()}


def chosen(
    path: str, default: Sequence[str], variables: Mapping[str, str], *, every: bool = False
) -> list[Workload]:
    """The workloads to measure, each once, with the figure that is asked for; raises BadInput."""
    found = _chosen(path, default, variables, every=every)
    figure = variables.get("figure")
    if figure not in (None, "startup"):
        raise BadInput(f"command line: figure: expected startup, found {figure!r}")
    return found if figure is None else [_answering(workload) for workload in found]


def _chosen(
    path: str, default: Sequence[str], variables: Mapping[str, str], *, every: bool = False
) -> list[Workload]:
    """The workloads to measure, each once; raises BadInput.

    ``default`` is the list in matrix.toml, ``path``. On the command line ``workloads`` has names and
    patterns, ``workload`` also folders. ``every``: without either, all workloads of the project.
    """
    ready = workload_toml.project_workloads()
    if not default:
        raise BadInput(f"{path}: workloads: expected names or folders; known: {', '.join(ready)}")
    for key, read in (("module", module_option.workloads), ("suite", suite_option.workloads)):
        if key in variables:
            _alone(key, variables)
            return read(variables)
    if "args" in variables:
        raise BadInput("command line: args= goes with module=; a workload has its args in workload.toml")
    names: list[str] = []
    for key in ("workloads", "workload"):
        if key in variables:
            names += _given(f"command line: {key}", key, variables[key], ready)
    if not names and every:
        names = list(ready)
    if not names:
        where = f"{path}: workloads"
        names = [name for word in default for name in _matching(where, word, ready, folders=True)]
    workloads: dict[str, Workload] = {}
    # Comparisons across workloads begin with the first one: one of matrix.toml, if there is one.
    for name in sorted(dict.fromkeys(names), key=lambda name: name not in default):
        own = name in ready
        workload = workload_toml.read(ready.get(name, name), own=own)
        if workload.name in workloads or (not own and workload.name in ready):
            raise BadInput(f"{name}: a different workload is also called {workload.name}; rename the folder")
        workloads[workload.name] = workload
    return list(workloads.values())


def _answering(workload: Workload) -> Workload:
    """The same program with figure=startup, under a name of its own: its artifacts and samples are others."""
    if workload.validator != validators.OUTPUT:
        reason = "its times are those that it prints; choose a different workload"
        raise BadInput(f"command line: figure=startup: {workload.name}: {reason}")
    return replace(
        workload_toml.as_startup(workload),
        name=f"{workload.name}-startup",
        title=f"{workload.title}, startup",
        root=workload.root if workload.third_party else paths.staged_sources(f"{workload.name}-startup"),
    )


def _alone(key: str, variables: Mapping[str, str]) -> None:
    """Raises BadInput where something else also says which programs are measured."""
    other = next((each for each in _PROGRAMS if each in variables and each != key), None)
    if other is not None:
        raise BadInput(f"command line: {key}= says which programs are measured; leave out {other}=")


def _given(where: str, key: str, text: str, ready: Mapping[str, str]) -> list[str]:
    folders = key == "workload"
    # A folder by its whole name, which may have a comma in it.
    words = [text] if folders and os.path.isdir(os.path.expanduser(text)) else text.split(",")
    words = [word.strip() for word in words if word.strip()]
    if not words:
        raise BadInput(f"{where}= is empty; known: {', '.join(ready)}")
    return [name for word in words for name in _matching(where, word, ready, folders=folders)]


def _matching(where: str, word: str, ready: Mapping[str, str], *, folders: bool) -> list[str]:
    """The project's workloads that a pattern matches, by name, or one folder of the user."""
    matching = fnmatch.filter(ready, word)
    if matching:
        return matching
    if word in (local := workload_toml.user_workloads()):
        return [local[word]]
    folder = os.path.expanduser(word)
    if folders and (os.path.isdir(folder) or os.sep in word):
        if not os.path.isdir(folder):
            raise BadInput(f"{where}: {word}: no such folder")
        # One of the project's is the same workload, by whichever path it is given.
        return [next((name for name, own in ready.items() if os.path.samefile(own, folder)), folder)]
    hint = near_miss(word, ready)
    if folders:
        raise BadInput(
            f"{where}: {word!r} is neither a workload of the project nor a folder with a workload.toml{hint}"
        )
    raise BadInput(
        f"{where}: {word!r} matches no workload; for a program of your own use workload=FOLDER{hint}"
    )
