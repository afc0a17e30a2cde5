"""The lines of a search space: what a point can have in place of the compiler's default, one switch each.

A range of numbers is several lines, one for each part of it: a threshold of 10 and one of 1000 are different
things, 900 and 1000 nearly the same.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.experiment.search_space import Params, Space, numbered

#: Into how many parts a range is divided, of equal width on a logarithmic scale.
_PARTS = 4


@dataclass(frozen=True)
class Line:
    """One choice of one dimension; of a range the numbers from low to high."""

    dimension: str
    label: str
    low: int | None = None
    high: int = 0

    @property
    def text(self) -> str:
        """As it is shown: "llvm -unroll-count=2" or "llvm -unroll-count={2 to 4}"."""
        if self.low is None:
            return self.label
        numbers = str(self.low) if self.low == self.high else f"{{{self.low} to {self.high}}}"
        return self.label.replace("{}", numbers)

    def holds(self, point: Params) -> bool:
        """Whether a point has it."""
        if point[self.dimension] != self.label:
            return False
        return self.low is None or self.low <= int(point[numbered(self.dimension)]) <= self.high

    def put(self, point: Params, draw: random.Random) -> dict[str, str | int]:
        """The point with this line in place of what it has there; a number is drawn."""
        changed = {key: value for key, value in point.items() if key != numbered(self.dimension)}
        changed[self.dimension] = self.label
        if self.low is not None:
            changed[numbered(self.dimension)] = draw.randint(self.low, self.high)
        return changed


def lines_of(space: Space) -> list[Line]:
    """All lines of a space, in its order."""
    found = []
    for dimension, choices in space.dimensions.items():
        for choice in choices:
            if choice.low is None:
                found.append(Line(dimension, choice.label))
                continue
            for low, high in _parts(choice.low, choice.high):
                found.append(Line(dimension, choice.label, low, high))
    return found


def _parts(low: int, high: int) -> Sequence[tuple[int, int]]:
    """The range in parts, both ends of each inclusive; fewer where there are not so many numbers."""
    step = (math.log(high + 1) - math.log(low + 1)) / _PARTS
    edges = [round(math.exp(math.log(low + 1) + i * step)) - 1 for i in range(1, _PARTS)]
    starts = sorted({low, *(edge for edge in edges if low < edge <= high)})
    return list(zip(starts, [start - 1 for start in starts[1:]] + [high], strict=True))
