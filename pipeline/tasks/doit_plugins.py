"""Where doit starts this project: a loader of tasks and the command ``run``, named in pyproject.toml.

The loader is made before anything else; ``begin`` reads the plan and locks the checkout where it is changed.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from doit import get_initial_workdir
from doit.cmd_base import DodoTaskLoader
from doit.cmd_dumpdb import DumpDB as DoitDumpDB
from doit.cmd_help import Help as DoitHelp
from doit.cmd_run import Run as DoitRun
from doit.exceptions import InvalidDodoFile

from pipeline.core import paths
from pipeline.core.errors import BadInput, ProjectError
from pipeline.core.text import printable
from pipeline.tasks import doit_internals, invocation, signals
from pipeline.tasks.terminal import console

if TYPE_CHECKING:
    from pipeline.tasks.invocation import Invocation


#: doit's commands after which every task is to be looked at.
_FORGETTING = {"forget", "ignore", "reset-dep"}


#: The exit status where a comparison is undecided.
_UNDECIDED = 3


class ProjectLoader(DodoTaskLoader):  # type: ignore[misc]
    """doit's loader of dodo.py; the plan of the command is read before the tasks are made of it."""

    def __init__(self) -> None:
        super().__init__()
        self.started_ns = time.time_ns()
        console.prepare()
        sys.excepthook = signals.excepthook
        # doit list | head: end as other programs do. A run that changes something reports it instead.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)

    def setup(self, opt_values: Any) -> None:
        """Load dodo.py; where doit would work in a different folder the process ends with one line."""
        _check_folder(opt_values)
        super().setup(opt_values)

    def load_tasks(self, cmd: Any, pos_args: list[str]) -> list[Any]:
        """All tasks; begins the command, unless it is ``run``, which has begun before."""
        if cmd.get_name() != Run.name:
            begin(cmd.get_name(), pos_args, started_ns=self.started_ns)
        try:
            return list(super().load_tasks(cmd, pos_args))
        except ProjectError as error:
            refuse(error)


class Run(DoitRun):  # type: ignore[misc]
    """doit's ``run``, which loads no task where everything is up to date."""

    name = "run"

    def execute(self, params: Any, args: list[str]) -> int:
        """Returns doit's exit status."""
        _check_folder(params)
        if args[:1] == ["help"]:
            return _help(args[1:])
        own = params["dodoFile"] == DodoTaskLoader.cmd_options[0]["default"]
        default = own and not args and not doit_internals.options_given(params)
        state = begin(self.name, args, started_ns=self.loader.started_ns, default=default)
        if state.table is not None:
            return _show(state.table)
        if state.changes:
            signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        if params["num_process"]:
            import multiprocessing

            from pipeline.tasks.actions import die_with_parent_after_fork

            # They inherit the plan and the lock, and die with this one. CPython 3.14 has a different default.
            multiprocessing.set_start_method("fork", force=True)
            die_with_parent_after_fork()
        status = int(super().execute(params, args))
        if status == 0 and default and state.done is not None:
            _stamp(state, self.dep_manager.backend)
        return console.flush() or (_UNDECIDED if _only_undecided(state) else status)


def _only_undecided(state: Invocation) -> bool:
    from pipeline.tasks.actions import Open

    return bool(state.failures) and all(isinstance(failure, Open) for failure in state.failures)


class Help(DoitHelp):  # type: ignore[misc]
    """doit's ``help``, with the variables of tasks."""

    name = "help"

    def execute(self, params: Any, args: list[str]) -> int:
        """``doit help tune`` as ``doit run help tune``."""
        from pipeline.tasks.commands import discover

        if args and args[0] in discover():
            return _help(args)
        return int(super().execute(params, args))


class DumpDB(DoitDumpDB):  # type: ignore[misc]
    """doit's ``dumpdb``, which reads other databases than this project's."""

    name = "dumpdb"

    def execute(self, opt_values: Any, pos_args: list[str]) -> int:
        """Print each task with what is remembered of it."""
        import sqlite3

        path = Path(opt_values["dep_file"])
        try:
            with contextlib.closing(
                sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
            ) as memory:
                for name, entry in memory.execute("select task_id, task_data from doit order by task_id"):
                    print(printable(f"{name} -> {entry}"))
        except sqlite3.Error as error:
            refuse(BadInput(f"{path}: {error}; expected the database of a run; run: doit run"))
        return console.flush()


