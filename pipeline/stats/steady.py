"""Whether a program that gets faster while it runs has reached its steady state. No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from statistics import median

from pipeline.stats.trend import LEAST_CHANGE, trend

#: Runs that each of the two parts that are compared must have.
_FEWEST_RUNS = 5
#: The speed of a part: so many of ten of its runs are slower. Pauses make a run slower, and nothing faster.
_TENTHS = 9
#: Pieces of the last half in which a trend is looked for: of more, time grows with their square.
_PIECES = 20


def steady(seconds: Sequence[float], speeds: Sequence[float], least_s: float) -> bool:
    """Whether runs that took so many seconds each, one after the other, had a steady speed at last.

    They did if the last half of all their time is ``least_s`` or more, is at most 2 % faster than the quarter
    before it, and does not get faster itself. So a compiler that works for a while and then replaces what
    runs is waited for as long again as it was already waited for.
    """
    early, late = _parts(seconds, speeds)
    if sum(seconds) < 2 * least_s or min(len(early), len(late)) < _FEWEST_RUNS:
        return False
    if _level(late) > (1 + LEAST_CHANGE) * _level(early):
        return False
    change = trend(_pieces(late))
    return change is None or not change.rising


def _parts(seconds: Sequence[float], speeds: Sequence[float]) -> tuple[list[float], list[float]]:
    """The speeds of runs that end in the second quarter of all time, and in the last half."""
    ends = list(accumulate(seconds))
    total = ends[-1] if ends else 0.0
    early = [speed for end, speed in zip(ends, speeds, strict=True) if total / 4 < end <= total / 2]
    late = [speed for end, speed in zip(ends, speeds, strict=True) if end > total / 2]
    return early, late


def _level(speeds: Sequence[float]) -> float:
    return sorted(speeds)[len(speeds) * _TENTHS // 10]


def _pieces(speeds: Sequence[float]) -> list[float]:
    """The speeds, or medians of as many neighbours as leave so few pieces."""
    size = -(-len(speeds) // _PIECES)
    return [median(speeds[at : at + size]) for at in range(0, len(speeds), size)]
