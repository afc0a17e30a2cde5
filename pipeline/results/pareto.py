"""What more speed costs: fronts of score against module size and against compile time; which cell when.

A cell costs really less if it does by more than a tolerance. One covers another if that does not really
cost less and is not shown to be faster; it dominates it if, besides, it really costs less itself or is shown
to be faster. In a front each next cell really costs more and is shown to be faster, so that noise adds no
steps; every cell beside it is dominated by a member, or ``alike``: told from one in neither cost nor score.

"Faster" is a verdict of the comparisons, and for a pair that they do not have, ratio intervals that do not
overlap (a weaker ground: no allowance for the number of pairs). What follows from two of them is shown as
well: a over b and b over c make a over c. Without that, not being told apart is not transitive, and a cell
could be left out for the sake of one that is itself left out for a slower one.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pipeline.core.model import Status
from pipeline.stats.verdicts import FASTER, SLOWER

_SIZE, _COMPILE = "wasm_bytes", "compile_seconds"
_NULL = {_SIZE: "without a module", _COMPILE: "without a compile time"}
_DISTURBED = "disturbed"

_Cell = Mapping[str, Any]
#: Whether something holds of one cell beside another.
_Relation = Callable[[_Cell, _Cell], bool]


def find(cells: Sequence[_Cell], comparisons: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The fronts, ready for JSON, of the ``cells`` and ``comparisons`` of results.json.

    {"size": [front of each workload's backend], "compile": [the same], "all": [front against compile time of
    all cells of each workload together]}: costs and speeds of different programs are not traded. A front:

    - "workload" and "backend": their names, the latter None for all together; "tolerance": costs that differ
      by no more, as a fraction, are equal (0 for sizes);
    - "members", cheapest first: "cell" (label), "wasm_bytes" or "compile_seconds", "score" (iterations/s or
      runs/s), "alike": [labels]; against compile time also "break_even", None for the first;
    - "dominated": [{"cell", "by"}], and "left_out": [{"why", "cells"}] of what has no place in it;
    - "envelope", against compile time: [{"cell", "from", "until"}], which member has the least total time
      compile + n / score for n iterations; "until" is None for the last. A member that is missing here is
      never the fastest in total.

    "break_even" is of a member and the one before it: "iterations" after which the slower compilation has
    paid back, "seconds" (total time by then), "low" and "high": the iterations as the intervals of both
    ratios and the tolerance of both compile times allow; "high" is None where the intervals overlap, so that
    no such number is shown.
    """
    words = {(v["one"], v["other"]): v["verdict"] for v in comparisons}
    found: dict[str, list[dict[str, Any]]] = {"size": [], "compile": [], "all": []}
    for workload in dict.fromkeys(cell["workload"] for cell in cells):
        own = [cell for cell in cells if cell["workload"] == workload]
        faster = _order([c for c in own if _unfit(c) is None], words)
        for backend in dict.fromkeys(cell["backend"] for cell in own):
            of = [cell for cell in own if cell["backend"] == backend]
            found["size"].append({"workload": workload, **_front(backend, of, _SIZE, faster)})
            found["compile"].append({"workload": workload, **_front(backend, of, _COMPILE, faster)})
        found["all"].append({"workload": workload, **_front(None, own, _COMPILE, faster)})
    return found


def compile_tolerance(rounds: int) -> float:
    """Two compile times, each the least of so many rounds, that differ by no more may be equal.

    The 95th percentile of how two minima of one cell's rounds differ: 0.81, 0.54, 0.40 and 0.32 for 1 to 4
    rounds, by dividing the eight rounds of 52 cells (2-core virtual machine) at random; 0.8 / rounds^(2/3)
    fits these, and is extrapolated beyond.
    """
    return float(0.8 / rounds ** (2 / 3))


def _label(cell: _Cell) -> str:
    return f"{cell['workload']}/{cell['toolchain']}/{cell['variant']}/{cell['backend']}"


def _unfit(cell: _Cell) -> str | None:
    """Why a cell has no score that could be compared; None if it has."""
    if cell["status"] != Status.OK.value:
        return str(cell["status"])
    return _DISTURBED if cell["disturbed"] or cell["score"] is None else None


def _order(cells: Sequence[_Cell], words: Mapping[tuple[str, str], str]) -> _Relation:
    """Whether one of a workload's cells is shown to be faster than another: a strict order."""
    rising = sorted(cells, key=lambda c: (c["score"], _label(c)))
    names = [_label(cell) for cell in rising]
    # Sets of cells as the bits of a number: all that a cell is shown, or so implied, to be faster than.
    slower: list[int] = []
    for number, cell in enumerate(rising):
        mask = 0
        # From the fastest on, so that most of the others are already in what it was faster than.
        for other in reversed(range(number)):
            if not mask >> other & 1 and _shown(cell, rising[other], names[number], names[other], words):
                mask |= 1 << other | slower[other]
        slower.append(mask)
    places = {name: number for number, name in enumerate(names)}
    return lambda one, other: bool(slower[places[_label(one)]] >> places[_label(other)] & 1)


