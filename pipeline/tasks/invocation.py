"""Plan -> doit tasks. Beside dodo.py, reporter.py and state.py all that is shaped by doit.

Every task is a plain function of plain arguments; what decides its outcome is either a file in
``file_dep`` or a JSON value in ``config_changed``.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, NoReturn

from doit import doit_cmd

from pipeline.core import paths
from pipeline.core.errors import BadInput, ProjectError
from pipeline.core.text import printable
from pipeline.experiment.matrix import load
from pipeline.experiment.plan import Plan
from pipeline.tasks import checkout_lock, console, up_to_date
from pipeline.tasks.doit_db import JournalDB
from pipeline.tasks.progress import ProgressReporter

#: Variables that one task alone takes.
_ONLY_OF = {
    "bundle": "verify",
    "old": "compare",
    "new": "compare",
    "hosts": "compare",
    "threshold": "compare",
    "from": "new",
}
#: Tasks that are of all of the project's workloads where none is named.
_OF_ALL = {"bundle", "lock", "verify"}
#: Tasks that are about what is built here.
_NOT_OF_OTHERS = {"bundle", "certify", "explain", "lock", "reproduce", "selftest", "tune", "verify"}


class Terminated(KeyboardInterrupt):
    """The process is asked to end (SIGTERM, SIGHUP): it ends as after Ctrl-C, by that signal."""

    def __init__(self, number: int | str) -> None:
        super().__init__(number)
        self.number = int(number)


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated(number)


def current_plan() -> Plan:
    """The plan of this invocation; bad input ends the process with one line and status 1.

    Whatever changes the checkout has it alone from here on. Where nothing is to be done the process ends.
    """
    console.prepare()
    sys.excepthook = _excepthook
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:  # nohup ignores one
            signal.signal(number, _terminate)
    changes = checkout_lock.changes(sys.argv[1:])
    if changes:
        checkout_lock.tidy()
    while True:
        plan = _asked()
        try:
            # What it had to wait for may have done it all.
            if not changes or checkout_lock.own():
                return plan
            if up_to_date.code_changed():
                raise BadInput("the program itself changed while this run waited; type: doit run")
        except ProjectError as error:
            _refuse(error)


def _asked() -> Plan:
    """The plan as it is asked for and as the files are now."""
    try:
        if Path.cwd() != paths.ROOT:
            raise BadInput(
                f"this Python environment was made for the checkout in {paths.ROOT}; "
                "make one here: python3 -m venv .venv && .venv/bin/pip install -e ."
            )
        variables = doit_cmd._CMDLINE_VARS or {}
        tasks = set(sys.argv[1:])
        making = "new" in tasks
        # A workload that is to be made is none yet.
        chosen = {k: v for k, v in variables.items() if not (making and k in ("workload", "from"))}
        plan = load(chosen, every=bool(_OF_ALL & tasks) and "artifact" not in variables)
        plan = replace(plan, given=dict(variables)) if making else plan
        if plan.tune is not None and "tune" not in sys.argv[1:]:
            raise BadInput(
                "command line: backend= is of the search for flags (doit run tune backend=…); "
                "for the matrix, type: doit run backends=…"
            )
        alone = _NOT_OF_OTHERS & set(sys.argv[1:])
        if "artifact" in variables and alone:
            raise BadInput(
                f"command line: artifact= is not of {alone.pop()}; type: doit run artifact=FILE.wasm"
            )
        for name, task in _ONLY_OF.items():
            if name in variables and task not in sys.argv[1:]:
                raise BadInput(f"command line: {name}= is of {task}; type: doit run {task} {name}=…")
    except ProjectError as error:
        _refuse(error)
    if {"forget", "ignore", "reset-dep"} & set(sys.argv[1:]):
        up_to_date.forget()
    if up_to_date.tell_if_settled(plan, variables):
        raise SystemExit(0)
    ProgressReporter.cells = [cell.name for cell in plan.cells()]
    # In a class a partial becomes a method with CPython 3.14.
    ProgressReporter.settle = staticmethod(partial(_settle, plan, dict(variables)))
    return plan


def _refuse(error: ProjectError) -> NoReturn:
    print(f"error: {printable(str(error))}", file=sys.stderr)
    raise SystemExit(1) from None


def _settle(plan: Plan, variables: dict[str, str], tasks: list[Any]) -> None:
    """After a plain run that ended well: let the next one see at a glance that nothing changed."""
    # Where there is no room for it the next run looks at every task.
    with contextlib.suppress(OSError):
        name = up_to_date.key(plan, variables) if up_to_date.plain(sys.argv[1:]) else None
        if name is not None and JournalDB.current is not None:
            up_to_date.settle(name, tasks, JournalDB.current)


def _excepthook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Ctrl-C is no fault of ours: one line instead of a traceback."""
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    with contextlib.suppress(OSError, ValueError):  # nobody may be there to read it
        print("interrupted; what is finished is kept; type: doit run", file=sys.stderr, flush=True)
        sys.stdout.flush()
    # Not by Python's own end, which would wait for processes of a parallel run; they end with this one. The
    # note of who has the checkout stays: it lets the next run look for what is half-made.
    number = error.number if isinstance(error, Terminated) else signal.SIGINT
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
