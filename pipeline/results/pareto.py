"""Pareto fronts: score against module size and against compile time, and which cell suits how much work.

A cell really costs less if its cost is lower by more than a tolerance. Cell A covers cell B if B does not
really cost less and is not shown to be faster; A dominates B if, in addition, A really costs less or is
shown to be faster. In a front each next cell really costs more and is shown to be faster, so that noise adds
no steps; each cell outside is dominated by a member, or indistinguishable from one in cost and score.

"Faster" is a verdict of the comparisons. For a pair without a comparison it means that the ratio intervals
do not overlap (weaker: no allowance for the number of pairs). It is extended transitively: a over b and b
over c give a over c. Otherwise a cell could be left out because of a cell that is itself left out because of
a slower one, since being indistinguishable is not transitive.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pipeline.results.model import Comparison
from pipeline.results.model_cell import CellResult, Measurement
from pipeline.results.model_pareto import (
    BreakEven,
    Dominated,
    Front,
    FrontMember,
    LeastTotalTime,
    LeftOut,
    ParetoFronts,
)
from pipeline.stats.verdicts import FASTER, SLOWER

_Cost = Literal["wasm_bytes", "compile_seconds"]
_NO_COST: dict[_Cost, str] = {
    "wasm_bytes": "without a module",
    "compile_seconds": "without a compile time",
}


@dataclass(frozen=True)
class _Point:
    """A measured cell in a front."""

    label: str
    cost: float  # bytes, or seconds
    of: Measurement


#: Whether one cell is shown to be faster than a second one, by their labels.
_Faster = Callable[[str, str], bool]
#: Whether one point really costs less than a second one.
_Less = Callable[[_Point, _Point], bool]


def find_fronts(cells: Sequence[CellResult], comparisons: Iterable[Comparison]) -> ParetoFronts:
    """The fronts of each workload: costs and speeds of different programs are not compared.

    A cell that is no member of ``least_total_time`` never has the least compile time plus run time.
    """
    verdicts = {(v.cell, v.compared_with): v.verdict for v in comparisons}
    size, compile_time, all_backends = [], [], []
    for workload in dict.fromkeys(cell.workload for cell in cells):
        own = [cell for cell in cells if cell.workload == workload]
        faster = _order(own, verdicts)
        for backend in dict.fromkeys(cell.backend for cell in own):
            same = [cell for cell in own if cell.backend == backend]
            size.append(_front(workload, backend, same, "wasm_bytes", faster))
            compile_time.append(_front(workload, backend, same, "compile_seconds", faster))
        all_backends.append(_front(workload, None, own, "compile_seconds", faster))
    return ParetoFronts(
        size=tuple(size), compile_time=tuple(compile_time), compile_time_all_backends=tuple(all_backends)
    )


def compile_tolerance(rounds: int) -> float:
    """Two compile times, each the least of so many rounds, that differ by no more may be equal.

    The 95th percentile of how two minima of one cell's rounds differ: 0.81, 0.54, 0.40 and 0.32 for 1 to 4
    rounds, by dividing the eight rounds of 52 cells (2-core virtual machine) at random; 0.8 / rounds^(2/3)
    fits these, and is extrapolated beyond.
    """
    return float(0.8 / rounds ** (2 / 3))


def _order(cells: Sequence[CellResult], verdicts: Mapping[tuple[str, str], str]) -> _Faster:
    """Whether one of a workload's cells is shown to be faster than a second one: a strict order."""
    rising = sorted(
        ((cell.label, m) for cell in cells if (m := cell.comparable) is not None),
        key=lambda entry: (entry[1].score, entry[0]),
    )
    # Sets of cells as the bits of a number: all that a cell is shown, or so implied, to be faster than.
    slower: list[int] = []
    for number, one in enumerate(rising):
        mask = 0
        # From the fastest down: most of the rest are then already implied.
        for other in reversed(range(number)):
            if not mask >> other & 1 and _shown(one, rising[other], verdicts):
                mask |= 1 << other | slower[other]
        slower.append(mask)
    places = {label: number for number, (label, _) in enumerate(rising)}
    return lambda one, other: bool(slower[places[one]] >> places[other] & 1)


def _shown(
    one: tuple[str, Measurement], other: tuple[str, Measurement], verdicts: Mapping[tuple[str, str], str]
) -> bool:
    (first, fast), (second, slow) = one, other
    if fast.score <= slow.score:
        return False
    if (first, second) in verdicts:
        return verdicts[first, second] == FASTER
    if (second, first) in verdicts:
        return verdicts[second, first] == SLOWER
    return fast.ratio_low > slow.ratio_high


