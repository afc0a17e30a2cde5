"""The Pareto fronts of results.json as tables of texts: for report.md, the page and the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from pipeline.core import paths
from pipeline.core.rich_text import Side, as_text, new_table
from pipeline.report.tables import TextTable
from pipeline.results.cells import speed_text
from pipeline.results.model import WorkloadResult
from pipeline.results.model_pareto import BreakEven, Front, FrontMember, LeastTotalTime, ParetoFronts
from pipeline.results.results_json import read

if TYPE_CHECKING:
    from rich.console import RenderableType

_WIDTH = 150
#: More names than this in an entry of a table are counted, not listed.
_MOST_NAMES = 3
_CELL: tuple[str, Side] = ("cell", "left")
_BACKEND: tuple[str, Side] = ("backend", "left")


def tables(fronts: ParetoFronts, workloads: Sequence[WorkloadResult]) -> list[TextTable]:
    """The fronts as text; each of several workloads has tables of its own. Tables without rows are absent."""
    found = []
    for workload in workloads:
        title = "" if len(workloads) == 1 else f"{workload.title}: "
        found += _tables(workload, fronts.of_workload(workload.name), title)
    return [table for table in found if table.rows]


def _tables(workload: WorkloadResult, fronts: ParetoFronts, title: str) -> list[TextTable]:
    unit, counts = workload.unit, workload.counts
    size: list[tuple[str, Side]] = [
        ("module bytes", "right"),
        (unit, "right"),
        ("step", "left"),
        ("indistinguishable", "left"),
    ]
    time: list[tuple[str, Side]] = [
        ("compile ms", "right"),
        (unit, "right"),
        ("pays back after (range)", "left"),
        ("fastest in total", "left"),
        ("indistinguishable", "left"),
    ]
    step = (
        "Each next cell really costs more and is shown to be faster; cells that are indistinguishable "
        "from it differ in neither."
    )
    pays = (
        f"{step} Compared with the cell before it, it pays back after so many {counts} and so many seconds; "
        f"it is the fastest in total, compile time plus run time, for as many {counts}."
    )
    found = [
        _table(f"{title}Speed against module size", step, [_BACKEND, _CELL, *size], fronts.size),
        _table(f"{title}Speed against compile time", pays, [_BACKEND, _CELL, *time], fronts.compile_time),
    ]
    # With a single backend it would be the same again.
    if sum(bool(front.members) for front in fronts.compile_time) > 1:
        name = f"{title}Which cell for how many {counts}"
        found.append(_table(name, pays, [_CELL, *time], fronts.compile_time_all_backends))
    return found


def _table(
    title: str, explanation: str, columns: list[tuple[str, Side]], fronts: Sequence[Front]
) -> TextTable:
    # Different if numbers of rounds differ.
    tolerances = sorted(
        {f"{f.cost_tolerance * 100:.0f}" for f in fronts if f.members and f.cost_tolerance}, key=int
    )
    if tolerances:
        within = " to ".join(dict.fromkeys([tolerances[0], tolerances[-1]]))
        explanation += f" Compile times within {within} % of each other count as equal."
    counts: dict[str, int] = {}
    for entry in (entry for front in fronts for entry in front.left_out):
        counts[entry.reason] = counts.get(entry.reason, 0) + len(entry.cells)
    left_out = ", ".join(f"{number} {reason}" for reason, number in sorted(counts.items()))
    rows = [row for front in fronts for row in _rows(front)]
    return TextTable(title, explanation, columns, rows, f"Cells left out: {left_out}." if left_out else "")


def _rows(front: Front) -> Iterator[list[str]]:
    ranges = {entry.cell: entry for entry in front.least_total_time}
    before: FrontMember | None = None
    for member in front.members:
        start = [_name(member.cell, front)]
        if front.backend is not None:
            start.insert(0, front.backend if before is None else "")
        if front.cost_key == "wasm_bytes":
            costs = [str(member.cost), speed_text(member.score), _step(before, member)]
        else:
            costs = [f"{member.cost * 1000:.1f}", speed_text(member.score)]
            costs += [_paid(member.break_even), _range(ranges.get(member.cell))]
        names = [_name(name, front) for name in member.indistinguishable]
        more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
        yield [*start, *costs, ", ".join(names[:_MOST_NAMES]) + more]
        before = member


def _name(label: str, front: Front) -> str:
    return label if front.backend is None else label.rpartition("/")[0]


def _step(before: FrontMember | None, member: FrontMember) -> str:
    if before is None:
        return ""
    return f"{member.cost / before.cost - 1:+.1%} bytes, {member.score / before.score - 1:+.1%} speed"


def _paid(even: BreakEven | None) -> str:
    if even is None:
        return ""
    high = "not shown" if even.iterations_high is None else _number(even.iterations_high)
    low = _number(even.iterations_low)
    return f"{_number(even.iterations)} ({low} – {high}), {even.total_seconds:.2g} s"


def _range(entry: LeastTotalTime | None) -> str:
    if entry is None:
        return "never"
    start, end = entry.from_iterations, entry.until_iterations
    if end is None:
        return f"from {_number(start)} on" if start else "always"
    return f"{_number(start)} – {_number(end)}"


def _number(count: float) -> str:
    """Two significant digits, as digits up to ten million."""
    rounded = f"{count:.2g}"
    return f"{float(rounded):.0f}" if 10 <= float(rounded) < 1e7 else rounded


def render(fronts: ParetoFronts, workloads: Sequence[WorkloadResult]) -> str:
    """The tables for the terminal, without colours, at a fixed width; "" if there is none."""

    def parts() -> Iterator[RenderableType]:
        for one in tables(fronts, workloads):
            table = new_table(one.columns, one.rows)
            table.columns[-1].no_wrap = False
            yield one.title
            yield table
            yield " ".join(filter(None, (one.explanation, one.left_out)))
            yield ""

    return as_text(parts(), _WIDTH)


def show() -> None:
    """Print the fronts of the last report."""
    results = read(paths.RESULTS_JSON)
    text = render(results.pareto_fronts, results.workloads)
    print(text or "No cell has both a score and a module size or a compile time.\n", end="")
