"""results.json -> report/index.html: one file that works from disk, and its charts as pictures.

The same input gives the same bytes: no time, no random ids, nothing from the machine that renders.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.analyses.claims.claim_verdicts import judge_all
from pipeline.analyses.sweep import read_sweeps
from pipeline.core import paths
from pipeline.core.files import read_json, write_atomic
from pipeline.report.page import across_workloads, chart_data, chart_style, charts, cost_charts, render, vega
from pipeline.report.page.cell_texts import is_ok
from pipeline.results.cells import parts


def draw() -> None:
    """Write index.html and its charts from what lies in report/; raises BadInput for a bad claims.toml."""
    results = read_json(paths.RESULTS_JSON)
    sweeps = read_sweeps(results)
    write(results, sweeps, judge_all(results, sweeps))


def write(results: dict[str, Any], sweeps: list[dict[str, Any]], claims: list[dict[str, Any]]) -> None:
    """Write the page and its charts; ``sweeps`` are the contents of report/sweep-*.json.

    Pictures that an earlier run left and that have no chart any more are removed.
    """
    page, drawn = make(results, sweeps, claims)
    kept = {f"{name}.{kind}" for name in drawn for kind in ("svg", "png")}
    for old in sorted(Path(paths.CHARTS).glob("*")):
        if old.suffix in (".svg", ".png") and old.name not in kept:
            old.unlink()
    for name, svg in drawn.items():
        write_atomic(f"{paths.CHARTS}/{name}.svg", svg + "\n")
        write_atomic(f"{paths.CHARTS}/{name}.png", vega.png(svg))
    write_atomic(paths.INDEX_HTML, page)


def make(
    results: dict[str, Any], sweeps: list[dict[str, Any]], claims: list[dict[str, Any]]
) -> tuple[str, dict[str, str]]:
    """The page, and {name of a chart: SVG} of those that have something to show."""
    sets: dict[str, Any] = {}
    specs: dict[str, Any] = {}
    for part in parts(results):
        own = render.own_name(results, part)
        sets[own(chart_style.CELLS)] = chart_data.rows(part)
        specs |= {
            own(name): (spec, {chart_style.CELLS: own(chart_style.CELLS)})
            for name, spec in _of_cells(part).items()
        }
    if results["across"] is not None:
        sets[across_workloads.ACROSS] = across_workloads.rows(results)
        specs["across"] = (
            across_workloads.chart(results),
            {across_workloads.ACROSS: across_workloads.ACROSS},
        )
    for sweep in sweeps:
        name = render.sweep_chart(sweep)
        sets[name] = chart_data.sweep_rows(sweep)
        if sets[name]:
            specs[name] = (charts.releases(sweep), {chart_style.SWEEP: name})
    drawn = {
        name: vega.svg(spec, {of: sets[key] for of, key in data.items()})
        for name, (spec, data) in specs.items()
    }
    shown = {
        "sets": sets,
        "charts": {name: {"spec": spec, "data": data} for name, (spec, data) in specs.items()},
    }
    return render.html(results, sweeps, claims, drawn, shown), drawn


def _of_cells(results: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The charts of a workload's cells that have what they show; the heatmap also shows what is missing."""
    found = {"heatmap": charts.heatmap(results)}
    measured = [cell for cell in results["cells"] if is_ok(cell)]
    if any(cell["compile_seconds"] for cell in measured):
        found["compile-time"] = cost_charts.compile_time(results)
    if any(cell["wasm_bytes"] for cell in measured):
        found["size"] = cost_charts.module_size(results)
    if any(cell["code_bytes"] for cell in measured):
        found["code-size"] = cost_charts.code_size(results)
    if measured:
        found["phases"] = charts.phases(results)
    return found
