"""What a run prints while it runs: a live view on a terminal, plain lines in a log, the table at the end.

Nothing is drawn while a measurement runs, only between tasks: a thread that repaints ten times a
second would disturb the measurement.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from pathlib import Path
from typing import IO, Any

from doit.exceptions import BaseFail, DependencyError, TaskFailed
from doit.reporter import ConsoleReporter

from pipeline.core import paths
from pipeline.core.locks import Holder, blocker
from pipeline.core.processes import end_by_signals
from pipeline.core.text import printable
from pipeline.tasks import invocation
from pipeline.tasks.actions import Later, Regressed
from pipeline.tasks.measure import FIRST_TABLE
from pipeline.tasks.steps import within_a_task
from pipeline.tasks.terminal import console
from pipeline.tasks.terminal.time_left import TimeLeft, Waits, phase_of
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
        self._left = TimeLeft({}, ())
        self._process = os.getpid()
        self._waits = Waits()
        self._shown = ("", "")  # what is done, and the name of the task
        self._executed = 0
        self._report_wanted = False
        self._reached: set[str] = set()
        self._failed = False
        self._gone = False
        #: (measure:CELL:ROUND, [path of the sample]) since the live view was last drawn.
        self._finished: list[tuple[str, list[str]]] = []
        self._round = ""  # the last one of a refinement that was printed
        self._said: set[str] = set()  # kinds of failures that were printed
        self._verdict = ""  # of check, which is printed below the table

    # -- doit's calls, in the order in which they come

    def initialize(self, tasks: dict[str, Any], selected_tasks: list[str]) -> None:
        """Count what this run may have to do: what is selected, and what that depends on."""
        waiting, reached = list(selected_tasks), set()
        while waiting:
            name = waiting.pop()
            if name not in reached:
                reached.add(name)
                waiting += [*tasks[name].task_dep, *tasks[name].setup_tasks]
        self._left = TimeLeft(tasks, reached)
        self._report_wanted = invocation.current().reports = "report" in reached
        self._reached = reached
        self._tasks = tasks
        invocation.current().on_wait = self._wait
        invocation.current().on_round = self._further_round

    def execute_task(self, task: Any) -> None:
        """A task starts; what checks of its files found is printed below it."""
        if not task.actions:
            return
        if self._executed == 0:
            self._left.expect_targets_to_be_kept()
        self._executed += 1
        self._left.start(task)
        self._show(task)
        self._print_notes()

    def add_success(self, task: Any) -> None:
        """A task is done."""
        self._left.done(task)
        self._finished.append((task.name, list(task.targets)))
        if task.name == FIRST_TABLE:
            if self._report_wanted:
                self._print_text(Later("pipeline.report.small_table:first")())
        elif task.name.startswith("measure:"):
            self._print_status(task)

    def skip_uptodate(self, task: Any) -> None:
        """A task needs not be done."""
        self._left.skip(task.name)
        self._finished.append((task.name, list(task.targets)))

    def skip_ignore(self, task: Any) -> None:
        """A task is not wanted (doit ignore)."""
        self._left.skip(task.name)

    def add_failure(self, task: Any, fail: BaseFail) -> None:
        """A task failed: one line for errors of the user, a traceback for those of the program."""
        self._left.done(task)
        self._stop()
        self._failed = True
        invocation.note_failure(fail)
        gone = _GONE.search(str(fail.get_msg())) if isinstance(fail, DependencyError) else None
        if gone:
            _say_error(self._vanished(gone[1]))
            self._report_wanted, self._gone = False, True
        elif task.name == "check" and isinstance(fail, TaskFailed):
            self._verdict = fail.get_msg().strip()
        elif isinstance(fail, TaskFailed | Regressed):
            _say_error(fail.get_msg().strip())
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
            text = table.read_text(encoding="utf-8")
            if self._terminal():
                text = Later("pipeline.report.small_table:fitted")(text)
            self.write(f"\n{text}")
            if not (self._failed or self._left or self.runtime_errors):
                invocation.current().done = [self._tasks[name] for name in self._reached]
        if self._verdict:
            _say_error(self._verdict)
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

    # -- how it looks

    def _show(self, task: Any) -> None:
        phase, words = phase_of(task), task.name.split(":")[1:]
        # "sources:obtain:coremark" is "obtain sources coremark".
        rest = words[1:] if words[:1] == phase.split()[:1] else words
        what = " ".join([phase, *rest])
        alone = bool((task.meta or {}).get("alone"))
        self._waits.now = blocker(exclusive=alone) is not None
        # How long a different process takes is not known.
        left = "waiting" if self._waits.now else self._left.words
        self._shown = (what, task.name)
        if self._terminal():
            self._draw(left)
        else:
            total = self._left.total
            self.write(f"[{self._left.number:>{len(str(total))}}/{total}] {what} ({left})\n")

    def _wait(self, holder: Holder | None, waited_s: float) -> None:
        """Called again and again while the task that was shown last waits for a process, and when it has."""
        self._left.wait(waited_s)
        if holder is not None and (line := self._waits.line(holder, waited_s)):
            self._print_line(line)
        if self._waits.now != (holder is not None):
            self._waits.now = holder is not None
            if self._live is not None and os.getpid() == self._process:
                self._draw("waiting" if self._waits.now else self._left.words)

    def _further_round(self, cell: str, path: str, open_: int) -> None:
        """Called after each round that a cell gets beyond those that all cells have."""
        if os.getpid() != self._process:
            return
        number = path.rpartition("/")[2].partition(".")[0]
        if self._live is None:
            if number != self._round:
                self._round = number
                self._print_text(f"    {number}: {open_} cells are not exact enough yet\n")
            return
        name = f"measure:{within_a_task(cell)}:{number}"
        self._finished.append((name, [path]))
        self._shown = (f"refine {cell}, {open_} cells left", name)
        self._draw(self._left.words)

    def _terminal(self) -> bool:
        return self.outstream.isatty() and os.environ.get("TERM") != "dumb"

    def _draw(self, left: str) -> None:
        from rich.console import Console
        from rich.live import Live

        from pipeline.tasks.terminal.live_table import Board, render

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
        for name, targets in self._finished:
            self._board.done(name, targets)
        self._finished.clear()
        height = self._live.console.height
        (what, now), number, total = self._shown, self._left.number, self._left.total
        self._live.update(render(number, total, left, what, self._board, height, now), refresh=True)

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
            self._print_line(notes.pop(0))

    def _print_line(self, text: str) -> None:
        """A line below what is done now."""
        self._print_text(f"    {printable(text)}\n")

    def _print_text(self, text: str) -> None:
        """Lines that stay, above the live view where there is one."""
        if self._live is None or os.getpid() != self._process:
            self.write(text)
        else:
            self._live.console.print(text, end="", markup=False, highlight=False, soft_wrap=True)

    def _print_status(self, task: Any) -> None:
        """Why a round did not end well, once for all rounds and cells with that reason."""
        from pipeline.core.model import Status
        from pipeline.measure.sample import read
        from pipeline.results.problems.failures import kind_of

        sample = read(task.targets[0])
        if sample is None or sample.status is Status.OK:
            return
        kind = kind_of(sample.status, str(sample.reason), sample.cell.split("/"))
        if kind not in self._said:
            self._said.add(kind)
            reason = f"{sample.status.value}: {sample.reason}"
            self._print_line(f"{sample.cell}, round {sample.round}: {reason}")


def _say_error(text: str) -> None:
    sys.stderr.write(f"error: {printable(invocation.complete(text))}\n")
