"""What is printed on a terminal that has no room for all: findings, the table, what has no number.

Of a table that is too wide the ratios only.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pipeline.core import paths
from pipeline.core.errors import ProjectError
from pipeline.core.rich_text import Side, as_text, new_table
from pipeline.report.tables import Grid, grids, mark, notes
from pipeline.report.terminal_table import head, reasons, reference_name, table
from pipeline.results import results_json
from pipeline.results.cells import doubts, native_name, native_speeds
from pipeline.results.model import Results
from pipeline.results.model_cell import CellResult

if TYPE_CHECKING:
    from rich.console import RenderableType

_TEXT_WIDTH = 100
_ANY_WIDTH, _LOG_WIDTH = 10_000, 120


def fits(text: str, width: int, height: int) -> bool:
    """Whether a text is seen as a whole on a terminal, with room for two lines more."""
    lines = text.splitlines()
    return len(lines) + 2 <= height and all(len(line) <= width for line in lines)


def fitted(text: str) -> str:
    """The text of report.txt, or where this terminal has no room for it the smaller table."""
    from rich.console import Console

    size = Console().size
    if not fits(text, size.width, size.height):
        with contextlib.suppress(ProjectError):
            return render(results_json.read(paths.RESULTS_JSON), size.width)
    return text


def first() -> str:
    """The table after one round of each cell; "" where that is all there will be."""
    from rich.console import Console

    results = results_json.read(paths.RESULTS_JSON)
    if results.preliminary is None:
        return ""
    # A log is read with any width.
    width = Console().size.width if sys.stdout.isatty() else _LOG_WIDTH
    return f"\n{render(results, width)}\n"


def render(results: Results, width: int) -> str:
    """One line a backend; what is left out is in report.txt and report.md."""
    return head(results) + as_text(_parts(results, width), max(width, _TEXT_WIDTH)) + reasons(results)


def _parts(results: Results, width: int) -> Iterator[RenderableType]:
    for grid in grids(results):
        yield grid.title
        whole = table(grid)
        if max(map(len, as_text([whole], _ANY_WIDTH).splitlines())) <= width:
            yield whole
            continue
        columns: list[tuple[str, Side]] = [(f"ratio to {grid.ratio_to}", "left")]
        columns += [(name, "right") for name in grid.columns]
        yield new_table(columns, _rows(grid))
    if native := native_speeds(results.workloads):
        yield f"{reference_name(results)} = {native_name(results.workloads)}, {native} undisturbed."
    # While a run goes on, cells with one round are no matter of doubt.
    for doubt in doubts(results.cells) if results.preliminary is None else ():
        yield f"? has no interval of its own: {doubt}."
    counts = {"notes": len(notes(results)), "warnings": len(results.warnings)}
    more = " and ".join(f"{number} {name}" for name, number in counts.items() if number)
    also = f", {more}," if more else ""
    yield f"Scores and intervals{also} are in {paths.REPORT_TXT} and {paths.REPORT_MD}."


def _rows(grid: Grid[CellResult]) -> Iterator[list[str]]:
    for name, cells in grid.rows:
        yield [name, *map(_entry, cells)]


def _entry(cell: CellResult | None) -> str:
    if cell is None or cell.measurement is None:
        return "" if cell is None else cell.status.value
    return f"{cell.measurement.ratio:.3f}{'?' if cell.measurement.doubt else mark(cell) or ' '}"
