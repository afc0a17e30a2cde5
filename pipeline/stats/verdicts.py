"""Which cells are faster than which, and their ranks, with one error rate for all verdicts together.

All comparisons that are asked for together are one family. Half of the error that may be made in the whole
family goes to "faster" and "slower" (Holm's procedure on Welch's p values), half to "same within"
(Bonferroni bounds on the difference), so that the chance of one or more false verdicts in a whole table
is at most 1 - CONFIDENCE.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final, Literal

from pipeline.stats import estimates, student
from pipeline.stats.estimates import CONFIDENCE, Difference, Estimate

#: Cells whose difference may be larger than this are not called the same.
MOST_SAME = 0.02
_ERROR = (1 - CONFIDENCE) / 2

Word = Literal["faster", "slower", "same within", "undecided"]
FASTER: Final = "faster"
SLOWER: Final = "slower"
SAME: Final = "same within"
UNDECIDED: Final = "undecided"


@dataclass(frozen=True)
class Verdict:
    """The comparison of two cells."""

    one: str
    other: str
    difference: Difference
    p_adjusted: float
    #: The two differ by less than this, as a fraction, with the family's confidence; inf if unknown.
    bound: float

    @property
    def word(self) -> Word:
        """How ``one`` compares with ``other``: faster, slower, same within (``bound``), or undecided."""
        if self.p_adjusted < _ERROR:
            return FASTER if self.difference.value > 1 else SLOWER
        return SAME if self.bound <= MOST_SAME else UNDECIDED


def compare_all(
    cells: Mapping[str, Estimate], family: Sequence[tuple[str, str]] | None = None
) -> list[Verdict]:
    """Compare every cell with every later one, or the pairs of a family that is smaller."""
    pairs = list(combinations(cells, 2)) if family is None else list(family)
    differences = [estimates.compare(cells[a], cells[b]) for a, b in pairs]
    adjusted = estimates.holm([d.p for d in differences])
    return [
        Verdict(a, b, d, p, _bound(d, len(pairs)))
        for (a, b), d, p in zip(pairs, differences, adjusted, strict=True)
    ]


def _bound(difference: Difference, family: int) -> float:
    if difference.freedom <= 0:
        return math.inf
    away = abs(math.log(difference.value))
    if difference.error > 0:
        away += student.quantile(1 - _ERROR / family, difference.freedom) * difference.error
    return math.expm1(away) if away < 1 else math.inf


def ranks(cells: Mapping[str, Estimate], verdicts: Sequence[Verdict]) -> dict[str, tuple[int, int]]:
    """{cell: (best, worst)} place among these cells; 1 is the fastest. Disturbed cells have none.

    A place is 1 + the number of cells that are shown to be faster, up to the number of cells less those that
    are shown to be slower. These intervals hold together where the verdicts do. ``verdicts`` may have pairs
    with other cells, which are ignored.
    """
    places = {name: [1, 0] for name, estimate in cells.items() if not estimate.disturbed}
    for place in places.values():
        place[1] = len(places)
    for verdict in verdicts:
        if verdict.word not in (FASTER, SLOWER) or not {verdict.one, verdict.other} <= places.keys():
            continue
        pair = (verdict.one, verdict.other)
        fast, slow = pair if verdict.word == FASTER else pair[::-1]
        places[fast][1] -= 1
        places[slow][0] += 1
    return {name: (best, worst) for name, (best, worst) in places.items()}