def _shown(one: _Cell, other: _Cell, first: str, second: str, words: Mapping[tuple[str, str], str]) -> bool:
    if one["score"] <= other["score"]:
        return False
    if (first, second) in words:
        return words[first, second] == FASTER
    if (second, first) in words:
        return words[second, first] == SLOWER
    return bool(one["ratio_low"] > other["ratio_high"])


def _front(backend: str | None, cells: Sequence[_Cell], cost: str, faster: _Relation) -> dict[str, Any]:
    why = {_label(c): _unfit(c) or (_NULL[cost] if c[cost] is None else None) for c in cells}
    fit = [c for c in cells if why[_label(c)] is None]
    fit.sort(key=lambda c: (c[cost], -c["score"], _label(c)))
    fewest = min((c["rounds"] for c in fit), default=1)
    tolerance = compile_tolerance(fewest) if cost == _COMPILE else 0.0

    def less(one: _Cell, other: _Cell) -> bool:
        return bool(one[cost] * (1 + tolerance) < other[cost])

    members = _steps(fit, less, faster)
    dominated, alike = _others(fit, members, less, faster)
    front: dict[str, Any] = {
        "backend": backend,
        "tolerance": tolerance,
        "members": [
            {"cell": _label(m), cost: m[cost], "score": m["score"], "alike": alike[_label(m)]}
            for m in members
        ],
        "dominated": dominated,
        "left_out": [
            {"why": reason, "cells": [name for name, x in why.items() if x == reason]}
            for reason in sorted({x for x in why.values() if x is not None})
        ],
    }
    if cost == _COMPILE:
        paid = [_break_even(a, b, tolerance) for a, b in itertools.pairwise(members)]
        for shown, break_even in zip(front["members"], [None, *paid], strict=False):
            shown["break_even"] = break_even
        front["envelope"] = _envelope(members)
    return front


def _steps(cells: Sequence[_Cell], less: _Relation, faster: _Relation) -> list[_Cell]:
    """The members of a front, cheapest first, of cells that are sorted by cost.

    First as if every difference of cost were real: cells that are faster than all cheaper ones. Of these, a
    cheaper one whose advantage is not real is dominated by the faster one. What a dropped one covered, the
    one that replaces it covers too.
    """
    rising: list[_Cell] = []
    for cell in cells:
        if all(faster(cell, member) for member in rising):
            rising.append(cell)
    members: list[_Cell] = []
    for cell in reversed(rising):
        if not members or less(cell, members[-1]):
            members.append(cell)
    return members[::-1]


def _others(
    cells: Sequence[_Cell], members: Sequence[_Cell], less: _Relation, faster: _Relation
) -> tuple[list[dict[str, str]], dict[str, list[str]]]:
    """The cells that are no members: each with the fastest that dominates it, or {member: those alike}."""
    dominated: list[dict[str, str]] = []
    alike: dict[str, list[str]] = {_label(m): [] for m in members}
    for cell in (c for c in cells if _label(c) not in alike):
        covering = [m for m in members if not less(cell, m) and not faster(cell, m)]
        by = [_label(m) for m in covering if less(m, cell) or faster(m, cell)]
        if by:
            dominated.append({"cell": _label(cell), "by": by[-1]})
            continue
        for member in covering:
            alike[_label(member)].append(_label(cell))
    return dominated, alike


def _crossing(cheap: float, slow: float, dear: float, fast: float) -> float:
    """The n at which cheap + n / slow = dear + n / fast: seconds, and iterations/s with slow < fast."""
    return (dear - cheap) * slow * fast / (fast - slow)


def _break_even(cheap: _Cell, fast: _Cell, tolerance: float) -> dict[str, float | None]:
    def end(cell: _Cell, of: str) -> float:
        return float(cell["score"] * cell[of] / cell["ratio"])

    # Noise only makes a compile time longer: each may be too long by the tolerance, not too short.
    sooner, later = cheap[_COMPILE], fast[_COMPILE]
    low = _crossing(sooner, end(cheap, "ratio_low"), later / (1 + tolerance), end(fast, "ratio_high"))
    high = None
    # Both: where the ratios touch, rounding may part the scores.
    if cheap["ratio_high"] < fast["ratio_low"] and end(cheap, "ratio_high") < end(fast, "ratio_low"):
        high = _crossing(sooner / (1 + tolerance), end(cheap, "ratio_high"), later, end(fast, "ratio_low"))
    iterations = _crossing(sooner, cheap["score"], later, fast["score"])
    seconds = later + iterations / fast["score"]
    return {"iterations": iterations, "low": low, "high": high, "seconds": seconds}


def _envelope(members: Sequence[_Cell]) -> list[dict[str, Any]]:
    """The lower envelope of the members' total times, over n >= 0 iterations."""
    hull: list[tuple[float, _Cell]] = []
    for cell in members:
        start = 0.0
        while hull:
            begun, last = hull[-1]
            start = _crossing(last[_COMPILE], last["score"], cell[_COMPILE], cell["score"])
            if start > begun:
                break
            hull.pop()
        hull.append((start, cell))
    starts = [start for start, _ in hull]
    ends = [*starts[1:], None]
    return [
        {"cell": _label(cell), "from": start, "until": end}
        for (start, cell), end in zip(hull, ends, strict=False)
    ]
