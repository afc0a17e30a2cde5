"""The section "across" of results.json as people read it: for the terminal, for report.md, for the page."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pipeline.core.text import markdown_text, printable
from pipeline.results.cells import half_width
from pipeline.results.reversals import by
from pipeline.stats.estimates import CONFIDENCE
from pipeline.stats.verdicts import MOST_SAME

_WIDTH = 110
#: Longer names are folded.
_LONGEST_NAME = 32
#: Conclusions beyond which those that turn round are counted, not listed: on the terminal, in report.md.
_MOST_SHOWN, _MOST_WRITTEN = 8, 40

Across = Mapping[str, Any]
#: The "workloads" of results.json.
Workloads = Sequence[Mapping[str, Any]]
_Entry = Mapping[str, Any]

_LEFT_OUT = {
    "workloads": "workloads",
    "means": "means",
    "steps": "pairs of variants",
    "duels": "pairs of backends",
}
READING = (
    f"Geometric means of the ratio to native, ± half of their {CONFIDENCE * 100:.0f} % intervals: what "
    "measuring these workloads leaves open, not what others would give. Below each, its lowest and highest "
    "workload."
)
STEPS = "How much faster one variant is than another under the same backend: geometric means, in per cent."
_NOTHING = (
    "Across workloads nothing can be said yet: fewer than two of them have a cell with two undisturbed "
    "rounds. Add rounds=N."
)


def grids(across: Across) -> list[dict[str, Any]]:
    """The means, a table each toolchain: {"title", "of", "columns": [names], "rows": [(backend, entries)]}.

    Entries are of "means", None where there is none. The highest mean of all workloads comes first; backends
    without one are not ranked and come last.
    """
    found = _grids(across["means"], lambda mean: str(mean["variant"]))
    for one in found:
        one["rows"].sort(key=lambda row: _best(row[1]), reverse=True)
    return found


def _best(means: Sequence[_Entry | None]) -> float:
    return max((mean["ratio"] for mean in means if mean and not mean["partial"]), default=0.0)


def step_grids(across: Across) -> list[dict[str, Any]]:
    """The same of the steps: columns are "O3 / O2", entries of "steps"."""
    return _grids(across["steps"], lambda step: f"{step['one']} / {step['other']}")


def _grids(entries: Sequence[_Entry], column: Callable[[_Entry], str]) -> list[dict[str, Any]]:
    found = []
    for toolchain in dict.fromkeys(entry["toolchain"] for entry in entries):
        by_place = {(e["backend"], column(e)): e for e in entries if e["toolchain"] == toolchain}
        columns = list(dict.fromkeys(name for _, name in by_place))
        backends = dict.fromkeys(backend for backend, _ in by_place)
        rows = [(backend, [by_place.get((backend, name)) for name in columns]) for backend in backends]
        found.append({"title": f"compiled by {toolchain}", "of": "backend", "columns": columns, "rows": rows})
    return found


def mean_text(mean: _Entry) -> list[str]:
    """Lines: "0.812 ±0.3 %", "0.61 – 0.93", and how many workloads it is of where some are missing."""
    lines = [f"{mean['ratio']:.3f} ±{half_width(dict(mean)) * 100:.1f} %"]
    lines.append(f"{mean['lowest']['ratio']:.2f} – {mean['highest']['ratio']:.2f}")
    if mean["partial"]:
        lines.append(f"{mean['number']} of {mean['number'] + len(mean['missing'])}")
    return lines


def step_text(step: _Entry) -> str:
    """How much faster, with half of the interval, and of how many workloads if some are missing."""
    few = f" ({len(step['each'])})" if step["partial"] else ""
    return f"{(step['ratio'] - 1) * 100:+.1f} ±{(step['ratio_high'] - step['ratio_low']) / 2 * 100:.1f}{few}"


def is_certain(conclusion: _Entry) -> bool:
    """Whether it turns round, all pairs allowed for."""
    return any(entry["certain"] for entry in conclusion["turned"])


def sentence(conclusion: _Entry) -> str:
    """A conclusion, where it does not hold, and where it does."""
    against = [
        f"{entry['workload']} (slower by {by(entry)}{'' if entry['certain'] else ', seen by itself'})"
        for entry in conclusion["turned"]
    ]
    against += [f"{name} (the same)" for name in conclusion["same"]]
    against += [f"{name} (undecided)" for name in conclusion["undecided"]]
    against += [f"{name} (not measured)" for name in conclusion["missing"]]
    parts = [f"not on {', '.join(against)}"] if against else []
    parts += [f"holds on {', '.join(conclusion['holds'])}"] if conclusion["holds"] else []
    return f"{conclusion['claim']}: {'; '.join(parts)}"


def holding(across: Across) -> list[_Entry]:
    """The conclusions that hold on all other workloads."""
    return [c for c in across["conclusions"] if len(c["holds"]) == len(across["workloads"]) - 1]


def summary(across: Across) -> str:
    """How many conclusions of the first workload hold for the others, and how many turn round."""
    found = across["conclusions"]
    first = across["workloads"][0]
    pairs = len(across["steps"]) + len(across["duels"])
    if not found:
        return f"None of {pairs} pairs of variants or backends is decided on {first}."
    certain = sum(map(is_certain, found))
    alone = sum(bool(c["turned"]) for c in found) - certain
    holds = len(holding(across))
    others = " and ".join(across["workloads"][1:]) if len(across["workloads"]) < 4 else "all others"
    told = [
        f"{len(found)} of {pairs} pairs of variants or backends are decided on {first}. Of these, {holds} "
        f"hold on {others}, and {certain} turn round on another workload (all of these together with "
        f"{CONFIDENCE * 100:.0f} % confidence)"
    ]
    if alone:
        told.append(f"{alone} turn round seen by themselves, as some of so many do by luck")
    rest = len(found) - certain - alone - holds
    if rest:
        what = f"undecided, the same within {MOST_SAME * 100:g} % or not measured"
        told.append(f"{rest} are neither: on some workload {what}")
    return "; ".join(told) + "."


def left_out(across: Across) -> str:
    """What is not shown, in a sentence; "" if that is nothing."""
    told = [f"{e['number']} {_LEFT_OUT[e['what']]} ({e['why']})" for e in across["left_out"]]
    return f"Left out: {', '.join(told)}." if told else ""


def missing(across: Across) -> str:
    """Which workloads' cells are missing from means, and why, counted; "" if none are."""
    counts: dict[str, int] = {}
    for entry in (entry for mean in across["means"] for entry in mean["missing"]):
        what = f"{entry['workload']} {entry['why']}"
        counts[what] = counts.get(what, 0) + 1
    told = ", ".join(f"{what} ({number})" for what, number in counts.items())
    return f"Missing from means that are not ranked: {told}." if told else ""


