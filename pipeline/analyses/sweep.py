"""One backend over many releases of its package: which of them changed the score?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.analyses.sweep_results import changes, series_of, with_chart
from pipeline.core import hints, paths
from pipeline.core.errors import BadInput
from pipeline.core.files import write_atomic
from pipeline.core.rich_text import Side, as_text, new_table
from pipeline.experiment.plan import Plan
from pipeline.results import results_json
from pipeline.results.assemble import assemble
from pipeline.results.cells import speed_text, unit
from pipeline.results.model import Results
from pipeline.results.model_cell import CellResult
from pipeline.results.problems.check import check_cells
from pipeline.results.problems.failures import failures

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

_WIDTH = 120


def sweep(plan: Plan, sweeps: Sequence[str]) -> None:
    """Compare the samples of all versions; write the table and the data, and print the table.

    ``sweeps`` are the runtimes that matrix.toml has sweeps of. Raises BadInput if none was chosen.
    """
    if plan.sweep is None:
        again = hints.command("sweep", given=plan.given, runtime=sweeps[0] if sweeps else "wasmtime")
        raise BadInput(
            f"no runtime was chosen; run e.g.: {again}; "
            f"matrix.toml has sweeps of: {', '.join(sweeps) or 'none'}"
        )
    results = with_chart(assemble(plan))
    text = render(plan.sweep_name, results)
    results_json.write(paths.sweep(plan.sweep_name, "json"), results)
    write_atomic(paths.sweep(plan.sweep_name, "txt"), text)
    print(text, end="", flush=True)
    check_cells(results.cells, paths.sweep(plan.sweep_name, "txt"))


def render(runtime: str, results: Results) -> str:
    """A table for each series: a row a version, with the change to the version before it if there is one."""
    changed = changes(results)
    parts: list[RenderableType] = []
    for name, cells in series_of(results).items():
        parts += [f"{name} over releases of {runtime}", _table(cells, unit(results.workloads), changed)]
    parts += [f"{failure.text}\n    in {failure.where}" for failure in failures(results)]
    parts.append(
        "Ranks are among all backends and versions that ran the same module. A change is shown where a "
        "version is faster or slower than the one before it; all verdicts together are right with "
        f"{results.protocol.confidence:.0%} confidence. Chart data: {paths.sweep(runtime, 'json')}"
    )
    return as_text(parts, _WIDTH)


def _table(cells: Sequence[CellResult], speed_unit: str, changed: dict[str, float]) -> Table:
    columns: list[tuple[str, Side]] = [
        ("version", "left"),
        (speed_unit, "right"),
        ("ratio to native", "right"),
        ("rank", "right"),
        ("change", "right"),
        ("compile ms", "right"),
        ("code bytes", "right"),
    ]
    return new_table(columns, [_row(cell, changed.get(cell.label)) for cell in cells])


def _row(cell: CellResult, change: float | None) -> tuple[str, ...]:
    version, measured = cell.backend.rpartition("@")[2], cell.measurement
    if measured is None:
        return version, cell.status.value
    compiled = measured.compile_seconds
    return (
        version,
        speed_text(measured.score),
        f"{measured.ratio:.3f} ±{measured.half_width * 100:.1f}%",
        "?" if measured.disturbed else measured.rank,
        "" if change is None else f"{change:+.1%}",
        "" if compiled is None else f"{compiled * 1000:.1f}",
        str(measured.code_bytes or ""),
    )
