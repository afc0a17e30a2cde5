"""What to try next: known points, a screening of all lines, then what a model of their effects proposes.

The screening changes some lines of the best point so far at once, each line in some points, always with other
companions: a supersaturated design (Lin, "A new class of supersaturated designs", Technometrics 1993), from
which stats/sparse_effects.py tells the few lines that matter. Afterwards a point is the best so far with
the changes that are best in one sample of the posterior ("Thompson sampling"): a line is tried as often as
it may still be the best one. Some points are small random changes instead, which find what only helps
together. benchmarks/samplers.py compares this with other ways; docs/flags.md has its table.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

from pipeline.analyses.tune.lines import lines_of
from pipeline.experiment.search_space import Params, Space
from pipeline.stats.sparse_effects import Effect, SparseEffects

Point = dict[str, str | int]

#: In how many points of the screening a line is, and how many lines a point changes.
_APPEARANCES, _LINES_OF_POINT = 2, 6
#: How many lines may change in one step, drawn at random; and the share of steps that are drawn without the
#: model.
_CHANGES = (1, 2, 3, 4)
_RANDOM_SHARE = 0.15
#: A line that failed so often, and never succeeded, is left alone: where it is the only such one of a point
#: that failed, and where it never is.
_MOST_FAILURES, _MOST_FAILURES_TOGETHER = 2, 4
#: After so many proposals in a row that had been tried there is nothing new left.
_MOST_PROPOSED = 200


class Strategy:
    """Proposes points, and learns their values. Points are compared as wholes, numbers included."""

    def __init__(self, space: Space, first: Sequence[Params], seed: int) -> None:
        """``first`` are tried first; the effects of lines are relative to the first of them.

        ``seed`` should differ between runs that go on with one search, or they repeat each other.
        """
        self.lines = lines_of(space)
        self._origin = dict(first[0])
        self._usual = {i for i, line in enumerate(self.lines) if line.holds(first[0])}
        self._random = random.Random(seed)
        self._waiting = [dict(point) for point in first]
        self._tried: list[Point] = []
        self._screening: list[list[int]] | None = None
        self._effects = SparseEffects(len(self.lines), str(seed))
        self._succeeded = [0] * len(self.lines)
        self._failures: list[list[int]] = []  # the lines of each point that failed

    def learn(self, point: Params, value: float | None, *, failed: bool = False) -> None:
        """The value of a point, None if it failed or is not known; it need not have been proposed here."""
        self._tried.append(dict(point))
        own = self._switches(point)
        if failed:
            self._failures.append(own)
            return
        for line in own:
            self._succeeded[line] += 1
        if value is not None:
            self._effects.observe(own, value)

    def effects(self) -> list[Effect]:
        """The effect of each line, relative to what the first point has in its place."""
        return self._effects.summary()

    def propose(self, best: Params | None) -> Point | None:
        """A point that was not tried, near the best one if there is one; None where none is left."""
        self._waiting = [point for point in self._waiting if point not in self._tried]
        if self._waiting:
            return self._waiting.pop(0)
        base = dict(best or self._origin)
        if self._screening is None:
            self._screening = self._design(base)
        while self._screening:
            point = self._with(base, self._screening.pop())
            if point not in self._tried:
                return point
        for attempt in range(_MOST_PROPOSED):
            # The longer nothing new is found, the more may change.
            changes = self._random.choice(_CHANGES) + attempt // 10
            if attempt >= _MOST_PROPOSED / 2 or self._random.random() < _RANDOM_SHARE:
                lines = self._drawn(base, changes)
            else:
                lines = self._modelled(base, changes)
            point = self._with(base, lines)
            if point not in self._tried:
                return point
        return None

    def _switches(self, point: Params) -> list[int]:
        """The lines of a point that the origin has not."""
        return [i for i, line in enumerate(self.lines) if line.holds(point) and i not in self._usual]

    def _with(self, base: Params, lines: Iterable[int]) -> Point:
        """The base with these lines, in any order of dimensions."""
        point = dict(base)
        for line in lines:
            point = self.lines[line].put(point, self._random)
        return point

    def _allowed(self, base: Params) -> list[int]:
        """The lines that the base has not, without those that only failed."""
        return [i for i, line in enumerate(self.lines) if not line.holds(base) and not self._always_fails(i)]

    def _always_fails(self, line: int) -> bool:
        """Whether it failed so often that one more try is wasted; its companions may be what failed."""
        points = [point for point in self._failures if line in point]
        if self._succeeded[line] or len(points) < _MOST_FAILURES:
            return False
        alone = any(all(self._succeeded[each] for each in point if each != line) for point in points)
        return alone or len(points) >= _MOST_FAILURES_TOGETHER

    def _design(self, base: Params) -> list[list[int]]:
        """The points of the screening, each as the lines that it changes: those that were not tried yet."""
        places = [
            line
            for line in self._allowed(base)
            for _ in range(self._succeeded[line] + sum(line in p for p in self._failures), _APPEARANCES)
        ]
        self._random.shuffle(places)
        points: list[list[int]] = [[] for _ in range(-(-len(places) // _LINES_OF_POINT))]
        for line in places:
            dimension = self.lines[line].dimension
            free = [p for p in points if all(self.lines[other].dimension != dimension for other in p)]
            min(free or points, key=len).append(line)
        return points

    def _drawn(self, base: Params, changes: int) -> list[int]:
        """Lines drawn at random, of different dimensions; or other numbers for lines that the base has."""
        by_dimension: dict[str, list[int]] = {}
        held = [i for i, line in enumerate(self.lines) if line.low is not None and line.holds(base)]
        for line in (*self._allowed(base), *held):
            by_dimension.setdefault(self.lines[line].dimension, []).append(line)
        names = self._random.sample(list(by_dimension), min(changes, len(by_dimension)))
        return [self._random.choice(by_dimension[name]) for name in names]

    def _modelled(self, base: Params, changes: int) -> list[int]:
        """The changes to the base that gain most in one sample of the posterior."""
        effects = self._effects.sample()
        for line in self._usual:  # what effects are relative to
            effects[line] = 0.0
        held = {line.dimension: effects[i] for i, line in enumerate(self.lines) if line.holds(base)}
        best: dict[str, tuple[float, int]] = {}
        for line in self._allowed(base):
            dimension = self.lines[line].dimension
            gain = effects[line] - held.get(dimension, 0.0)
            if gain > best.get(dimension, (0.0, 0))[0]:
                best[dimension] = (gain, line)
        gains = sorted(best.values(), reverse=True)[:changes]
        return [line for _, line in gains] or self._drawn(base, changes)
