"""What a validator is: it knows how a workload is called, and which of its runs are right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from pipeline.workloads.output_difference import OutputDifference


@dataclass(frozen=True)
class Touched:
    """What using all of its own memory once took the program, before its time began: see guest_clock.c."""

    seconds: float = 0.0
    page_faults: int = 0


@dataclass(frozen=True)
class Run:
    """What a valid run did."""

    iterations: int
    seconds: float  # the time that its score is computed from
    result: Any = None  # what the native build must give as well, for the same iterations
    tick_s: float = 0.0  # resolution of the guest's clock, as far as it shows
    #: The guest's time for all that the host timed; None if the guest prints none.
    clock_s: float | None = None
    touched: Touched = Touched()
    #: All that is known of its output, also where native need not give the same.
    printed: bytes = b""

    @property
    def score(self) -> float:
        """Iterations (or runs) per second."""
        return self.iterations / self.seconds


class Invalid(Exception):
    """The output is not that of a correct run; the message gives the reason.

    ``result`` is what native would have to give as well, where the output has that much.
    """

    def __init__(self, reason: str, result: Any = None) -> None:
        super().__init__(reason)
        self.result = result


class NoTime(Invalid):
    """The output is correct, but its time is not: too short for the guest's clock, or the clock is wrong."""


class Validator(Protocol):
    """Validates runs of one workload. Every case, a way to call it, is validated."""

    @property
    def cases(self) -> tuple[Any, ...]: ...

    @property
    def timed(self) -> tuple[Any, ...]:
        """The cases that a chunk runs, one after the other: at least one."""

    @property
    def iterates(self) -> bool:
        """Whether the number of iterations is an argument; other programs are timed as a whole."""

    @property
    def proportional(self) -> bool:
        """Whether the time of a run is known to be proportional to its number of iterations."""

    @property
    def host_timed(self) -> bool:
        """Whether the time of a run is the host's, with all that starting it takes."""

    @property
    def validation_iterations(self) -> int:
        """Iterations of a validation run: few, so that slow interpreters take less than a second."""

    @property
    def needs_reference_check(self) -> bool:
        """Whether the native build may be wrong: a program of unknown origin."""

    @property
    def proof(self) -> str:
        """The checks of a run, in words."""

    @property
    def time(self) -> str:
        """The clock that its time comes from, in words."""

    def arguments(self, case: Any, iterations: int) -> list[str]:
        """The argument vector of one run, program name first."""

    def stdin(self, case: Any) -> str | None:
        """The file that it reads, if it is not the workload's: a path relative to the project."""

    def status(self, case: Any) -> int:
        """The exit status of a right run."""

    def validate(self, output: bytes, case: Any, iterations: int | None, wall_s: float) -> Run:
        """The run that an output describes; raises Invalid with what was found and expected.

        ``iterations`` is None if the program chose them; ``wall_s`` is the host's time of the run, s.
        """

    def knows_result(self, case: Any) -> bool:
        """Whether the right output of a case is known without the native build's."""

    def name(self, case: Any) -> str:
        """The name of a case in messages."""

    def difference(self, found: Any, expected: Any, iterations: int) -> OutputDifference | str | None:
        """How a result differs from a second for the same arguments, in words if it is no output.

        None where they are the same.
        """

    def manual(self) -> str:
        """How to run an artifact by hand and what it must print, for the README of a bundle."""
