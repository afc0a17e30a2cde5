"""The section ``across_workloads`` of results.json as text: for the terminal, report.md and the page."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING

from pipeline.core.rich_text import as_text, new_table
from pipeline.core.text import for_markdown
from pipeline.report.tables import Grid, markdown_grid, new_grid
from pipeline.results.model import WorkloadResult
from pipeline.results.model_across import AcrossWorkloads, Conclusion, MeanOfWorkloads, VariantComparison
from pipeline.results.reversals import by_how_much
from pipeline.stats.estimates import CONFIDENCE
from pipeline.stats.verdicts import MOST_SAME

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

_WIDTH = 110
#: Longer names are folded.
_LONGEST_NAME = 32
#: More reversed conclusions than this are counted, not listed: on the terminal, in report.md.
_MOST_SHOWN, _MOST_WRITTEN = 8, 40

_LEFT_OUT = {
    "workloads": "workloads",
    "means": "means",
    "variant comparisons": "pairs of variants",
    "backend comparisons": "pairs of backends",
}
READING = (
    f"Geometric means of the ratio to native, ± half of their {CONFIDENCE * 100:.0f} % intervals: the error "
    "of measuring these workloads, not a prediction for others. Below each, its lowest and highest workload."
)
VARIANTS = (
    "How much faster one variant is than a second one under the same backend: geometric means, per cent."
)
_NOTHING = (
    "Across workloads nothing can be compared yet: fewer than two of them have a cell with two undisturbed "
    "rounds. Add rounds=N."
)


def mean_grids(across: AcrossWorkloads) -> list[Grid[MeanOfWorkloads]]:
    """The means, a table for each toolchain; rows are backends, columns variants.

    The highest mean over all workloads comes first; backends without one are not ranked and come last.
    """
    found = [
        new_grid(
            [mean for mean in across.means if mean.toolchain == toolchain],
            f"compiled by {toolchain}",
            "backend",
            row=attrgetter("backend"),
            column=attrgetter("variant"),
        )
        for toolchain in dict.fromkeys(mean.toolchain for mean in across.means)
    ]
    for grid in found:
        grid.rows.sort(key=lambda row: _best(row[1]), reverse=True)
    return found


def _best(means: Sequence[MeanOfWorkloads | None]) -> float:
    return max((mean.ratio for mean in means if mean and not mean.partial), default=0.0)


def variant_grids(across: AcrossWorkloads) -> list[Grid[VariantComparison]]:
    """The comparisons of variants, a table for each toolchain; columns are "O3 / O2"."""
    pairs = across.variant_comparisons
    return [
        new_grid(
            [pair for pair in pairs if pair.toolchain == toolchain],
            f"compiled by {toolchain}",
            "backend",
            row=attrgetter("backend"),
            column=lambda pair: f"{pair.variant} / {pair.compared_with}",
        )
        for toolchain in dict.fromkeys(pair.toolchain for pair in pairs)
    ]


def mean_text(mean: MeanOfWorkloads) -> list[str]:
    """Lines: "0.812 ±0.3 %", "0.61 – 0.93", and the number of workloads if some are missing."""
    half = (mean.ratio_high - mean.ratio_low) / 2 / mean.ratio
    lines = [f"{mean.ratio:.3f} ±{half * 100:.1f} %"]
    lines.append(f"{mean.lowest.ratio:.2f} – {mean.highest.ratio:.2f}")
    if mean.partial:
        lines.append(f"{mean.workload_count} of {mean.workload_count + len(mean.missing)}")
    return lines


def variants_text(pair: VariantComparison) -> str:
    """How much faster, with half of the interval, and the number of workloads if some are missing."""
    few = f" ({len(pair.per_workload)})" if pair.partial else ""
    return f"{(pair.ratio - 1) * 100:+.1f} ±{(pair.ratio_high - pair.ratio_low) / 2 * 100:.1f}{few}"


def is_certain(conclusion: Conclusion) -> bool:
    """Whether it is reversed somewhere, with all pairs allowed for."""
    return any(entry.certain for entry in conclusion.reversed)


def sentence(conclusion: Conclusion) -> str:
    """A conclusion, where it does not hold, and where it does."""
    against = []
    for entry in conclusion.reversed:
        much = by_how_much(entry.ratio, entry.ratio_low, entry.ratio_high)
        against.append(f"{entry.workload} (slower by {much}{'' if entry.certain else ', seen by itself'})")
    against += [f"{name} (the same)" for name in conclusion.same]
    against += [f"{name} (undecided)" for name in conclusion.undecided]
    against += [f"{name} (not measured)" for name in conclusion.missing]
    parts = [f"not on {', '.join(against)}"] if against else []
    parts += [f"holds on {', '.join(conclusion.holds)}"] if conclusion.holds else []
    return f"{conclusion.statement}: {'; '.join(parts)}"


def holding(across: AcrossWorkloads) -> list[Conclusion]:
    """The conclusions that hold on all other workloads."""
    return [c for c in across.conclusions if len(c.holds) == len(across.workloads) - 1]


def summary(across: AcrossWorkloads) -> str:
    """How many conclusions from the first workload hold on the others, and how many are reversed."""
    conclusions = across.conclusions
    first = across.workloads[0]
    pairs = len(across.variant_comparisons) + len(across.backend_comparisons)
    if not conclusions:
        return f"None of {pairs} pairs of variants or backends is decided on {first}."
    certain = sum(map(is_certain, conclusions))
    alone = sum(bool(c.reversed) for c in conclusions) - certain
    holds = len(holding(across))
    others = " and ".join(across.workloads[1:]) if len(across.workloads) < 4 else "all others"
    parts = [
        f"{len(conclusions)} of {pairs} pairs of variants or backends are decided on {first}. Of these, "
        f"{holds} hold on {others}, and {certain} are reversed on a different workload (all of these "
        f"together with {CONFIDENCE * 100:.0f} % confidence)"
    ]
    if alone:
        parts.append(f"{alone} are reversed if seen by themselves, as some of so many are by chance")
    rest = len(conclusions) - certain - alone - holds
    if rest:
        what = f"undecided, the same within {MOST_SAME * 100:g} % or not measured"
        parts.append(f"{rest} are neither: on some workload {what}")
    return "; ".join(parts) + "."


def left_out(across: AcrossWorkloads) -> str:
    """What is not shown, in a sentence; "" if that is nothing."""
    parts = [f"{entry.count} {_LEFT_OUT[entry.what]} ({entry.reason})" for entry in across.left_out]
    return f"Left out: {', '.join(parts)}." if parts else ""


def missing(across: AcrossWorkloads) -> str:
    """Which workloads' cells are missing from means, and why, counted; "" if none are."""
    counts: dict[str, int] = {}
    for entry in (entry for mean in across.means for entry in mean.missing):
        what = f"{entry.workload} {entry.reason}"
        counts[what] = counts.get(what, 0) + 1
    parts = ", ".join(f"{what} ({number})" for what, number in counts.items())
    return f"Missing from means that are not ranked: {parts}." if parts else ""


