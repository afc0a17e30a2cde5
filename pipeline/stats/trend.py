"""Whether a series of chunks still gets faster. No I/O."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

#: A trend must pass both: chance produces tiny trends, and bursts produce changes that are not trends.
SIGNIFICANCE = 0.005
LEAST_CHANGE = 0.02
#: Shorter series cannot reach that significance.
LEAST = 10


@dataclass(frozen=True)
class Trend:
    """Relative change from the first to the last value, and the probability of such an order by chance."""

    change: float
    p: float

    @property
    def rising(self) -> bool:
        """Whether the series gets faster: a tiering compiler is still at work."""
        return self.p < SIGNIFICANCE and self.change > LEAST_CHANGE

    @property
    def falling(self) -> bool:
        """Whether it gets slower."""
        return self.p < SIGNIFICANCE and self.change < -LEAST_CHANGE


def trend(values: Sequence[float]) -> Trend | None:
    """Look for a monotonic trend in positive values; None where there are too few.

    Mann and Kendall's test (normal approximation, two-sided) and the Theil-Sen slope of the logarithms:
    neither is moved by single bursts.
    """
    number = len(values)
    if number < LEAST:
        return None
    logs = [math.log(x) for x in values]
    pairs = [(logs[j] - logs[i], j - i) for i in range(number) for j in range(i + 1, number)]
    s = sum((d > 0) - (d < 0) for d, _ in pairs)
    deviation = math.sqrt(number * (number - 1) * (2 * number + 5) / 18)
    z = max(0.0, abs(s) - 1) / deviation
    import statistics  # not for a run that has nothing to do

    slope = statistics.median(d / distance for d, distance in pairs)
    return Trend(math.expm1(slope * (number - 1)), math.erfc(z / math.sqrt(2)))
