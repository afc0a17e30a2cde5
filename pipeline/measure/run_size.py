"""How many iterations one run of a program's reference has, and how its time grows with them.

Found once with the native reference and kept in a file, so that all cells and all rounds of a host have one
size: where work is not proportional to the number, ratios at different sizes are different numbers.
"""

from __future__ import annotations

import math

from pipeline.core import paths
from pipeline.core.files import read_record, write_record
from pipeline.core.model import ITERATIONS, Status
from pipeline.measure.guest import Ended
from pipeline.measure.sample import RunSize
from pipeline.measure.session import CHUNK_TICKS, LONGEST_CHUNK_S, MOST_ITERATIONS, Session
from pipeline.stats import growth

#: The number of the rule by which a size is found: files by a different one are not read.
RULE = 1
#: Where twice as many iterations take more than this many times as long (n³ does not), twice as many again
#: could take hours; from then on the number is raised by an eighth.
_STEEP = 8.5
#: Shorter times than this say nothing of how the time grows.
_TELLING_S = 0.0002
#: A program whose longest run takes less does nothing that could be compared.
_LEAST_S = 0.001
#: A run whose size is sought takes at most this many times a chunk, if a smaller one can be found.
_TOO_LONG = 2
_MOST_HALVINGS = 6
#: How often each of three sizes is run, in turn; and again, more often, if growth looks unusual.
_TRIES, _MORE_TRIES = 5, 8
#: A largest size that takes longer is not tried in addition to the one that was found.
_LONGEST_S = 1.0


#: The sizes that are known in this process.
_known: dict[str, RunSize] = {}


def clear_known() -> None:
    """Forget all sizes, as a new process would."""
    _known.clear()


def run_size(reference: Session, key: str) -> RunSize:
    """The size of the reference's runs, kept in a file of this host; raises Ended if there is none.

    ``key`` is a digest of what decides it: the reference, how it is run, the length of a chunk, RULE.
    """
    path = paths.run_size(key)
    if key not in _known:
        try:
            _known[key] = read_record(path, RunSize)
        except (OSError, ValueError):
            _known[key] = _Search(reference).find()
            write_record(path, _known[key])
    return _known[key]


class _Search:
    """The search for the size of a reference."""

    def __init__(self, reference: Session) -> None:
        self.reference = reference
        self.aim_s = reference.protocol.chunk_ms / 1000
        self.step = 1
        self.times: dict[int, float] = {}

    def find(self) -> RunSize:
        iterations = self._size()
        sizes = self._sizes(iterations)
        if not sizes:
            return RunSize(iterations, self.step)
        seconds = self._least(sizes, _TRIES)
        word = growth.growth(sizes, seconds)
        if word not in ("proportional", "fixed part"):
            seconds = self._least(sizes, _MORE_TRIES)
            word = growth.growth(sizes, seconds)
        return RunSize(iterations, self.step, sizes, seconds, word)

    def _time(self, iterations: int) -> float:
        """The quicker of two runs, s; one if it is very short."""
        run = self.reference.size_run(iterations)
        # Of a coarse clock a run has many ticks.
        self.aim_s = max(self.aim_s, min(CHUNK_TICKS * run.tick_s, LONGEST_CHUNK_S))
        seconds = run.seconds
        if self.aim_s / 4 < seconds < _LONGEST_S:
            seconds = min(seconds, self.reference.size_run(iterations).seconds)
        self.times[iterations] = seconds
        return seconds

    def _first(self) -> float:
        """The time of the smallest size; sets ``step``."""
        least = self.reference.validator.validation_iterations
        try:
            return self._time(1)
        except Ended:
            if least == 1:
                raise
        self.step = least
        return self._time(least)

    def _size(self) -> int:
        """The size whose run takes about a chunk; raises Ended where there is none."""
        before, seconds = 0.0, self._first()
        iterations = shorter = self.step
        steep = False
        while seconds < self.aim_s:
            shorter, before = iterations, seconds
            iterations = self._next(shorter, steep)
            longer = self._longer(iterations, shorter) if iterations <= MOST_ITERATIONS else None
            if longer is None:
                return self._where_it_ends()
            seconds = longer
            steep = steep or (seconds > _TELLING_S and seconds > _STEEP * before)
        return self._between(shorter, iterations)

    def _next(self, iterations: int, steep: bool) -> int:
        if not steep:
            return 2 * iterations
        return iterations + self.step * max(1, iterations // self.step // 8)

    def _longer(self, iterations: int, shorter: int) -> float | None:
        """The time of a larger size, s; None where the program takes no such number. Raises Ended."""
        try:
            return self._time(iterations)
        except Ended as error:
            if error.status in (Status.INVALID, Status.TRAP) and self.times[shorter] >= _LEAST_S:
                return None
            if error.status is not Status.TIMEOUT:
                raise
            reason = (
                f"{self.reference.who}: {shorter} iterations take {self.times[shorter]:.2g} s, {iterations} "
                f"more than {self.reference.protocol.run_timeout_s:g} s; expected work that grows with "
                f"{ITERATIONS} in small steps"
            )
            raise Ended(Status.TIMEOUT, reason) from None

    def _where_it_ends(self) -> int:
        """The smallest size that takes as long as the largest; raises Ended where no run takes any time."""
        most = max(self.times.values())
        if most < _LEAST_S:
            largest = max(self.times)
            reason = (
                f"{largest} iterations take {self.times[largest]:.2g} s: the number has no effect; expected "
                f"more work for more {ITERATIONS}, or arguments without it"
            )
            raise Ended(Status.INVALID, f"{self.reference.who}: {reason}")
        return min(n for n, seconds in self.times.items() if seconds > 0.8 * most)

    def _between(self, shorter: int, longer: int) -> int:
        """Of two sizes around the aim, or those between, the one nearest to it."""
        for _ in range(_MOST_HALVINGS):
            middle = (shorter + longer) // 2 // self.step * self.step
            if self.times[longer] <= _TOO_LONG * self.aim_s or middle <= shorter:
                break
            if self._time(middle) < self.aim_s:
                shorter = middle
            else:
                longer = middle
        return min(shorter, longer, key=lambda n: abs(math.log(self.times[n] / self.aim_s)))

    def _sizes(self, iterations: int) -> tuple[int, ...]:
        """Three sizes to compare; smaller ones if there are, since a larger one may take for ever."""
        units = iterations // self.step
        if units >= 4:
            return tuple(self.step * (units // part) for part in (4, 2, 1))
        sizes = tuple(self.step * number for number in (1, 2, 4))
        for size in sizes:
            if size not in self.times:
                # Not proportional in any case, if it takes as long as that.
                if self.times[max(self.times)] > _LONGEST_S / 4:
                    return ()
                try:
                    self._time(size)
                except Ended:
                    return ()
        return sizes

    def _least(self, sizes: tuple[int, ...], tries: int) -> tuple[float, ...]:
        """The least time of each size, s: in turn, so that a slow moment does not hit only one of them."""
        times = [[self.reference.size_run(size).seconds for size in sizes] for _ in range(tries)]
        return tuple(min(each) for each in zip(*times, strict=True))
