"""Validate any program that ends, by its output and by the output of its native build."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pipeline.core import paths
from pipeline.core.model import ITERATIONS, Case, Proof, Workload
from pipeline.core.text import for_terminal
from pipeline.workloads.output_difference import OutputDifference, compare, excerpt
from pipeline.workloads.validators.model import Invalid, NoTime, Run, Touched

#: guest_clock.c prints this when the program ends; what a destructor prints comes later.
_CLOCK_LINE = re.compile(
    rb"coremark-wasm: ran (\d{1,18}) ns(?: after (\d{1,12}) page faults in (\d{1,15}) ns)?\n"
)
_NO_CLOCK_LINE = (
    "the line with its time is missing in its output: it ended without exit(), as by _Exit() or quick_exit()"
    '; set figure.time = "host" in workload.toml'
)
#: Time limit for one search of a workload's pattern in one output: patterns are not trusted.
_PATTERN_S = 2.0
_UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}


@dataclass(frozen=True)
class Output:
    """The validator of one workload."""

    workload: Workload

    @property
    def cases(self) -> tuple[Case | None, ...]:
        return self.workload.cases or (None,)

    @property
    def timed(self) -> tuple[Case | None, ...]:
        return self.workload.timed_cases or (None,)

    @property
    def iterates(self) -> bool:
        return self.workload.iterates and self.workload.figure.time != "startup"

    @property
    def proportional(self) -> bool:
        """Any program may do with the number what it likes."""
        return False

    @property
    def host_timed(self) -> bool:
        return self.workload.figure.time != "guest" and self.workload.figure.match is None

    @property
    def validation_iterations(self) -> int:
        return self.workload.proof.iterations

    @property
    def needs_reference_check(self) -> bool:
        return True

    def knows_result(self, case: Case | None) -> bool:
        """By a text or a digest, or not at all."""
        asked = self._asked(case)
        return not asked.native or asked.text is not None or asked.sha256 is not None

    @property
    def proof(self) -> str:
        asked = self.workload.proof
        same = "output equal to native" if self.workload.native else "output equal under all backends"
        found = [same] if asked.native else []
        fixed = {
            "the exact text": asked.text,
            "its SHA-256": asked.sha256,
            "a line that matches": asked.match,
        }
        found += [name for name, value in fixed.items() if value is not None]
        found += [f"exit status {asked.status}"] if asked.status else []
        found += ["without the lines of proof.ignore"] if asked.ignore else []
        cases = self.workload.cases
        found += ["in each of the cases " + ", ".join(case.name for case in cases)] if cases else []
        return ", ".join(found)

    @property
    def time(self) -> str:
        figure = self.workload.figure
        names = [case.name for case in self.workload.timed_cases]
        of = f", case {names[0]}" if len(names) == 1 else ", sum of all cases" if names else ""
        if figure.match is not None:
            return f"the guest's clock, as the program prints it{of}"
        if figure.time == "host":
            return f"the host's clock, of the whole run{of}"
        if figure.time == "startup":
            return f"the host's clock, of compiling, instantiating and the first run, in a new process{of}"
        return f"the guest's clock, of the whole program{of}"

    def arguments(self, case: Case | None, iterations: int) -> list[str]:
        """The program's name, and its arguments with the number of iterations."""
        words = self.workload.args if case is None else case.args
        return [self.workload.name, *(word.replace(ITERATIONS, str(iterations)) for word in words)]

    def stdin(self, case: Case | None) -> str | None:
        """The input that is the case's own; with others that have one, nothing is an input, too."""
        if case is None or (not case.own_stdin and case.stdin is not None):
            return None
        return paths.staged_stdin(self.workload.name, case.name) if case.own_stdin else os.devnull

    def status(self, case: Case | None) -> int:
        """The one that ``proof.status`` names."""
        return self._asked(case).status

    def name(self, case: Case | None) -> str:
        """Of most workloads there is only one case."""
        return "run" if case is None else f"case {case.name}"

    def _asked(self, case: Case | None) -> Proof:
        return self.workload.proof if case is None else case.proof

    def validate(self, output: bytes, case: Case | None, iterations: int | None, wall_s: float) -> Run:
        """Take the guest's time off the output, check the rest, and read the figure."""
        printed, clock_s, touched = self._clock(output)
        done = 1 if iterations is None else iterations
        text, printed_s, tick_s = self._figure(printed)
        if self.workload.proof.ignore:
            printed = self._kept(printed)
            text = self._without_figure(printed)
        self._check(printed, text, self._asked(case), done)
        seconds = printed_s or clock_s or wall_s
        if seconds <= 0:
            raise NoTime("by the host's clock it took no time")
        if printed_s is not None and clock_s is not None and printed_s > clock_s + tick_s:
            raise Invalid(f"it printed a time of {printed_s:g} s, but it ran {clock_s:g} s by the same clock")
        result = text if self.workload.proof.native else b""
        return Run(done, seconds, result, tick_s, clock_s, touched, text)

    def _clock(self, output: bytes) -> tuple[bytes, float | None, Touched]:
        """(what the program printed, its time by the guest's clock in s or None, what it touched before)."""
        figure = self.workload.figure
        if figure.time != "guest":
            return output, None, Touched()
        lines = list(_CLOCK_LINE.finditer(output))
        if not lines:
            raise Invalid(_NO_CLOCK_LINE)
        found = lines[-1]  # others are the program's
        ns, faults, touching_ns = (int(digits or 0) for digits in found.groups())
        if not 0 < ns < 10**15:
            raise NoTime(f"the guest's clock gives {ns} ns: it stands still or is wrong")
        printed = output[: found.start()] + output[found.end() :]
        return printed, ns * 1e-9, Touched(touching_ns * 1e-9, faults)

    def _figure(self, printed: bytes) -> tuple[bytes, float | None, float]:
        """(output without the time that the program prints, that time in s, its resolution in s)."""
        pattern = self.workload.figure.match
        if pattern is None:
            return printed, None, 0.0
        found = _search(pattern, printed)
        if found is None:
            raise Invalid(f"no line of its output matches figure.match ({_start(printed)})")
        scale = _UNITS[self.workload.figure.unit]
        digits = found[1] or b""
        try:
            seconds = float(digits) * scale
        except ValueError:
            raise Invalid(f"figure.match finds {excerpt(found[0])}, which is no number") from None
        # The number of digits after the point is the resolution, unless there is an exponent.
        tick_s = 0.0 if b"e" in digits.lower() else scale / 10 ** len(digits.partition(b".")[2].strip())
        # A time of 0 is less than the resolution.
        seconds = seconds or tick_s
        if not 0 < seconds < 1e6:
            raise NoTime(f"it printed a time of {seconds:g} s: its clock stands still or is wrong")
        return printed[: found.start(1)] + printed[found.end(1) :], seconds, tick_s

    def _without_figure(self, printed: bytes) -> bytes:
        """Without the time that the program prints, if it is there."""
        pattern = self.workload.figure.match
        found = None if pattern is None else _search(pattern, printed)
        return printed if found is None else printed[: found.start(1)] + printed[found.end(1) :]

    def _kept(self, printed: bytes) -> bytes:
        """Without the lines that ``proof.ignore`` names; raises Invalid where that leaves nothing."""
        kept = printed
        for pattern in self.workload.proof.ignore:
            kept = _without_lines(pattern, kept)
        if printed.strip() and not kept.strip():
            raise Invalid("proof.ignore leaves no line of its output to check; expected narrower patterns")
        return kept

    def _check(self, printed: bytes, text: bytes, asked: Proof, iterations: int) -> None:
        """Check the output without the native build's; raises Invalid."""
        if iterations == asked.iterations:
            expected = None if asked.text is None else asked.text.encode()
            if expected is not None and (difference := compare(text, expected, iterations)):
                raise Invalid(f"proof.text: {difference.text('expected')}", text)
            digest = hashlib.sha256(text).hexdigest()
            if asked.sha256 not in (None, digest):
                raise Invalid(f"the SHA-256 of its output is {digest}, expected {asked.sha256}", text)
        known_size = iterations == asked.iterations or not asked.native
        if asked.match is not None and known_size and _search(asked.match, printed) is None:
            raise Invalid(f"no line of its output matches proof.match ({_start(printed)})", text)

    def difference(self, found: bytes, expected: bytes, iterations: int) -> OutputDifference | None:
        """The first lines that differ."""
        return compare(found, expected, iterations)

    def manual(self) -> str:
        """The arguments, and the expected output."""
        return " ".join(map(self._manual, self.cases))

    def _manual(self, case: Case | None) -> str:
        words = shlex.join(self.arguments(case, self.workload.proof.iterations)[1:])
        asked = self._asked(case)
        expected = "Compare what it prints with native."
        if asked.text is not None:
            expected = f"It then prints {asked.text!r}, and the time that it took."
        elif asked.match is not None:
            expected = f"It then prints a line that matches {asked.match!r}."
        of = f" of {self.name(case)}" if case else ""
        return f"Arguments{of}: {words or 'none'}. {expected}"


def _start(printed: bytes) -> str:
    return excerpt(printed.partition(b"\n")[0]) if printed else "it prints nothing"


def _search(pattern: str, printed: bytes) -> Any:
    return next(_search_all(pattern, printed), None)


def _search_all(pattern: str, printed: bytes) -> Iterator[Any]:
    import regex  # has a time limit, which the standard library's has not

    try:
        yield from regex.finditer(pattern.encode(), printed, regex.MULTILINE, timeout=_PATTERN_S)
    except TimeoutError:
        raise Invalid(f"the pattern {for_terminal(pattern, 60)!r} takes more than {_PATTERN_S:g} s") from None


def _without_lines(pattern: str, printed: bytes) -> bytes:
    """Without every line that the pattern matches, or a part of it."""
    kept, at = [], 0
    for found in _search_all(pattern, printed):
        first, last = found.start(), max(found.start(), found.end() - 1)
        kept.append(printed[at : printed.rfind(b"\n", 0, first) + 1])
        at = max(at, printed.find(b"\n", last) + 1 or len(printed))
    return b"".join([*kept, printed[at:]])


def validator_of(workload: Workload) -> Output:
    """See pipeline/workloads/validators/__init__.py."""
    return Output(workload)
