"""results.json -> report/index.html: one file that works from disk, and its charts as pictures.

The same input gives the same bytes: no time, no random ids, nothing from the machine that renders.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline import layout
from pipeline.page import across, charts, looks, pictures, points, render, scatter
from pipeline.page.data import is_ok
from pipeline.store import write_atomic
from pipeline.views import parts


def write(results: dict[str, Any], sweeps: list[dict[str, Any]], claims: list[dict[str, Any]]) -> None:
    """Write the page and its charts; ``sweeps`` are the contents of report/sweep-*.json.

    Pictures that an earlier run left and that have no chart any more are removed.
    """
    page, drawn = make(results, sweeps, claims)
    kept = {f"{name}.{kind}" for name in drawn for kind in ("svg", "png")}
    for old in sorted(Path(layout.CHARTS).glob("*")):
        if old.suffix in (".svg", ".png") and old.name not in kept:
            old.unlink()
    for name, svg in drawn.items():
        write_atomic(f"{layout.CHARTS}/{name}.svg", svg + "\n")
        write_atomic(f"{layout.CHARTS}/{name}.png", pictures.png(svg))
    write_atomic(layout.INDEX_HTML, page)


def make(
    results: dict[str, Any], sweeps: list[dict[str, Any]], claims: list[dict[str, Any]]
) -> tuple[str, dict[str, str]]:
    """The page, and {name of a chart: SVG} of those that have something to show."""
    sets: dict[str, Any] = {}
    specs: dict[str, Any] = {}
    for part in parts(results):
        own = render.own_name(results, part)
        sets[own(looks.CELLS)] = points.rows(part)
        specs |= {
            own(name): (spec, {looks.CELLS: own(looks.CELLS)}) for name, spec in _of_cells(part).items()
        }
    if results["across"] is not None:
        sets[across.ACROSS] = across.rows(results)
        specs["across"] = (across.chart(results), {across.ACROSS: across.ACROSS})
    for sweep in sweeps:
        name = render.sweep_chart(sweep)
        sets[name] = points.sweep_rows(sweep)
        if sets[name]:
            specs[name] = (charts.releases(sweep), {looks.SWEEP: name})
    drawn = {
        name: pictures.svg(spec, {of: sets[key] for of, key in data.items()})
        for name, (spec, data) in specs.items()
    }
    chart_data = {
        "sets": sets,
        "charts": {name: {"spec": spec, "data": data} for name, (spec, data) in specs.items()},
    }
    return render.html(results, sweeps, claims, drawn, chart_data), drawn


def _of_cells(results: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The charts of a workload's cells that have what they show; the heatmap also shows what is missing."""
    found = {"heatmap": charts.heatmap(results)}
    measured = [cell for cell in results["cells"] if is_ok(cell)]
    if any(cell["compile_seconds"] for cell in measured):
        found["compile-time"] = scatter.compile_time(results)
    if any(cell["wasm_bytes"] for cell in measured):
        found["size"] = scatter.module_size(results)
    if any(cell["code_bytes"] for cell in measured):
        found["code-size"] = scatter.code_size(results)
    if measured:
        found["phases"] = charts.phases(results)
    return found
