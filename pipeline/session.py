"""A guest loaded in a worker: started, run again and again, and believed only when it is valid."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import msgspec

from pipeline import coremark
from pipeline.errors import WorkerError, WorkerTimeout
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
_LONGEST_CHUNK_S = 0.25
_CLOCK_TRIES = 5
#: Output of a CoreMark run is some 700 bytes; a guest that prints this much is not one.
OUTPUT_LIMIT = 64 * 1024
#: A run of this length or more says something about the speed.
_CALIBRATION_FLOOR_S = 0.004
_MAX_ITERATIONS = 2**31 - 1


class Ended(Exception):
    """The round ended early with a status and the reason for it."""

    def __init__(self, status: Status, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Loaded(msgspec.Struct, frozen=True):
    """A worker's answer to "load": seconds, bytes, version of the main package, evidence."""

    compile_seconds: float | None
    code_bytes: int | None
    version: str | None
    proof: dict[str, Any]
    runtime_seconds: float | None = None  # to load the runtime into the worker


class _Ran(msgspec.Struct, frozen=True):
    """A worker's answer to "run"."""

    outcome: Literal["exit", "trap"]
    code: int
    message: str
    wall_seconds: float
    stdout: str
    stdout_bytes: int
    cpu_share: float = 1.0  # CPU over wall seconds of the call; 1 where the worker cannot tell
    instantiate_seconds: float | None = None
    peak_rss_bytes: int | None = None


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
        request = {"op": "run", "argv": coremark.arguments(seeds, iterations), "watch": watch}
        answer = self._typed(self._ask(request, self.protocol.run_timeout_s), _Ran)
        if answer.outcome == "trap":
            raise Ended(Status.TRAP, f"{self.who}: {answer.message}")
        if answer.code != 0:
            said = answer.message.partition(": ")[2]
            what = f"the guest exited with {answer.code}" + (f": {said}" if said else "")
            raise Ended(Status.INVALID, f"{self.who}: {what}")
        if answer.stdout_bytes > OUTPUT_LIMIT:
            raise Ended(Status.INVALID, f"{self.who}: it printed {answer.stdout_bytes} bytes and more")
        try:
            run = coremark.judge(answer.stdout, seeds, iterations)
        except coremark.Invalid as error:
            raise Ended(Status.INVALID, f"{self.who}: {error}") from None
        if run.seconds > answer.wall_seconds:
            raise Ended(
                Status.INVALID,
                f"{self.who}: the guest says it ran {run.seconds:g} s within {answer.wall_seconds:g} s",
            )
        self.agreement = run.seconds / answer.wall_seconds
        self.wall_seconds = answer.wall_seconds
        if self.first_run_seconds is None:
            self.first_run_seconds = answer.wall_seconds
            self.instantiate_seconds = answer.instantiate_seconds
        self.cpu_share = answer.cpu_share
        self.output = answer.stdout
        if watch:
            own = self.forks or answer.peak_rss_bytes is not None
            self.peak_rss_bytes = answer.peak_rss_bytes if own else self.worker.peak_rss_bytes()
        return run

    def ends_well(self) -> bool:
        """Whether a program that is no CoreMark runs to its end; raises Ended where the worker fails."""
        request = {"op": "run", "argv": ["probe"], "watch": False}
        answer = self._typed(self._ask(request, self.protocol.run_timeout_s), _Ran)
        return answer.outcome == "exit" and answer.code == 0

    def calibrate(self, least_s: float = 0.0) -> int:
        """Warm up, check the clock, and return the iterations of one chunk; raises Ended.

        A chunk takes the protocol's time, or ``least_s`` if that is longer.
        """
        iterations = 1
        run = self.run(coremark.PERFORMANCE, iterations)
        while run.seconds < _CALIBRATION_FLOOR_S:
            iterations *= 4
            run = self.run(coremark.PERFORMANCE, iterations)
        start_s = self.wall_seconds - run.seconds if self.forks else 0.0
        self.chunk_s = max(self.protocol.chunk_ms / 1000, least_s, min(start_s, _LONGEST_CHUNK_S))
        run = self._check_clock(iterations, _iterations(run, max(_CLOCK_RUN_S, 2 * start_s)))
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
