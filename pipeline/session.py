"""A guest loaded in a worker: started, run again and again, and believed only when it is valid."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from pipeline import coremark
from pipeline.answers import Loaded, Ran
from pipeline.errors import WorkerError, WorkerTimeout, plain
from pipeline.model import Backend, Protocol, Status
from pipeline.process import Worker

T = TypeVar("T")

#: Least guest seconds over host seconds around the call, of one run of this length, {whether the run is a
#: process of its own: ratio}. The host's part is larger by printing, and on a busy machine by more, so the
#: best of some tries is asked; of processes, two runs are subtracted, so that starting them does not count.
#: The guest's interval lies within the host's, so a clock that is slower than this does not pass; 0.995 was
#: seen for JITs, 0.97 for JavaScript engines and native code on an idle machine.
CLOCK_AGREEMENT = {False: 0.95, True: 0.8}
_CLOCK_RUN_S = 0.1
#: A run that starts a slow process has longer chunks than the protocol's, up to this: otherwise most of a
#: round would be spent on starting.
LONGEST_CHUNK_S = 0.25
_CLOCK_TRIES = 5
#: Of a guest's clock: fewer in a run say nothing of its speed, and a chunk has this many, so that what is
#: lost at its ends is half a per cent at most, either way.
_LEAST_TICKS, _CHUNK_TICKS = 10, 200
#: Output of a CoreMark run is some 700 bytes; a guest that prints this much is not one.
OUTPUT_LIMIT = 64 * 1024
#: A run of this length or more says something about the speed.
_CALIBRATION_FLOOR_S = 0.004
_MAX_ITERATIONS = 2**31 - 1
_MOST_REASON = 600


class Ended(Exception):
    """The round ended early with a status and the reason for it."""

    def __init__(self, status: Status, reason: str) -> None:
        # What a guest or a runtime said goes to terminals, tables and pages.
        self.reason = plain(reason, _MOST_REASON)
        super().__init__(self.reason)
        self.status = status


def prove(backend: Backend, loaded: Loaded, version: str | None) -> None:
    """The runtime must be the version, and its compiler the one, that the label says; raises Ended."""
    # A program that is only a command was asked by us, not by its worker.
    if loaded.version != version and (backend.runtime.packages or loaded.version is not None):
        raise Ended(Status.INVALID, f"the runtime says it is {loaded.version}, expected {version}")
    for name, value in backend.proof.items():
        found = loaded.proof.get(name)
        if found != value:
            raise Ended(Status.INVALID, f"it should prove {name} {value!r}, but its {name} is {found!r}")


@dataclass(eq=False)
class Session:
    """A loaded guest that runs again and again in one worker."""

    worker: Worker
    who: str
    protocol: Protocol
    forks: bool = False  # whether each run is a process of its own
    peak_rss_bytes: int | None = None
    agreement: float = 0.0  # guest over host seconds of the last run
    cpu_share: float = 1.0  # CPU over wall seconds of the last run
    wall_seconds: float = 0.0  # of the last run, host side
    output: str = ""  # of the last run
    chunk_s: float = 0.0  # that calibrate() aimed at
    first_run_seconds: float | None = None  # host side, of the first run that was valid
    instantiate_seconds: float | None = None  # of the same
    clock_agreement: float | None = None  # the same of the run that checked the clock
    iterations: int = 0  # of a chunk
    crcfinal: int = 0  # that a chunk must have
    longest_run_s: float = 0.0  # that it may take, where this is more than the protocol says
    #: What was checked of its output, in words; "" where it was all.
    validated: str = ""
    #: Of the first run of a calibration: more where the guest's clock is coarse.
    least_iterations: int = 1

    def load(self, path: str, options: Mapping[str, Any]) -> Loaded:
        """Compile the artifact; raises Ended where the runtime refuses it or lacks the compiler."""
        request = {"op": "load", "path": os.path.abspath(path), "options": dict(options)}
        answer = self._ask(request, self.protocol.load_timeout_s)
        if "refused" in answer:
            raise Ended(Status.INVALID, f"{self.who} refuses the module: {answer['refused']}")
        if "unavailable" in answer:
            raise Ended(Status.UNAVAILABLE, str(answer["unavailable"]))
        return self._typed(answer, Loaded)

    def _ask(self, request: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
        try:
            return self.worker.request(request, timeout_s)
        except WorkerTimeout as error:
            raise Ended(Status.TIMEOUT, f"{self.who}: killed: {error}") from None
        except WorkerError as error:
            raise Ended(Status.CRASH, f"{self.who}: {error}") from None

    def _typed(self, answer: Mapping[str, Any], kind: type[T]) -> T:
        try:
            return msgspec.convert(answer, kind)
        except msgspec.ValidationError as error:
            reason = f"{self.who}: the worker's answer is not what the protocol says: {error}"
            raise Ended(Status.CRASH, reason) from None

    def run(self, seeds: coremark.SeedSet, iterations: int, *, watch: bool = False) -> coremark.Run:
        """Run once; returns only what was judged valid, raises Ended otherwise."""
        return self._believe(self._printed(seeds, iterations, watch=watch), seeds, iterations)

    def _believe(self, output: str, seeds: coremark.SeedSet, iterations: int | None) -> coremark.Run:
        try:
            run = coremark.judge(output, seeds, iterations)
        except coremark.Invalid as error:
            raise Ended(Status.INVALID, f"{self.who}: {error}") from None
        self._timed(run.seconds)
        return run

    def _timed(self, seconds: float) -> None:
        """Note the guest's own time of the last run; raises Ended where it is more than the host's."""
        if seconds > self.wall_seconds:
            reason = f"{self.who}: the guest says it ran {seconds:g} s within {self.wall_seconds:g} s"
            raise Ended(Status.INVALID, reason)
        self.agreement = seconds / self.wall_seconds

    def _printed(self, seeds: coremark.SeedSet, iterations: int, *, watch: bool = False) -> str:
        """Run with these arguments, and return what was printed; raises Ended unless it ended well."""
        return self._answer({"argv": coremark.arguments(seeds, iterations)}, watch).stdout

    def _answer(self, request: Mapping[str, Any], watch: bool) -> Ran:
        whole = {"op": "run", "watch": watch, **request}
        answer = self._typed(self._ask(whole, max(self.protocol.run_timeout_s, self.longest_run_s)), Ran)
        if answer.outcome == "trap":
            raise Ended(Status.TRAP, f"{self.who}: {answer.message}")
        if answer.code != 0:
            said = answer.message.partition(": ")[2]
            what = f"the guest exited with {answer.code}" + (f": {said}" if said else "")
            raise Ended(Status.INVALID, f"{self.who}: {what}")
        if answer.stdout_bytes > OUTPUT_LIMIT:
            raise Ended(Status.INVALID, f"{self.who}: it printed {answer.stdout_bytes} bytes and more")
        self.wall_seconds = answer.wall_seconds
        if self.first_run_seconds is None:
            self.first_run_seconds = answer.wall_seconds
            self.instantiate_seconds = answer.instantiate_seconds
        self.cpu_share = answer.cpu_share
        self.output = answer.stdout
        if watch:
            own = self.forks or answer.peak_rss_bytes is not None
            self.peak_rss_bytes = answer.peak_rss_bytes if own else self.worker.peak_rss_bytes()
        return answer

    def validate(self, reference: Session) -> None:
        """Both seed sets here and natively, and the same final CRC for the same iterations; raises Ended."""
        for seeds in coremark.SEED_SETS:
            found = self.run(seeds, coremark.VALIDATION_ITERATIONS).crcfinal
            expected = reference.run(seeds, coremark.VALIDATION_ITERATIONS).crcfinal
            self._compare(found, expected, f"{seeds.name} run")

    def _compare(self, found: int, expected: int, what: str) -> None:
        if found != expected:
            reason = f"{self.who}, {what}: crcfinal is 0x{found:04x}, native's is 0x{expected:04x}"
            raise Ended(Status.INVALID, reason)

    def prepare(self, reference: Session, least_s: float = 0.0) -> None:
        """Find the length of a chunk, and what its final CRC must be; raises Ended.

        CoreMark checks the first iteration's CRCs; what the rest computed shows in the final one only.
        """
        self.iterations = self.calibrate(least_s)
        self.crcfinal = reference.run(coremark.PERFORMANCE, self.iterations).crcfinal

    def chunk(self) -> coremark.Run:
        """One chunk; raises Ended where it is not right."""
        run = self.run(coremark.PERFORMANCE, self.iterations)
        self._compare(run.crcfinal, self.crcfinal, f"{self.iterations} iterations")
        return run

    def ends_well(self) -> bool:
        """Whether a program that is no CoreMark runs to its end; raises Ended where the worker fails."""
        request = {"op": "run", "argv": ["probe"], "watch": False}
        answer = self._typed(self._ask(request, self.protocol.run_timeout_s), Ran)
        return answer.outcome == "exit" and answer.code == 0

    def calibrate(self, least_s: float = 0.0) -> int:
        """Warm up, check the clock, and return the iterations of one chunk; raises Ended.

        A chunk takes the protocol's time, or ``least_s`` if that is longer, or what a coarse clock needs.
        """
        iterations = self.least_iterations
        run = self.run(coremark.PERFORMANCE, iterations)
        while run.seconds < max(_CALIBRATION_FLOOR_S, _LEAST_TICKS * run.tick_s):
            iterations *= 4
            run = self.run(coremark.PERFORMANCE, iterations)
        start_s = self.wall_seconds - run.seconds if self.forks else 0.0
        self.chunk_s = max(
            self.protocol.chunk_ms / 1000,
            least_s,
            min(start_s, LONGEST_CHUNK_S),
            min(_CHUNK_TICKS * run.tick_s, LONGEST_CHUNK_S),
        )
        run = self._check_clock(iterations, _iterations(run, max(_CLOCK_RUN_S, 2 * start_s, self.chunk_s)))
        for _ in range(self.protocol.warmup_chunks):
            iterations = _iterations(run, self.chunk_s)
            run = self.run(coremark.PERFORMANCE, iterations)
        return iterations

    def _check_clock(self, short: int, long: int) -> coremark.Run:
        best, least = 0.0, CLOCK_AGREEMENT[self.forks]
        for _ in range(_CLOCK_TRIES):
            begun = (0.0, 0.0)
            if self.forks:
                begun = (self.run(coremark.PERFORMANCE, short).seconds, self.wall_seconds)
            run = self.run(coremark.PERFORMANCE, long, watch=True)
            if self.wall_seconds > begun[1]:
                best = max(best, min(1.0, (run.seconds - begun[0]) / (self.wall_seconds - begun[1])))
            if best >= least:
                self.clock_agreement = best
                return run
        raise Ended(Status.INVALID, f"{self.who}: the guest's clock ran at {best:.3f} of the host's")


def _iterations(run: coremark.Run, seconds: float) -> int:
    """How many iterations take that long, at the speed of a run."""
    return max(1, min(round(run.score * seconds), _MAX_ITERATIONS))
