"""What all charts of the page share: ink, colours, shapes, axes, and the check against Vega-Lite's schema.

Colours are "currentColor" where they are the page's ink, so that one chart serves a light page, a dark one
and paper. What comes from outside is only ever data, a scale's domain or a label, never an expression
(which Vega-Lite's "sort" makes of the values that it is given).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.core.model import Kind

if TYPE_CHECKING:
    import altair as alt

Spec = dict[str, Any]

#: The names by which charts refer to the data sets of points.py.
CELLS, SWEEP = "cells", "sweep"
INK = "currentColor"
#: Pixels; the page makes charts of this width as wide as there is room.
WIDTH = 880
#: Colours with 3 : 1 on white and on the dark page, distinct with any colour vision; shapes say the same.
_KINDS = (
    (Kind.NATIVE, "#8a8f98", "diamond"),
    (Kind.AOT, "#c46a12", "square"),
    (Kind.OPTIMIZING, "#2f80c9", "circle"),
    (Kind.BASELINE, "#1f9d7a", "triangle-up"),
    (Kind.INTERPRETER, "#b45fb0", "cross"),
    (Kind.PROGRAM, "#b8860b", "triangle-down"),
)
SERIES = ("#2f80c9", "#c46a12", "#1f9d7a", "#b45fb0", "#8a8f98", "#b8860b")
SHAPES = ("circle", "square", "triangle-up", "cross", "diamond", "triangle-down")


def log() -> alt.Scale:
    import altair as alt

    return alt.Scale(type="log", nice=False, padding=14)


def around(values: list[float]) -> alt.Scale:
    """From a little below the least to a little above the largest: differences are what a line is to show."""
    import altair as alt

    return alt.Scale(domain=[0.9 * min(values), 1.1 * max(values)], zero=False)


def positive(field: str) -> str:
    """Vega's filter for a field of ours that a logarithmic axis can show."""
    return f"isValid(datum[{field!r}]) && datum[{field!r}] > 0"


def kinds(present: set[str]) -> dict[str, Any]:
    """Colour and shape by kind of backend."""
    import altair as alt

    known = [(kind.value, color, shape) for kind, color, shape in _KINDS if kind.value in present]
    names = [name for name, _, _ in known]
    legend = alt.Legend(orient="top", title=None, symbolSize=90, symbolOpacity=1)
    return {
        "color": alt.Color(
            "kind:N", scale=alt.Scale(domain=names, range=[c for _, c, _ in known]), legend=legend
        ),
        "shape": alt.Shape(
            "kind:N", scale=alt.Scale(domain=names, range=[s for _, _, s in known]), legend=legend
        ),
    }


def _config() -> dict[str, Any]:
    """Quiet axes in the page's ink."""
    return {
        "background": None,
        "font": "Liberation Sans, Arial, Helvetica, sans-serif",
        "aria": False,
        "view": {"stroke": None},
        "axis": {
            "labelColor": INK,
            "titleColor": INK,
            "domainColor": INK,
            "tickColor": INK,
            "gridColor": INK,
            "labelOpacity": 0.85,
            "titleOpacity": 0.85,
            "domainOpacity": 0.35,
            "tickOpacity": 0.35,
            "gridOpacity": 0.12,
            "labelFontSize": 12,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
            "labelLimit": 260,
        },
        "legend": {
            "labelColor": INK,
            "titleColor": INK,
            "labelFontSize": 12,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
            "labelLimit": 300,
            "columns": 3,
        },
        "title": {"color": INK, "fontSize": 12, "fontWeight": "normal"},
    }


def finished(chart: alt.TopLevelMixin) -> Spec:
    """The specification, checked by Altair against Vega-Lite's schema."""
    spec: Spec = chart.to_dict()
    return {**spec, "config": _config()}
