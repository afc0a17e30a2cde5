"""When a comparison of two builds is decided, and what it then says. Pure functions of ratios. No I/O."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from pipeline.core.errors import BadInput
from pipeline.stats import estimates

#: Rounds before it is first asked whether the question is answered; it is asked again after each further one.
#: With intervals at this confidence, 4.4 % of 8,000 simulated comparisons ended on the wrong side of a bound
#: that the truth was at; with 99 %, 7.2 %.
FEWEST_ROUNDS, MOST_ROUNDS = 5, 400
CONFIDENCE = 0.995
#: Of a round's pairs those count that are so many median deviations from its median at most: in others the
#: machine changed its speed between the two chunks.
_MOST_DEVIATIONS = 4.0
_BOUND = re.compile(r"([+-]?\d+(?:\.\d+)?) ?%?")
_EXAMPLE = "as in until='-1%,1%'"


@dataclass(frozen=True)
class Bounds:
    """Differences of speed, new to old, that an answer must be on one side of; relative, ascending."""

    values: tuple[float, ...]
    #: Of these the one below which new is called slower, at most 0.
    low: float
    #: Slower by more than this is a regression: one of the values, at most 0.
    worst: float


def read_bounds(until: str, threshold: str | None) -> Bounds:
    """``until`` is two per cents, ``threshold`` one or None: then the lower of the two. Raises BadInput."""
    words = [word.strip() for word in until.split(",")]
    found = [_BOUND.fullmatch(word) for word in words]
    if len(words) != 2 or not all(found):
        raise BadInput(f"command line: until: expected two per cents, {_EXAMPLE}; found {until!r}")
    low, high = (float(each[1]) / 100 for each in found if each)
    if not -1 < low <= 0 <= high or low == high:
        raise BadInput(
            f"command line: until: expected one below and one above 0, {_EXAMPLE}; found {until!r}"
        )
    worst = low
    if threshold is not None:
        given = _BOUND.fullmatch(threshold.strip())
        if not given or not 0 <= float(given[1]) < 100:
            raise BadInput(
                f"command line: threshold: expected per cent, as in threshold=2; found {threshold!r}"
            )
        worst = -float(given[1]) / 100 + 0.0
    return Bounds(tuple(sorted({low, high, worst})), low, worst)


Word = Literal["faster", "slower", "same", "undecided"]


@dataclass(frozen=True)
class Answer:
    """What is known of one program after some rounds: the speed of new relative to that of old."""

    word: Word
    ratio: float
    low: float
    high: float
    rounds: int  # with pairs that count
    pairs: int
    slower: bool  # surely by more than the worst bound
    no_slower: bool  # surely not by more than that


def answer(rounds: Sequence[Sequence[float]], bounds: Bounds) -> Answer | None:
    """What rounds say, each the ratios of its pairs that count; None for fewer than two with any.

    "same" is within the two bounds next to 0, as far as those of ``until=`` are.
    """
    used = [central(ratios) for ratios in rounds if ratios]
    if len(used) < 2:
        return None
    found = estimates.estimate(used, confidence=CONFIDENCE)
    enough = found.rounds >= FEWEST_ROUNDS
    edges = [1 + bound for bound in bounds.values]
    word: Word = "undecided"
    if enough and not any(found.low <= edge <= found.high for edge in edges):
        near = 1 + max(bounds.low, bounds.worst)
        word = "faster" if found.low > edges[-1] else "slower" if found.high < near else "same"
    return Answer(
        word=word,
        ratio=found.value,
        low=found.low,
        high=found.high,
        rounds=found.rounds,
        pairs=found.pairs,
        slower=enough and found.high < 1 + bounds.worst,
        no_slower=enough and found.low > 1 + bounds.worst,
    )


def central(ratios: Sequence[float]) -> list[float]:
    """Those near their median: see _MOST_DEVIATIONS."""
    middle = median(ratios)
    deviation = median(abs(ratio - middle) for ratio in ratios)
    if deviation == 0:  # coarse times: most are equal, and the others are not wrong
        return list(ratios)
    return [ratio for ratio in ratios if abs(ratio - middle) <= _MOST_DEVIATIONS * deviation]
