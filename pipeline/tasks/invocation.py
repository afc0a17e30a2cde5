"""The state of one command of doit in this checkout: what was asked for, and what is found out meanwhile.

doit makes reporters, databases and task creators by itself and passes them nothing of this project, so they
take the one ``Invocation`` of the process from here. ``doit_plugins.begin`` makes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipeline.core import hints

if TYPE_CHECKING:
    from pipeline.core.loaded_code import LoadedCode
    from pipeline.core.locks import Holder, OnWait
    from pipeline.experiment.plan import Plan
    from pipeline.tasks.checkout_lock import CheckoutLock


@dataclass
class Invocation:
    """One command of doit."""

    command: str  # of doit: "run", "list", "clean", …
    variables: Mapping[str, str]  # name=value of the command line
    changes: bool  # whether it changes what is in the checkout
    plan: Plan
    lock: CheckoutLock
    started_ns: int = 0  # when this process began to load the program
    notes: list[str] = field(default_factory=list)  # what checks of files found, for the next line printed
    table: str | None = None  # to be printed where everything is up to date
    done: list[Any] | None = None  # all tasks of a run that ended well
    code: LoadedCode | None = None  # the program's files as this process loaded them
    on_wait: OnWait | None = None  # tells that a task waits for a different process
    reports: bool = False  # whether its tasks end with a report
    failures: list[Any] = field(default_factory=list)  # of its tasks
    on_round: Callable[[str, str, int], None] | None = None  # tells of a round within a task


_current: Invocation | None = None


def set_current(state: Invocation | None) -> None:
    """What ``current`` returns from now on."""
    global _current
    _current = state


def current() -> Invocation:
    """The command that this process executes; raises LookupError where doit executes none."""
    if _current is None:
        raise LookupError("no command of doit has begun")
    return _current


def plan() -> Plan:
    """The plan of the command that this process executes."""
    return current().plan


def only_reads() -> bool:
    """Whether this process executes a command that changes nothing in the checkout."""
    return _current is not None and not _current.changes


def note(text: str) -> None:
    """Have a line printed with the next task: what a check of files found."""
    if _current is not None:
        _current.notes.append(text)


def tell_wait(holder: Holder | None, waited_s: float) -> None:
    """Have it shown that a task waits for a different process; without one, that this is over."""
    if _current is not None and _current.on_wait is not None:
        _current.on_wait(holder, waited_s)


def wants_report() -> bool:
    """Whether the tasks of this command end with a report."""
    return _current is not None and _current.reports


def note_failure(failure: object) -> None:
    """A task of this command went wrong."""
    if _current is not None:
        _current.failures.append(failure)


def tell_round(cell: str, path: str, open_: int) -> None:
    """Have a further round of a cell shown: its sample's path, and how many cells are not done yet."""
    if _current is not None and _current.on_round is not None:
        _current.on_round(cell, path, open_)


def changed_code() -> str | None:
    """A file of the program that is not what this process loaded; None where all are."""
    return None if _current is None or _current.code is None else _current.code.changed()


#: Of the command that this process executes: the tasks that were asked for, and its name=value.
_asked: tuple[tuple[str, ...], Mapping[str, str]] = ((), {})


def set_asked(command: str, tasks: Sequence[str], variables: Mapping[str, str]) -> None:
    """What ``complete`` repeats from now on."""
    global _asked
    _asked = (tuple(tasks), variables) if command == "run" else ((), {})


def complete(message: str) -> str:
    """A message that says to do the same again, with the tasks and variables that the user gave."""
    return hints.complete(message, *_asked)
