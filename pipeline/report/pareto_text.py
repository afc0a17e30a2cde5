"""The fronts of tradeoffs.py as tables of texts: for report.md, and for the terminal."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.core import paths
from pipeline.core.files import read_json
from pipeline.results.cells import speed, things

_WIDTH = 150
_SIZE, _COMPILE = "wasm_bytes", "compile_seconds"
#: More names than this in an entry of a table are counted, not listed.
_MOST_ALIKE = 3


def tables(tradeoffs: Mapping[str, Any], workloads: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What people read of the fronts, as text: {"title", "says", "columns", "rows", "left_out"}.

    ``workloads`` are those of results.json; of several, each has tables of its own. "columns" are (name,
    "left" or "right"), "rows" lists of as many texts; "left_out" is "" if nothing is. A table without rows is
    left away.
    """
    found = []
    for workload in workloads:
        of = {key: [f for f in tradeoffs[key] if f["workload"] == workload["name"]] for key in tradeoffs}
        title = "" if len(workloads) == 1 else f"{workload['title']}: "
        found += [{**table, "title": f"{title}{table['title']}"} for table in _of(workload, of)]
    return [table for table in found if table["rows"]]


def _of(workload: Mapping[str, Any], fronts: Mapping[str, Any]) -> list[dict[str, Any]]:
    unit, counted = workload["unit"], things(workload)
    of = (("backend", "left"), ("cell", "left"))
    size = (("module bytes", "right"), (unit, "right"), ("step", "left"), ("alike", "left"))
    compile_ = (
        ("compile ms", "right"),
        (unit, "right"),
        ("pays back after (range)", "left"),
        ("fastest in total", "left"),
        ("alike", "left"),
    )
    step = (
        "Each next cell really costs more and is shown to be faster; cells alike could be told from it in "
        "neither."
    )
    pays = (
        f"{step} It pays back, beside the cell before it, after so many {counted}, so many seconds in; "
        f"fastest in total, compile time and run together, is it for as many {counted}."
    )
    found = [
        _table("Speed against module size", step, (*of, *size), fronts["size"]),
        _table("Speed against compile time", pays, (*of, *compile_), fronts["compile"]),
    ]
    # Of a single backend it says the same again.
    if sum(bool(front["members"]) for front in fronts["compile"]) > 1:
        title = f"Which cell for how many {counted}"
        found.append(_table(title, pays, (of[1], *compile_), fronts["all"]))
    return found


def _table(
    title: str, says: str, columns: Sequence[tuple[str, str]], fronts: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    # Of unlike numbers of rounds.
    tolerances = sorted(
        {f"{f['tolerance'] * 100:.0f}" for f in fronts if f["members"] and f["tolerance"]}, key=int
    )
    if tolerances:
        within = " to ".join(dict.fromkeys([tolerances[0], tolerances[-1]]))
        says += f" Compile times within {within} % of each other count as equal."
    counts: dict[str, int] = {}
    for entry in (entry for front in fronts for entry in front["left_out"]):
        counts[entry["why"]] = counts.get(entry["why"], 0) + len(entry["cells"])
    left_out = ", ".join(f"{number} {why}" for why, number in sorted(counts.items()))
    return {
        "title": title,
        "says": says,
        "columns": list(columns),
        "rows": [row for front in fronts for row in _rows(front)],
        "left_out": f"Cells left out: {left_out}." if left_out else "",
    }


def _rows(front: Mapping[str, Any]) -> list[list[str]]:
    ranges = {entry["cell"]: entry for entry in front.get("envelope", ())}
    rows = []
    before: Mapping[str, Any] | None = None
    for member in front["members"]:
        start = [_name(member["cell"], front)]
        if front["backend"] is not None:
            start.insert(0, front["backend"] if before is None else "")
        if _SIZE in member:
            costs = [str(member[_SIZE]), speed(member["score"]), _step(before, member)]
        else:
            costs = [f"{member[_COMPILE] * 1000:.1f}", speed(member["score"])]
            costs += [_paid(member["break_even"]), _range(ranges.get(member["cell"]))]
        names = [_name(name, front) for name in member["alike"]]
        more = f" and {len(names) - _MOST_ALIKE} more" if len(names) > _MOST_ALIKE else ""
        rows.append([*start, *costs, ", ".join(names[:_MOST_ALIKE]) + more])
        before = member
    return rows


def _name(label: str, front: Mapping[str, Any]) -> str:
    return label if front["backend"] is None else label.rpartition("/")[0]


def _step(before: Mapping[str, Any] | None, member: Mapping[str, Any]) -> str:
    if before is None:
        return ""
    bytes_, score = (member[key] / before[key] - 1 for key in (_SIZE, "score"))
    return f"{bytes_:+.1%} bytes, {score:+.1%} speed"


def _paid(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return ""
    high = "not shown" if found["high"] is None else _number(found["high"])
    return f"{_number(found['iterations'])} ({_number(found['low'])} – {high}), {found['seconds']:.2g} s"


def _range(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return "never"
    if found["until"] is None:
        return f"from {_number(found['from'])} on" if found["from"] else "always"
    return f"{_number(found['from'])} – {_number(found['until'])}"


def _number(count: float) -> str:
    """Two significant digits, as digits up to ten million."""
    rounded = f"{count:.2g}"
    return f"{float(rounded):.0f}" if 10 <= float(rounded) < 1e7 else rounded


def render(tradeoffs: Mapping[str, Any], workloads: Sequence[Mapping[str, Any]]) -> str:
    """The tables for the terminal, without colours, at a fixed width; "" if there is none."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    stream = io.StringIO()
    console = Console(file=stream, width=_WIDTH, color_system=None, highlight=False)
    for one in tables(tradeoffs, workloads):
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for number, (column, side) in enumerate(one["columns"]):
            last = number == len(one["columns"]) - 1
            table.add_column(column, justify="right" if side == "right" else "left", no_wrap=not last)
        for row in one["rows"]:
            table.add_row(*map(Text, row))
        console.print(Text(one["title"]))
        console.print(table)
        console.print(Text(" ".join(filter(None, (one["says"], one["left_out"])))))
        console.print()
    return "".join(line.rstrip() + "\n" for line in stream.getvalue().splitlines())


def show() -> None:
    """Print what the last report found."""
    results = read_json(paths.RESULTS_JSON)
    text = render(results["tradeoffs"], results["workloads"])
    print(text or "No cell has a score beside a module's size or a compile time.\n", end="")
