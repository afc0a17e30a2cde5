"""Charts of a workload's cells and of releases: pure functions from results to specifications."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from pipeline.analyses.sweep_results import SweepResults
from pipeline.report.page.cell_texts import PHASES
from pipeline.report.page.chart_data import rows, sweep_rows
from pipeline.report.page.chart_style import (
    CELLS,
    INK,
    SERIES,
    SHAPES,
    SWEEP,
    WIDTH,
    Spec,
    around,
    finished,
    kinds,
    log,
    positive,
)
from pipeline.results.cells import measured, ratio_to
from pipeline.results.model import Results

if TYPE_CHECKING:
    import altair as alt

_PANEL = 160
#: Of a panel of the forest plot: its width, and how many are in a row.
_FOREST, _PANELS = 250, 2
#: Where white text on viridis stops being readable, as a share of the scale: both texts have 4.5 : 1 there.
_LIGHT_FROM = 0.44


def heatmap(results: Results) -> Spec:
    """Levels across, backends down, by kind and speed; colour and number are the ratio to native."""
    import altair as alt

    placed = rows(results)
    best: dict[str, float] = {}
    for row in placed:
        best[row["row"]] = max(best.get(row["row"], 0.0), row.get("ratio", 0.0))
    order = list(best)
    variants = list(dict.fromkeys(cell.variant for cell in results.cells))
    top = max([*best.values(), 0.01])
    angle = 0 if max(map(len, variants)) * 7 < _step(variants) else -35
    base = alt.Chart(alt.NamedData(CELLS)).encode(
        x=alt.X(
            "variant:N",
            scale=alt.Scale(domain=variants),
            title=None,
            axis=alt.Axis(orient="top", labelAngle=angle, domain=False, ticks=False, labelLimit=180),
        ),
        y=alt.Y(
            "row:N",
            scale=alt.Scale(domain=order),
            title=None,
            axis=alt.Axis(domain=False, ticks=False, labelPadding=8),
        ),
        tooltip="tip:N",
    )
    with_legend = any(cell.is_ok for cell in results.cells)
    tiles, number, below = _measured(base, top, with_legend, ratio_to(results.workloads))
    empty, why, unsure = _not_measured(base)
    chart = alt.layer(tiles, empty, unsure, number, below, why)
    spec = finished(chart.properties(width=alt.Step(_step(variants)), height=alt.Step(38)))
    config = {**spec["config"], "scale": {"rectBandPaddingInner": 0.07}}
    # Names at an angle reach beyond the last column.
    padding = {"left": 5, "top": 5, "bottom": 5, "right": 70 if angle else 5}
    return {**spec, "padding": padding, "config": {**config, "axis": {**config["axis"], "grid": False}}}


def _measured(
    base: alt.Chart, top: float, with_legend: bool, to: str
) -> tuple[alt.Chart, alt.Chart, alt.Chart]:
    """Coloured tiles up to the ratio ``top``, the number in each, and the line below it."""
    import altair as alt

    legend = alt.Legend(orient="bottom", direction="horizontal", gradientLength=220, format=".1f")
    light = alt.datum.ratio > _LIGHT_FROM * top
    ink = alt.condition(light, alt.value("#10151a"), alt.value("#ffffff"))
    measured = base.transform_filter("datum.state !== 'none'")
    tiles = measured.mark_rect(cornerRadius=3).encode(
        color=alt.Color(
            "ratio:Q",
            title=f"ratio to {to}",
            scale=alt.Scale(scheme="viridis", domain=[0, top]),
            legend=legend if with_legend else None,
        )
    )
    number = measured.mark_text(fontSize=13, dy=-5).encode(text="text:N", color=ink)
    below = measured.mark_text(fontSize=10, dy=9).encode(text="below:N", color=ink)
    return tiles, number, below


def _not_measured(base: alt.Chart) -> tuple[alt.Chart, alt.Chart, alt.Chart]:
    """Empty tiles, the status in each, and a frame around disturbed cells."""
    none = base.transform_filter("datum.state === 'none'")
    empty = none.mark_rect(
        cornerRadius=3, fill="transparent", stroke=INK, strokeOpacity=0.5, strokeDash=[3, 3]
    )
    why = none.mark_text(fontSize=9, fontStyle="italic", color=INK).encode(text="text:N")
    unsure = base.transform_filter("datum.state === 'disturbed'").mark_rect(
        cornerRadius=3, fill="transparent", stroke=INK, strokeWidth=1.4, strokeDash=[4, 2]
    )
    return empty, why, unsure


def _step(variants: list[str]) -> int:
    """Width of a column, pixels: wide enough for "0.859", and all of them within the page if they can be."""
    return max(56, min(120, 780 // max(1, len(variants))))


def forest(results: Results) -> Spec:
    """Ratios with intervals: a panel a variant, backends fastest first, and the rank of each at the right."""
    import altair as alt

    placed = [row for row in rows(results) if "ratio" in row]
    variants = list(dict.fromkeys(cell.variant for cell in results.cells))
    top = max([row["ratio high"] for row in placed if row["state"] == "ok"], default=1.0) * 1.02
    shown = kinds({row["kind"] for row in placed})
    panels = [
        _panel(variant, number, own, top, shown)
        for number, variant in enumerate(variants)
        if (own := sorted((r for r in placed if r["variant"] == variant), key=lambda r: -r["ratio"]))
    ]
    pairs = [panels[at : at + _PANELS] for at in range(0, len(panels), _PANELS)]
    return finished(alt.vconcat(*(alt.hconcat(*pair, spacing=36) for pair in pairs), spacing=26))


def _panel(
    variant: str, number: int, placed: list[dict[str, Any]], top: float, shown: dict[str, Any]
) -> alt.LayerChart | alt.FacetChart:
    """One variant, the ``number``-th; ``placed``: its rows, fastest first; ``shown``: colours and shapes."""
    import altair as alt

    order = list(dict.fromkeys(row["row"] for row in placed))
    base = (
        alt.Chart(alt.NamedData(CELLS))
        # By its number: Vega-Lite would make an expression of its name, which comes from outside.
        .transform_filter(f"datum.column === {number} && datum.state !== 'none'")
        .encode(
            y=alt.Y(
                "row:N",
                title=None,
                scale=alt.Scale(domain=order),
                axis=alt.Axis(ticks=False, domain=False, labelPadding=8),
            ),
            tooltip="tip:N",
        )
    )
    sure = base.transform_filter("datum.state === 'ok'")
    scale = alt.Scale(domain=[0, top])
    x = alt.X("ratio:Q", title=None, scale=scale, axis=alt.Axis(tickCount=5, grid=True))
    layers = []
    if any(row["state"] == "ok" for row in placed):
        ends = {"x": alt.X("ratio low:Q", title=None, scale=scale), "x2": "ratio high:Q"}
        layers.append(sure.mark_rule(strokeWidth=2, clip=True).encode(**ends, color=shown["color"]))
        layers.append(sure.mark_point(filled=True, size=55, opacity=1).encode(x=x, **shown))
        ranks = sure.mark_text(align="left", fontSize=11, color=INK)
        layers.append(ranks.encode(x=alt.value(_FOREST + 6), text="rank:N"))
    if any(row["state"] == "disturbed" for row in placed):
        unsure = base.transform_filter("datum.state === 'disturbed'")
        layers.append(unsure.mark_point(size=55, strokeWidth=1.6).encode(x=x, **shown))
    title = alt.Title(variant, anchor="start", fontWeight="bold")
    chart: alt.LayerChart | alt.FacetChart = alt.layer(*layers).properties(
        width=_FOREST, height=alt.Step(17), title=title
    )
    return chart


def phases(results: Results) -> Spec:
    """Each phase's time under each backend, a mark for each variant, on logarithmic axes of their own."""
    import altair as alt

    best: dict[str, float] = {}
    for row in rows(results):
        if "score" in row:
            cost = row["module compile"] or math.inf
            best[row["row"]] = min(best.get(row["row"], math.inf), cost)
    order = sorted(best, key=lambda name: (best[name], name))
    panels: list[alt.Chart] = []
    numbers = measured(results.cells)
    for name in (name for key, name in PHASES if any(getattr(m, key) for _, m in numbers)):
        axis = alt.Axis(grid=True, ticks=False, domain=False, labels=not panels, labelPadding=8)
        panels.append(
            alt.Chart(alt.NamedData(CELLS), title=name)
            .transform_filter(positive(name))
            .mark_tick(thickness=2, height=14, color=SERIES[0], opacity=0.75)
            .encode(
                x=alt.X(f"{name}:Q", title="ms", scale=log(), axis=alt.Axis(tickCount=3, grid=False)),
                y=alt.Y("row:N", title=None, scale=alt.Scale(domain=order), axis=axis),
                tooltip="tip:N",
            )
            .properties(width=_PANEL, height=alt.Step(20))
        )
    return finished(alt.hconcat(*panels, spacing=16))


