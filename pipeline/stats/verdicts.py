"""Which cells are faster than which, with one error rate for all verdicts together.

Every pair of cells is one comparison of one family. Half of the error that may be made in the whole
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


def groups(cells: Mapping[str, Estimate], verdicts: list[Verdict]) -> dict[str, str]:
    """{cell: letters}, fastest first: cells that share a letter are indistinguishable.

    A compact letter display by insertion and absorption (Piepho, "An algorithm for a letter-based
    representation of all-pairwise comparisons", J. Comput. Graph. Statist. 13 (2004)). Disturbed cells
    are not compared and have no letter.
    """
    named = [name for name, e in cells.items() if not e.disturbed]
    sets = [frozenset(named)]
    for verdict in verdicts:
        if verdict.word in (FASTER, SLOWER):
            sets = _split(sets, verdict.one, verdict.other)
    fastest = sorted(sets, key=lambda s: max((cells[n].value for n in s), default=0), reverse=True)
    letters = dict.fromkeys(cells, "")
    for number, members in enumerate(fastest):
        for name in members:
            letters[name] += _letter(number)
    return letters


def _split(sets: list[frozenset[str]], one: str, other: str) -> list[frozenset[str]]:
    """Split sets so that none holds both; drop sets that are contained in a second one."""
    whole = [s for s in sets if not (one in s and other in s)]
    parts = [s - {x} for s in sets if one in s and other in s for x in (one, other)]
    for part in sorted(parts, key=len, reverse=True):
        if not any(part <= s for s in whole):
            whole.append(part)
    return whole


def _letter(number: int) -> str:
    """a … z, then a1 … z1, a2 …: so that a cell in several groups stays readable."""
    turn, index = divmod(number, 26)
    return chr(ord("a") + index) + (str(turn) if turn else "")
