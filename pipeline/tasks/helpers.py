"""What all tasks are made of: actions, checks of their targets, cleaning, and what the reporter reads."""

from __future__ import annotations

import contextlib
import importlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from doit.exceptions import TaskFailed

from pipeline.core import paths
from pipeline.core.errors import ProjectError, Regression
from pipeline.core.files import write_atomic
from pipeline.core.locks import machine_lock
from pipeline.core.processes import die_with_parent
from pipeline.tasks.file_checker import Checker
from pipeline.tasks.progress import Regressed, noticed
from toolchain.model import ToolchainError

Task = dict[str, Any]

_forking: list[int] = []


def _in_child() -> None:
    """Of doit's processes in a parallel run: one waits for no killed parent, and tells of no interrupt."""
    die_with_parent(_forking[-1])


os.register_at_fork(
    before=lambda: _forking.append(os.getpid()), after_in_parent=_forking.pop, after_in_child=_in_child
)


def act(function: Callable[..., Any], *arguments: Any, alone: bool = False) -> list[Any]:
    """A doit action: a user's error fails the task with its message, without a traceback.

    With ``alone`` nothing else of ours runs on this machine while it does, in whatever process.
    """
    return [(_guarded, [alone, function, *arguments])]


def act_aside(name: str, function: Callable[..., Any], targets: list[str]) -> list[Any]:
    """An action beside the report: a user's error does not stop the run; ``check`` tells it at the end.

    Its targets are removed then: what an earlier run left there is of another run.
    """
    return [(_aside, [name, function, targets])]


def _aside(name: str, function: Callable[..., Any], targets: list[str]) -> Any:
    outcome = _guarded(False, function)
    if not isinstance(outcome, TaskFailed):
        return _guarded(False, Path(paths.trouble(name)).unlink, True)
    return _guarded(False, _note_trouble, name, outcome.get_msg().strip(), targets)


def _note_trouble(name: str, what: str, targets: list[str]) -> None:
    for target in targets:
        Path(target).unlink(missing_ok=True)
    write_atomic(paths.trouble(name), f"{name}: {what}")


def untroubled(*names: str) -> Callable[..., bool]:
    """An ``uptodate`` check: whether these tasks ended without trouble."""
    return lambda task, values: not any(os.path.exists(paths.trouble(name)) for name in names)


def later(name: str) -> Callable[..., Any]:
    """The function "pipeline.module:function", imported when called: not where there is nothing to do."""

    def call(*arguments: Any) -> Any:
        module, _, function = name.partition(":")
        return getattr(importlib.import_module(module), function)(*arguments)

    return call


def _guarded(alone: bool, function: Callable[..., Any], *arguments: Any) -> Any:
    try:
        with machine_lock(exclusive=alone):
            result = function(*arguments)
    except Regression as error:
        return Regressed(str(error))
    except (ProjectError, ToolchainError) as error:
        return TaskFailed(str(error))
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        return TaskFailed(f"{error.strerror or error}{where}")
    except ImportError as error:
        # Of a checkout or an environment that was changed, or closed to us, while this run used it.
        return TaskFailed(
            f"{error}; expected the program's own files and packages as they were when this run began; "
            "bring them back (git status; pip install -e .), then type: doit run"
        )
    return result if isinstance(result, dict) else None


def _remove(made: list[str], dryrun: bool) -> None:
    """A clean action: folders and files that were made, and folders that this leaves empty."""
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


def _none(path: str) -> None:
    """No objection, of who knows nothing."""


def intact(task: Any, values: dict[str, Any], objection: Callable[[str], str | None] = _none) -> bool:
    """An ``uptodate`` check: the targets hold what the task made; doit itself asks only if they exist.

    Like doit's check of dependencies: the same time stamp is believed, the same bytes are no change. What
    does not is named, with the ``objection`` of who knows what should lie there.
    """
    checker = Checker()
    there = (target for target in task.targets if os.path.exists(target))  # asked when it is saved
    task.value_savers.append(lambda: {"made": {target: checker.get_state(target, None) for target in there}})
    made = values.get("made", {})
    for target in task.targets:
        try:
            found = os.stat(target)
            if target in made and not checker.check_modified(target, found, made[target]):
                continue
        except OSError:
            return False
        why = objection(target)
        if why or target in made:
            # A sample that vouches for itself may be kept.
            then = "made again" if why or objection is _none else "looked at again"
            noticed.append(f"{target}: {why or 'not what was made'}; {then}")
        return False
    return True


def untouched(files: Callable[..., list[str]], *arguments: Any, tell: bool = False) -> Callable[..., bool]:
    """An ``uptodate`` check of files that are known only once they are made; ``tell`` which is another."""

    def state() -> dict[str, list[int]]:
        found = {}
        for path in files(*arguments):
            with contextlib.suppress(OSError):
                status = os.stat(path)
                found[path] = [status.st_mtime_ns, status.st_size]
        return found

    def check(task: Any, values: dict[str, Any]) -> bool:
        task.value_savers.append(lambda: {"untouched": state()})
        before, now = values.get("untouched"), state()
        if tell and isinstance(before, dict):
            others = [path for path in before if before[path] != now.get(path)]
            noticed.extend(f"{path}: not what was made; looked at again" for path in others[:1])
        return bool(before == now)

    return check


def clean(*made: str) -> list[Any]:
    return [(_remove, [list(made)])]


def group(name: str, doc: str) -> Task:
    """The head of a group of sub-tasks."""
    return {"basename": name, "name": None, "doc": doc}


def meta(phase: str, seconds: float) -> Task:
    """What the reporter wants to know: the phase, and how long the task takes at a guess."""
    return {"phase": phase, "seconds": seconds}