def begin(command: str, tasks: Sequence[str], *, started_ns: int, default: bool = False) -> Invocation:
    """Read the plan of a command of doit and, where it changes the checkout, have that alone from here on.

    ``default``: the default tasks without an option; where they are up to date the state has their table.
    Bad input ends the process with one line and status 1.
    """
    try:
        state = _begin(command, tasks, started_ns, default)
    except ProjectError as error:
        refuse(error)
    invocation.set_current(state)
    return state


def _begin(command: str, asked: Sequence[str], started_ns: int, default: bool) -> Invocation:
    from pipeline.core.loaded_code import LoadedCode
    from pipeline.runtimes.backends import ask_programs
    from pipeline.tasks import command_line, up_to_date
    from pipeline.tasks.checkout_lock import CheckoutLock

    variables = doit_internals.variables()
    tasks = tuple(task.partition(":")[0] for task in asked)
    changes = command_line.changes_checkout(command, tasks)
    lock = CheckoutLock()
    if changes:
        invocation.set_asked(command, asked, variables)
        signals.handle()
        lock.tidy()
    if changes or command == "run":
        ask_programs()
    code = None
    while True:
        plan = command_line.read_plan(variables, tasks)
        state = invocation.Invocation(command, variables, changes, plan, lock)
        if default:
            state.table = up_to_date.table(plan, variables)
        if not changes or state.table is not None:
            break
        code = code or LoadedCode(started_ns)
        # What this process had to wait for may have done everything.
        if lock.acquire():
            break
        if code.changed() is not None:
            raise BadInput(f"{code.changed()}: the program was changed while this run waited; run: doit run")
    state.code = code
    if command in _FORGETTING:
        up_to_date.forget()
    state.started_ns = started_ns
    return state


def _stamp(state: Invocation, memory: Any) -> None:
    """After a default run that ended well: let the next one see from one file that nothing changed."""
    from pipeline.tasks import up_to_date

    assert state.done is not None
    # Where there is no room for it the next run checks every task.
    with contextlib.suppress(OSError):
        name = up_to_date.key(state.plan, state.variables)
        if name is not None and state.code is not None and state.code.changed() is None:
            up_to_date.write_stamp(name, state.done, memory)


def _help(tasks: Sequence[str]) -> int:
    from pipeline.tasks.command_line import describe

    try:
        return _show(f"{describe(tasks)}\n")
    except ProjectError as error:
        refuse(error)


def _show(text: str) -> int:
    """Print; returns the exit status, which is 1 where standard output takes nothing."""
    try:
        print(text, end="", flush=True)
    except OSError as error:
        console.abandon(sys.stdout, error)
        return 1
    return 0


def _check_folder(params: Any) -> None:
    """End the process with one line where doit would not work in the project's folder."""
    folder, file = params["cwdPath"], params["dodoFile"]
    try:
        if Path.cwd() != paths.ROOT:
            raise BadInput(
                f"this Python environment was made for the checkout in {paths.ROOT}; "
                "make one here: python3 -m venv .venv && .venv/bin/pip install -e ."
            )
        if folder is not None and Path(folder).resolve() != paths.ROOT:
            raise BadInput(f"-d {folder}: the tasks work in {paths.ROOT}; run doit there, without -d")
        if folder is None and os.path.exists(file) and Path(file).resolve().parent != paths.ROOT:
            raise BadInput(f"-f {file}: expected a file in {paths.ROOT}; run doit there, without -f")
    except ProjectError as error:
        refuse(error)


def require_project_folder() -> None:
    """Raises InvalidDodoFile where doit loads dodo.py but was started in a different folder (doit -f, -k).

    It has read no pyproject.toml then, which names this project's database and the classes here.
    """
    started = get_initial_workdir()
    if started is not None and Path(started).resolve() != paths.ROOT:
        raise InvalidDodoFile(
            f"doit was started in {started}; run: cd {shlex.quote(str(paths.ROOT))} && doit run"
        )


def refuse(error: ProjectError) -> NoReturn:
    """End the process with an error's line and status 1."""
    print(f"error: {printable(invocation.complete(str(error)))}", file=sys.stderr)
    raise SystemExit(1) from None
