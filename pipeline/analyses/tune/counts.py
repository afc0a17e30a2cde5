"""What the number of executed instructions tells of a module's speed before it is measured. No I/O.

The count is exact, and has no noise. In some programs it nearly decides the speed, in others it says
nothing: that is learnt from the candidates that were measured, by a straight line through the logs of both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

#: So many measured candidates say how well the count tells the speed.
_LEAST_KNOWN = 15
#: More instructions must be shown to be slower: the slope is so many standard errors below 0.
_SURE = 4.0


@dataclass(frozen=True)
class CountModel:
    """A straight line through log(count) and the log of the speed."""

    middle: float  # mean log(count)
    level: float  # mean log(speed)
    slope: float
    above: float  # the farthest that a measured candidate lies above the line

    @classmethod
    def of(cls, known: Sequence[tuple[float, float]]) -> CountModel | None:
        """From (log count, log speed) of the measured candidates; None where the count does not tell."""
        number = len(known)
        if number < _LEAST_KNOWN:
            return None
        middle = math.fsum(count for count, _ in known) / number
        level = math.fsum(speed for _, speed in known) / number
        spread = math.fsum((count - middle) ** 2 for count, _ in known)
        if spread == 0:
            return None
        slope = math.fsum((count - middle) * (speed - level) for count, speed in known) / spread
        left = [speed - level - slope * (count - middle) for count, speed in known]
        error = math.sqrt(math.fsum(x * x for x in left) / (number - 2) / spread)
        return cls(middle, level, slope, max(left)) if slope < -_SURE * error else None

    def expected(self, count: float) -> float:
        """The log of the speed at a log(count)."""
        return self.level + self.slope * (count - self.middle)

    def highest(self, count: float) -> float:
        """What one more candidate of this log(count) exceeds in one of n + 1 cases, if n were measured."""
        return self.expected(count) + self.above
