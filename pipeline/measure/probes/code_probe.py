"""What can be known of a module without measuring it: its machine code's digest, and how much it executes.

A worker stays open over many modules: each is compiled in it, and none of what it does is timed.
"""

from __future__ import annotations

from types import TracebackType

from pipeline.core.artifact import Artifact, load_record
from pipeline.core.errors import WorkerError
from pipeline.core.model import Backend, Protocol, Workload
from pipeline.measure.guest import Ended
from pipeline.measure.limits import with_workload_limits
from pipeline.measure.open_session import open_session
from pipeline.runtimes.launch import start
from pipeline.runtimes.worker_process import Worker

#: The run whose instructions are counted is made ten times as large until it takes so long, s.
_LEAST_S = 0.001
_MOST_ENLARGED = 4


class CodeProbe:
    """A worker of a backend that loads one module after the other. Use it as a context."""

    def __init__(self, backend: Backend, workload: Workload, protocol: Protocol) -> None:
        self._backend, self._workload = backend, workload
        self._protocol = with_workload_limits(workload, protocol)
        self._worker: Worker | None = None
        self._iterations = 0
        #: Whether the runtime takes a module and does not tell what it is asked: it need not be asked again.
        self.silent = False

    def __enter__(self) -> CodeProbe:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        if self._worker is not None:
            self._worker.close(kill=True)
            self._worker = None

    def code(self, artifact: Artifact) -> str | None:
        """The digest of the machine code that the backend makes of it; None where it does not tell."""
        return self._ask(artifact, count=False)[0]

    def instructions(self, artifact: Artifact) -> float | None:
        """How many instructions of wasm it executes for an iteration, its start included.

        All modules that this object is asked about run the same number of iterations. None where the
        runtime does not count, or the run does not end well.
        """
        return self._ask(artifact, count=True)[1]

    def _ask(self, artifact: Artifact, *, count: bool) -> tuple[str | None, float | None]:
        try:
            if self._worker is None:
                self._worker = start(self._backend, self._protocol)
            backend = self._backend.with_features(load_record(artifact).used_features)
            session = open_session(self._worker, backend.name, self._protocol, backend, self._workload)
            loaded = session.load(artifact.path, {**backend.options, **({"fuel": True} if count else {})})
            if not count:
                self.silent = loaded.code_sha256 is None
                return loaded.code_sha256, None
            least = session.validator.validation_iterations
            number = self._iterations or least
            session.size_run(number)
            for _ in range(0 if self._iterations else _MOST_ENLARGED):
                if session.wall_seconds >= _LEAST_S:
                    break
                number *= 10
                session.size_run(number)
            self._iterations = number
            executed = session.instructions
            self.silent = executed is None
            return loaded.code_sha256, None if executed is None else executed / number
        except (Ended, WorkerError):
            self._close()  # the worker may have died, or hang
            return None, None
