"""The table for the terminal, from results.json."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pipeline.core import paths
from pipeline.core.rich_text import as_text, new_table
from pipeline.core.text import for_line, for_terminal
from pipeline.report import across_workloads_text, at_a_glance
from pipeline.report.tables import Grid, grids, mark, notes, rounds
from pipeline.results.cells import (
    doubts,
    native_name,
    native_speeds,
    prebuilt_modules,
    ratio_to,
)
from pipeline.results.model import HostResults, Results
from pipeline.results.model_cell import CellResult
from pipeline.results.problems.failures import failures
from toolchain.model import NATIVE

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

_WIDTH = 120
#: Of what is no table: a terminal of 100 columns does not wrap it again.
_TEXT_WIDTH = 100
#: Of the reasons that are printed: report.md has all, and whole.
_MOST_FAILURES = 6
_MOST_REASON = 280


def render_table(results: Results) -> str:
    """The table for the terminal, without colours, at a fixed width."""
    hosts: list[HostResults] = [results, *results.other_hosts]
    # Wide enough that no name and no number is cut: a terminal may wrap lines, a table must not lose cells.
    width = max([_WIDTH, *(40 + 24 * len(grid.columns) for host in hosts for grid in grids(host))])
    return "".join(
        (
            head(results),
            as_text(_own(results), width),
            across_workloads_text.render(results.across_workloads, results.workloads),
            as_text(_others(results), width),
            as_text(_about_cells(results), _TEXT_WIDTH),
            as_text(_about_run(results), _TEXT_WIDTH),
            reasons(results),
        )
    )


def head(results: Results) -> str:
    """What stands before the table: what disturbed the numbers, and what they show."""
    texts = [*at_a_glance.lines(results), *(f"- {finding.text}" for finding in results.findings)]
    return "".join(f"{line}\n" for line in [*itertools.chain.from_iterable(map(_wrapped, texts)), ""])


def _wrapped(text: str) -> list[str]:
    indent = "  " if text.startswith("- ") else ""
    return textwrap.wrap(for_line(text), _TEXT_WIDTH, subsequent_indent=indent, break_on_hyphens=False)


def reasons(results: Results) -> str:
    """What has no number, last, where it is seen: each reason once."""
    found = failures(results)
    lines = []
    for failure in found[:_MOST_FAILURES]:
        text = for_terminal(failure.text, _MOST_REASON)
        lines += textwrap.wrap(text, _TEXT_WIDTH, subsequent_indent="  ", break_on_hyphens=False)
        lines += textwrap.wrap(
            f"in {failure.where}",
            _TEXT_WIDTH,
            initial_indent="    ",
            subsequent_indent="    ",
            break_on_hyphens=False,
        )
    if len(found) > _MOST_FAILURES:
        lines.append(f"{len(found) - _MOST_FAILURES} more reasons are in {paths.REPORT_MD}.")
    return "".join(f"{line}\n" for line in (["", "Without a number:", *lines] if lines else []))


def _own(results: Results) -> Iterator[RenderableType]:
    for grid in grids(results):
        yield grid.title
        yield table(grid)


def _others(results: Results) -> Iterator[RenderableType]:
    for other in results.other_hosts:
        where = f"{other.host.cpu}, {other.host.kernel or 'unknown kernel'}"
        for grid in grids(other):
            yield f"On a different host, {where}: {grid.title}"
            yield table(grid)


def _about_cells(results: Results) -> Iterator[str]:
    for name, cell, module in prebuilt_modules(results):
        made = f" ({'; '.join(module.producers)})" if module.producers else ""
        what = f"{name}: {module.file}{made}, SHA-256 {cell.wasm_sha256}, {module.interface}"
        yield f"{what}; validated: {module.validated or 'nothing'}"
    yield from notes(results)


def reference_name(results: Results) -> str:
    """What ratios are relative to, as a sentence begins; a backend's name stays as it is."""
    to = ratio_to(results.workloads)
    return to.capitalize() if to == NATIVE else to


def _about_run(results: Results) -> Iterator[str]:
    above = at_a_glance.of_machine(results)[:1]
    for warning in (each for each in results.warnings if each not in above):
        yield f"{warning.name}: {warning.found}\n    remedy: {warning.remedy}"
    for workload in results.workloads:
        if workload.note:
            yield workload.note
    protocol, native = results.protocol, native_speeds(results.workloads)
    if native:
        yield (
            f"{reference_name(results)} = {native_name(results.workloads)}, {native} "
            f"undisturbed. ± is half of a "
            f"{protocol.confidence:.0%} interval; * no other backend is shown to be faster at that level"
            f"{''.join(f'; ? has none: {doubt}' for doubt in doubts(results.cells))}. "
            f"Protocol {protocol.name}, {rounds(results.cells)} rounds a cell."
        )
    host = results.host
    yield f"On {host.cpu} ({host.microarchitecture}), {host.cores} cores."
    page = f"{paths.INDEX_HTML}, " if results.preliminary is None else ""
    yield f"More in {page}{paths.REPORT_MD} and {paths.RESULTS_JSON}."


def table(grid: Grid[CellResult]) -> Table:
    """Ratios with half of their intervals, a line a backend."""
    from rich.text import Text

    table = new_table(show_lines=False)
    names = [len(name) for name, _ in grid.rows]
    table.add_column(f"ratio to {grid.ratio_to}", no_wrap=True, min_width=max([16, *names]))
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
        return f"{cell.status.value} "
    # A place for the mark in every row, so that numbers stand below each other.
    after = mark(cell) or " "
    return f"{numbers.ratio:.3f} {'?' if numbers.disturbed else f'±{numbers.half_width * 100:.1f}%'}{after}"