def _front(
    workload: str, backend: str | None, cells: Sequence[CellResult], cost: _Cost, faster: _Faster
) -> Front:
    points, left_out = _points(cells, cost)
    fewest = min((point.of.rounds for point in points), default=1)
    tolerance = compile_tolerance(fewest) if cost == "compile_seconds" else 0.0

    def less(one: _Point, other: _Point) -> bool:
        return one.cost * (1 + tolerance) < other.cost

    members = _members(points, less, faster)
    dominated, indistinguishable = _others(points, members, less, faster)
    timed = cost == "compile_seconds"
    paid = [_break_even(a, b, tolerance) for a, b in itertools.pairwise(members)] if timed else []
    return Front(
        workload=workload,
        backend=backend,
        cost_key=cost,
        cost_tolerance=tolerance,
        members=tuple(
            FrontMember(
                cell=member.label,
                cost=member.cost,
                score=member.of.score,
                indistinguishable=tuple(indistinguishable[member.label]),
                break_even=paid[number - 1] if timed and number else None,
            )
            for number, member in enumerate(members)
        ),
        dominated=tuple(dominated),
        left_out=tuple(LeftOut(reason=reason, cells=tuple(left_out[reason])) for reason in sorted(left_out)),
        least_total_time=_least_total_time(members) if timed else (),
    )


def _points(cells: Sequence[CellResult], cost: _Cost) -> tuple[list[_Point], dict[str, list[str]]]:
    """The cells that have this cost and a score, cheapest first, and {reason: labels} of all others."""
    points = []
    left_out: dict[str, list[str]] = {}
    for cell in cells:
        measured = cell.comparable
        if measured is None:
            reason = "disturbed" if cell.is_ok else cell.status.value
        else:
            price = measured.wasm_bytes if cost == "wasm_bytes" else measured.compile_seconds
            if price is not None:
                points.append(_Point(cell.label, price, measured))
                continue
            reason = _NO_COST[cost]
        left_out.setdefault(reason, []).append(cell.label)
    points.sort(key=lambda point: (point.cost, -point.of.score, point.label))
    return points, left_out


def _members(points: Sequence[_Point], less: _Less, faster: _Faster) -> list[_Point]:
    """The members of a front, cheapest first, of points that are sorted by cost.

    First as if every difference of cost were real: points that are faster than all cheaper ones. Of these, a
    cheaper one whose advantage is not real is dominated by the faster one. What a removed one covered, the
    one that replaces it covers too.
    """
    rising: list[_Point] = []
    for point in points:
        if all(faster(point.label, member.label) for member in rising):
            rising.append(point)
    members: list[_Point] = []
    for point in reversed(rising):
        if not members or less(point, members[-1]):
            members.append(point)
    return members[::-1]


def _others(
    points: Sequence[_Point], members: Sequence[_Point], less: _Less, faster: _Faster
) -> tuple[list[Dominated], dict[str, list[str]]]:
    """The points that are no members: each with the fastest that dominates it, or {member: equal ones}."""
    dominated = []
    equal: dict[str, list[str]] = {member.label: [] for member in members}
    for point in (p for p in points if p.label not in equal):
        covering = [m for m in members if not less(point, m) and not faster(point.label, m.label)]
        by = [m.label for m in covering if less(m, point) or faster(m.label, point.label)]
        if by:
            dominated.append(Dominated(cell=point.label, by=by[-1]))
            continue
        for member in covering:
            equal[member.label].append(point.label)
    return dominated, equal


def _crossing(cheap: float, slow: float, dear: float, fast: float) -> float:
    """The n at which cheap + n / slow = dear + n / fast: seconds, and iterations/s with slow < fast."""
    return (dear - cheap) * slow * fast / (fast - slow)


def _break_even(cheap: _Point, fast: _Point, tolerance: float) -> BreakEven:
    def low(measured: Measurement) -> float:
        return measured.score * measured.ratio_low / measured.ratio

    def high(measured: Measurement) -> float:
        return measured.score * measured.ratio_high / measured.ratio

    # Noise only makes a compile time longer: each may be too long by the tolerance, not too short.
    sooner, later = cheap.cost, fast.cost
    most = None
    # Both: where the ratios touch, rounding may part the scores.
    if cheap.of.ratio_high < fast.of.ratio_low and high(cheap.of) < low(fast.of):
        most = _crossing(sooner / (1 + tolerance), high(cheap.of), later, low(fast.of))
    iterations = _crossing(sooner, cheap.of.score, later, fast.of.score)
    return BreakEven(
        iterations=iterations,
        iterations_low=_crossing(sooner, low(cheap.of), later / (1 + tolerance), high(fast.of)),
        iterations_high=most,
        total_seconds=later + iterations / fast.of.score,
    )


def _least_total_time(members: Sequence[_Point]) -> tuple[LeastTotalTime, ...]:
    """The lower envelope of the members' total times, over n >= 0 iterations."""
    hull: list[tuple[float, _Point]] = []
    for point in members:
        start = 0.0
        while hull:
            begun, last = hull[-1]
            start = _crossing(last.cost, last.of.score, point.cost, point.of.score)
            if start > begun:
                break
            hull.pop()
        hull.append((start, point))
    ends: list[float | None] = [*(start for start, _ in hull[1:]), None]
    return tuple(
        LeastTotalTime(cell=point.label, from_iterations=start, until_iterations=end)
        for (start, point), end in zip(hull, ends, strict=False)
    )
