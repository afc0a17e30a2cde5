"""Results and sweeps -> the data sets that the charts draw: one row a cell, as exact as a picture needs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from pipeline.analyses.sweep_results import SweepResults
from pipeline.report.page.cell_texts import PHASES, tip
from pipeline.report.page.number_format import plus_minus, ratio
from pipeline.report.tables import by_speed
from pipeline.results.model import Results
from pipeline.results.model_cell import CellResult, Measurement
from pipeline.results.model_pareto import FrontMember


def rows(results: Results) -> list[dict[str, Any]]:
    """The data set "cells" of one workload: one row a cell, its place in the heatmap, and its texts."""
    (workload,) = results.workloads
    # A prebuilt module is a column of its own, and needs no row of its own.
    several = len({cell.toolchain for cell in results.cells if not cell.prebuilt}) > 1
    columns = {name: number for number, name in enumerate(dict.fromkeys(c.variant for c in results.cells))}
    fronts = results.pareto_fronts.compile_time_all_backends
    sides = _sides(fronts[0].members if fronts else ())
    return [
        {
            "row": f"{cell.backend} · {cell.toolchain}" if several else cell.backend,
            "variant": cell.variant,
            "column": columns[cell.variant],
            "backend": cell.backend,
            "kind": cell.kind.value,
            "state": _state(cell),
            "text": ratio(cell.measurement.ratio) if cell.measurement else cell.status.value,
            "below": _below(cell.measurement) if cell.measurement else "",
            "front": sides.get(cell.label, ""),
            "name": f"{cell.backend} {cell.variant}",
            "tip": tip(cell, workload),
            **(_numbers(cell.measurement) if cell.measurement else {}),
        }
        for cell in by_speed(results.cells)
    ]


def _state(cell: CellResult) -> str:
    if cell.measurement is None:
        return "none"
    return "disturbed" if cell.measurement.disturbed else "ok"


def _below(m: Measurement) -> str:
    """The line below a cell's ratio: half of its interval, "?" if it has none."""
    return "?" if m.disturbed else plus_minus(m)


def _sides(members: Sequence[FrontMember]) -> dict[str, str]:
    """{cell: on which side of its mark its name has room}, along a front against compile time."""
    if not members:
        return {}
    middle = math.sqrt(members[0].cost * members[-1].cost)
    return {m.cell: "right" if m.cost <= middle else "left" for m in members}


def _numbers(m: Measurement) -> dict[str, Any]:
    speed = m.score / m.ratio
    phases = {name: getattr(m, key) for key, name in PHASES}
    return {
        "ratio": _drawn(m.ratio),
        "ratio low": _drawn(m.ratio_low),
        "ratio high": _drawn(m.ratio_high),
        "rank": m.rank,
        "score": _drawn(m.score),
        "low": _drawn(speed * m.ratio_low),
        "high": _drawn(speed * m.ratio_high),
        "wasm": m.wasm_bytes,
        "code": m.code_bytes,
        **{name: _drawn(seconds * 1000) if seconds else None for name, seconds in phases.items()},
    }


def _drawn(value: float) -> float:
    """As exact as a picture needs: five digits."""
    return float(f"{value:.5g}")


def sweep_rows(sweep: SweepResults) -> list[dict[str, Any]]:
    """The data set "sweep": the points of a sweep, one a cell, that have a number."""
    return [
        {
            "series": point.series,
            "version": point.version,
            "ratio": _drawn(cell.measurement.ratio),
            "low": _drawn(cell.measurement.ratio_low),
            "high": _drawn(cell.measurement.ratio_high),
            "tip": tip(cell, sweep.workload(cell.workload)),
        }
        for point, cell in zip(sweep.chart, sweep.cells, strict=True)
        if cell.measurement is not None
    ]
