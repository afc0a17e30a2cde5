"""Guests of programs without a native form: compared with themselves here, with each other in the report.

Their chunks are paired with the native build of a different program. It shows a disturbed machine, as any
reference does; what a ratio to it means is nothing, until it is divided by that of a second backend.

How soon a module answers is such a figure too: from its bytes to the end of its first run, in a new worker
each time. Only so are all caches of a runtime cold. Starting the worker is not part of that: it is ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from pipeline.core.model import Status
from pipeline.measure.guest import Ended
from pipeline.measure.sample import Printed
from pipeline.measure.session import Session
from pipeline.measure.validated_guest import ValidatedGuest
from pipeline.measure.worker_messages import Loaded
from pipeline.runtimes.worker_process import Worker
from pipeline.workloads.output_difference import first_difference
from pipeline.workloads.validators.model import Run


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


@dataclass(eq=False, kw_only=True)
class Startup(WithoutNative):
    """A guest whose chunks are first runs."""

    #: Starts a worker of the same backend.
    start_worker: Callable[[], AbstractContextManager[Worker]]

    def load(self, path: str, options: Mapping[str, Any]) -> Loaded:
        self._loading = path, options
        self.steady_s = 0.0  # what compiles while it runs is meant to be at its beginning
        return super().load(path, options)

    def prepare(self, reference: Session, least_s: float = 0.0) -> None:
        self.iterations = self.validator.validation_iterations
        self.expected = self.size_run(self.iterations).result
        self.chunk_s = self.chunk().seconds

    def chunk(self) -> Run:
        usual = self.worker
        try:
            with self.start_worker() as worker:
                self.worker = worker
                loaded = super().load(*self._loading)
                self.instantiate_seconds = self.first_run_seconds = None
                run = self.run(self._case, self.iterations)
        finally:
            self.worker = usual
        self._compare(run.result, self.expected, self._case_name, self.iterations)
        seconds = sum(filter(None, (loaded.compile_seconds, self.instantiate_seconds, self.wall_seconds)))
        # Compilers have threads: of the processor's time only that of the run is known.
        self.wall_seconds = seconds
        return Run(self.iterations, seconds, run.result)
