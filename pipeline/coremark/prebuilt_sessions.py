"""Prebuilt CoreMark modules as guests: they decide what they take, print and return.

Two interfaces are known. A WASI command prints CoreMark's report; it may take seeds and iterations as
arguments like our own artifacts, or ignore them and choose its number of iterations itself. An export ``run``
returns the score as f32 and asks an imported ``env.clock_ms`` for the time; it prints nothing, so no CRC is
seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.core.model import Interface, Status
from pipeline.core.text import for_terminal
from pipeline.coremark import validator
from pipeline.coremark.validator import PERFORMANCE, SEED_SETS, VALIDATION, VALIDATION_ITERATIONS
from pipeline.measure.guest import Ended
from pipeline.measure.session import Session
from pipeline.measure.validated_guest import ValidatedGuest
from pipeline.measure.worker_messages import Loaded, Ran, Returned
from pipeline.workloads.validators.model import Invalid, NoTime, Run

#: A program that calibrates itself for ten seconds and more, under a slow interpreter.
_WHOLE_RUN_S = 120.0
#: Least part of its time that a whole run must report, {whether each run is a process, which also starts}.
_CLOCK_TOLERANCE = {False: 0.9, True: 0.6}
_MOST_ITERATIONS = 10**6
#: Of what a program printed that is no CoreMark, characters.
_MOST_SHOWN = 80
#: An export ``run`` is also run on a clock that is slower by this; the two speeds differ by less than this,
#: also where the machine changed its own meanwhile.
_SLOWER, _SAME_SPEED = 4, 2
#: No module is faster than native code by more than this; of a run of so many seconds.
_MOST_OF_NATIVE, _NATIVE_S = 4, 0.005
#: How fast the clock of a command is in its first run: its ten seconds, and what it does before, are half a
#: second then, also where a clock with whole seconds has to go on.
_FIRST_SPEED = 40.0
#: What is lost where times are rounded to milliseconds, s.
_ROUNDED_S = 0.002
#: More runs of an export ``run`` that ended too soon.
_TRIES = 5
#: How far a score may be from a whole number of iterations over its time: f32 has 24 bits, and
#: intermediate results of a port may have as few.
_WHOLE_NUMBER = 0.02
_F32 = 2.0**-22
#: {iterations: final CRC} of native runs, in this process: whole runs of one module mostly have the same.
_native_crcs: dict[int, int] = {}


def clear_native_crcs() -> None:
    """Forget what native runs gave, as a new process would."""
    _native_crcs.clear()


def session_for(interface: Interface) -> type[Session]:
    """The kind of session that a module of this interface calls for."""
    kinds: dict[Interface, type[Session]] = {
        Interface.COMMAND: PrebuiltCommand,
        Interface.BENCH: PrebuiltCommand,
        Interface.RUN32: Run32,
        Interface.RUN64: Run64,
    }
    return kinds[interface]


@dataclass(eq=False, kw_only=True)
class PrebuiltCommand(Session):
    """A prebuilt WASI command.

    One that chooses its number of iterations itself looks at a clock for that. Where its runtime takes clocks
    of ours, that clock is faster than the machine's, so that its ten seconds are one chunk.
    """

    longest_run_s: float = _WHOLE_RUN_S
    ignores_arguments: bool = False  # and chooses its number of iterations itself
    speed: float | None = None  # of its clock; None: the machine's
    validated: str = "CRCs of both seed sets, final CRC equal to native"

    def validate(self, reference: ValidatedGuest) -> None:
        """Both seed sets, where it takes arguments; else one whole run with the performance seeds."""
        self._reference = reference
        self.speed = _FIRST_SPEED if self.gives_clocks else None
        output = self._printed(VALIDATION, VALIDATION_ITERATIONS, watch=True)
        try:
            validator.validate(_text(output), VALIDATION, VALIDATION_ITERATIONS)
        except NoTime:
            pass  # its clock is too coarse for so few
        except Invalid:
            self._is_report(output)
            self.ignores_arguments = True
            self.validated = "CRCs of the performance seeds, final CRC equal to native"
            self._whole(output)
            return
        self.speed = None
        for seeds in SEED_SETS:
            found = self._timed_run(seeds)
            expected = reference.run(seeds, found.iterations).result
            self._compare(found.result, expected, f"{seeds.name} run", found.iterations)

    def _is_report(self, output: bytes) -> None:
        """Raises Ended for what no CoreMark prints, with any arguments."""
        if b"seedcrc" not in output:
            start = for_terminal(_text(output), _MOST_SHOWN)
            reason = f"it printed {start!r}" if start else "it printed nothing"
            raise Ended(Status.INVALID, f"{self.who}: {reason}; expected CoreMark's report: is it CoreMark?")

    def _answer(self, request: Mapping[str, Any], watch: bool, status: int = 0) -> Ran:
        """On a clock of ours, where it has one; its looks at that are kept."""
        if self.speed is None:
            return super()._answer(request, watch, status)
        answer = super()._answer({**request, "speed": self.speed}, watch, status)
        self._looks = answer.returned
        return answer

    def _timed_run(self, seeds: validator.SeedSet) -> Run:
        """The run with the fewest iterations that last for one tick of its clock."""
        iterations = VALIDATION_ITERATIONS
        while True:
            output = self._printed(seeds, iterations)
            try:
                validator.validate(_text(output), seeds, iterations)
            except NoTime as error:
                if iterations >= _MOST_ITERATIONS:
                    raise Ended(Status.INVALID, f"{self.who}: {error}") from None
                iterations *= 10
                continue
            except Invalid:
                pass
            self.least_iterations = iterations
            return self._believe(output, seeds, iterations)

    def _whole(self, output: bytes) -> Run:
        """What a whole run printed, whichever number of iterations it chose; raises Ended."""
        if self.speed is not None:
            run = self._in_real_time(output, self.speed)
        else:
            run = self._believe(output, PERFORMANCE, None)
            least = _CLOCK_TOLERANCE[self.forks] * timed_part(run)
            if self.agreement < least:
                reason = f"it timed {run.seconds:g} s of the {self.wall_seconds:g} s that it ran"
                raise Ended(
                    Status.INVALID, f"{self.who}: {reason}, expected {least:.0%} or more: a slow clock"
                )
        if run.iterations not in _native_crcs:
            _native_crcs[run.iterations] = _long_run(self._reference, run.iterations)
        self._compare(run.result, _native_crcs[run.iterations], "run", run.iterations)
        return run

    def _in_real_time(self, output: bytes, speed: float) -> Run:
        """A run on a clock of ours, with the host's time of what it timed; raises Ended.

        CoreMark looks at its clock before and after its iterations, and not again.
        """
        try:
            run = validator.validate(_text(output), PERFORMANCE, None)
        except Invalid as error:
            raise Ended(Status.INVALID, f"{self.who}: {error}") from error
        looks = self._looks
        if looks is None or looks.calls < 2 or looks.clock_ns <= 0:
            raise Ended(
                Status.INVALID, f"{self.who}: it printed a time and never looked at a clock of WASI's"
            )
        # It may count in whole seconds, of which one is lost at either end.
        shown_s, most_s = looks.clock_ms / 1000, max(_ROUNDED_S, run.tick_s)
        if abs(run.seconds - shown_s) > most_s:
            reason = f"it printed {run.seconds:g} s, its clock went on by {shown_s:g} s while it ran"
            raise Ended(Status.INVALID, f"{self.who}: {reason}")
        _check_clock(self.who, looks, speed)
        seconds = looks.clock_ns / 1e9
        self._timed(seconds)
        return Run(run.iterations, seconds, run.result, clock_s=seconds)

    def settling_run(self, iterations: int) -> Run:
        return self.chunk() if self.ignores_arguments else super().settling_run(iterations)

    def prepare(self, reference: Session, least_s: float = 0.0) -> None:
        if not self.ignores_arguments:
            super().prepare(reference, least_s)
            return
        if self.speed is None:
            self.chunk_s = self.wall_seconds
        else:
            self.chunk_s = max(self.protocol.chunk_ms / 1000, least_s)
            self.speed = validator.SELF_TIMED_S / self.chunk_s
            for _ in range(self.protocol.warmup_chunks):
                self.chunk()
            # One with a number of its own runs as long as that takes.
            self.chunk_s = max(self.chunk_s, self.wall_seconds)
        self.clock_agreement = self.agreement

    def chunk(self) -> Run:
        if not self.ignores_arguments:
            return super().chunk()
        run = self._whole(self._printed(PERFORMANCE, 0, watch=True))
        self.iterations = run.iterations
        return run


def _check_clock(who: str, looks: Returned, speed: float) -> None:
    """Raises Ended where a clock of ours showed less time than passed."""
    # It may be more: what the clock itself took counts for the module's time only.
    if looks.clock_ns / 1e6 * speed > looks.clock_ms + _ROUNDED_S * 1000:
        reason = f"{looks.clock_ms:g} ms of its clock were {looks.clock_ns} ns at {speed:g} times"
        raise Ended(Status.INVALID, f"{who}: {reason}: the clock that it was given is wrong")


def _text(output: bytes) -> str:
    return output.decode("utf-8", "replace")


def timed_part(run: Run) -> float:
    """Which part of a whole run CoreMark times, after it has looked for its number of iterations.

    core_main.c runs 1, 10, 100, … iterations until n of them take a second or more, so 1.11 n in all, and
    then n * (1 + 10 / t) for the t whole seconds they took, which is 11, 6, 4, 3 or 2 times n. A program with
    a number of its own times all of it.
    """
    digits = str(run.iterations)
    multiple = int(digits.rstrip("0") or "1")
    looked = run.seconds >= validator.SELF_TIMED_S and multiple in (11, 6, 4, 3, 2)
    return multiple / (multiple + 10 / 9) if looked else 1.0


def _long_run(reference: ValidatedGuest, iterations: int) -> int:
    """The final CRC of a native run, however long it takes."""
    reference.longest_run_s = _WHOLE_RUN_S
    try:
        found: int = reference.run(PERFORMANCE, iterations).result
        return found
    finally:
        reference.longest_run_s = 0.0


@dataclass(eq=False, kw_only=True)
class _Run(Session):
    """An export ``run``, on a clock that we give it.

    The clock runs faster than ours, so that the ten seconds for which a module runs are one chunk: what it
    executes is the same. Its score must be a whole number of iterations over the time between its last two
    looks at the clock; the score shown is that number over the host's time between them.
    """

    clock = ""
    speed: float = 1.0
    validated: str = "its own verdict, and its score against its clock: it shows no CRC"

    def load(self, path: str, options: Mapping[str, Any]) -> Loaded:
        return super().load(path, {**options, "clock": self.clock})

    def validate(self, reference: ValidatedGuest) -> None:
        """A score that is no constant, and of a speed that a processor can have; raises Ended."""
        chunk_s = self.protocol.chunk_ms / 1000
        slow = fast = 0.0
        for _ in range(_TRIES):
            # Other programs make chunks slower and none faster: the fastest ones are compared.
            slow = max(slow, self._score_of(_SLOWER * chunk_s))
            fast = max(fast, self._score_of(chunk_s))
            if 1 / _SAME_SPEED < fast / slow < _SAME_SPEED:
                break
        else:
            reason = f"{fast:g} iterations/s where its clock is fast and {slow:g} where it is not"
            raise Ended(Status.INVALID, f"{self.who}: {reason}: its score does not follow from what it ran")
        iterations = min(_MOST_ITERATIONS, max(1, round(_NATIVE_S * fast)))
        native = reference.run(PERFORMANCE, iterations).score
        if fast > _MOST_OF_NATIVE * native:
            reason = f"{fast:g} iterations/s, native runs {native:g}"
            raise Ended(Status.INVALID, f"{self.who}: {reason}: that is no CoreMark")

    def _chunk_of(self, seconds: float) -> None:
        self.chunk_s = seconds
        self.speed = validator.SELF_TIMED_S / seconds

    def _score_of(self, seconds: float) -> float:
        """The score of a chunk of this length; raises Ended."""
        self._chunk_of(seconds)
        return self.chunk().score

    def settling_run(self, iterations: int) -> Run:
        return self.chunk()

    def prepare(self, reference: Session, least_s: float = 0.0) -> None:
        self._chunk_of(max(self.chunk_s, least_s))
        for _ in range(self.protocol.warmup_chunks):
            self.chunk(watch=True)
        self.clock_agreement = self.agreement

    def chunk(self, *, watch: bool = False) -> Run:
        found = self._returned(watch)
        for _ in range(_TRIES):
            # Under ten seconds is an error to CoreMark: it looked for its number while it was slow.
            if found.score != 0 or found.clock_ms >= validator.SELF_TIMED_S * 1000:
                break
            found = self._returned(watch)
        run = self._validated_run(found)
        self._timed(run.seconds)
        self.iterations = run.iterations
        return run

    def _returned(self, watch: bool) -> Returned:
        answer = self._answer({"argv": [validator.NAME], "speed": self.speed}, watch)
        if answer.returned is None:
            raise Ended(Status.CRASH, f"{self.who}: the worker returned no score")
        return answer.returned

    def _validated_run(self, found: Returned) -> Run:
        """Believe a score, or raise Ended saying what is wrong with it."""
        if found.calls < 2 or found.clock_ms <= 0 or found.clock_ns <= 0:
            reason = f"it asked for the time {found.calls} times, {found.clock_ms:g} ms apart at last"
            raise Ended(Status.INVALID, f"{self.who}: {reason}: its score has no time")
        if found.score is None or not 0 < found.score < 1e12:
            raise Ended(Status.INVALID, f"{self.who}: run returned {found.score}: CoreMark found errors")
        if found.clock_ms < validator.SELF_TIMED_S * 1000:
            reason = f"its score covers {found.clock_ms:g} ms of its clock, CoreMark asks for ten seconds"
            raise Ended(Status.INVALID, f"{self.who}: {reason}")
        iterations = found.score * found.clock_ms / 1000
        number = round(iterations)
        if number < 1 or abs(iterations - number) > _WHOLE_NUMBER + _F32 * iterations:
            reason = f"{found.score:g} iterations/s for {found.clock_ms:g} ms are {iterations:.3f} iterations"
            raise Ended(Status.INVALID, f"{self.who}: {reason}, which is no whole number")
        _check_clock(self.who, found, self.speed)
        return Run(number, found.clock_ns / 1e9, 0, clock_s=found.clock_ns / 1e9)


@dataclass(eq=False, kw_only=True)
class Run32(_Run):
    """Its clock returns i32."""

    clock = "i32"


@dataclass(eq=False, kw_only=True)
class Run64(_Run):
    """Its clock returns i64."""

    clock = "i64"
