"""What a terminal shows while a run goes on: what is done now, how far it is, and the table as it fills up.

Drawn between rounds only. The table has what was measured so far: the report judges, this only shows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from pipeline.core.model import Status
from pipeline.measure.ratio import estimate
from pipeline.measure.sample import Sample, read
from pipeline.tasks.steps import within_a_cell, within_a_task

_PHASE = "measure:"
_BAR = 24
#: Lines of a terminal that are not the table's.
_OTHER_LINES = 6


@dataclass
class _Cell:
    """One cell as far as its rounds are there."""

    wanted: int = 0
    samples: list[Sample] = field(default_factory=list)  # one a round
    status: Status = Status.OK
    shown: str = ""  # the entry, until there is a further sample

    def entry(self) -> str:
        """ "0.842 ±1.3%", "0.842 ?" without an interval; the status where it went wrong; "·" before all."""
        if self.status is not Status.OK:
            return str(self.status.value)
        if not self.samples:
            return "·"
        if not self.shown:
            found = estimate(self.samples)
            width = "?" if found.disturbed else f"±{found.half_width * 100:.1f}%"
            self.shown = f"{found.value:.3f} {width}"
        return self.shown


class Board:
    """The table of a run's cells, from the names of its tasks: measure:CELL:ROUND, where CELL is
    WORKLOAD:TOOLCHAIN:VARIANT:BACKEND.

    ``order`` has the names of all cells, with slashes, in the order of rows and columns.
    """

    def __init__(self, names: Iterable[str], order: Iterable[str] = ()) -> None:
        self._unread: dict[str, str] = {}  # task -> sample
        places = (self._place(f"{_PHASE}{within_a_task(each)}:0") for each in order)
        ordered = {place: _Cell() for place in places if place is not None}  # (row, column)
        for name in names:
            place = self._place(name)
            if place is not None:
                ordered.setdefault(place, _Cell()).wanted += 1
        self._cells = {place: cell for place, cell in ordered.items() if cell.wanted}

    @staticmethod
    def _place(name: str) -> tuple[str, str] | None:
        parts = name.split(":")
        if not name.startswith(_PHASE) or len(parts) != 6:
            return None
        _, workload, toolchain, variant, backend, _ = parts
        return f"{workload} {toolchain} {within_a_cell(backend)}", variant

    def done(self, name: str, targets: Iterable[str]) -> None:
        """A task is done; its sample is read when the table is next drawn."""
        if self._place(name) is not None:
            self._unread.update(dict.fromkeys([name], next(iter(targets), "")))

    @property
    def cells(self) -> tuple[int, int]:
        """(cells with all their rounds, cells)."""
        self._read()
        full = [c for c in self._cells.values() if c.status is not Status.OK or len(c.samples) >= c.wanted]
        return len(full), len(self._cells)

    def _read(self) -> None:
        for name, path in self._unread.items():
            sample, place = read(path), self._place(name)
            if sample is not None and place is not None:
                self._add(self._cells[place], sample)
        self._unread.clear()

    @staticmethod
    def _add(cell: _Cell, sample: Sample) -> None:
        if sample.status is not Status.OK:
            cell.status = sample.status
            return
        cell.samples.append(sample)
        cell.shown = ""

    def table(self, height: int, now: str) -> Any:
        """rich's table of at most so many lines, around the row of the task ``now``; None without cells."""
        from rich import box
        from rich.table import Table
        from rich.text import Text

        self._read()
        rows = list(dict.fromkeys(row for row, _ in self._cells))
        several = len({row.partition(" ")[0] for row in rows}) > 1
        columns = list(dict.fromkeys(column for _, column in self._cells))
        if not rows:
            return None
        current = self._place(now)
        most = max(3, height - _OTHER_LINES)
        at = rows.index(current[0]) if current else 0
        first = max(0, min(at - most // 2, len(rows) - most))
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        table.add_column("ratio to native", no_wrap=True)
        for column in columns:
            table.add_column(Text(column), justify="right", no_wrap=True, min_width=11)
        for row in rows[first : first + most]:
            entries = []
            for column in columns:
                cell = self._cells.get((row, column))
                text = cell.entry() if cell else ""
                entries.append(Text(text, style="reverse" if (row, column) == current else ""))
            table.add_row(Text(row if several else row.partition(" ")[2]), *entries)
        return table


def render(number: int, total: int, left: str, what: str, board: Board, height: int, now: str) -> Any:
    """The whole view: a line on what is done, and the table."""
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    head = Table.grid(padding=(0, 1))
    full, cells = board.cells
    done = f", {full}/{cells} cells" if cells else ""
    bar = ProgressBar(total=max(1, total), completed=number, width=_BAR)
    head.add_row(Text(f"{number}/{total}{done}"), bar, Text(left), Text(what))
    table = board.table(height, now)
    return Group(head) if table is None else Group(head, table)
