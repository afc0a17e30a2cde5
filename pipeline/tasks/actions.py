"""What doit calls to do a task: functions by name, errors as one line, and work in a child process."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from doit.exceptions import TaskError, TaskFailed

from pipeline.core import paths
from pipeline.core.errors import ProjectError, Regression, Undecided
from pipeline.core.files import write_atomic
from pipeline.core.locks import machine_lock
from pipeline.core.processes import die_with_parent, run_to_end, signal_name
from pipeline.core.text import for_terminal
from pipeline.tasks import invocation
from toolchain.model import ToolchainError

#: The exit status of a child process whose standard output is the one line that says why.
EXPLAINED = 3
_MORE_MEMORY = "expected more memory (ulimit -v unlimited); then run: doit run"


class Regressed(TaskError):  # type: ignore[misc]
    """A comparison found what it was asked to look for: doit ends with status 2."""


class Open(Regressed):
    """A comparison has not found it: the command ends with status 3, if nothing else went wrong."""


class Later:
    """The function "pipeline.module:function", imported when it is called.

    Loading the tasks must take milliseconds, and these modules import rich, jinja2 or altair. A test resolves
    every name.
    """

    def __init__(self, name: str) -> None:
        self.module, _, self.function = name.partition(":")

    def __call__(self, *arguments: Any) -> Any:
        return getattr(importlib.import_module(self.module), self.function)(*arguments)


class InChild(Later):
    """The same, called without arguments in a process of its own, which may abort without ending this run."""

    def __call__(self, *arguments: Any) -> None:
        """Raises ProjectError where the child says why, or dies by a signal."""
        assert not arguments
        command = [sys.executable, "-m", "pipeline.tasks.actions", f"{self.module}:{self.function}"]
        outcome = run_to_end(command, dict(os.environ))
        if outcome.returncode == EXPLAINED:
            raise ProjectError(outcome.stdout.strip())
        if outcome.returncode < 0:
            lines = [for_terminal(line).strip("# ") for line in outcome.stderr.splitlines()]
            first = next((f" ({line})" for line in lines if line), "")
            raise ProjectError(
                f"its process died of {signal_name(-outcome.returncode)}{first}; {_MORE_MEMORY}"
            )
        if outcome.returncode != 0:
            raise RuntimeError(f"{self.module}:{self.function} failed in its process\n{outcome.stderr}")


def act(function: Callable[..., Any], *arguments: Any, alone: bool = False) -> list[Any]:
    """A doit action: a user's error fails the task with its message, without a traceback.

    With ``alone`` no other process of this project runs on this machine meanwhile.
    """
    return [(_guarded, [alone, function, *arguments])]


def act_aside(name: str, function: Callable[..., Any], targets: list[str]) -> list[Any]:
    """An action after the report: a user's error does not stop the run; ``check`` reports it at the end.

    Its targets are removed then: those of an earlier run would not fit this report.
    """
    return [(_aside, [name, function, targets])]


def explain(error: Exception) -> str | None:
    """What a user can do about an error, as one line; None for an error of the program's own."""
    if isinstance(error, ProjectError | ToolchainError):
        return str(error)
    if isinstance(error, OSError):
        return f"{error.strerror or error}" + (f": {error.filename}" if error.filename else "")
    if isinstance(error, MemoryError):
        return f"out of memory; {_MORE_MEMORY}"
    if isinstance(error, ImportError):
        # Files of the checkout or the environment were changed or made unreadable while this run used them.
        return (
            f"{error}; expected the program's own files and packages as they were when this run began; "
            "restore them (git status; pip install -e .), then run: doit run"
        )
    return None


def die_with_parent_after_fork() -> None:
    """Have doit's processes of a parallel run die with this one and stay silent on Ctrl-C."""
    parents: list[int] = []
    os.register_at_fork(
        before=lambda: parents.append(os.getpid()),
        after_in_parent=lambda: parents.pop(),
        after_in_child=lambda: die_with_parent(parents[-1]),
    )


def _guarded(alone: bool, function: Callable[..., Any], *arguments: Any) -> Any:
    try:
        with machine_lock(exclusive=alone, on_wait=invocation.tell_wait):
            _check_code()
            result = function(*arguments)
            _check_code()
    except Undecided as error:
        return Open(str(error))
    except Regression as error:
        return Regressed(str(error))
    except Exception as error:
        line = explain(error)
        if line is None:
            raise
        return TaskFailed(line)
    return result if isinstance(result, dict) else None


def _check_code() -> None:
    """Raise ProjectError where the program is not what this process loaded: doit would record the new one."""
    changed = invocation.changed_code()
    if changed is not None:
        raise ProjectError(f"{changed}: the program was changed while this run went on; run: doit run")


def _aside(name: str, function: Callable[..., Any], targets: list[str]) -> Any:
    outcome = _guarded(False, function)
    if not isinstance(outcome, TaskFailed):
        return _guarded(False, Path(paths.trouble(name)).unlink, True)
    return _guarded(False, _keep_trouble, name, outcome.get_msg().strip(), targets)


def _keep_trouble(name: str, trouble: str, targets: list[str]) -> None:
    for target in targets:
        Path(target).unlink(missing_ok=True)
    write_atomic(paths.trouble(name), f"{name}: {trouble}")


def _in_child(name: str) -> int:
    try:
        Later(name)()
    except Exception as error:
        line = explain(error)
        if line is None:
            raise
        # The parent reads UTF-8; the locale may have fewer characters.
        sys.stdout.buffer.write(line.encode("utf-8", "replace"))
        return EXPLAINED
    return 0


if __name__ == "__main__":
    sys.exit(_in_child(sys.argv[1]))
