"""Task dictionaries for doit. What files of ours a task depends on is derived from its function's module."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from doit.tools import config_changed

from pipeline.core import own_code, paths
from pipeline.tasks.actions import act, act_aside
from pipeline.tasks.checks import intact, untroubled

Task = dict[str, Any]
#: A function, or (function, argument, …).
Work = Callable[..., Any] | tuple[Any, ...]


def step(
    name: str,
    work: Work,
    *,
    phase: str,
    seconds: float,
    reads: Iterable[str] = (),
    code: Iterable[str] = (),
    makes: Iterable[str] = (),
    decides: Any = None,
    checks: Iterable[Any] | None = None,
    after: Iterable[str] = (),
    cleans: Iterable[str] | None = None,
    alone: bool = False,
    aside: bool = False,
    verbosity: int | None = None,
) -> Task:
    """A task that is done where something that it depends on has changed.

    ``name`` is "TASK" or "GROUP:NAME"; ``phase`` and ``seconds`` (a guess) are for the progress line. It
    depends on the files ``reads``, on the files of ours that its function's module and the modules ``code``
    import, and on the JSON value ``decides``. ``checks`` are doit's ``uptodate``; by default its targets
    ``makes`` must be what it made. ``aside``: its failure does not stop the run.
    """
    function, *arguments = work if isinstance(work, tuple) else (work,)
    targets = list(makes)
    uptodate = [intact] if checks is None and targets else list(checks or ())
    if decides is not None:
        uptodate.append(config_changed(decides))
    head = _head(name)
    if aside:
        uptodate.append(untroubled(head["basename"]))
    task = {
        **head,
        "actions": act_aside(head["basename"], function, targets)
        if aside
        else act(function, *arguments, alone=alone),
        "file_dep": [*reads, *own_code.files_of(module_of(function), *code)],
        "task_dep": list(after),
        "targets": targets,
        "uptodate": uptodate,
        "clean": clean(*(targets if cleans is None else cleans)),
        "meta": {"phase": phase, "seconds": seconds, "alone": alone},
    }
    return task if verbosity is None else {**task, "verbosity": verbosity}


def command(
    work: Work,
    *,
    phase: str,
    seconds: float,
    after: Iterable[str] = (),
    cleans: Iterable[str] = (),
    alone: bool = False,
) -> Task:
    """A task that is asked for by name, always done, and that prints what it finds."""
    function, *arguments = work if isinstance(work, tuple) else (work,)
    return {
        "actions": act(function, *arguments, alone=alone),
        "task_dep": list(after),
        "clean": clean(*cleans),
        "verbosity": 2,
        "meta": {"phase": phase, "seconds": seconds, "alone": alone},
    }


def group(name: str, doc: str) -> Task:
    """The head of a group of sub-tasks."""
    return {"basename": name, "name": None, "doc": doc}


def within_a_task(cell: str) -> str:
    """The name of a cell as a part of a task's name, split at ":"; doit lets it have no "="."""
    return cell.replace("/", ":").replace("=", "~")


def within_a_cell(part: str) -> str:
    """What such a part was before."""
    return part.replace("~", "=")


def module_of(function: Any) -> str:
    """The module of a function, also of one that is imported later."""
    return str(getattr(function, "module", None) or function.__module__)


def clean(*made: str) -> list[Any]:
    """doit's clean action for files and folders."""
    return [(_remove, [list(made)])]


def _head(name: str) -> Task:
    basename, colon, rest = name.partition(":")
    return {"basename": basename, "name": rest} if colon else {"basename": basename}


def _remove(made: list[str], dryrun: bool) -> None:
    """Remove files and folders that were made, and folders that this leaves empty."""
    for path in map(Path, made):
        if not (path.exists() or path.is_symlink()):
            continue
        print(f"remove {path}")
        if dryrun:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()
        with contextlib.suppress(OSError):
            for parent in path.parents:
                if parent != Path() and paths.THIRD_PARTY not in parent.parts:
                    parent.rmdir()
