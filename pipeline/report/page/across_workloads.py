"""The page's section on what several workloads together say: its tables, its lists, and its chart."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import pipeline.report.page.number_format as numbers
from pipeline.core.model import Status
from pipeline.report import across_workloads_text
from pipeline.report.page.chart_style import INK, SERIES, SHAPES, WIDTH, Spec, finished, log

#: The name by which the chart refers to its data set, and of the chart.
ACROSS = "across"
#: Shades of a table's entries, page.across.css has as many.
_SHADES = 6
#: Conclusions that turn round and are shown at once; and of any kind, beyond which they are not listed.
_MOST_SHOWN, _MOST_LISTED = 10, 400
#: Pixels; a number of the whole, for Vega-Lite warns of steps beside a width that is to fit.
_ROW = 30
#: What a data set calls a mean, beside workloads; no workload can have this name.
_MEAN = "geometric mean"


def section(results: dict[str, Any]) -> dict[str, Any] | None:
    """What page.across.jinja shows; None where there are not several workloads.

    {"workloads": [{"name", "title", "stresses"}], "variant": of the chart, "grids", "steps": tables with
    "columns" and "rows" [(name, entries)], "turned": sentences on what turns round, "folded": [(title,
    sentences)] on the rest, and texts: "reading", "steps_reading", "summary", "missing", "left_out"}. An
    entry of "grids" is None or {"lines", "shade", "partial"}, one of "steps" a text.
    """
    across = results["across"]
    if across is None:
        return None
    known = {workload["name"]: workload for workload in results["workloads"]}
    found = across["conclusions"]
    certain = [c for c in found if across_workloads_text.is_certain(c)]
    alone = [c for c in found if c["turned"] and not across_workloads_text.is_certain(c)]
    holding = across_workloads_text.holding(across)
    folded = (
        (f"{len(certain) - _MOST_SHOWN} more that turn round", certain[_MOST_SHOWN:]),
        (f"{len(alone)} that turn round only if each is looked at by itself", alone),
        (f"{len(holding)} that hold on all workloads", holding),
    )
    return {
        "workloads": [known[name] for name in across["workloads"]],
        "variant": _variant(results),
        "reading": across_workloads_text.READING,
        "grids": [_shaded(grid) for grid in across_workloads_text.grids(across)],
        "steps_reading": across_workloads_text.STEPS,
        "steps": [_written(grid) for grid in across_workloads_text.step_grids(across)],
        "turned": [across_workloads_text.sentence(c) for c in certain[:_MOST_SHOWN]],
        "folded": [(title, _listed(which)) for title, which in folded if which],
        "summary": across_workloads_text.summary(across),
        "missing": across_workloads_text.missing(across),
        "left_out": across_workloads_text.left_out(across),
    }


def _listed(found: Sequence[Any]) -> list[str]:
    more = [f"and {len(found) - _MOST_LISTED} more, in results.json"] if len(found) > _MOST_LISTED else []
    return [*map(across_workloads_text.sentence, found[:_MOST_LISTED]), *more]


def _shaded(grid: dict[str, Any]) -> dict[str, Any]:
    """Shades are even steps of the ratio's logarithm, from the lowest mean to the highest."""
    logs = [math.log(mean["ratio"]) for _, row in grid["rows"] for mean in row if mean]
    low, span = min(logs), max(logs) - min(logs) or 1.0

    def entry(mean: dict[str, Any] | None) -> dict[str, Any] | None:
        if mean is None:
            return None
        at = (math.log(mean["ratio"]) - low) / span
        shade = min(_SHADES - 1, int(at * _SHADES))
        return {"lines": across_workloads_text.mean_text(mean), "shade": shade, "partial": mean["partial"]}

    return {**grid, "rows": [(name, [entry(mean) for mean in row]) for name, row in grid["rows"]]}


def _written(grid: dict[str, Any]) -> dict[str, Any]:
    rows = [
        (name, [across_workloads_text.step_text(e) if e else "" for e in row]) for name, row in grid["rows"]
    ]
    return {**grid, "rows": rows}


def _variant(results: dict[str, Any]) -> str:
    """The variant that the chart is of: the reference's, or else the one that has the most means."""
    of = [mean["variant"] for mean in results["across"]["means"]]
    reference = results["workloads"][0]["reference"]["variant"]
    return str(reference if reference in of else max(dict.fromkeys(of), key=of.count, default=""))


def rows(results: dict[str, Any]) -> list[dict[str, Any]]:
    """The data set "across": at one variant, each backend's ratio on each workload, and its mean."""
    if results["across"] is None:
        return []
    variant = _variant(results)
    means = [mean for mean in results["across"]["means"] if mean["variant"] == variant]
    means.sort(key=lambda mean: (mean["partial"], -mean["ratio"], mean["backend"], mean["toolchain"]))
    several = len({mean["toolchain"] for mean in means}) > 1
    own: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for cell in results["cells"]:
        if cell["variant"] == variant and cell["status"] == Status.OK.value and not cell["disturbed"]:
            own.setdefault((cell["toolchain"], cell["backend"]), []).append(cell)
    found = []
    for mean in means:
        name = f"{mean['backend']} · {mean['toolchain']}" if several else mean["backend"]
        found += [_row(name, cell["workload"], cell) for cell in own[mean["toolchain"], mean["backend"]]]
        found.append({**_row(name, f"{_MEAN} of {mean['number']} workloads", mean), "what": _MEAN})
    return found


def _row(name: str, what: str, entry: dict[str, Any]) -> dict[str, Any]:
    """As exact as a picture needs: five digits."""
    within = f"{numbers.interval(entry['ratio_low'], entry['ratio_high'])}, {numbers.plus_minus(entry)}"
    return {
        "row": name,
        "what": what,
        "ratio": float(f"{entry['ratio']:.5g}"),
        "tip": f"{name}, {what}\n{numbers.ratio(entry['ratio'])} of native ({within})",
    }


def chart(results: dict[str, Any]) -> Spec:
    """A row a backend, a mark for each workload, and a tick for their geometric mean; a logarithmic axis."""
    import altair as alt

    placed = rows(results)
    order = list(dict.fromkeys(row["row"] for row in placed))
    names = list(results["across"]["workloads"])
    base = alt.Chart(alt.NamedData(ACROSS)).encode(
        x=alt.X("ratio:Q", title="ratio to native", scale=log(), axis=alt.Axis(grid=True, tickCount=6)),
        y=alt.Y(
            "row:N",
            title=None,
            scale=alt.Scale(domain=order),
            axis=alt.Axis(domain=False, ticks=False, labelPadding=8),
        ),
        tooltip="tip:N",
    )
    legend = alt.Legend(orient="top", title=None, columns=4, symbolSize=90)
    single = base.transform_filter(f"datum.what !== {_MEAN!r}")
    dots = single.mark_point(filled=True, size=70, opacity=0.9).encode(
        color=alt.Color("what:N", scale=_scale(names, SERIES, 0), legend=legend),
        shape=alt.Shape("what:N", scale=_scale(names, SHAPES, 1), legend=legend),
    )
    means = base.transform_filter(f"datum.what === {_MEAN!r}").mark_tick(thickness=2.5, height=22, color=INK)
    spec = alt.layer(means, dots).properties(width=WIDTH, height=_ROW * len(order))
    return finished(spec)


def _scale(names: Iterable[str], of: tuple[str, ...], shift: int) -> Any:
    """A colour or shape for each name; with another ``shift``, no two names have both in common."""
    import altair as alt

    known = list(names)
    values = [of[(n + shift * (n // len(of))) % len(of)] for n in range(len(known))]
    return alt.Scale(domain=known, range=values)