def _heading(across: Across, workloads: Workloads) -> str:
    titles = {workload["name"]: workload["title"] for workload in workloads}
    return ", ".join(f"{name} ({titles[name]})" for name in across["workloads"])


def _turned(across: Across, most: int) -> tuple[list[str], str]:
    """The sentences on conclusions that turn round for certain, and how many more there are, in words."""
    found = [sentence(c) for c in across["conclusions"] if is_certain(c)]
    return found[:most], f"and {len(found) - most} more" if len(found) > most else ""


def render(across: Across | None, workloads: Workloads) -> str:
    """The section for the terminal, without colours; "" of one workload."""
    if across is None:
        return f"{_NOTHING}\n" if len(workloads) > 1 else ""
    from rich.console import Console
    from rich.text import Text

    stream = io.StringIO()
    console = Console(file=stream, width=_WIDTH, color_system=None, highlight=False)

    def say(text: str, indent: str = "") -> None:
        if text:
            console.print(Text(textwrap.fill(text, _WIDTH, subsequent_indent=indent, break_on_hyphens=False)))

    say(f"Across {len(across['workloads'])} workloads: {_heading(across, workloads)}")
    for grid in grids(across):
        say(f"Means of ratios to native, {grid['title']}")
        for table in _tables(grid):
            console.print(table)
    for text in (READING, missing(across), left_out(across), summary(across)):
        say(text)
    lines, more = _turned(across, _MOST_SHOWN)
    for line in lines:
        say(f"  {line}", "      ")
    say(f"  {more}" if more else "")
    return "".join(line.rstrip() + "\n" for line in printable(stream.getvalue()).splitlines())


def _tables(grid: Mapping[str, Any]) -> Iterator[Any]:
    """A grid as rich's tables, as many columns in each as there is room for."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    texts = [
        ["" if mean is None else "\n".join(mean_text(mean)).replace(" %", "%") for mean in row]
        for _, row in grid["rows"]
    ]
    wide = max(len(line) for row in texts for entry in row for line in entry.split("\n"))
    names = min(_LONGEST_NAME, max(len(name) for name, _ in grid["rows"]))
    # Two characters beside the table and two before each column.
    wide = min(wide, _WIDTH - 2 - names - 2)
    room = (_WIDTH - 2 - names) // (wide + 2)
    for start in range(0, len(grid["columns"]), room):
        table = Table(box=box.SIMPLE_HEAD, padding=(0, 0, 0, 1), pad_edge=False)
        table.add_column(grid["of"], width=names, overflow="fold")
        for name in grid["columns"][start : start + room]:
            table.add_column(Text(name), justify="right", width=wide, overflow="fold")
        for (name, _), row in zip(grid["rows"], texts, strict=True):
            table.add_row(Text(name), *map(Text, row[start : start + room]))
        yield table


def markdown(across: Across | None, workloads: Workloads) -> str:
    """The section for report.md, with its heading; "" of one workload."""
    if across is None:
        return f"## Across workloads\n\n{_NOTHING}\n" if len(workloads) > 1 else ""
    lines = ["## Across workloads", "", f"{markdown_text(_heading(across, workloads))}.", "", READING, ""]
    for grid in grids(across):
        lines += [f"### Means of ratios to native, {markdown_text(grid['title'])}", ""]
        lines += [*_rows(grid, lambda mean: "<br>".join(mean_text(mean))), ""]
    for text in (missing(across), left_out(across)):
        lines += [markdown_text(text), ""] if text else []
    lines += ["### What holds for all workloads, and what does not", "", markdown_text(summary(across)), ""]
    turned, more = _turned(across, _MOST_WRITTEN)
    for line in [*turned, *filter(None, [more])]:
        lines.append(f"- {markdown_text(line)}")
    lines += [""] if turned else []
    for grid in step_grids(across):
        lines += [f"### Steps between variants, {markdown_text(grid['title'])}", "", STEPS, ""]
        lines += [*_rows(grid, step_text), ""]
    return "\n".join(lines) + "\n"


def _rows(grid: Mapping[str, Any], entry: Callable[[_Entry], str]) -> Iterator[str]:
    yield f"| {' | '.join([grid['of'], *map(markdown_text, grid['columns'])])} |"
    yield "|---|" + "---:|" * len(grid["columns"])
    for name, row in grid["rows"]:
        yield f"| {' | '.join([markdown_text(name), *('' if e is None else entry(e) for e in row)])} |"
