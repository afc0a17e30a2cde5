"""What a validator is: it knows how a workload is called, and which of its runs are right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Run:
    """What a valid run did."""

    iterations: int
    seconds: float  # that its figure is of
    result: Any = None  # what the native build must come to as well, for as many iterations
    tick_s: float = 0.0  # of the guest's clock, as far as it shows
    clock_s: float | None = (
        None  # by the guest's clock, of all that the host timed; None where it tells no time
    )

    @property
    def score(self) -> float:
        """Iterations (or runs) per second."""
        return self.iterations / self.seconds


class Invalid(Exception):
    """The output is not that of a correct run; the message says what is wrong."""


class NoTime(Invalid):
    """Right but for its time: too short for the guest's clock, which stands still, lies, or is coarse."""


class Validator(Protocol):
    """A case is a way to call the program that must be right before the first of them is measured."""

    @property
    def cases(self) -> tuple[Any, ...]: ...

    @property
    def iterates(self) -> bool:
        """Whether a run's size can be chosen; a program of one size runs whole."""

    @property
    def validation_iterations(self) -> int:
        """Few, so that the slowest interpreter takes a fraction of a second."""

    @property
    def proof(self) -> str:
        """What is checked of a run, in words."""

    @property
    def time(self) -> str:
        """Where its time comes from, in words."""

    def arguments(self, case: Any, iterations: int) -> list[str]:
        """The argument vector of one run, program name first."""

    def validate(self, output: bytes, case: Any, iterations: int | None, wall_s: float) -> Run:
        """Believe a run's output, or raise Invalid saying what it should have been.

        ``iterations`` is None where the program chose; ``wall_s`` is the host's time of the run.
        """

    def name(self, case: Any) -> str:
        """What a case is called in messages."""

    def difference(self, found: Any, expected: Any) -> str:
        """How a result differs from that of native code, in words."""

    def manual(self) -> str:
        """How to run an artifact by hand and what it must print: for those who get it in a bundle."""
