"""The file that one round of one cell leaves.

A sample whose key (sample_key.py) equals that of today's inputs is as good as a new one, even if doit has
forgotten it; any other is measured again. So nothing is measured twice and nothing stale is shown.
"""

from __future__ import annotations

import hashlib
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from pipeline.core.files import digest_of, write_atomic
from pipeline.core.model import Status
from pipeline.measure import machine_state
from pipeline.measure.machine_state import Conditions, Limits
from pipeline.measure.sizes.run_size_record import RunSize
from pipeline.measure.worker_messages import Evidence
from pipeline.stats.undisturbed import Series
from pipeline.workloads.output_difference import OutputDifference

SCHEMA = 7
#: Bytes of an output that are kept to show where two of them differ.
MOST_PRINTED = 4096


class Printed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a validation run printed, of a program without a native form: the same under all backends."""

    sha256: str
    begin: str  # a character a byte

    @classmethod
    def of(cls, output: bytes) -> Printed:
        return cls(hashlib.sha256(output).hexdigest(), output[:MOST_PRINTED].decode("latin-1"))


class Warmup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The runs of a guest before its chunks were calibrated, in a runtime that compiles while it runs."""

    seconds: float  # of the host's clock, all runs together
    runs: int
    settled: bool  # whether the speed was steady at their end: stats/steady.py


class Chunks(msgspec.Struct, kw_only=True):
    """The chunk pairs of a round. Scores in iterations per second."""

    #: Of a chunk of the cell and of the reference.
    iterations: int | None = None
    reference_iterations: int | None = None
    #: scores[i] and reference_scores[i] were measured one after the other on processors[i], and the two
    #: shares are the part of its time for which a chunk had that processor.
    scores: list[float] = []
    reference_scores: list[float] = []
    cpu_shares: list[float] = []
    reference_cpu_shares: list[float] = []
    #: Pages that the kernel gave while a chunk was timed, each at its first use: medians.
    page_faults: int | None = None
    reference_page_faults: int | None = None
    processors: list[int] = []
    #: The reference's undisturbed speed as far as it was known when this round was measured.
    machine_speed: float | None = None
    #: Pairs that were run and thrown away because the cell still got faster; their scores.
    warmup_scores: list[float] = []
    #: None for a runtime that compiles before it runs.
    warmup: Warmup | None = None
    #: Relative change over the round, and its p value; None where too few pairs were undisturbed to tell.
    trend: tuple[float, float] | None = None
    #: Guest seconds over host seconds, see session.CLOCK_AGREEMENT.
    clock_agreement: float | None = None
    #: How the number of iterations was found, where work need not be proportional to it.
    size: RunSize | None = None
    #: The share of a chunk's time that the kernel takes; None where it is not known.
    system_share: float | None = None
    reference_system_share: float | None = None
    #: That the guest made in a chunk; None where the runtime does not count.
    wasi_calls: int | None = None


class RoundResult(Chunks, kw_only=True):
    """What a round measured, as far as it got. Times in seconds, sizes in bytes."""

    status: Status = Status.OK
    reason: str | None = None  # why it ended early
    artifact_sha256: str | None = None
    artifact_bytes: int | None = None
    version: str | None = None
    proof: Evidence | None = None
    #: What could be validated of a prebuilt module, in words; None for modules built here: everything.
    validated: str | None = None
    #: Phases: from fork to the worker's greeting, loading the runtime, compiling the module, instantiating
    #: it for the first run, and that run (a validation run, cold). None where the backend cannot tell.
    start_seconds: float | None = None
    runtime_seconds: float | None = None
    compile_seconds: float | None = None
    instantiate_seconds: float | None = None
    first_run_seconds: float | None = None
    code_bytes: int | None = None
    code_sha256: str | None = None  # of the machine code; None where the runtime does not show it
    peak_rss_bytes: int | None = None
    conditions: Conditions | None = None  # None where it ended early
    #: What processes were allowed (ulimit) in a round that ended early.
    limits: Limits | None = None
    #: Of a run that was wrong: its output compared with the native build's, and what the guest ended with.
    difference: OutputDifference | None = None
    exit_code: int | None = None
    #: What is wrong with the reference, so that the cell was not judged: it fails, or contradicts itself.
    wrong_reference: Literal["fails", "unsteady"] | None = None
    #: None where a native build shows what is right.
    printed: Printed | None = None
    #: How the first try ended, of a round that succeeded at the second.
    first_try: str | None = None

    def add(self, chunks: Chunks) -> None:
        """Take over all fields of chunks that were measured."""
        for name in Chunks.__struct_fields__:
            setattr(self, name, getattr(chunks, name))


