"""One open guest that is validated, calibrated, and run in chunks; a wrong result ends the round."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from pipeline.core.model import Status
from pipeline.measure.guest import Ended
from pipeline.measure.sample import Printed
from pipeline.measure.validated_guest import ValidatedGuest
from pipeline.stats.undisturbed import CPU_SHARE
from pipeline.workloads.validators.model import Run

#: Least guest seconds over host seconds around the call, of one run of this length, {whether the run is a
#: process of its own: ratio}. The host's part is larger by printing, and on a busy machine by more, so the
#: best of some tries is asked; of processes, two runs are subtracted, so that starting them does not count.
#: The guest's interval lies within the host's, so a clock that is slower than this does not pass; 0.995 was
#: seen for JITs, 0.97 for JavaScript engines and native code on an idle machine.
CLOCK_AGREEMENT = {False: 0.95, True: 0.8}
#: Of a program that cannot be run twice as long nothing can be subtracted: what starting a process takes, s.
_START_S = {False: 0.005, True: 0.05}
CLOCK_RUN_S = 0.1
#: Of a command's own start, by which a run may be longer than its guest: starts differ.
_STARTS = 2.0
#: A run that starts a slow process has longer chunks than the protocol's, up to this: otherwise most of a
#: round would be spent on starting.
LONGEST_CHUNK_S = 0.25
#: By the host's clock a chunk is so many times as long as the smallest run, which is little but its start.
#: And no longer than this, s: an interpreter takes a hundred times as long.
_STARTS_A_CHUNK, _LONGEST_FOR_STARTS_S = 100, 0.1
_CLOCK_TRIES = 5
#: Where most of these had no processor to themselves, up to so many more are asked, each time so often with
#: runs of twice the length: what is lost at their ends then counts for less.
_MORE_CLOCK_TRIES = 20
#: Reject a clock after so many consecutive chunks that lose more than this factor of the calibrated loss,
#: plus so many seconds, plus the share that rounding allows; a busy machine spoils one or two.
_CLOCK_CHUNKS, _CLOCK_SLACK, _CLOCK_SLACK_S = 10, 2, 0.001
#: Of a guest's clock: fewer in a run say nothing of its speed, and a chunk has this many, so that what is
#: lost at its ends is half a per cent at most, either way.
_LEAST_TICKS, CHUNK_TICKS = 10, 200
#: A run of this length or more says something about the speed.
_CALIBRATION_FLOOR_S = 0.004
#: Whole runs that warm up take no longer than this in all.
_WARMUP_S = 1.0
MOST_ITERATIONS = 2**31 - 1


@dataclass(eq=False, kw_only=True)
class Session(ValidatedGuest):
    """A loaded guest that is measured."""

    chunk_s: float = 0.0  # that calibrate() aimed at
    clock_agreement: float | None = None  # the agreement of the run that checked the clock
    lost_s: float | None = None  # host's time less the guest's, of the same run, or less in one after it
    slow_chunks: int = 0  # consecutive, until now
    setup_s: float = 0.0  # guest's clock: what a chunk takes in addition to its figure
    iterations: int = 0  # of a chunk
    expected: Any = None  # the result that a chunk must have
    #: What it printed, of a program without a native form.
    printed: Printed | None = None
    #: Of the first run of a calibration: more where the guest's clock is coarse.
    least_iterations: int = 1
    #: For how long its speed must not rise before chunks count, s; 0: its runtime compiles before it runs.
    steady_s: float = 0.0

    @property
    def whole(self) -> bool:
        """Whether a chunk is a run of the program's own size."""
        return not self.validator.iterates

    def size_run(self, iterations: int) -> Run:
        """One run of what is measured, of any size; raises Ended."""
        return self.run(self._case, iterations)

    def least_chunk_s(self, step: int) -> float:
        """How long a chunk must be at least, so that a run's start is a hundredth of it; raises Ended.

        ``step`` is the smallest number of iterations.
        """
        usual = self.protocol.chunk_ms / 1000
        if not self.validator.host_timed:
            return usual
        start_s = min(self.size_run(step).seconds for _ in range(2))
        return max(usual, min(_STARTS_A_CHUNK * start_s, _LONGEST_FOR_STARTS_S))

    def settling_run(self, iterations: int) -> Run:
        """One run of its warm-up, of about so many iterations; raises Ended."""
        return self.size_run(iterations)

    def prepare(self, reference: Session, least_s: float = 0.0) -> None:
        """Find the length of a chunk, and what it must come to; raises Ended."""
        if self.whole:
            self.repeat(1)
        else:
            self.iterations = self.calibrate(least_s)
        self.expect(reference)

    def expect(self, reference: Session) -> None:
        """Learn from the reference what a chunk must come to; raises Ended."""
        self.is_reference = reference is self
        self.expected = reference.size_run(self.iterations).result

    def chunk(self) -> Run:
        """One chunk; raises Ended where it is not right."""
        run = self.run(self._case, self.iterations)
        self._compare(run.result, self.expected, self._case_name, self.iterations)
        return self._in_time(run)

    def _in_time(self, run: Run) -> Run:
        """A clock that was right for one long run still is; raises Ended where it has become slow.

        A chunk by a slow clock counts as one that had no processor for what is missing, and by the host's
        clock: where the machine is too busy for undisturbed pairs, all are used.
        Not so of processes: each has its own clock, and starts as slowly as the machine is busy. By the
        host's clock the native reference would be slow, and everything fast relative to it.
        """
        if run.clock_s is None or self.lost_s is None:
            return run
        lost = self.wall_seconds - run.clock_s
        # A pause in the run that checked the clock is none of the runs after it.
        self.lost_s = min(self.lost_s, lost)
        share = (1 - CLOCK_AGREEMENT[self.forks]) * self.wall_seconds
        if lost <= _CLOCK_SLACK * self.lost_s + share + _CLOCK_SLACK_S:
            self.slow_chunks = 0
            return run
        self.cpu_share = min(self.cpu_share, self.agreement)
        if self.forks:
            return run
        self.slow_chunks += 1
        if self.slow_chunks >= _CLOCK_CHUNKS:
            reason = f"the guest's clock ran at {self.agreement:.3f} of the host's"
            before = f"after {self.clock_agreement or 0:.3f} when it was checked"
            raise Ended(Status.INVALID, f"{self.who}: {reason}, {before}")
        return replace(run, seconds=run.seconds * (self.wall_seconds - self.lost_s) / run.clock_s)

    def repeat(self, iterations: int) -> None:
        """Warm up by runs of the one size that there is, a chunk each, and check the clock; raises Ended."""
        best, spent, shortfall = 0.0, 0.0, float("inf")
        run = None
        for tried in range(1, max(self.protocol.warmup_chunks, _CLOCK_TRIES) + 1):
            run = self.run(self._case, iterations, watch=tried == 1)
            spent += self.wall_seconds
            if run.clock_s is not None:
                best = max(best, self.agreement)
                shortfall = min(shortfall, self.wall_seconds - run.clock_s)
            warm = tried >= self.protocol.warmup_chunks or spent > _WARMUP_S
            if warm and (run.clock_s is None or self._agrees(best, shortfall, run)):
                break
        assert run is not None
        if run.seconds < CHUNK_TICKS * run.tick_s:
            reason = f"it says {run.seconds:g} s in steps of {run.tick_s:g} s: too few to compare"
            raise Ended(Status.INVALID, f"{self.who}: {reason}")
        if run.clock_s is not None:
            if not self._agrees(best, shortfall, run):
                reason = f"the guest's clock ran at {best:.3f} of the host's"
                start = f"or it took {shortfall:.3f} s to start"
                raise Ended(Status.INVALID, f"{self.who}: {reason}, {start}{self._remedy()}")
            self.clock_agreement, self.lost_s = best, shortfall
        self.chunk_s, self.setup_s = self.wall_seconds, run.touched.seconds
        self.iterations = iterations

    def _remedy(self) -> str:
        return '; for commands that start slowly set figure.time = "host"' if self.is_command else ""

    def _agrees(self, best: float, shortfall: float, run: Run) -> bool:
        # A command may take a second to start; a run of a program that does nothing has shown that.
        start_s = _START_S[self.forks] + _STARTS * self.own.start_s
        # Runtimes that start slowly give memory back within the run, which takes as long as touching it did.
        back_s = run.touched.seconds if self.own.start_s else 0.0
        starts = start_s * len(self.validator.timed) + back_s
        return best >= CLOCK_AGREEMENT[self.forks] or shortfall <= starts

    def calibrate(self, least_s: float = 0.0) -> int:
        """Warm up, check the clock, and return the iterations of one chunk; raises Ended.

        A chunk takes the protocol's time, or ``least_s`` if that is longer, or what a coarse clock needs.
        """
        iterations = self.least_iterations
        run, wall_seconds = self._quicker(iterations)
        while run.seconds < max(_CALIBRATION_FLOOR_S, _LEAST_TICKS * run.tick_s):
            if iterations == MOST_ITERATIONS:
                reason = f"{iterations} iterations take {run.seconds:g} s: its number of them does nothing"
                raise Ended(Status.INVALID, f"{self.who}: {reason}")
            iterations = min(4 * iterations, MOST_ITERATIONS)
            run, wall_seconds = self._quicker(iterations)
        start_s = wall_seconds - (run.clock_s or run.seconds) if self.forks else 0.0
        self.chunk_s = max(
            self.protocol.chunk_ms / 1000,
            least_s,
            min(max(start_s, CHUNK_TICKS * run.tick_s), LONGEST_CHUNK_S),
        )
        clock_run_s = CLOCK_RUN_S * len(self.validator.timed)
        run = self.check_clock(iterations, _iterations(run, max(clock_run_s, 2 * start_s, self.chunk_s)))
        self.setup_s = float("inf")
        for _ in range(self.protocol.warmup_chunks):
            # Of the fastest run: one that waited for a processor would make the chunks too short.
            run = max(run, self.warm_up(_iterations(run, self.chunk_s)), key=lambda each: each.score)
        return _iterations(run, self.chunk_s)

    def warm_up(self, iterations: int) -> Run:
        """Run a chunk that does not count, and note what of it is not in its figure; raises Ended."""
        run = self.run(self._case, iterations)
        outside_s = (run.clock_s or run.seconds) - run.seconds + run.touched.seconds
        self.setup_s = min(self.setup_s, outside_s)
        if self.lost_s is not None and run.clock_s is not None:
            self.lost_s = min(self.lost_s, self.wall_seconds - run.clock_s)
        return run

    def _quicker(self, iterations: int) -> tuple[Run, float]:
        """A run, and the host's seconds; the quicker of two where a pause may have made a short one long."""
        run = self.run(self._case, iterations)
        first = run, self.wall_seconds
        if run.seconds < _CALIBRATION_FLOOR_S:
            return first
        second = self.run(self._case, iterations), self.wall_seconds
        return min(first, second, key=lambda each: each[0].seconds)

    def check_clock(self, short: int, long: int) -> Run:
        """A long run whose guest's time agrees with the host's, if it tells one; raises Ended."""
        best, least = 0.0, CLOCK_AGREEMENT[self.forks]
        alone = 0
        start_s = start_clock_s = float("inf") if self.forks else 0.0
        for tried in range(_CLOCK_TRIES + _MORE_CLOCK_TRIES):
            if alone == _CLOCK_TRIES:
                break
            if tried and tried % _CLOCK_TRIES == 0:
                long = min(2 * long, MOST_ITERATIONS)
            if self.forks:
                start_clock_s = min(start_clock_s, self.run(self._case, short).clock_s or 0.0)
                # What is subtracted is not what it waited: a slow clock would look right.
                seconds = self.wall_seconds * (1.0 if self.cpu_share >= CPU_SHARE else self.cpu_share)
                start_s = min(start_s, seconds)
            run = self.run(self._case, long, watch=True)
            if run.clock_s is None:
                return run
            alone += self.cpu_share >= CPU_SHARE
            if self.wall_seconds > start_s:
                best = max(best, min(1.0, (run.clock_s - start_clock_s) / (self.wall_seconds - start_s)))
            if best >= least:
                self.clock_agreement, self.lost_s = best, self.wall_seconds - run.clock_s
                return run
        raise Ended(
            Status.INVALID, f"{self.who}: the guest's clock ran at {best:.3f} of the host's{self._remedy()}"
        )


def _iterations(run: Run, seconds: float) -> int:
    """How many iterations take that long, at the speed of a run."""
    return max(1, min(round(run.score * seconds), MOST_ITERATIONS))
