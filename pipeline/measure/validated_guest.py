"""A guest whose runs are validated, and compared with those of the native build."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from pipeline.core.model import Status
from pipeline.measure import limits
from pipeline.measure.guest import Ended, Guest, NotTheRuntime
from pipeline.measure.worker_messages import Used, sum_of
from pipeline.workloads.output_causes import not_the_same_each_time
from pipeline.workloads.output_difference import OutputDifference
from pipeline.workloads.validators.model import Invalid, Run, Touched, Validator


@dataclass(frozen=True)
class Together:
    """The cases that a chunk runs."""

    cases: tuple[Any, ...]


class Results(tuple[tuple[str, Any], ...]):
    """(name, result) of each case of such a run."""

    __slots__ = ()


@dataclass(eq=False, kw_only=True)
class ValidatedGuest(Guest):
    """A loaded guest of a workload whose validator is known."""

    validator: Validator
    agreement: float = 0.0  # guest over host seconds of the last run
    is_reference: bool = False  # so that what it is compared with is itself
    #: What was validated of its output, in words; "" where it was everything.
    validated: str = ""
    is_command: bool = False  # whether a program of the user's runs the guest

    @property
    def native(self) -> bool:
        """Whether its reference is a native build of the same program."""
        return True

    @property
    def compared_with(self) -> str:
        """Whose output is the expected one, in words."""
        return "native prints" if self.native else "the run before printed"

    @property
    def _case(self) -> Any:
        timed = self.validator.timed
        return timed[0] if len(timed) == 1 else Together(timed)

    @property
    def _case_name(self) -> str:
        return self.validator.name(self.validator.timed[0])

    def run(self, case: Any, iterations: int, *, watch: bool = False) -> Run:
        """Run once; returns only what was validated, raises Ended otherwise."""
        if isinstance(case, Together):
            return self._run_all(case.cases, iterations, watch=watch)
        return self._believe(self._printed(case, iterations, watch=watch), case, iterations)

    def _run_all(self, cases: tuple[Any, ...], iterations: int, *, watch: bool) -> Run:
        """Run several cases, as one run that takes the sum of their times."""
        runs: list[Run] = []
        wall, cpu, peak, faults, executed = 0.0, 0.0, 0, list[int | None](), 0
        used: list[Used | None] = []
        for case in cases:
            runs.append(self.run(case, iterations, watch=watch))
            wall += self.wall_seconds
            cpu += self.wall_seconds * self.cpu_share
            peak = max(peak, self.peak_rss_bytes or 0)
            faults.append(self.page_faults)
            executed += self.instructions or 0
            used.append(self.used)
        self.wall_seconds, self.cpu_share, self.peak_rss_bytes = wall, cpu / wall, peak or None
        known = [each for each in faults if each is not None]
        self.page_faults = sum(known) if len(known) == len(faults) else None
        self.used = sum_of(used)
        self.instructions = executed or None
        run = in_one(map(self.validator.name, cases), runs)
        if run.clock_s is not None:
            self._timed(run.clock_s)
        return run

    def _believe(self, output: bytes, case: Any, iterations: int | None) -> Run:
        try:
            run = self.validator.validate(output, case, iterations, self.timed_seconds)
        except Invalid as error:
            raise Ended(Status.INVALID, f"{self.who}: {error}") from error
        self._leave_out(run.touched)
        if run.clock_s is not None:
            self._timed(run.clock_s)
        return run

    def _leave_out(self, touched: Touched) -> None:
        """Take what the guest did before its own time began off the host's figures of the last run."""
        self.wall_seconds -= touched.seconds
        if self.page_faults is not None:
            self.page_faults = max(0, self.page_faults - touched.page_faults)

    def _timed(self, seconds: float) -> None:
        """Note the guest's own time of the last run; raises Ended where it is more than the host's."""
        if seconds > self.wall_seconds:
            reason = f"{self.who}: the guest says it ran {seconds:g} s within {self.wall_seconds:g} s"
            raise Ended(Status.INVALID, reason)
        self.agreement = seconds / self.wall_seconds

    def _printed(self, case: Any, iterations: int, *, watch: bool = False) -> bytes:
        """Run with these arguments, and return what was printed; raises Ended unless it ended well."""
        request: dict[str, Any] = {"argv": self.validator.arguments(case, iterations)}
        stdin = self.validator.stdin(case)
        if stdin is not None:
            request["stdin"] = os.path.abspath(stdin)
        self._answer(request, watch, self.validator.status(case))
        return self.output

    def validate(self, reference: ValidatedGuest) -> None:
        """Every case here and natively, with the same result for the same iterations; raises Ended."""
        for case in self.validator.cases:
            iterations, name = self.validator.validation_iterations, self.validator.name(case)
            try:
                found = self.run(case, iterations).result
            except Ended as error:
                if isinstance(error.__cause__, Invalid) and error.__cause__.result is not None:
                    native = reference.run(case, iterations).printed
                    error.difference = self._difference(error.__cause__.result, native, name, iterations)
                raise
            self._compare(found, reference.run(case, iterations).result, name, iterations)

    def _difference(self, found: Any, expected: Any, case: str, iterations: int) -> OutputDifference | None:
        difference = self.validator.difference(found, expected, iterations)
        return replace(difference, case=case) if isinstance(difference, OutputDifference) else None

    def _compare(self, found: Any, expected: Any, case: str, iterations: int) -> None:
        """Raises Ended where a result of a case is not the expected one."""
        if isinstance(found, Results):
            for (name, one), (_, other) in zip(found, expected, strict=True):
                self._compare(one, other, name, iterations)
            return
        words = self.validator.difference(found, expected, iterations)
        if words is None:
            return
        difference = self._difference(found, expected, case, iterations)
        if self.is_reference and difference is not None:
            fault = NotTheRuntime(Status.INVALID, not_the_same_each_time(difference))
            fault.unsteady = True
            raise fault
        of = f" of {iterations} iterations" if self.validator.iterates else ""
        text = words if isinstance(words, str) else words.text(self.compared_with)
        full = limits.of_full_memory(self.worker.peak_rss_bytes(), self.protocol)
        error = Ended(Status.INVALID, f"{self.who}, {case}{of}: {text}{full}")
        # Where its memory is full, that is why it differs.
        error.difference = None if full or not self.native else difference
        raise error

    def require_same(self, found: Run, later: Run, case: Any) -> None:
        """Raises NotTheRuntime where two runs of this native build gave different results."""
        self._compare(later.result, found.result, self.validator.name(case), found.iterations)

    def with_fewest_iterations(self, error: Ended, reference: ValidatedGuest) -> Ended:
        """The same error for the fewest iterations that show it, of powers of two.

        Backends have chunks of different sizes, and their outputs are compared with each other.
        """
        iterations = 1
        while error.difference is not None and iterations < error.difference.iterations:
            try:
                found = self.run(self._case, iterations).result
                expected = reference.run(self._case, iterations).result
                self._compare(found, expected, error.difference.case, iterations)
            except Ended as sooner:
                return sooner if sooner.difference is not None else error
            iterations *= 2
        return error


def in_one(names: Iterable[str], runs: Sequence[Run]) -> Run:
    """The run whose times are the sums of these."""
    clocks = [run.clock_s for run in runs if run.clock_s is not None]
    touched = [run.touched for run in runs]
    return Run(
        iterations=runs[0].iterations,
        seconds=sum(run.seconds for run in runs),
        result=Results(zip(names, (run.result for run in runs), strict=True)),
        tick_s=sum(run.tick_s for run in runs),
        clock_s=sum(clocks) if clocks else None,
        touched=Touched(sum(each.seconds for each in touched), sum(each.page_faults for each in touched)),
    )
