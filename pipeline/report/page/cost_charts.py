"""Charts of score against what it costs: pure functions from a workload's results to specifications."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pipeline.report.page.chart_data import rows
from pipeline.report.page.chart_style import CELLS, INK, WIDTH, Spec, finished, kinds, log, positive
from pipeline.results.model import Results

if TYPE_CHECKING:
    import altair as alt

_HEIGHT = 420


def compile_time(results: Results) -> Spec:
    """Score against the time to compile the module, with the front over all cells."""
    return _scatter(results, "module compile", "module compile, ms", front=True)


def module_size(results: Results) -> Spec:
    """Score against the bytes of the wasm module; each front belongs to one backend and is not drawn."""
    return _scatter(results, "wasm", "wasm module, bytes")


def code_size(results: Results) -> Spec:
    """Score against the bytes of native code that the backend made of the module."""
    return _scatter(results, "code", "native code, bytes")


def _scatter(results: Results, cost: str, title: str, front: bool = False) -> Spec:
    """Score, with its interval, against a cost; with ``front``, a line along it, its members named."""
    import altair as alt

    measured = [row for row in rows(results) if row.get(cost)]
    top = max([row["score"] for row in measured], default=1.0) * 1.08
    axis = alt.Axis(grid=False, tickCount=8, format="~s" if title.endswith("bytes") else "")
    shown = kinds({row["kind"] for row in measured})
    # Modules differ by tens of per cent, the other costs by orders of magnitude.
    scale = alt.Scale(zero=False, nice=False, padding=14) if cost == "wasm" else log()
    unit = results.workloads[0].unit
    y = alt.Y("score:Q", title=unit, scale=alt.Scale(domain=[0, top]), axis=alt.Axis(tickCount=6))
    base = (
        alt.Chart(alt.NamedData(CELLS))
        .transform_filter(positive(cost))
        .encode(
            x=alt.X(f"{cost}:Q", title=title, scale=scale, axis=axis),
            tooltip="tip:N",
        )
    )
    spread = base.mark_rule(opacity=0.55, strokeWidth=1.4, clip=True).encode(
        y=alt.Y("low:Q"), y2="high:Q", color=shown["color"]
    )
    points = base.transform_filter("datum.state === 'ok'").mark_point(filled=True, size=70, opacity=0.9)
    unsure = base.transform_filter("datum.state === 'disturbed'").mark_point(size=70, strokeWidth=1.6)
    layers = [spread]
    for state, marks in (("ok", points), ("disturbed", unsure)):
        # A layer without a mark makes Vega warn of an empty axis.
        if any(row["state"] == state for row in measured):
            layers.append(marks.encode(y=y, **shown))
    if front:
        layers += _front(base, y, {row["front"] for row in measured})
    return finished(alt.layer(*layers).properties(width=WIDTH, height=_HEIGHT))


def _front(base: alt.Chart, y: alt.Y, sides: set[str]) -> list[alt.Chart]:
    """A line along the front's cells, and their names, each on the side where it has room."""
    members = base.transform_filter("datum.front !== ''")
    line = members.mark_line(interpolate="step-after", color=INK, opacity=0.4, strokeWidth=1.2)
    known: tuple[tuple[str, Literal["left", "right"], int], ...]
    known = (("right", "left", 6), ("left", "right", -6))
    places = [place for place in known if place[0] in sides]
    names = [
        members.transform_filter(f"datum.front === '{side}'")
        .mark_text(align=align, dx=dx, dy=-9, color=INK, fontSize=11, limit=220)
        .encode(y=y, text="name:N")
        for side, align, dx in places
    ]
    return [line.encode(y=y), *names] if names else []
