"""The table for the terminal, from results.json."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pipeline.core import paths
from pipeline.core.rich_text import as_text, new_table
from pipeline.report import across_workloads_text
from pipeline.report.tables import Grid, grids, notes, rounds
from pipeline.results.cells import (
    measured,
    native_name,
    native_speeds,
    prebuilt_modules,
    ratio_to,
    speed_text,
    without_number,
)
from pipeline.results.model import HostResults, Results
from pipeline.results.model_cell import CellResult

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

_WIDTH = 130
_MOST_LETTERS = 4
_GROUPED = "Cells of a workload that share a letter are indistinguishable"
_UNGROUPED = "Cells that differ in one thing only are compared in report.md"
_DISTURBED = "; ? has none: the machine was too disturbed"


def render_table(results: Results) -> str:
    """The table for the terminal, without colours, at a fixed width."""
    hosts: list[HostResults] = [results, *results.other_hosts]
    # Wide enough that no name and no number is cut: a terminal may wrap lines, a table must not lose cells.
    width = max([_WIDTH, *(40 + 24 * len(grid.columns) for host in hosts for grid in grids(host))])
    return "".join(
        (
            as_text(_own(results), width),
            across_workloads_text.render(results.across_workloads, results.workloads),
            as_text(_others(results), width),
            as_text(_about_cells(results), width),
            as_text(_about_run(results), width),
        )
    )


def _own(results: Results) -> Iterator[RenderableType]:
    for grid in grids(results):
        yield grid.title
        yield _table(grid)


def _others(results: Results) -> Iterator[RenderableType]:
    for other in results.other_hosts:
        where = f"{other.host.cpu}, {other.host.kernel or 'unknown kernel'}"
        for grid in grids(other):
            yield f"On a different host, {where}: {grid.title}"
            yield _table(grid)


def _about_cells(results: Results) -> Iterator[str]:
    digests = {cell.variant: cell.wasm_sha256 for cell in results.cells if cell.prebuilt}
    for name, module in prebuilt_modules(results):
        what = f"{name}: {module.file}, SHA-256 {digests[name]}, {module.interface}"
        yield f"{what}; validated: {module.validated or 'nothing'}"
    for reason, cells in without_number(results):
        yield f"{reason}\n    {', '.join(cells)}"
    yield from notes(results)


def _about_run(results: Results) -> Iterator[str]:
    for warning in results.warnings:
        yield f"{warning.name}: {warning.found}\n    remedy: {warning.remedy}"
    for workload in results.workloads:
        if workload.note:
            yield workload.note
    protocol, native = results.protocol, native_speeds(results.workloads)
    if native:
        numbers = [m for _, m in measured(results.cells)]
        yield (
            f"{ratio_to(results.workloads).capitalize()} = {native_name(results.workloads)}, {native} "
            f"undisturbed. ± is half of a "
            f"{protocol.confidence:.0%} interval. "
            f"{_GROUPED if any(m.group_letters for m in numbers) else _UNGROUPED}"
            f"{_DISTURBED if any(m.disturbed for m in numbers) else ''}. "
            f"Protocol {protocol.name}, {rounds(results.cells)} rounds a cell."
        )
    host = results.host
    yield f"On {host.cpu} ({host.microarchitecture}), {host.cores} cores."
    yield f"More in {paths.INDEX_HTML}, {paths.REPORT_MD} and {paths.RESULTS_JSON}."


def _table(grid: Grid[CellResult]) -> Table:
    from rich.text import Text

    table = new_table(show_lines=False)
    names = [len(name) for name, _ in grid.rows]
    table.add_column(f"{grid.unit}\nratio to {grid.ratio_to}", no_wrap=True, min_width=max([16, *names]))
    for variant in grid.columns:
        table.add_column(Text(variant), justify="right", no_wrap=True)
    for name, cells in grid.rows:
        table.add_row(Text(name), *(Text(_entry(cell)) for cell in cells))
    return table


def _entry(cell: CellResult | None) -> str:
    if cell is None:
        return ""
    numbers = cell.measurement
    if numbers is None:
        return f"{cell.status.value}\n"
    # In many groups at once: few rounds, and the list in report.md is clearer than a word of letters.
    letters = numbers.mark if len(numbers.mark) <= _MOST_LETTERS else "…"
    return f"{speed_text(numbers.score)}\n{numbers.ratio:.3f} ±{numbers.half_width * 100:.1f}% {letters}"