def releases(sweep: SweepResults) -> Spec:
    """A line of ratios with intervals over the releases of a runtime, one a module and compiler."""
    import altair as alt

    points = sweep_rows(sweep)
    versions = list(dict.fromkeys(point.version for point in sweep.chart))
    series = list(dict.fromkeys(point["series"] for point in points))
    ratios = [point["ratio"] for point in points]
    turns = range(len(series))
    legend = alt.Legend(orient="top", title=None, columns=1, symbolSize=90)
    color = alt.Color(
        "series:N",
        scale=alt.Scale(domain=series, range=[SERIES[n % len(SERIES)] for n in turns]),
        legend=legend,
    )
    shape = alt.Shape(
        "series:N",
        scale=alt.Scale(domain=series, range=[SHAPES[n % len(SHAPES)] for n in turns]),
        legend=legend,
    )
    y = alt.Y("ratio:Q", title="ratio to native", scale=around(ratios))
    base = alt.Chart(alt.NamedData(SWEEP)).encode(
        x=alt.X(
            "version:O",
            title="release",
            scale=alt.Scale(domain=versions),
            axis=alt.Axis(labelAngle=-40),
        ),
        color=color,
        tooltip="tip:N",
    )
    lines = base.mark_line(strokeWidth=1.8, opacity=0.8).encode(y=y)
    spread = base.mark_rule(strokeWidth=1.6, clip=True).encode(y=alt.Y("low:Q"), y2="high:Q")
    dots = base.mark_point(filled=True, size=70, opacity=1).encode(y=y, shape=shape)
    return finished(alt.layer(lines, spread, dots).properties(width=WIDTH, height=360))
