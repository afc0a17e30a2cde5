"""What is to be measured, and the key that makes a sample stale when anything that decides it changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import msgspec

from pipeline.core import own_code, paths
from pipeline.core.artifact import Artifact, reference_of
from pipeline.core.files import digest_of
from pipeline.core.host import fingerprint
from pipeline.core.model import Cell, Protocol, Workload
from pipeline.measure.sample import SCHEMA
from pipeline.workloads import validators
from toolchain.model import NATIVE, WASM


@dataclass(frozen=True)
class Inputs:
    """The content of everything that decides the samples of a cell, at one moment."""

    digest: str  # the same in all rounds that may be taken together
    files: Mapping[str, str]  # {path: SHA-256}

    def key(self, round_: int) -> str:
        """What the sample of a round must carry to be the one that these inputs call for."""
        return sample_key(self.digest, round_)


def sample_key(inputs: str, round_: int) -> str:
    """The key of a round's sample; ``inputs`` is ``Inputs.digest``."""
    return digest_of({"round": round_, "cell": inputs})


@dataclass(frozen=True)
class MeasurementSpec:
    """What one round measures: a cell relative to a reference, as a protocol asks."""

    cell: Cell
    protocol: Protocol
    reference: tuple[str, str]  # toolchain and variant of the workload's native build
    round: int = 1

    @property
    def artifact(self) -> Artifact:
        return artifact_of(self.cell)

    @property
    def reference_artifact(self) -> Artifact:
        return reference_of(self.cell.workload, self.reference)

    @property
    def sample_path(self) -> str:
        return paths.sample(self.cell.name, self.round)

    def files(self) -> list[str]:
        """The files that decide the sample, in a fixed order; all exist once the build has run."""
        workload, runtime = self.cell.workload, self.cell.backend.runtime
        files = [
            self.artifact.path,
            self.artifact.record_path,
            self.reference_artifact.path,
            self.reference_artifact.record_path,
            *guest_files(workload),
            paths.runtime_identity(runtime.name),
            *runtime.files,  # their bytes too: one that is built again meanwhile is seen
            # What a host was built of is in the identity of the runtime.
            *own_code.worker_files(*([runtime.worker] if runtime.worker else []), "native_worker.py"),
            *own_code.files_of(
                "pipeline.measure.measure_round",
                "pipeline.runtimes.backends.native",  # found by its name, runs the reference
                *validators.modules(workload),
                *validators.modules(workload.paired),
            ),
        ]
        return list(dict.fromkeys(files))

    def settings(self) -> dict[str, Any]:
        """What decides the sample in addition to files, as JSON: also for doit's ``config_changed``."""
        backend = self.cell.backend
        return {
            "schema": SCHEMA,
            "cell": self.cell.name,
            "workload": run_settings(self.cell.workload),
            "paired": None if self.cell.workload.native else run_settings(self.cell.workload.paired),
            "options": dict(backend.options),
            "proof": dict(backend.proof),
            "arguments": list(backend.arguments),
            "environment": dict(backend.environment),
            "switches": {name: asdict(switch) for name, switch in backend.switches.items()},
            "forks": backend.forks,
            "steady_s": backend.steady_s,
            "worker_host": backend.runtime.host,
            "reserved_mib": backend.runtime.reserved_mib,
            "own_mib": backend.runtime.own_mib,
            "starts_slowly": backend.runtime.starts_slowly,
            "gives_bench": backend.runtime.gives_bench,
            "gives_clocks": backend.runtime.gives_clocks,
            "memory_factor": backend.runtime.memory_factor,
            "stack_factor": backend.runtime.stack_factor,
            "loader_links": dict(backend.runtime.loader_links),
            "protocol": self.protocol.settings(),
            "reference": list(self.reference),
            "host": fingerprint(),
        }

    def read_inputs(self) -> Inputs:
        """Read every one of ``files``; raises OSError."""
        files = {path: own_code.digest(path) for path in self.files()}
        return Inputs(digest_of({"files": files, "settings": self.settings()}), files)


def artifact_of(cell: Cell) -> Artifact:
    """The artifact that a cell runs."""
    target = NATIVE if cell.backend.native else WASM
    return Artifact(cell.workload.name, cell.toolchain, cell.variant.name, target)


def run_settings(workload: Workload) -> dict[str, Any]:
    """What decides how a workload's artifacts are run and validated, as JSON."""
    cases = workload.cases
    return {
        "args": list(workload.args),
        "validator": workload.validator,
        "proof": msgspec.structs.asdict(workload.proof),
        "figure": msgspec.structs.asdict(workload.figure),
        "files": list(workload.files),
        "stdin": workload.stdin is not None,
        "env": [list(each) for each in workload.env],
        "cases": [[case.name, case.args, case.stdin, msgspec.structs.asdict(case.proof)] for case in cases],
        "limits": msgspec.structs.asdict(workload.limits),
    }


def guest_files(workload: Workload) -> list[str]:
    """The copies of the files that a guest may read."""
    files = [f"{paths.staged_files(workload.name)}/{name}" for name in workload.files]
    inputs = [paths.staged_stdin(workload.name)] if workload.stdin is not None else []
    inputs += [paths.staged_stdin(workload.name, case.name) for case in workload.cases if case.own_stdin]
    return [*files, *inputs]
