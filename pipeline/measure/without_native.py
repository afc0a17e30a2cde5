"""Guests of programs without a native form: compared with themselves here, with each other in the report.

Their chunks are paired with the native build of a different program. It shows a disturbed machine, as any
reference does; what a ratio to it means is nothing, until it is divided by that of a second backend.
"""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.core.model import Status
from pipeline.measure.guest import Ended
from pipeline.measure.sample import Printed
from pipeline.measure.session import Session
from pipeline.measure.validated_guest import ValidatedGuest
from pipeline.workloads.output_difference import first_difference


@dataclass(eq=False, kw_only=True)
class WithoutNative(Session):
    """A loaded guest of such a program."""

    @property
    def native(self) -> bool:
        return False

    def validate(self, reference: ValidatedGuest) -> None:
        """Every case, twice, with the same result; and all of the reference's own cases. Raises Ended."""
        reference.validate(reference)
        results: list[bytes] = []
        for case in self.validator.cases:
            iterations = self.validator.validation_iterations
            results.append(self.run(case, iterations).result)
            self._compare_runs(self.run(case, iterations).result, results[-1], self.validator.name(case))
        self.printed = Printed.of(b"".join(results))

    def expect(self, reference: Session) -> None:
        """What it prints itself; raises Ended."""
        self.expected = self.size_run(self.iterations).result

    def _compare_runs(self, found: bytes, before: bytes, what: str) -> None:
        if found != before:
            difference = first_difference(found, before, self.compared_with)
            remedy = "leave such lines out with proof.ignore, or a time with figure.match"
            raise Ended(Status.INVALID, f"{self.who}, {what}: {difference}; {remedy}")
