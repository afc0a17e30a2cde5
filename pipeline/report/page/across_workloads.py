"""The page's section on what several workloads together say: its tables, its lists, and its chart."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from pipeline.report.across_workloads_text import (
    READING,
    VARIANTS,
    holding,
    is_certain,
    left_out,
    mean_grids,
    mean_text,
    missing,
    sentence,
    summary,
    variant_grids,
    variants_text,
)
from pipeline.report.page.chart_style import INK, SERIES, SHAPES, WIDTH, Spec, finished, log
from pipeline.report.page.number_format import HasRatio, interval, plus_minus, ratio
from pipeline.report.tables import Grid
from pipeline.results.model import Results
from pipeline.results.model_across import AcrossWorkloads, Conclusion, MeanOfWorkloads, VariantComparison
from pipeline.results.model_cell import Measurement

#: The name by which the chart refers to its data set, and of the chart.
ACROSS = "across"
#: Shades of a table's entries, page.across.css has as many.
_SHADES = 6
#: Reversed conclusions that are shown at once; and conclusions of any kind, beyond which they are counted.
_MOST_SHOWN, _MOST_LISTED = 10, 400
#: Pixels; not a step, because Vega-Lite warns of steps in a chart whose width is to fit.
_ROW = 30
#: What a data set calls a mean, among workloads; no workload can have this name.
_MEAN = "geometric mean"


def section(results: Results) -> dict[str, Any] | None:
    """What page.across.jinja shows; None if there are not several workloads.

    {"workloads", "variant": of the chart, "grids", "variants": grids of entries, "reversed": sentences on
    reversals, "folded": [(title, sentences)] on the rest, and texts: "reading", "variants_reading",
    "summary", "missing", "left_out"}. An entry of "grids" is {"lines", "shade", "partial"}, one of "variants"
    a text.
    """
    across = results.across_workloads
    if across is None:
        return None
    certain = [c for c in across.conclusions if is_certain(c)]
    alone = [c for c in across.conclusions if c.reversed and not is_certain(c)]
    held = holding(across)
    folded = (
        (f"{len(certain) - _MOST_SHOWN} more that are reversed", certain[_MOST_SHOWN:]),
        (f"{len(alone)} that are reversed only if each is seen by itself", alone),
        (f"{len(held)} that hold on all workloads", held),
    )
    return {
        "workloads": [results.workload(name) for name in across.workloads],
        "variant": _variant(results, across),
        "reading": READING,
        "grids": [_shaded(grid) for grid in mean_grids(across)],
        "variants_reading": VARIANTS,
        "variants": [_written(grid) for grid in variant_grids(across)],
        "reversed": [sentence(c) for c in certain[:_MOST_SHOWN]],
        "folded": [(title, _listed(conclusions)) for title, conclusions in folded if conclusions],
        "summary": summary(across),
        "missing": missing(across),
        "left_out": left_out(across),
    }


def _listed(conclusions: Sequence[Conclusion]) -> list[str]:
    rest = len(conclusions) - _MOST_LISTED
    more = [f"and {rest} more, in results.json"] if rest > 0 else []
    return [*map(sentence, conclusions[:_MOST_LISTED]), *more]


def _shaded(grid: Grid[MeanOfWorkloads]) -> Grid[dict[str, Any]]:
    """Shades are even steps of the ratio's logarithm, from the lowest mean to the highest."""
    logs = [math.log(mean.ratio) for _, row in grid.rows for mean in row if mean]
    low, span = min(logs), max(logs) - min(logs) or 1.0

    def entry(mean: MeanOfWorkloads | None) -> dict[str, Any] | None:
        if mean is None:
            return None
        at = (math.log(mean.ratio) - low) / span
        shade = min(_SHADES - 1, int(at * _SHADES))
        return {"lines": mean_text(mean), "shade": shade, "partial": mean.partial}

    rows = [(name, [entry(mean) for mean in row]) for name, row in grid.rows]
    return Grid(grid.title, grid.of, grid.columns, rows)


def _written(grid: Grid[VariantComparison]) -> Grid[str]:
    rows: list[tuple[str, list[str | None]]] = [
        (name, [variants_text(pair) if pair else "" for pair in row]) for name, row in grid.rows
    ]
    return Grid(grid.title, grid.of, grid.columns, rows)


def _variant(results: Results, across: AcrossWorkloads) -> str:
    """The variant that the chart shows: the reference's, or else the one that has the most means."""
    variants = [mean.variant for mean in across.means]
    reference = results.workloads[0].reference.variant
    if reference in variants:
        return reference
    return max(dict.fromkeys(variants), key=variants.count, default="")


def rows(results: Results, across: AcrossWorkloads) -> list[dict[str, Any]]:
    """The data set "across": at one variant, each backend's ratio on each workload, and its mean."""
    variant = _variant(results, across)
    means = [mean for mean in across.means if mean.variant == variant]
    means.sort(key=lambda mean: (mean.partial, -mean.ratio, mean.backend, mean.toolchain))
    several = len({mean.toolchain for mean in means}) > 1
    own: dict[tuple[str, str], list[tuple[str, Measurement]]] = {}
    for cell in results.cells:
        if cell.variant == variant and (numbers := cell.comparable) is not None:
            own.setdefault((cell.toolchain, cell.backend), []).append((cell.workload, numbers))
    found = []
    for mean in means:
        name = f"{mean.backend} · {mean.toolchain}" if several else mean.backend
        found += [_row(name, workload, m) for workload, m in own[mean.toolchain, mean.backend]]
        found.append({**_row(name, f"{_MEAN} of {mean.workload_count} workloads", mean), "what": _MEAN})
    return found


def _row(name: str, what: str, entry: HasRatio) -> dict[str, Any]:
    """As exact as a picture needs: five digits."""
    within = f"{interval(entry.ratio_low, entry.ratio_high)}, {plus_minus(entry)}"
    return {
        "row": name,
        "what": what,
        "ratio": float(f"{entry.ratio:.5g}"),
        "tip": f"{name}, {what}\n{ratio(entry.ratio)} of native ({within})",
    }


def chart(results: Results, across: AcrossWorkloads) -> Spec:
    """A row a backend, a mark for each workload, and a tick for their geometric mean; a logarithmic axis."""
    import altair as alt

    placed = rows(results, across)
    order = list(dict.fromkeys(row["row"] for row in placed))
    names = list(across.workloads)
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


def _scale(names: Iterable[str], marks: tuple[str, ...], shift: int) -> Any:
    """A colour or shape for each name; with a different ``shift``, no two names have both in common."""
    import altair as alt

    known = list(names)
    values = [marks[(n + shift * (n // len(marks))) % len(marks)] for n in range(len(known))]
    return alt.Scale(domain=known, range=values)
