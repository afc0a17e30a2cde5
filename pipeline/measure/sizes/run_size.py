"""How many iterations one run of a program's reference has, and how its time grows with them.

Found once with the native reference and kept in a file, so that all cells and all rounds of a host have one
size: where work is not proportional to the number, ratios at different sizes are different numbers.
"""

from __future__ import annotations

import contextlib
import math

import msgspec

from pipeline.core import paths
from pipeline.core.files import read_record, write_record
from pipeline.core.model import ITERATIONS, Status
from pipeline.measure.guest import Ended
from pipeline.measure.session import CHUNK_TICKS, LONGEST_CHUNK_S, MOST_ITERATIONS, Session
from pipeline.measure.sizes.run_size_record import RunSize
from pipeline.stats import growth
from pipeline.workloads.validators.model import Run

#: The number of the rule by which a size is found: files by a different one are not read.
RULE = 3
#: Where twice as many iterations take more than this many times as long (n³ does not), twice as many again
#: could take hours; from then on the number is raised by an eighth.
_STEEP = 8.5
#: Shorter times than this say nothing of how the time grows.
_TELLING_S = 0.0002
#: A program whose longest run takes less does nothing that could be compared.
_LEAST_S = 0.001
#: How many of the largest sizes say how long the longest run takes.
_LAST = 5
#: A run whose size is sought takes at most this many times a chunk, if a smaller one can be found.
_TOO_LONG = 2
_MOST_HALVINGS = 6
#: How often each of three sizes is run, in turn; and again, more often, if growth looks unusual; and how many
#: of these runs must have had a processor to themselves.
_TRIES, _MORE_TRIES, _CALM = 5, 8, 2
#: Where a run has more than this in addition to its figure, CPU time tells nothing of the figure.
_LONG_START_S = 0.003
#: A largest size that takes longer is not tried in addition to the one that was found.
_LONGEST_S = 1.0

#: How a program ends that takes no such number.
_REFUSED = (Status.INVALID, Status.TRAP)

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
    found = _known.get(key)
    if found is None:
        with contextlib.suppress(OSError, ValueError):
            found = read_record(path, RunSize)
    kept = found
    found = found or _Search(reference).find()
    if found.sizes and not found.calm:
        found = _judged(reference, found)
    if found != kept:
        write_record(path, found)
    _known[key] = found
    return found


def _judged(reference: Session, size: RunSize) -> RunSize:
    """With how the time grows; without, if the machine is too busy to tell. Raises Ended."""
    found = _growth(reference, size, _TRIES)
    if not found.known_line:
        found = _growth(reference, size, _MORE_TRIES)
    # It was sought on a busier machine.
    factor = int(reference.protocol.chunk_ms / 1000 / found.seconds[-1])
    if factor < 2 or not found.proportional or size.iterations * factor > MOST_ITERATIONS:
        return found
    sizes = tuple(factor * n for n in size.sizes)
    try:
        return _judged(reference, RunSize(factor * size.iterations, size.step, sizes))
    except Ended as error:
        if error.status in _REFUSED:
            return found
        raise


def _growth(reference: Session, size: RunSize, tries: int) -> RunSize:
    """With the least time of each size, and how it grows; None if the machine is too busy to tell.

    The sizes in turn, so that a slow moment does not hit only one of them. Where others had the processor for
    a time, CPU time stands for time, and shows only what is far from a line.
    """
    short = reference.size_run(size.step)
    start_s = _start_s(reference, short) if short.seconds < _LEAST_S else 0.0
    calm: dict[int, list[float]] = {n: [] for n in size.sizes}
    turns: list[list[float]] = []
    for _ in range(tries):
        turns.append([])
        for n in size.sizes:
            run = reference.size_run(n)
            outside = _start_s(reference, run)
            cpu_s = run.seconds + outside - start_s
            turns[-1].append(cpu_s if 0 < cpu_s < run.seconds else run.seconds)
            if outside >= start_s / 2:
                calm[n].append(run.seconds)
    undisturbed = min(map(len, calm.values())) >= _CALM
    seconds = tuple(map(min, calm.values() if undisturbed else zip(*turns, strict=True)))
    tolerance = 1.0 if undisturbed else growth.BUSY
    word = growth.growth(size.sizes, seconds, tolerance)
    if growth.is_line(word):
        known = undisturbed
    elif growth.bent_in_turns(size.sizes, turns, tolerance):
        known = undisturbed or start_s < _LONG_START_S
    else:  # the machine changed its speed
        known = undisturbed = False
    return msgspec.structs.replace(size, seconds=seconds, growth=word if known else None, calm=undisturbed)


def _start_s(reference: Session, run: Run) -> float:
    """The CPU time of the last run that its figure does not have: starting it. Less, if it was preempted."""
    return 0.0 if reference.used is None else reference.used.cpu_seconds - run.seconds


class _Search:
    """The search for the size of a reference."""

    def __init__(self, reference: Session) -> None:
        self.reference = reference
        self.aim_s = reference.protocol.chunk_ms / 1000
        self.step = 1
        self.times: dict[int, float] = {}

    def find(self) -> RunSize:
        """The size, and smaller or larger ones to compare it with; raises Ended if there is none."""
        iterations = self._size()
        return RunSize(iterations, self.step, self._sizes(iterations))

    def _time(self, iterations: int) -> float:
        """The quicker of two runs, s; one if it is very short."""
        seconds = self._seconds(iterations)
        if self.aim_s / 4 < seconds < _LONGEST_S:
            seconds = min(seconds, self._seconds(iterations))
        self.times[iterations] = seconds
        return seconds

    def _seconds(self, iterations: int) -> float:
        """The time of one run, s; about, where other processes had its processor for a time."""
        run = self.reference.size_run(iterations)
        # Of a coarse clock a run has many ticks.
        self.aim_s = max(self.aim_s, min(CHUNK_TICKS * run.tick_s, LONGEST_CHUNK_S))
        used = self.reference.used
        return run.seconds if used is None else min(run.seconds, used.cpu_seconds or run.seconds)

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
        self.aim_s = max(self.aim_s, self.reference.least_chunk_s(self.step))
        iterations = shorter = self.step
        steep = False
        while seconds < self.aim_s:
            shorter, before = iterations, seconds
            iterations = self._next(shorter, steep)
            if iterations > MOST_ITERATIONS:
                return self._where_it_ends()
            longer = self._longer(iterations, shorter)
            if longer is None:
                return shorter
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
            if error.status in _REFUSED and self.times[shorter] >= _LEAST_S:
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
        sizes = sorted(self.times)[-_LAST:]
        most = sorted(self.times[size] for size in sizes)[len(sizes) // 2]
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
        if max(self.times) > MOST_ITERATIONS // 4:  # no run is as long as a chunk: larger ones show it
            return tuple(iterations * factor for factor in (1, 2, 4))
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
