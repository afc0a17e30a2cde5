"""Ratios with intervals from the ratios of chunk pairs. No I/O.

Each round is a process, and chunks of one process are not independent. So the unit of replication is the
round (Kalibera & Jones, "Rigorous benchmarking in reasonable time", ISMM 2013): each round gives one mean
of log ratios, and Student's t on these means gives the interval. docs/measurement.md lists the other
methods that were tried, and how often each interval held the true value.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipeline.stats import student

CONFIDENCE = 0.95
#: A round of n pairs has the weight n / (n + this): its mean varies by the spread of single pairs (some
#: 1.7 %) over n, plus what differs between processes (some 0.3 to 0.5 %).
_PAIRS_OF_A_ROUND = 10


@dataclass(frozen=True)
class Estimate:
    """A ratio with its interval at CONFIDENCE; low <= value <= high.

    With fewer than two undisturbed rounds the difference between processes is unknown. Then
    ``disturbed`` is true, ``value`` is the median of all pairs, and the interval is the range of 95 % of the
    single pairs: it is wide and not used for comparisons.
    """

    value: float
    low: float
    high: float
    rounds: int  # undisturbed ones, which it is computed from
    pairs: int
    disturbed: bool = False
    #: Of log(value): standard error and degrees of freedom.
    error: float = math.inf
    freedom: float = 0.0

    @property
    def half_width(self) -> float:
        """Half of the interval, relative to the value."""
        return (self.high - self.low) / 2 / self.value


#: The ratio of the reference to itself: exactly 1.
_EXACTLY = Estimate(1.0, 1.0, 1.0, rounds=0, pairs=0, error=0.0, freedom=math.inf)


def estimate(
    rounds: Sequence[Sequence[float]],
    every: Sequence[float] = (),
    confidence: float = CONFIDENCE,
    most_freedom: float = math.inf,
) -> Estimate:
    """A cell's ratio from each round's ratios of undisturbed pairs.

    ``rounds[i][j]`` is the ratio of pair j in round i, > 0; a round without undisturbed pairs is empty.
    ``every`` holds the ratios of all pairs; it is used if fewer than two rounds have undisturbed ones.
    ``confidence`` is that of the quantile of Student's t; the standard error is widened in the same ratio,
    so that comparisons are as careful as the interval. They take no more than ``most_freedom`` degrees of
    freedom.
    Raises ValueError if there is no pair, or a ratio is not a positive number.
    """
    if not all(0 < x < math.inf for xs in (*rounds, every) for x in xs):
        raise ValueError("a ratio is a positive number")
    used = [xs for xs in rounds if xs]
    if len(used) < 2:
        return _range([x for xs in used for x in xs] or list(every))
    means = [math.fsum(map(math.log, xs)) / len(xs) for xs in used]
    weights = [len(xs) / (len(xs) + _PAIRS_OF_A_ROUND) for xs in used]
    total = math.fsum(weights)
    mean = math.fsum(w * m for w, m in zip(weights, means, strict=True)) / total
    # Kish's effective sample size: rounds of unequal weight carry less information.
    number = total**2 / math.fsum(w * w for w in weights)
    spread = math.fsum((w * (m - mean)) ** 2 for w, m in zip(weights, means, strict=True)) / total**2
    error = math.sqrt(spread * number / (number - 1))
    quantile = student.quantile(1 - (1 - CONFIDENCE) / 2, number - 1)
    error *= student.quantile(1 - (1 - confidence) / 2, number - 1) / quantile
    half = quantile * error
    value = math.exp(mean)
    return Estimate(
        value,
        min(value, _exp(mean - half)),
        max(value, _exp(mean + half)),
        rounds=len(used),
        pairs=sum(map(len, used)),
        error=error,
        freedom=min(number - 1, most_freedom),
    )


def _range(ratios: Sequence[float]) -> Estimate:
    if not ratios:
        raise ValueError("no pair of chunks")
    ordered = sorted(ratios)
    cut = int(len(ordered) * (1 - CONFIDENCE) / 2)
    value = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
    low, high = ordered[cut], ordered[-1 - cut]
    return Estimate(value, low, high, rounds=1, pairs=len(ordered), disturbed=True)


@dataclass(frozen=True)
class Difference:
    """The quotient of two cells' ratios, with its interval at CONFIDENCE (for this comparison alone)."""

    value: float
    low: float
    high: float
    p: float  # two-sided, for the hypothesis that both are equally fast
    error: float  # standard error of log(value)
    freedom: float


def compare(one: Estimate, other: Estimate) -> Difference:
    """Welch's t test on the logarithms: rounds of two cells are independent of each other."""
    value = one.value / other.value
    if one.disturbed or other.disturbed:
        return Difference(value, one.low / other.high, one.high / other.low, 1.0, math.inf, 0.0)
    variances = one.error**2, other.error**2
    error = math.sqrt(sum(variances))
    if error == 0:
        return Difference(value, value, value, 1.0 if value == 1 else 0.0, 0.0, math.inf)
    # Welch and Satterthwaite, in shares of the whole error: squares of tiny errors would underflow.
    shares = [(e / error) ** 2 for e in (one.error, other.error)]
    freedom = 1 / sum(s**2 / f for s, f in zip(shares, (one.freedom, other.freedom), strict=True))
    half = student.quantile(1 - (1 - CONFIDENCE) / 2, freedom) * error
    p = min(1.0, 2 * student.tail(abs(math.log(value)) / error, freedom))
    factor = _exp(half)
    return Difference(value, value / factor, value * factor, p, error, freedom)


def geometric_mean(estimates: Sequence[Estimate]) -> Estimate:
    """The geometric mean of one or more undisturbed, independent ratios.

    Its degrees of freedom are Welch's and Satterthwaite's, in shares of the whole error as in ``compare``.
    """
    value = math.exp(math.fsum(math.log(e.value) for e in estimates) / len(estimates))
    whole = math.hypot(*(e.error for e in estimates))
    shares = math.fsum((e.error / whole) ** 4 / e.freedom for e in estimates) if whole else 0.0
    error, freedom = whole / len(estimates), 1 / shares if shares else math.inf
    rounds, pairs = min(e.rounds for e in estimates), sum(e.pairs for e in estimates)
    bare = Estimate(value, value, value, rounds, pairs, error=error, freedom=freedom)
    interval = compare(bare, _EXACTLY)
    return replace(bare, low=interval.low, high=interval.high)


def holm(ps: Sequence[float]) -> list[float]:
    """Adjusted p values: rejecting those under alpha keeps the family-wise error at alpha.

    Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Statist. 6 (1979).
    """
    order = sorted(range(len(ps)), key=ps.__getitem__)
    adjusted = [0.0] * len(ps)
    running = 0.0
    for rank, index in enumerate(order):
        running = max(running, min(1.0, (len(ps) - rank) * ps[index]))
        adjusted[index] = running
    return adjusted


def _exp(x: float) -> float:
    """exp, bounded: very wide intervals stay finite, because JSON has no infinity."""
    return math.exp(max(-300.0, min(300.0, x)))
