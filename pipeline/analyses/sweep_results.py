"""Results of a sweep: those of the releases, what changed from one to the next, and where they are kept."""

from __future__ import annotations

import contextlib
import itertools
from pathlib import Path

from msgspec import Struct

from pipeline.core import paths
from pipeline.core.errors import BadInput
from pipeline.core.model import Status
from pipeline.results import results_json
from pipeline.results.cells import verdicts_of
from pipeline.results.model import Results
from pipeline.results.model_cell import CellResult
from pipeline.stats.verdicts import FASTER, SLOWER


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
    for cells in series_of(results).values():
        measured = [(cell.label, cell.measurement.ratio) for cell in cells if cell.measurement is not None]
        for (one, before), (other, after) in itertools.pairwise(measured):
            verdict = verdicts.get(frozenset((one, other)))
            if verdict is not None and verdict.verdict in (FASTER, SLOWER):
                changed[other] = after / before - 1
    return changed


def series_of(results: Results) -> dict[str, list[CellResult]]:
    """{label without the version: its cells}"""
    series: dict[str, list[CellResult]] = {}
    for cell in results.cells:
        series.setdefault(cell.label.rpartition("@")[0], []).append(cell)
    return series


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
