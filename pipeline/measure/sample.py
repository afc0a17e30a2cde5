"""The file that one round of one cell leaves, and the key that says what it was measured on.

A sample whose key equals the digest of today's inputs is as good as a new one, whatever doit
remembers; any other is measured again. So nothing is measured twice and nothing stale is shown.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec

from pipeline.build.artifacts import artifact_path, artifact_record
from pipeline.core import own_code, paths
from pipeline.core.files import digest_of, read_json, write_atomic
from pipeline.core.host import fingerprint
from pipeline.core.model import Cell, Protocol, Status, Workload
from pipeline.measure import machine_state
from pipeline.stats.undisturbed import Series
from pipeline.workloads import validators
from toolchain.model import NATIVE, WASM

SCHEMA = 5


class Sample(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One round of one cell. Scores in iterations per second, times in seconds, sizes in bytes."""

    schema: int
    key: str
    inputs: str  # cell_key(): the same in all rounds that may be taken together
    digest: str = ""  # of all other fields: an edited sample is no sample
    cell: str
    round: int
    status: Status
    reason: str | None
    measured: str  # UTC, ISO 8601
    artifact_sha256: str | None = None
    artifact_bytes: int | None = None
    version: str | None = None
    proof: dict[str, Any] | None = None
    #: What could be checked of a module that somebody else built; None for our own, of which it is all.
    validated: str | None = None
    #: Phases: from fork to the worker's greeting, loading the runtime, compiling the module, instantiating
    #: it for the first run, and that run (a validation run, cold). None where the backend cannot tell.
    start_seconds: float | None = None
    runtime_seconds: float | None = None
    compile_seconds: float | None = None
    instantiate_seconds: float | None = None
    first_run_seconds: float | None = None
    code_bytes: int | None = None
    peak_rss_bytes: int | None = None
    iterations: int | None = None
    reference_iterations: int | None = None
    #: Guest seconds over host seconds, see session.CLOCK_AGREEMENT.
    clock_agreement: float | None = None
    #: scores[i] and reference_scores[i] were measured one after the other on processors[i], and the two
    #: shares say for which part of its time a chunk had that processor.
    scores: list[float] = []
    reference_scores: list[float] = []
    cpu_shares: list[float] = []
    reference_cpu_shares: list[float] = []
    processors: list[int] = []
    #: The reference's undisturbed speed as far as it was known when this round was measured.
    machine_speed: float | None = None
    #: Pairs that were run and thrown away because the cell still got faster; their scores.
    warmup_scores: list[float] = []
    #: Relative change over the round, and its p value; None where too few pairs were undisturbed to tell.
    trend: tuple[float, float] | None = None
    #: See machine_state.py.
    conditions: dict[str, Any] = {}
    seconds: float | None = None  # that the round took

    def series(self) -> Series:
        """The chunk pairs as undisturbed.py wants them."""
        return Series(self.scores, self.reference_scores, self.cpu_shares, self.reference_cpu_shares)

    def steady(self) -> list[int]:
        """The pairs that were undisturbed as far as this round could know."""
        return self.series().steady(self.machine_speed or 0.0)


def inputs(cell: Cell, reference: tuple[str, str]) -> list[str]:
    """Files that decide a sample, in a fixed order; all exist once the build has run."""
    target = NATIVE if cell.backend.native else WASM
    workload = cell.workload
    files = [
        artifact_path(workload.name, cell.toolchain, cell.variant.name, target),
        artifact_record(workload.name, cell.toolchain, cell.variant.name, target),
        artifact_path(workload.name, *reference, NATIVE),
        artifact_record(workload.name, *reference, NATIVE),
        *staged_inputs(workload),
        paths.runtime_identity(cell.backend.runtime.name),
        *own_code.worker_files(cell.backend.runtime.worker, "native_worker.py"),
        *own_code.files_of("pipeline.measure.measure_round", *validators.modules(workload)),
    ]
    return list(dict.fromkeys(files))


def settings(cell: Cell, protocol: Protocol, reference: tuple[str, str]) -> dict[str, Any]:
    """What decides a sample beside files, as JSON: also doit's ``config_changed``."""
    return {
        "schema": SCHEMA,
        "cell": cell.name,
        "workload": runs(cell.workload),
        "options": dict(cell.backend.options),
        "proof": dict(cell.backend.proof),
        "arguments": list(cell.backend.arguments),
        "environment": dict(cell.backend.environment),
        "protocol": protocol.settings(),
        "reference": list(reference),
        "host": fingerprint(),
    }


