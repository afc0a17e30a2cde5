"""results.json -> report/index.html: one file that works from disk, and its charts as pictures.

The same input gives the same bytes: no time, no random ids, nothing from the machine that renders.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.analyses.claims.claim_verdicts import ClaimVerdict, check_all
from pipeline.analyses.sweep_results import SweepResults, read_sweeps
from pipeline.core import paths
from pipeline.core.files import write_atomic
from pipeline.report.page import across_workloads, chart_data, vega
from pipeline.report.page.chart_style import CELLS, SWEEP, Spec
from pipeline.report.page.charts import forest, heatmap, phases, releases
from pipeline.report.page.cost_charts import code_size, compile_time, module_size
from pipeline.report.page.render import html, own_name, sweep_chart
from pipeline.results.cells import by_workload, measured
from pipeline.results.model import Results
from pipeline.results.results_json import read


def draw() -> None:
    """Write index.html and its charts from the files in report/; raises BadInput for a bad claims.toml."""
    results = read(paths.RESULTS_JSON)
    sweeps = read_sweeps(results)
    write(results, sweeps, check_all(results, sweeps))


def write(results: Results, sweeps: Sequence[SweepResults], claims: Sequence[ClaimVerdict]) -> None:
    """Write the page and its charts; ``sweeps`` are the contents of report/sweep-*.json.

    Pictures that an earlier run left and that no longer have a chart are removed.
    """
    page, drawn = make(results, sweeps, claims)
    current = {f"{name}.{kind}" for name in drawn for kind in ("svg", "png")}
    for old in sorted(Path(paths.CHARTS).glob("*")):
        if old.suffix in (".svg", ".png") and old.name not in current:
            old.unlink()
    for name, svg in drawn.items():
        write_atomic(f"{paths.CHARTS}/{name}.svg", svg + "\n")
        write_atomic(f"{paths.CHARTS}/{name}.png", vega.png(svg))
    write_atomic(paths.INDEX_HTML, page)


def make(
    results: Results, sweeps: Sequence[SweepResults], claims: Sequence[ClaimVerdict]
) -> tuple[str, dict[str, str]]:
    """The page, and {name of a chart: SVG} of those that have something to show."""
    sets: dict[str, Any] = {}
    #: {chart: (specification, {what it calls a data set: the name of the set})}
    specs: dict[str, tuple[Spec, dict[str, str]]] = {}
    for part in by_workload(results):
        own = own_name(results, part)
        sets[own(CELLS)] = chart_data.rows(part)
        specs |= {own(name): (spec, {CELLS: own(CELLS)}) for name, spec in _of_cells(part).items()}
    across = results.across_workloads
    if across is not None:
        name = across_workloads.ACROSS
        sets[name] = across_workloads.rows(results, across)
        specs[name] = (across_workloads.chart(results, across), {name: name})
    for sweep in sweeps:
        name = sweep_chart(sweep)
        sets[name] = chart_data.sweep_rows(sweep)
        if sets[name]:
            specs[name] = (releases(sweep), {SWEEP: name})
    drawn = {
        name: vega.svg(spec, {alias: sets[key] for alias, key in data.items()})
        for name, (spec, data) in specs.items()
    }
    shown = {
        "sets": sets,
        "charts": {name: {"spec": spec, "data": data} for name, (spec, data) in specs.items()},
    }
    return html(results, sweeps, claims, drawn, shown), drawn


def _of_cells(results: Results) -> dict[str, Spec]:
    """The charts of a workload's cells that have what they show; the heatmap also shows what is missing."""
    found = {"heatmap": heatmap(results)}
    numbers = [m for _, m in measured(results.cells)]
    if any(m.compile_seconds for m in numbers):
        found["compile-time"] = compile_time(results)
    if any(m.wasm_bytes for m in numbers):
        found["size"] = module_size(results)
    if any(m.code_bytes for m in numbers):
        found["code-size"] = code_size(results)
    if numbers:
        found["ranks"] = forest(results)
        found["phases"] = phases(results)
    return found
