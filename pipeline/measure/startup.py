"""How soon a module answers: from its bytes to the end of its first run, in a new worker each time.

Only so are all caches of a runtime cold. Starting the worker itself is not part of that: it is ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from pipeline.measure.guest import Ended
from pipeline.measure.session import Session
from pipeline.measure.validated_guest import ValidatedGuest
from pipeline.measure.without_native import WithoutNative
from pipeline.measure.worker_messages import Loaded
from pipeline.runtimes.worker_process import Worker
from pipeline.workloads.validators.model import Run


@dataclass(eq=False, kw_only=True)
class Startup(WithoutNative):
    """A guest whose chunks are first runs."""

    #: Starts a worker of the same backend.
    start_worker: Callable[[], AbstractContextManager[Worker]]

    def load(self, path: str, options: Mapping[str, Any]) -> Loaded:
        self._loading = path, options
        self.steady_s = 0.0  # what compiles while it runs is meant to be at its beginning
        return super().load(path, options)

    @property
    def whole(self) -> bool:
        return True

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

    def with_fewest_iterations(self, error: Ended, reference: ValidatedGuest) -> Ended:
        """It has one size."""
        return error
