"""Results and sweeps -> the data sets that the charts draw: one row a cell, as exact as a picture needs."""

from __future__ import annotations

import math
from typing import Any

import pipeline.report.page.cell_texts as data
import pipeline.report.page.number_format as numbers
from pipeline.report.page.cell_texts import PHASES, Cell, is_ok, tip
from pipeline.results.cells import label


def rows(results: dict[str, Any]) -> list[dict[str, Any]]:
    """The data set "cells" of one workload: one row a cell, its place in the heatmap, what is told of it."""
    (workload,) = results["workloads"]
    # A module that somebody else built is a column of its own, and needs no row of its own.
    several = len({cell["toolchain"] for cell in results["cells"] if not cell.get("prebuilt")}) > 1
    crowded = data.crowded(results["cells"])
    fronts = results["tradeoffs"]["all"]
    sides = _sides(fronts[0]["members"] if fronts else [])
    return [
        {
            "row": f"{cell['backend']} · {cell['toolchain']}" if several else cell["backend"],
            "variant": cell["variant"],
            "backend": cell["backend"],
            "kind": cell["kind"],
            "state": "none" if not is_ok(cell) else "disturbed" if cell["disturbed"] else "ok",
            "text": numbers.ratio(cell["ratio"]) or cell["status"],
            "below": _below(cell, crowded),
            "front": sides.get(label(cell), ""),
            "name": f"{cell['backend']} {cell['variant']}",
            "tip": tip(cell, workload["unit"]),
            **_measured(cell),
        }
        for cell in results["cells"]
    ]


def _below(cell: Cell, crowded: bool) -> str:
    """What stands below a cell's ratio: its groups, or where those say nothing, half of its interval."""
    return numbers.plus_minus(cell) if crowded and not cell["disturbed"] else numbers.letters(cell)


def _sides(members: list[dict[str, Any]]) -> dict[str, str]:
    """{cell: on which side of its mark its name has room}, along a front against compile time."""
    if not members:
        return {}
    middle = math.sqrt(members[0]["compile_seconds"] * members[-1]["compile_seconds"])
    return {m["cell"]: "right" if m["compile_seconds"] <= middle else "left" for m in members}


def _measured(cell: Cell) -> dict[str, Any]:
    if not is_ok(cell):
        return {}
    speed = cell["score"] / cell["ratio"]
    return {
        "ratio": _drawn(cell["ratio"]),
        "score": _drawn(cell["score"]),
        "low": _drawn(speed * cell["ratio_low"]),
        "high": _drawn(speed * cell["ratio_high"]),
        "wasm": cell["wasm_bytes"],
        "code": cell["code_bytes"],
        **{name: _drawn(cell[key] * 1000) if cell[key] else None for key, name in PHASES},
    }


def _drawn(value: float) -> float:
    """As exact as a picture needs: five digits."""
    return float(f"{value:.5g}")


def sweep_rows(sweep: dict[str, Any]) -> list[dict[str, Any]]:
    """The data set "sweep": the points of a sweep, one a cell, that have a number."""
    units = {workload["name"]: workload["unit"] for workload in sweep["workloads"]}
    return [
        {
            "series": point["series"],
            "version": point["version"],
            "ratio": _drawn(point["ratio"]),
            "low": _drawn(point["ratio_low"]),
            "high": _drawn(point["ratio_high"]),
            "tip": tip(cell, units[cell["workload"]]),
        }
        for point, cell in zip(sweep["chart"], sweep["cells"], strict=True)
        if point["ratio"] is not None
    ]
