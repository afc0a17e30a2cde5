"""Which pairs of chunks ran on an undisturbed machine. No I/O, and fast enough for the measuring loop.

Two things disturb a chunk. Work of other virtual machines on the same processor slows it down by a third
for some tenths of a second, and not every program by the same factor: the reference chunk that ran on the
same processor just before or after shows it. A process on this machine takes the processor away for
milliseconds: the kernel's accounts (CPU time and wall time) show it. docs/measurement.md has the figures
behind the constants.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

#: A chunk belongs to the upper cluster of its series if it is at least this fast, relative to it. States
#: differ by 0.7; chunks of native processes, whose memory layouts differ, by some 2 % (one sigma).
NEAR = 0.92
#: A chunk must have had a processor for at least this share of its wall time.
CPU_SHARE = 0.95
#: A round slower than this, relative to the cell's fastest round, was disturbed: processes of one program
#: differ by a few per cent, states of the machine by more.
SAME_PROGRAM = 0.85
#: The largest spread of chunks that is a program's own. States of the machine differ by more.
_MOST_SPREAD = 1.2
#: A round with fewer pairs is not used.
MIN_PAIRS = 5
#: A state of the machine has this share of the chunks, or this number of few: processors are faster for
#: moments, and a speed that was seen for a moment is not what the others must come near.
_STATE_SHARE, _STATE_CHUNKS = 0.05, 3


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
        """The pairs whose reference ran at the undisturbed ``speed``, with no chunk preempted."""
        near = self.undisturbed_speed(speed)
        return [i for i in range(len(self.references)) if self.calm(i, near)]

    def undisturbed_speed(self, speed: float) -> float:
        """The undisturbed speed for this round: its own if close to ``speed``; machines also drift slowly."""
        own = reference_speed(self)
        return own if own >= NEAR * speed else speed

    def calm(self, pair: int, speed: float) -> bool:
        """Whether the reference chunk of a pair ran at that speed and neither chunk was preempted."""
        return (
            self.references[pair] >= NEAR * speed
            and self.shares[pair] >= CPU_SHARE
            and self.reference_shares[pair] >= CPU_SHARE
        )


def upper_cluster_speed(values: Sequence[float]) -> float:
    """The speed of the upper cluster of chunks of one or more rounds: its median; 0 for none."""
    if not values:
        return 0.0
    import statistics  # slow to import (fractions, decimal); a no-op run does not need it

    rank = min(len(values), max(_STATE_CHUNKS, math.ceil(_STATE_SHARE * len(values))))
    edge = NEAR * sorted(values)[-rank]
    return statistics.median(x for x in values if x >= edge)


def reference_speed(series: Series) -> float:
    """The reference's undisturbed speed as far as this round shows it, in the unit of its scores."""
    return upper_cluster_speed(reference_chunks(series))


def reference_chunks(series: Series) -> list[float]:
    """The speeds of the reference's chunks that were not preempted, or of all if every chunk was."""
    shares = series.reference_shares
    own = [x for x, share in zip(series.references, shares, strict=True) if share >= CPU_SHARE]
    return own or list(series.references)


def known_speeds(speeds: Sequence[float]) -> list[float]:
    """The undisturbed speed to use for each round, from the speed that each round knew, in order of time.

    A later round's speed counts for the earlier ones, which may have seen a slow machine only. An earlier
    round's speed does not count for the later ones: a laptop that has become warm is not disturbed.
    """
    return list(itertools.accumulate(reversed(speeds), max))[::-1]


def count(series: Series, speed: float) -> int:
    """The number of undisturbed pairs of this round, looked at alone."""
    ratios = _ratios(series, speed)
    low = len(ratios) - len(_upper(ratios))
    return len(ratios) - min(low, _slow_references(series, speed))


def undisturbed_ratios(rounds: Sequence[Series], speeds: Sequence[float]) -> list[list[float]]:
    """The ratios (cell / reference) of each round's undisturbed pairs; [] for a round without enough.

    ``speeds`` are the reference's undisturbed speeds, one a round. The cell's own chunks are checked by
    their ratio, which does not depend on the machine's frequency: relative to the best round of the cell
    (the cell's chunk may have hit a slower state than its reference did), and within the round (bursts).

    What disturbs a chunk hits the cell's as often as the reference's. So no more low ratios are left out than
    there are pairs whose reference was slow: the speed of some programs differs by a tenth from chunk to
    chunk, and without the lower ones their ratio would be too high.
    """
    steady = [_ratios(series, speed) for series, speed in zip(rounds, speeds, strict=True)]
    steady = _same_program(steady)
    best = max((_best_ratio(*pair) for pair in zip(rounds, speeds, strict=True)), default=0.0)
    spread = _spread(steady)
    edges = [_edge(xs, SAME_PROGRAM * best / spread, spread) for xs in steady]
    slow = sum(_slow_references(*pair) for pair in zip(rounds, speeds, strict=True))
    low = sorted(x for xs, edge in zip(steady, edges, strict=True) for x in xs if x < edge)[:slow]
    highest = low[-1] if low else 0.0
    kept = [[x for x in xs if x >= edge or x > highest] for xs, edge in zip(steady, edges, strict=True)]
    enough = min(MIN_PAIRS, *(len(series.scores) for series in rounds)) if rounds else MIN_PAIRS
    return [xs if len(xs) >= enough else [] for xs in kept]


def _same_program(rounds: Sequence[list[float]]) -> list[list[float]]:
    """The rounds; [] for one in which the cell was slow all the time, and its reference was not."""
    import statistics

    middles = [statistics.median(xs) if xs else 0.0 for xs in rounds]
    least = SAME_PROGRAM * max(
        (middle for middle, xs in zip(middles, rounds, strict=True) if len(xs) >= MIN_PAIRS), default=0.0
    )
    return [xs if middle >= least else [] for middle, xs in zip(middles, rounds, strict=True)]


def _spread(rounds: Sequence[list[float]]) -> float:
    """How far the upper cluster of a program's ratios lies above their middle: 1 where all are equal."""
    import statistics

    relative = [x / statistics.median(xs) for xs in rounds if xs for x in xs]
    return min(max(1.0, upper_cluster_speed(relative)), _MOST_SPREAD)


def _edge(ratios: list[float], least: float, spread: float) -> float:
    """Below which a ratio of a round is low: as far below the middle as the highest are above it."""
    return max(least, NEAR * upper_cluster_speed([x for x in ratios if x >= least]) / spread**2)


def _slow_references(series: Series, speed: float) -> int:
    """The number of pairs whose reference was slow, and not because it was preempted."""
    near = NEAR * series.undisturbed_speed(speed)
    return sum(
        reference < near and share >= CPU_SHARE
        for reference, share in zip(series.references, series.reference_shares, strict=True)
    )


def _best_ratio(series: Series, speed: float) -> float:
    """The cell's undisturbed speed over the reference's; no single pair need have had both."""
    own = [x for x, share in zip(series.scores, series.shares, strict=True) if share >= CPU_SHARE]
    machine = max(speed, reference_speed(series))
    return upper_cluster_speed(own) / machine if machine else 0.0


def _ratios(series: Series, speed: float) -> list[float]:
    return [series.scores[i] / series.references[i] for i in series.steady(speed)]


def _upper(values: list[float]) -> list[float]:
    edge = NEAR * upper_cluster_speed(values)
    return [x for x in values if x >= edge]
