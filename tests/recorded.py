"""The files of a run, without having been measured: real plan, records, samples and results.json.

What is recorded is what a measurement would leave; all that is derived from it is derived by the pipeline.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from pipeline.build import compilers
from pipeline.core import host, paths
from pipeline.core.artifact import Artifact, ArtifactRecord, BuildSpec, save_record
from pipeline.core.files import sha256, write_atomic, write_record
from pipeline.core.model import Cell, Status
from pipeline.experiment import matrix
from pipeline.experiment.plan import Plan
from pipeline.measure import sample
from pipeline.measure.machine_state import Conditions
from pipeline.measure.sample import SCHEMA, Sample
from pipeline.measure.sample_key import MeasurementSpec
from pipeline.report import write_report
from pipeline.results import results_json
from pipeline.results.model import Results
from pipeline.runtimes import identity
from pipeline.workloads import third_party
from tests.conftest import ROOT

BACKENDS = (
    "native",
    "wasmtime.cranelift",
    "wasmtime.cranelift-none",
    "wasmtime.cranelift-size",
    "wasmtime.winch",
    "wasmtime.pulley",
)
#: {cell: how its rounds ended}; all others are ok.
ENDS = {
    "coremark/zig/O2/wasmtime.winch": (Status.UNAVAILABLE, "needs simd, which winch (1.0) does not have"),
    "coremark/zig/O3/wasmtime.pulley": (Status.TRAP, 'wasm `unreachable` | <b>"x"</b>, @user #1'),
}
#: No chunk of it had its processor for itself; one of whose rounds got faster and was warmed for longer.
DISTURBED, WARMED = "coremark/zig/O3/wasmtime.cranelift-none", "coremark/zig/O2/native"
#: Folders of two other machines that measured the same: one introduced itself, the other did not.
INTRODUCED, UNKNOWN = "0123456789ab", "ba9876543210"
ROUNDS = 3
_SPEED = 40000.0
_CHUNKS = 30


@dataclass(frozen=True)
class Recorded:
    """The folder of a run, and its results.json."""

    folder: Path
    results: Results


@contextlib.contextmanager
def inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def record(folder: Path) -> Recorded:
    """Lay out a run in an empty folder."""
    for part in ("pipeline", "toolchain", "matrix.toml", "workloads"):
        (folder / part).symlink_to(ROOT / part)
    manifest = folder / paths.manifest("coremark")
    manifest.parent.mkdir(parents=True)
    for ours in (manifest.name, "core_portme.c", "core_portme.h"):
        shutil.copy(ROOT / paths.manifest("coremark").replace(manifest.name, ours), manifest.parent)
    with inside(folder):
        chosen = {"variants": "O2,O3", "backends": ",".join(BACKENDS), "toolchains": "zig"}
        plan = matrix.load({**chosen, "protocol": "quick", "rounds": str(ROUNDS)})
        third_party.obtain("coremark", None)
        for tool in plan.builders():
            compilers.identify(tool)
        for spec in plan.artifacts():
            _artifact(spec)
        for runtime in {b.runtime.name: b.runtime for b in plan.backends}.values():
            identity.identify(runtime)
        for cell in plan.cells():
            _samples(plan, cell)
        there = msgspec.structs.replace(host.describe(), fingerprint=INTRODUCED + "0" * 52)
        write_record(paths.host_record(INTRODUCED), there)
        write_report.write_report(plan)
        return Recorded(folder, results_json.read(paths.RESULTS_JSON))


def artifact_record(artifact: Artifact, **changes: Any) -> ArtifactRecord:
    """The record of an artifact that is built and needs nothing, but for the changes."""
    made = ArtifactRecord(
        present=True,
        reason=None,
        workload=artifact.workload,
        toolchain=artifact.toolchain,
        variant=artifact.variant,
        flags=(),
        link=(),
        wasm_opt=None,
        needs=(),
        features=(),
        target=artifact.target,
        sha256=None,
        bytes=None,
    )
    return msgspec.structs.replace(made, **changes)


def _artifact(spec: BuildSpec) -> None:
    artifact = spec.artifact
    write_atomic(artifact.path, f"{artifact.variant} for {spec.target}")
    digest, size = sha256(artifact.path), os.path.getsize(artifact.path)
    record = artifact_record(artifact, flags=spec.variant.flags, sha256=digest, bytes=size)
    save_record(artifact, record)


def _samples(plan: Plan, cell: Cell) -> None:
    spec = MeasurementSpec(cell, plan.protocol, plan.reference_name)
    inputs = spec.read_inputs()
    status, reason = ENDS.get(cell.name, (Status.OK, None))
    for number in range(1, ROUNDS + 1):
        dice = random.Random(f"{cell.name}/{number}")
        facts = _measured(cell, dice) if status is Status.OK else {}
        made = Sample(
            schema=SCHEMA,
            key=inputs.key(number),
            inputs=inputs.digest,
            cell=cell.name,
            round=number,
            status=status,
            reason=reason,
            measured=f"2026-01-02T03:04:{number:02d}+00:00",
            artifact_sha256=sha256(spec.artifact.path),
            artifact_bytes=os.path.getsize(spec.artifact.path),
            seconds=round(dice.uniform(1, 2), 3),
            conditions=Conditions(others_processors=dice.uniform(0.3, 1.2), clock_source="tsc"),
            **facts,
        )
        for machine in (None, INTRODUCED, UNKNOWN):
            sample.write(paths.sample(cell.name, number, machine), made)


def _measured(cell: Cell, dice: random.Random) -> dict[str, Any]:
    """Speeds of a machine that was slower by a third for the first third of the round."""
    own = 1 - 0.15 * BACKENDS.index(cell.backend.name)
    state = [0.7] * (_CHUNKS // 3) + [1.0] * (_CHUNKS - _CHUNKS // 3)
    share = 0.5 if cell.name == DISTURBED else 1.0
    return {
        "scores": [_SPEED * own * x * dice.lognormvariate(0, 0.01) for x in state],
        "reference_scores": [_SPEED * x * dice.lognormvariate(0, 0.01) for x in state],
        "cpu_shares": [share] * _CHUNKS,
        "reference_cpu_shares": [1.0] * _CHUNKS,
        "processors": [0] * _CHUNKS,
        "warmup_scores": [_SPEED * dice.lognormvariate(-0.5, 0.1)] * 4 if cell.name == WARMED else [],
        "machine_speed": _SPEED,
        "iterations": dice.randint(300, 420),
        "reference_iterations": 400,
        "trend": (0.001, 0.5),
        "version": "1.0",
        "proof": {"compiler": cell.backend.name, "guarded": True, "level": 3},
        "start_seconds": dice.uniform(0.03, 0.05),
        "runtime_seconds": dice.uniform(0.01, 0.02),
        "compile_seconds": None if cell.backend.native else dice.uniform(0.001, 0.2),
        "instantiate_seconds": dice.uniform(1e-5, 1e-3),
        "first_run_seconds": dice.uniform(1e-3, 1e-2),
        "code_bytes": dice.randint(20000, 90000),
        "peak_rss_bytes": dice.randint(10**6, 10**8),
    }
