"""What a run prints while it runs: a live view on a terminal, plain lines in a log, the table at the end.

Nothing is drawn while a measurement runs, only between tasks: a thread that repaints ten times a
second would disturb the measurement.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
import time
from pathlib import Path
from typing import IO, Any

from doit.exceptions import BaseFail, DependencyError, TaskFailed
from doit.reporter import ConsoleReporter

from pipeline.core import paths
from pipeline.core.processes import end_by_signals
from pipeline.core.text import printable
from pipeline.tasks import console, invocation
from pipeline.tasks.actions import Regressed
from pipeline.tasks.up_to_date import UP_TO_DATE

#: doit's message where a file that a task depends on is missing.
_GONE = re.compile(r"Dependent file '(.*)' does not exist")


class ProgressReporter(ConsoleReporter):  # type: ignore[misc]
    """doit's reporter for this project."""

    desc = "what is done, how far it is, how long it will take; the table at the end"

    def __init__(self, outstream: IO[str], options: dict[str, Any]) -> None:
        # doit looked for it before console.prepare could replace a closed one.
        super().__init__(outstream or sys.stdout, options)
        self._live: Any = None
        self._board: Any = None
        self._left: dict[str, float] = {}  # task -> guessed seconds, of tasks not yet done
        self._phase_guess: dict[str, float] = {}
        self._phase_spent: dict[str, float] = {}
        self._started: dict[str, float] = {}
        self._total = 0
        self._executed = 0
        self._report_wanted = False
        self._reached: set[str] = set()
        self._failed = False
        self._gone = False
        self._finished: list[str] = []  # since the live view was last drawn

    # -- doit's calls, in the order in which they come

    def initialize(self, tasks: dict[str, Any], selected_tasks: list[str]) -> None:
        """Count what this run may have to do: what is selected, and what that depends on."""
        waiting, reached = list(selected_tasks), set()
        while waiting:
            name = waiting.pop()
            if name not in reached:
                reached.add(name)
                waiting += [*tasks[name].task_dep, *tasks[name].setup_tasks]
        for name in reached:
            if tasks[name].actions:
                self._left[name] = (tasks[name].meta or {}).get("seconds", 0.1)
        self._total = len(self._left)
        self._report_wanted = "report" in reached
        self._reached = reached
        self._tasks = tasks

    def execute_task(self, task: Any) -> None:
        """A task starts; what checks of its files found is printed below it."""
        if not task.actions:
            return
        if self._executed == 0:
            self._expect_targets_to_be_kept()
        self._executed += 1
        self._started[task.name] = time.monotonic()
        self._show(task)
        self._print_notes()

    def add_success(self, task: Any) -> None:
        """A task is done."""
        self._done(task)
        self._finished.append(task.name)
        if task.name.startswith("measure:") and not self._terminal():
            self._print_status(task)

    def skip_uptodate(self, task: Any) -> None:
        """A task needs not be done."""
        self._left.pop(task.name, None)
        self._finished.append(task.name)

    def skip_ignore(self, task: Any) -> None:
        """A task is not wanted (doit ignore)."""
        self._left.pop(task.name, None)

    def add_failure(self, task: Any, fail: BaseFail) -> None:
        """A task failed: one line for errors of the user, a traceback for those of the program."""
        self._done(task)
        self._stop()
        self._failed = True
        gone = _GONE.search(str(fail.get_msg())) if isinstance(fail, DependencyError) else None
        if gone:
            sys.stderr.write(f"error: {self._vanished(gone[1])}\n")
            self._report_wanted, self._gone = False, True
        elif isinstance(fail, TaskFailed | Regressed):
            sys.stderr.write(f"error: {printable(fail.get_msg().strip())}\n")
        else:
            sys.stderr.write(f"error in task {task.name}: {fail.get_msg()}\n")
        self._report_wanted = self._report_wanted and task.name == "check"

    def complete_run(self) -> None:
        """The run is over, well or not."""
        self._stop()
        for message in self.runtime_errors:
            sys.stderr.write(f"error: {message}\n")
        table = Path(paths.REPORT_TXT)
        if self._report_wanted and "report" not in self._left and table.exists():
            if not self._executed:
                self.write(f"{UP_TO_DATE}\n")
            self.write("\n" + table.read_text(encoding="utf-8"))
            if not (self._failed or self._left or self.runtime_errors):
                invocation.current().done = [self._tasks[name] for name in self._reached]
        # From here on: a signal during interpreter shutdown would print a traceback.
        end_by_signals()
        if self._gone:
            # doit would end with status 2, which is for errors of the program.
            raise SystemExit(1)

    def write(self, text: str) -> None:
        """Print it. Where that fails (a full disk, `| head`) the run ends: what is finished is kept."""
        try:
            super().write(text)
            self.outstream.flush()
        except OSError as error:
            self._report_wanted = False
            console.abandon(self.outstream, error)
            raise SystemExit(1) from None

    # -- how far it is

    def _expect_targets_to_be_kept(self) -> None:
        """At the first task: a task whose targets exist will most likely not take time."""
        for name in self._left:
            targets = self._tasks[name].targets
            if targets and all(os.path.exists(target) for target in targets):
                self._left[name] = 0.0

    def _done(self, task: Any) -> None:
        guess = self._left.pop(task.name, None)
        started = self._started.pop(task.name, None)
        if started is not None and guess:
            phase = self._phase(task)
            spent = time.monotonic() - started
            self._phase_guess[phase] = self._phase_guess.get(phase, 0.0) + guess
            self._phase_spent[phase] = self._phase_spent.get(phase, 0.0) + spent

    @staticmethod
    def _phase(task: Any) -> str:
        return str((task.meta or {}).get("phase", task.name))

    def _seconds_left(self) -> float:
        """Guesses of what is not done yet, each corrected by how its phase has gone so far."""
        left = 0.0
        for name, guess in self._left.items():
            phase = self._phase(self._tasks[name])
            guessed = self._phase_guess.get(phase, 0.0)
            left += guess * (self._phase_spent[phase] / guessed if guessed else 1.0)
        return left

    # -- how it looks

    def _show(self, task: Any) -> None:
        what = f"{self._phase(task)} {task.name.partition(':')[2].replace(':', ' ')}".strip()
        number = self._total - len(self._left) + 1
        left = _duration(self._seconds_left())
        if self._terminal():
            self._draw(number, what, left, task.name)
        else:
            self.write(f"[{number:>{len(str(self._total))}}/{self._total}] {what} ({left} left)\n")

    def _terminal(self) -> bool:
        return self.outstream.isatty() and os.environ.get("TERM") != "dumb"

    def _draw(self, number: int, what: str, left: str, now: str) -> None:
        from rich.console import Console
        from rich.live import Live

        from pipeline.tasks.live_table import Board, render

        if self._live is None:
            if self._board is None:
                self._board = Board(
                    (name for name in self._tasks if name in self._reached),
                    [cell.name for cell in invocation.plan().cells()],
                )
            console = Console(file=self.outstream)
            # Redrawn by this class only: see above. What is too high for the terminal is cut.
            self._live = Live(console=console, auto_refresh=False, transient=True, vertical_overflow="crop")
            self._live.start()
        for name in self._finished:
            self._board.done(name, self._tasks[name].targets)
        self._finished.clear()
        height = self._live.console.height
        self._live.update(render(number, self._total, left, what, self._board, height, now), refresh=True)

    def _stop(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _vanished(self, path: str) -> str:
        """The message for a file that a task depends on and that is missing or cannot be read."""
        name = printable(path)
        if os.path.exists(path):
            return f"{name} cannot be read; expected a file that this user may read; then run: doit run"
        if any(path in task.targets for task in self._tasks.values()):
            return f"{name} is gone; run: doit run"
        ours = not os.path.isabs(path) and not path.startswith(paths.LOCAL_WORKLOADS)
        how = f" (git checkout {shlex.quote(path)})" if ours else ""
        return f"{name} is gone; restore it{how}, then run: doit run"

    def _print_notes(self) -> None:
        notes = invocation.current().notes
        while notes:
            line = f"    {printable(notes.pop(0))}\n"
            if self._live is None:
                self.write(line)
            else:
                self._live.console.print(line, end="", markup=False, highlight=False, soft_wrap=True)

    def _print_status(self, task: Any) -> None:
        """In a log, where no table fills up: a round that did not end well, and why."""
        from pipeline.core.model import Status
        from pipeline.measure.sample import read

        sample = read(task.targets[0])
        if sample is not None and sample.status is not Status.OK:
            reason = printable(f"{sample.status.value}: {sample.reason}")
            self.write(f"    {sample.cell}, round {sample.round}: {reason}\n")


def _duration(seconds: float) -> str:
    """ "about 3 min", "about 40 s"."""
    if seconds >= 90:
        return f"about {seconds / 60:.0f} min"
    return f"about {max(1, round(seconds))} s"