def _heading(across: AcrossWorkloads, workloads: Sequence[WorkloadResult]) -> str:
    titles = {workload.name: workload.title for workload in workloads}
    return ", ".join(f"{name} ({titles[name]})" for name in across.workloads)


def _reversed(across: AcrossWorkloads, most: int) -> tuple[list[str], str]:
    """The sentences on conclusions that are reversed for certain, and how many more exist, in words."""
    lines = [sentence(c) for c in across.conclusions if is_certain(c)]
    return lines[:most], f"and {len(lines) - most} more" if len(lines) > most else ""


def render(across: AcrossWorkloads | None, workloads: Sequence[WorkloadResult]) -> str:
    """The section for the terminal, without colours; "" for one workload."""
    if across is None:
        return f"{_NOTHING}\n" if len(workloads) > 1 else ""
    return as_text(_parts(across, workloads), _WIDTH)


def _parts(across: AcrossWorkloads, workloads: Sequence[WorkloadResult]) -> Iterator[RenderableType]:
    yield _filled(f"Across {len(across.workloads)} workloads: {_heading(across, workloads)}")
    for grid in mean_grids(across):
        yield _filled(f"Means of ratios to native, {grid.title}")
        yield from _tables(grid)
    for text in (READING, missing(across), left_out(across), summary(across)):
        if text:
            yield _filled(text)
    lines, more = _reversed(across, _MOST_SHOWN)
    for line in lines:
        yield _filled(f"  {line}", "      ")
    if more:
        yield f"  {more}"


def _filled(text: str, indent: str = "") -> str:
    return textwrap.fill(text, _WIDTH, subsequent_indent=indent, break_on_hyphens=False)


def _tables(grid: Grid[MeanOfWorkloads]) -> Iterator[Table]:
    """A grid as rich's tables, each with as many columns as fit."""
    from rich.text import Text

    texts = [
        ["" if mean is None else "\n".join(mean_text(mean)).replace(" %", "%") for mean in row]
        for _, row in grid.rows
    ]
    wide = max(len(line) for row in texts for entry in row for line in entry.split("\n"))
    names = min(_LONGEST_NAME, max(len(name) for name, _ in grid.rows))
    # Two characters around the table and two before each column.
    wide = min(wide, _WIDTH - 2 - names - 2)
    room = (_WIDTH - 2 - names) // (wide + 2)
    for start in range(0, len(grid.columns), room):
        table = new_table(padding=(0, 0, 0, 1))
        table.add_column(grid.of, width=names, overflow="fold")
        for name in grid.columns[start : start + room]:
            table.add_column(Text(name), justify="right", width=wide, overflow="fold")
        for (name, _), row in zip(grid.rows, texts, strict=True):
            table.add_row(Text(name), *map(Text, row[start : start + room]))
        yield table


def markdown(across: AcrossWorkloads | None, workloads: Sequence[WorkloadResult]) -> str:
    """The section for report.md, with its heading; "" for one workload."""
    if across is None:
        return f"## Across workloads\n\n{_NOTHING}\n" if len(workloads) > 1 else ""
    lines = ["## Across workloads", "", f"{for_markdown(_heading(across, workloads))}.", "", READING, ""]
    for grid in mean_grids(across):
        lines += [f"### Means of ratios to native, {for_markdown(grid.title)}", ""]
        lines += [*markdown_grid(grid, lambda mean: "<br>".join(mean_text(mean))), ""]
    for text in (missing(across), left_out(across)):
        lines += [for_markdown(text), ""] if text else []
    lines += ["### Which conclusions hold for all workloads", "", for_markdown(summary(across)), ""]
    shown, more = _reversed(across, _MOST_WRITTEN)
    for line in [*shown, *filter(None, [more])]:
        lines.append(f"- {for_markdown(line)}")
    lines += [""] if shown else []
    for pairs in variant_grids(across):
        lines += [f"### Variants compared, {for_markdown(pairs.title)}", "", VARIANTS, ""]
        lines += [*markdown_grid(pairs, variants_text), ""]
    return "\n".join(lines) + "\n"
