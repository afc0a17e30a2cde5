"""One backend over many releases of its package: which of them changed the score?"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from pipeline.core import hints, paths
from pipeline.core.errors import BadInput
from pipeline.core.files import write_atomic
from pipeline.core.model import Status
from pipeline.core.rich_text import Side, as_text, new_table
from pipeline.experiment.plan import Plan
from pipeline.results import results_json
from pipeline.results.assemble import assemble
from pipeline.results.cells import speed_text, unit, verdicts_of
from pipeline.results.model import Results
from pipeline.results.model_cell import CellResult
from pipeline.results.problems.check import check_cells
from pipeline.results.problems.failures import failures
from pipeline.stats.verdicts import FASTER, SLOWER

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

_WIDTH = 120


class ChartPoint(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A cell in the chart: versions on one axis, ratios with intervals on the other."""

    series: str  # workload/toolchain/variant/backend without its version
    version: str
    ratio: float | None
    ratio_low: float | None
    ratio_high: float | None
    compile_seconds: float | None
    code_bytes: int | None
    status: Status
    reason: str | None


class SweepResults(Results, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """report/sweep-RUNTIME.json: results.json of the releases, and a point for each cell."""

    chart: tuple[ChartPoint, ...]

    def __post_init__(self) -> None:
        """Raise ValueError as Results does, and where a cell has no point."""
        super().__post_init__()
        if len(self.chart) != len(self.cells):
            raise ValueError("chart has not one point for each cell")

    @property
    def runtime(self) -> str:
        """The runtime whose releases are compared."""
        return self.cells[0].backend.partition(".")[0]


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


def with_chart(results: Results) -> SweepResults:
    """The results with the points of their chart."""
    fields = {name: getattr(results, name) for name in Results.__struct_fields__}
    return SweepResults(**fields, chart=tuple(map(_point, results.cells)))


def _point(cell: CellResult) -> ChartPoint:
    series, _, version = cell.label.rpartition("@")
    keys = ("ratio", "ratio_low", "ratio_high", "compile_seconds", "code_bytes")
    numbers = {key: getattr(cell.measurement, key, None) for key in keys}
    return ChartPoint(series=series, version=version, status=cell.status, reason=cell.reason, **numbers)


def changes(results: Results) -> dict[str, float]:
    """{label of a cell: change of its ratio to the release before it, as a fraction}.

    Only where a verdict says that the release is faster or slower than the one before it.
    """
    verdicts = verdicts_of(results)
    changed = {}
    for cells in _series(results).values():
        measured = [(cell.label, cell.measurement.ratio) for cell in cells if cell.measurement is not None]
        for (one, before), (other, after) in itertools.pairwise(measured):
            verdict = verdicts.get(frozenset((one, other)))
            if verdict is not None and verdict.verdict in (FASTER, SLOWER):
                changed[other] = after / before - 1
    return changed


def _series(results: Results) -> dict[str, list[CellResult]]:
    """{label without the version: its cells}"""
    series: dict[str, list[CellResult]] = {}
    for cell in results.cells:
        series.setdefault(cell.label.rpartition("@")[0], []).append(cell)
    return series


def render(runtime: str, results: Results) -> str:
    """A table for each series: a row a version, with the change to the version before it if there is one."""
    changed = changes(results)
    parts: list[RenderableType] = []
    for name, cells in _series(results).items():
        parts += [f"{name} over releases of {runtime}", _table(cells, unit(results.workloads), changed)]
    parts += [f"{failure.text}\n    in {failure.where}" for failure in failures(results)]
    parts.append(
        "Ranks are among all versions of a module. A change is shown where a version is faster "
        "or slower than the one before it; all verdicts together are right with "
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


def read_sweeps(results: Results) -> list[SweepResults]:
    """The sweeps in report/ that the host of these results measured, by the names of their files.

    Files that are damaged, of an older version or from a different host are left out: a claim that needs one
    names the command that makes it.
    """
    sweeps = []
    for path in sorted(map(str, Path().glob(paths.sweep("*", "json")))):
        with contextlib.suppress(BadInput):
            found = results_json.parse(results_json.read_bytes(path), path, SweepResults)
            if found.host.fingerprint == results.host.fingerprint:
                sweeps.append(found)
    return sweeps
