"""What is known of candidates without measuring them: their machine code, and how much they execute.

Different modules that become the same machine code are measured once. How many instructions of wasm a module
executes is counted by Wasmtime, for any engine that a search is for.
"""

from __future__ import annotations

import math
from contextlib import ExitStack
from statistics import fmean
from types import TracebackType

from pipeline.analyses.tune.measure_candidate import search_cells
from pipeline.core.artifact import Artifact
from pipeline.core.files import digest_of
from pipeline.core.model import Backend, Workload
from pipeline.experiment.plan import Plan
from pipeline.measure.probes.code_probe import CodeProbe
from pipeline.measure.sample_key import artifact_of
from toolchain.model import WASM, Variant

#: What counts instructions.
_COUNTER = "wasmtime.cranelift"


class Codes:
    """What the backends of a search make of modules. Use it as a context: it holds workers."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._open = ExitStack()
        self._probes: dict[str, CodeProbe] = {}
        #: Whether it is worth asking: of a native program there is no module.
        self._tells = self._counts = not any(backend.native for backend in plan.backends)

    def __enter__(self) -> Codes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def _probe(self, name: str, backend: Backend, workload: Workload) -> CodeProbe:
        """The worker of this name, started when it is first wanted."""
        if name not in self._probes:
            probe = CodeProbe(backend, workload, self._plan.protocol)
            self._probes[name] = self._open.enter_context(probe)
        return self._probes[name]

    def digest(self, variant: Variant) -> str | None:
        """Of the machine code of all cells; None where one of the backends does not tell it."""
        found = []
        for cell in search_cells(self._plan, variant) if self._tells else ():
            probe = self._probe(cell.backend.name, cell.backend, cell.workload)
            code = probe.code(artifact_of(cell))
            if code is None:
                self._tells = not probe.silent
                return None
            found.append(code)
        return digest_of(found) if found else None

    def count(self, variant: Variant) -> float | None:
        """The mean over workloads of log(instructions an iteration); None where they cannot be counted."""
        counter = self._plan.known.get(_COUNTER)
        if counter is None or not self._counts:
            return None
        logs = []
        for workload in self._plan.workloads:
            probe = self._probe(f"{_COUNTER} counts {workload.name}", counter, workload)
            number = probe.instructions(
                Artifact(workload.name, self._plan.toolchains[0].name, variant.name, WASM)
            )
            if not number:
                self._counts = self._counts and not probe.silent
                return None
            logs.append(math.log(number))
        return fmean(logs)
