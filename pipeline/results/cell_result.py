"""One cell of results.json from its rounds: its status, and its numbers if all rounds are ok."""

from __future__ import annotations

import math
from dataclasses import dataclass

import msgspec

from pipeline.build.compilers import load_toolchain
from pipeline.core.artifact import ArtifactRecord, load_record
from pipeline.core.model import Cell, Status
from pipeline.measure.sample import Sample
from pipeline.measure.sample_key import artifact_of
from pipeline.results import run_work
from pipeline.results.model_cell import CellIdentity, CellResult, Measurement, PrebuiltModule
from pipeline.results.model_fields import Trend
from pipeline.runtimes.identity import load_identity
from pipeline.stats import trend
from pipeline.stats.estimates import Estimate


@dataclass(frozen=True)
class Rounds:
    """The rounds of one cell."""

    samples: list[Sample | None]  # None for a round without a sample of today's inputs
    stop_reason: str | None  # why there are no further rounds

    @property
    def present(self) -> list[Sample]:
        return [sample for sample in self.samples if sample is not None]


def status_of(rounds: Rounds) -> tuple[Status, str | None]:
    """A cell is ok if each of its rounds is; the reason names the one that is not."""
    if not rounds.samples:
        return Status.UNAVAILABLE, "not measured yet; run: doit run"
    for number, sample in enumerate(rounds.samples, 1):
        if sample is None:
            return Status.INVALID, f"round {number}: no sample with the current inputs; run: doit run"
        if sample.status is not Status.OK:
            same = len({(s.status, s.reason) for s in rounds.present}) == 1
            where = "" if same else f"round {number} of {len(rounds.samples)}: "
            return sample.status, f"{where}{sample.reason}"
    if run_work.sizes_differ(rounds.present):
        return Status.INVALID, "its rounds have different numbers of iterations; run: doit clean measure"
    proofs = [s.proof for s in rounds.present]
    if any(proof != proofs[0] for proof in proofs):
        return Status.INVALID, "its rounds proved different compilers"
    return Status.OK, None


def describe(
    cell: Cell, rounds: Rounds, status: tuple[Status, str | None], measurement: Measurement | None
) -> CellResult:
    """The object of results.json."""
    artifact = load_record(artifact_of(cell))
    native = cell.backend.native
    return CellResult(
        workload=cell.workload.name,
        toolchain=cell.toolchain,
        variant=cell.variant.name,
        flags=tuple(cell.variant.flags),
        backend=cell.backend.name,
        kind=cell.backend.kind,
        status=status[0],
        reason=status[1],
        measurement=measurement,
        wasm_sha256=None if native else artifact.sha256,
        native_sha256=artifact.sha256 if native else None,
        identity=_identity(cell),
        prebuilt=_prebuilt(artifact, rounds),
    )


def measured(
    cell: Cell, rounds: Rounds, estimate: Estimate, score: float, rank: tuple[int, int] | None
) -> Measurement:
    """The numbers of a cell that is ok.

    ``score`` is its speed, in iterations/s; ``rank`` its best and worst place among backends.
    """
    samples = rounds.present
    return Measurement(
        score=score,
        ratio=estimate.value,
        ratio_low=estimate.low,
        ratio_high=estimate.high,
        log_standard_error=estimate.error if math.isfinite(estimate.error) else None,
        degrees_of_freedom=estimate.freedom,
        disturbed=estimate.disturbed,
        rounds=len(samples),
        chunks=sum(len(s.scores) for s in samples),
        rounds_used=estimate.rounds,
        pairs_used=estimate.pairs,
        warmup_chunks=max(len(s.warmup_scores) for s in samples),
        warmup_seconds=max((s.warmup.seconds for s in samples if s.warmup), default=None),
        settled=all(s.warmup.settled for s in samples if s.warmup),
        trend=_trend(samples),
        stop_reason=rounds.stop_reason,
        rank_best=None if rank is None else rank[0],
        rank_worst=None if rank is None else rank[1],
        round_seconds=run_work.median_of(s.seconds for s in samples),
        start_seconds=_least([s.start_seconds for s in samples]),
        runtime_seconds=_least([s.runtime_seconds for s in samples]),
        compile_seconds=_least([s.compile_seconds for s in samples]),
        instantiate_seconds=_least([s.instantiate_seconds for s in samples]),
        first_run_seconds=_least([s.first_run_seconds for s in samples]),
        code_bytes=samples[0].code_bytes,
        wasm_bytes=None if cell.backend.native else load_record(artifact_of(cell)).bytes,
        peak_rss_bytes=max((s.peak_rss_bytes or 0 for s in samples), default=0) or None,
        chunk_iterations=run_work.chunk_iterations(samples),
        work=run_work.work_text(samples),
        runs_by_clock=not cell.backend.native and run_work.runs_by_clock(samples),
        system_share=run_work.median_of(s.system_share for s in samples),
        reference_system_share=(
            run_work.median_of(s.reference_system_share for s in samples) if cell.workload.native else None
        ),
        compiler_evidence=samples[0].proof or {},
    )


def _least(seconds: list[float | None]) -> float | None:
    """Like a chunk, a phase is only ever slowed down by noise."""
    return min((x for x in seconds if x is not None), default=None)


def _trend(samples: list[Sample]) -> Trend | None:
    """What most of the rounds show: still rising, falling, none; None where too few could tell."""
    found = [trend.Trend(*s.trend) for s in samples if s.trend is not None]
    if len(found) * 2 < len(samples):
        return None
    if sum(t.rising for t in found) * 2 > len(found):
        return "rising"
    return "falling" if sum(t.falling for t in found) * 2 > len(found) else "none"


def _identity(cell: Cell) -> CellIdentity:
    """What ran the artifact: for native code, the compiler."""
    if cell.backend.native:
        compiler = load_toolchain(cell.toolchain)
        return CellIdentity(name=compiler.name, version=compiler.version)
    return msgspec.convert(load_identity(cell.backend.runtime), CellIdentity, from_attributes=True)


def _prebuilt(artifact: ArtifactRecord, rounds: Rounds) -> PrebuiltModule | None:
    """None for an artifact that was built here."""
    if artifact.interface is None or artifact.file is None:
        return None
    validated = [s.validated for s in rounds.present if s.status is Status.OK]
    return PrebuiltModule(
        file=artifact.file,
        producers=artifact.producers or None,
        interface=artifact.interface.value,
        validated=validated[0] if validated else None,
    )