def runs(workload: Workload) -> dict[str, Any]:
    """What decides how a workload's artifacts are run and judged, as JSON."""
    return {
        "args": list(workload.args),
        "judge": workload.judge,
        "proof": asdict(workload.proof),
        "figure": asdict(workload.figure),
        "files": list(workload.files),
        "stdin": workload.stdin is not None,
        "limits": [workload.memory_mib, workload.run_timeout_s],
    }


def staged_inputs(workload: Workload) -> list[str]:
    """The copies of the files that a guest may read."""
    found = [f"{paths.staged_files(workload.name)}/{name}" for name in workload.files]
    return [*found, *([paths.staged_stdin(workload.name)] if workload.stdin is not None else [])]


def cell_key(cell: Cell, protocol: Protocol, reference: tuple[str, str]) -> str:
    """Digest of everything that decides the samples of a cell: reads every file of ``inputs``."""
    files = {path: own_code.digest(path) for path in inputs(cell, reference)}
    return digest_of({"files": files, "settings": settings(cell, protocol, reference)})


def key_of(cell_key: str, round_: int) -> str:
    """What the sample of a round must carry to be the one that today's inputs call for."""
    return digest_of({"round": round_, "cell": cell_key})


class _Any(msgspec.Struct):
    """A sample of any schema."""

    schema: int


def read(path: str | Path) -> Sample | None:
    """Read a sample; None where there is none, or none that can be believed."""
    found = _examine(path)
    return found if isinstance(found, Sample) else None


def lying(path: str | Path, key: str) -> Sample | None:
    """The sample that lies there, if its key is this one. One that cannot be believed is named."""
    found = _examine(path)
    if isinstance(found, str):
        print(f"{path}: {found}; measured again", flush=True)
    if not isinstance(found, Sample) or found.key != key or _limited(found):
        return None
    return found


def limits_of_failure(path: str) -> Any:
    """The limits (ulimit) under which a sample went wrong; None where it did not."""
    sample = read(path)
    return None if sample is None or not _wrong(sample) else sample.conditions.get("limits")


def are_todays_limits(limits: Any) -> bool:
    """Whether a sample that went wrong under these limits would do so today."""
    return limits is None or limits == machine_state.limits()


def _wrong(sample: Sample) -> bool:
    return sample.status not in (Status.OK, Status.UNAVAILABLE)


def _limited(sample: Sample) -> bool:
    """Whether it went wrong under other limits than today's, which may be all that it says."""
    return _wrong(sample) and sample.conditions.get("limits") != machine_state.limits()


def objection(path: str | Path) -> str | None:
    """Why what lies there is no sample that can be believed; None where it is one, or nothing lies there."""
    found = _examine(path)
    return found if isinstance(found, str) else None


def _examine(path: str | Path) -> Sample | str | None:
    try:
        raw = Path(path).read_bytes()
        schema = msgspec.json.decode(raw, type=_Any).schema
        if schema != SCHEMA:
            return f"a sample of schema {schema}, expected {SCHEMA}"
        sample = msgspec.json.decode(raw, type=Sample)
    except FileNotFoundError:
        return None
    except OSError as error:
        return str(error.strerror)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return f"no sample: {error}"
    if not _sane(sample):
        return "a sample with impossible values"
    return sample if sample.digest == _digest(sample) else "a sample that was changed after it was measured"


def _sane(sample: Sample) -> bool:
    positive = [*sample.scores, *sample.reference_scores, *sample.warmup_scores]
    shares = [*sample.cpu_shares, *sample.reference_cpu_shares]
    sane = all(math.isfinite(x) and 0 < x < 1e12 for x in positive)
    sane = sane and all(math.isfinite(x) and 0 <= x < 1e6 for x in shares)
    sane = sane and (not sample.scores or 0 < (sample.machine_speed or 0) < 1e12)
    paired = len(sample.scores) == len(sample.reference_scores) == len(sample.processors)
    paired = paired and len(sample.cpu_shares) == len(sample.reference_cpu_shares) == len(sample.scores)
    whole = bool(sample.scores) == (sample.status is Status.OK)
    return sane and paired and whole


def _digest(sample: Sample) -> str:
    return digest_of(msgspec.to_builtins(msgspec.structs.replace(sample, digest="")))


def write(path: str | Path, sample: Sample) -> None:
    """Write a sample whole or not at all."""
    raw = msgspec.json.encode(msgspec.structs.replace(sample, digest=_digest(sample)))
    write_atomic(path, msgspec.json.format(raw, indent=1) + b"\n")


def artifact_of(cell: Cell) -> dict[str, Any]:
    """The record of the artifact that the cell runs."""
    target = NATIVE if cell.backend.native else WASM
    record = read_json(artifact_record(cell.workload.name, cell.toolchain, cell.variant.name, target))
    assert isinstance(record, dict), json.dumps(record)
    return record
