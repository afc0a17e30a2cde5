"""The table for the terminal, from results.json."""

from __future__ import annotations

import io
from typing import Any

from pipeline.core import paths
from pipeline.core.model import Status
from pipeline.core.text import printable
from pipeline.report import across_workloads_text
from pipeline.report.tables import grid, notes, rounds
from pipeline.results.cells import foreign, half_width, mark, native_name, native_speeds, speed, unfit

_WIDTH = 130
_MOST_LETTERS = 4
_GROUPED = "Cells of a workload that share a letter could not be told apart"
_UNGROUPED = "Cells that differ in one thing only are compared in report.md"
_DISTURBED = "; ? has none: the machine was too disturbed"


def render_table(results: dict[str, Any]) -> str:
    """The table for the terminal, without colours, at a fixed width."""
    from rich.console import Console
    from rich.text import Text

    stream = io.StringIO()
    # Wide enough that no name and no number is cut: a terminal may wrap lines, a table must not lose cells.
    grids = [g for each in (results, *results["elsewhere"]) for g in grid(each)]
    width = max([_WIDTH, *(40 + 24 * len(g["variants"]) for g in grids)])
    console = Console(file=stream, width=width, color_system=None, highlight=False)
    for one in grid(results):
        console.print(Text(one["title"]))
        console.print(_table(one))
    # It ends its own lines.
    stream.write(across_workloads_text.render(results["across"], results["workloads"]))
    for there in results["elsewhere"]:
        where = f"{there['host']['cpu']}, {there['host']['kernel'] or 'unknown kernel'}"
        for one in grid(there):
            console.print(Text(f"On another host, {where}: {one['title']}"))
            console.print(_table(one))
    for cell in foreign(results):
        of = cell["prebuilt"]
        what = f"{cell['variant']}: {of['file']}, SHA-256 {cell['wasm_sha256']}, {of['interface']}"
        console.print(Text(f"{what}; validated: {of['validated'] or 'nothing'}"))
    for reason, cells in unfit(results):
        console.print(Text(f"{reason}\n    {', '.join(cells)}"))
    for note in notes(results):
        console.print(Text(note))
    for warning in results["warnings"]:
        console.print(Text(f"{warning['name']}: {warning['found']}\n    cure: {warning['remedy']}"))
    for workload in results["workloads"]:
        if workload["note"]:
            console.print(Text(workload["note"]))
    protocol, native = results["protocol"], native_speeds(results["workloads"])
    if native:
        console.print(
            Text(
                f"Native = {native_name(results['workloads'])}, {native} undisturbed. ± is half of a "
                f"{protocol['confidence']:.0%} interval. "
                f"{_GROUPED if any(c['group'] for c in results['cells']) else _UNGROUPED}"
                f"{_DISTURBED if any(c['disturbed'] for c in results['cells']) else ''}. "
                f"Protocol {protocol['name']}, {rounds(results)} rounds a cell."
            )
        )
    cpu = results["host"]
    console.print(Text(f"On {cpu['cpu']} ({cpu['microarchitecture']}), {cpu['cores']} cores."))
    console.print(Text(f"More in {paths.INDEX_HTML}, {paths.REPORT_MD} and {paths.RESULTS_JSON}."))
    return "".join(line.rstrip() + "\n" for line in printable(stream.getvalue()).splitlines())


def _table(one: dict[str, Any]) -> Any:
    """One of ``grid``'s tables, as rich's."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_lines=False, pad_edge=False)
    names = [len(backend) for backend, _ in one["rows"]]
    table.add_column(f"{one['unit']}\nratio to native", no_wrap=True, min_width=max([16, *names]))
    for variant in one["variants"]:
        table.add_column(Text(variant), justify="right", no_wrap=True)
    for backend, cells in one["rows"]:
        table.add_row(Text(backend), *(Text(_entry(cell)) for cell in cells))
    return table


def _entry(cell: dict[str, Any] | None) -> str:
    if cell is None:
        return ""
    if cell["status"] != Status.OK.value:
        return f"{cell['status']}\n"
    letters = mark(cell)
    # In many groups at once: few rounds, and the list in report.md says more than a word of letters.
    letters = letters if len(letters) <= _MOST_LETTERS else "…"
    return f"{speed(cell['score'])}\n{cell['ratio']:.3f} ±{half_width(cell) * 100:.1f}% {letters}"