# A result grows while a round is measured, a sample does not change: msgspec allows that, dataclasses do not.
class Sample(RoundResult, frozen=True, kw_only=True, forbid_unknown_fields=True):  # type: ignore[misc]
    """One round of one cell, finished."""

    schema: int
    key: str
    inputs: str  # sample_key.Inputs.digest: the same in all rounds that may be taken together
    digest: str = ""  # of all other fields: an edited sample is no sample
    cell: str
    round: int
    measured: str  # UTC, ISO 8601
    seconds: float | None = None  # that the round took

    def series(self) -> Series:
        """The chunk pairs for stats/undisturbed.py."""
        return Series(self.scores, self.reference_scores, self.cpu_shares, self.reference_cpu_shares)

    def steady(self) -> list[int]:
        """The pairs that were undisturbed as far as this round could know."""
        return self.series().steady(self.machine_speed or 0.0)


class _Any(msgspec.Struct):
    """A sample of any schema."""

    schema: int


def read(path: str | Path) -> Sample | None:
    """Read a sample; None where there is none, or a damaged one."""
    found = _examine(path)
    return found if isinstance(found, Sample) else None


def read_current(path: str | Path, key: str) -> Sample | None:
    """Read the sample if its key is this one; print a note if it is damaged."""
    found = _examine(path)
    if isinstance(found, str):
        print(f"{path}: {found}; measured again", flush=True)
    if not isinstance(found, Sample) or found.key != key or _failed_under_other_limits(found):
        return None
    return found


def limits_of_failure(path: str) -> Limits | None:
    """The limits (ulimit) under which a round went wrong; None where it did not."""
    sample = read(path)
    return sample.limits if sample is not None and _wrong(sample) else None


def are_todays_limits(limits: Any) -> bool:
    """Whether a sample that went wrong under these limits would do so today."""
    return limits is None or limits == machine_state.limits()


def _wrong(sample: Sample) -> bool:
    return sample.status not in (Status.OK, Status.UNAVAILABLE)


def _failed_under_other_limits(sample: Sample) -> bool:
    """Whether it went wrong under limits that differ from today's, which may be the cause."""
    return _wrong(sample) and sample.limits != machine_state.limits()


def problem(path: str | Path) -> str | None:
    """Why a file is not a valid sample; None for a valid one, and where there is no file."""
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
    if not _sane(sample) or not _is_time(sample.measured):
        return "a sample with impossible values"
    return sample if sample.digest == _digest(sample) else "a sample that was changed after it was measured"


def _sane(sample: Sample) -> bool:
    positive = [*sample.scores, *sample.reference_scores, *sample.warmup_scores]
    shares = [*sample.cpu_shares, *sample.reference_cpu_shares]
    sane = all(math.isfinite(x) and 0 < x < 1e12 for x in positive)
    sane = sane and all(math.isfinite(x) and 0 <= x < 1e6 for x in shares)
    sane = sane and (sample.warmup is None or 0 < sample.warmup.seconds < 1e9)
    sane = sane and (not sample.scores or 0 < (sample.machine_speed or 0) < 1e12)
    paired = len(sample.scores) == len(sample.reference_scores) == len(sample.processors)
    paired = paired and len(sample.cpu_shares) == len(sample.reference_cpu_shares) == len(sample.scores)
    whole = bool(sample.scores) == (sample.status is Status.OK)
    return sane and paired and whole


def _is_time(text: str) -> bool:
    """Whether it is a time as results.json has it: in UTC and whole seconds."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC).isoformat(timespec="seconds") == text
    except (ValueError, OverflowError):
        return False


def _digest(sample: Sample) -> str:
    return digest_of(msgspec.to_builtins(msgspec.structs.replace(sample, digest="")))


def write(path: str | Path, sample: Sample) -> None:
    """Write a sample whole or not at all."""
    raw = msgspec.json.encode(msgspec.structs.replace(sample, digest=_digest(sample)))
    write_atomic(path, msgspec.json.format(raw, indent=1) + b"\n")
