"""Which pairs of chunks ran on an undisturbed machine. Pure, and light enough for the measuring loop.

A shared processor has states: another machine's work beside ours makes it slower by a third for some
tenths of a second, and not every program by the same factor; a process of our own machine takes the
processor away for milliseconds. Both are seen: the first by the reference chunk that ran on the same
processor just before or after, the second by the kernel's accounts (CPU time against wall time).
docs/measurement.md has the figures behind the constants.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

#: A chunk belongs to the upper cluster of its series if it is at least this fast, relative to it. States
#: differ by 0.7; chunks of native processes, whose memory layouts differ, by some 2 % (one sigma).
NEAR = 0.92
#: Of the time that a chunk took, what it must have had a processor for.
CPU_SHARE = 0.95
#: In no round is a cell slower than this, relative to its fastest round, by itself: processes of one
#: program differ by per cents, states of the machine by more.
SAME_PROGRAM = 0.85
#: Fewer pairs of a round say nothing.
MIN_PAIRS = 5
#: The fastest but two: one lucky chunk is no state of the machine.
_RANK = 3


@dataclass
class Series:
    """The chunk pairs of one round. Speeds in iterations/s; shares are CPU over wall seconds.

    ``scores[i]`` and ``references[i]`` ran one after the other on one processor.
    """

    scores: list[float] = field(default_factory=list)
    references: list[float] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)
    reference_shares: list[float] = field(default_factory=list)

    def steady(self, speed: float) -> list[int]:
        """The pairs whose reference ran at the undisturbed ``speed``, none of the two preempted."""
        near = self.undisturbed_speed(speed)
        return [i for i in range(len(self.references)) if self.calm(i, near)]

    def undisturbed_speed(self, speed: float) -> float:
        """What ``speed`` was in this round: its own where it saw about that; machines also drift slowly."""
        own = reference_speed(self)
        return own if own >= NEAR * speed else speed

    def calm(self, pair: int, speed: float) -> bool:
        """Whether the reference chunk of a pair ran at that speed, and neither of the two was preempted."""
        return (
            self.references[pair] >= NEAR * speed
            and self.shares[pair] >= CPU_SHARE
            and self.reference_shares[pair] >= CPU_SHARE
        )


def level(values: Sequence[float]) -> float:
    """The speed of the upper cluster of a series: its median; 0 where there are too few to say."""
    if not values:
        return 0.0
    import statistics  # with fractions and decimal: not for a run that has nothing to do

    edge = NEAR * sorted(values)[-min(_RANK, len(values))]
    return statistics.median(x for x in values if x >= edge)


def reference_speed(series: Series) -> float:
    """The reference's undisturbed speed as far as this round saw it, in its own unit.

    Of chunks that were not preempted; on a machine so busy that none was left alone, of all.
    """
    shares = series.reference_shares
    own = [x for x, share in zip(series.references, shares, strict=True) if share >= CPU_SHARE]
    return level(own or series.references)


def known_speeds(speeds: Sequence[float]) -> list[float]:
    """For each round the undisturbed speed to judge it by, from what each knew, in the order of time.

    What a later round knew counts for the earlier ones: they may have seen a slow machine only. What an
    earlier one knew does not count for the later ones, beyond what these remember themselves: a laptop
    that was faster until it got warm is not disturbed ever after.
    """
    return list(itertools.accumulate(reversed(speeds), max))[::-1]


def count(series: Series, speed: float) -> int:
    """How many undisturbed pairs this round has, by itself."""
    return len(_upper(_ratios(series, speed)))


def ratios(rounds: Sequence[Series], speeds: Sequence[float]) -> list[list[float]]:
    """Cell over reference of each round's undisturbed pairs, [] for a round without enough of them.

    ``speeds`` are the reference's undisturbed speeds, of each round. The cell's own part is judged by its
    ratio, which does not move with the machine's frequency: against the best that any round saw of it,
    where it may be in a slower state of the machine than its reference was, and within its round, for
    bursts.
    """
    found = [_ratios(series, speed) for series, speed in zip(rounds, speeds, strict=True)]
    best = max((_best_ratio(*pair) for pair in zip(rounds, speeds, strict=True)), default=0.0)
    kept = [_upper([x for x in xs if x >= SAME_PROGRAM * best]) for xs in found]
    enough = min(MIN_PAIRS, *(len(series.scores) for series in rounds)) if rounds else MIN_PAIRS
    return [xs if len(xs) >= enough else [] for xs in kept]


def _best_ratio(series: Series, speed: float) -> float:
    """The cell's own undisturbed speed over the reference's, though no pair may have had both."""
    own = [x for x, share in zip(series.scores, series.shares, strict=True) if share >= CPU_SHARE]
    machine = max(speed, reference_speed(series))
    return level(own) / machine if machine else 0.0


def _ratios(series: Series, speed: float) -> list[float]:
    return [series.scores[i] / series.references[i] for i in series.steady(speed)]


def _upper(values: list[float]) -> list[float]:
    edge = NEAR * level(values)
    return [x for x in values if x >= edge]
