"""One cell of results.json from its rounds: its status, and its numbers where all is well."""

from __future__ import annotations

import math
from typing import Any

import msgspec

from pipeline.build.compilers import load_toolchain
from pipeline.core.artifact import load_record
from pipeline.core.model import Cell, Status
from pipeline.measure.sample import Sample
from pipeline.measure.sample_key import artifact_of
from pipeline.runtimes.identity import load_identity
from pipeline.stats.estimates import Estimate
from pipeline.stats.trend import Trend
from toolchain.model import NATIVE, WASM

_PHASES = (
    "start_seconds",
    "runtime_seconds",
    "compile_seconds",
    "instantiate_seconds",
    "first_run_seconds",
)

#: Of one cell; None for a round without a sample of today's inputs.
Rounds = list[Sample | None]


def judge(rounds: Rounds) -> tuple[Status, str | None]:
    """A cell is ok if each of its rounds is, and says which one is not."""
    for number, sample in enumerate(rounds, 1):
        if sample is None:
            return Status.INVALID, f"round {number}: no sample of today's inputs; type: doit run"
        if sample.status is not Status.OK:
            where = "" if _alike(rounds) else f"round {number} of {len(rounds)}: "
            return sample.status, f"{where}{sample.reason}"
    proofs = [s.proof for s in rounds if s is not None]
    if any(proof != proofs[0] for proof in proofs):
        return Status.INVALID, "its rounds proved different compilers"
    return Status.OK, None


def _alike(rounds: Rounds) -> bool:
    return len({(s.status, s.reason) for s in rounds if s is not None}) == 1


def describe(
    cell: Cell,
    rounds: Rounds,
    judged: tuple[Status, str | None],
    estimated: Estimate | None,
    reference: float | None,
    stopped: str | None,
) -> dict[str, Any]:
    """The object of results.json but for its group; ``reference`` in iterations/s."""
    status, reason = judged
    result: dict[str, Any] = {
        "workload": cell.workload.name,
        "toolchain": cell.toolchain,
        "variant": cell.variant.name,
        "flags": list(cell.variant.flags),
        "backend": cell.backend.name,
        "kind": cell.backend.kind.value,
        "status": status.value,
        "reason": reason,
        "score": None,
        "ratio": None,
        "ratio_low": None,
        "ratio_high": None,
        "rounds": None,
        "chunks": None,
        "compile_seconds": None,
        "code_bytes": None,
        "wasm_bytes": None,
        "wasm_sha256": None,
        "native_sha256": None,
        "peak_rss_bytes": None,
        "identity": _identity(cell),
        "proof": None,
        "disturbed": None,
        "undisturbed_rounds": None,
        "undisturbed_chunks": None,
        "warmup_chunks": None,
        "trend": None,
        "stopped": None,
        "start_seconds": None,
        "runtime_seconds": None,
        "instantiate_seconds": None,
        "first_run_seconds": None,
        "log_error": None,
        "freedom": None,
        "prebuilt": None,
    }
    artifact = load_record(artifact_of(cell))
    if artifact.interface is not None:
        told = [s.validated for s in rounds if s is not None and s.status is Status.OK]
        result["prebuilt"] = {
            "file": artifact.file,
            "interface": artifact.interface.value,
            "validated": told[0] if told else None,
        }
    result[f"{NATIVE if cell.backend.native else WASM}_sha256"] = artifact.sha256
    if estimated is None or reference is None:
        return result
    good = [s for s in rounds if s is not None]
    result.update(
        score=estimated.value * reference,
        ratio=estimated.value,
        ratio_low=estimated.low,
        ratio_high=estimated.high,
        # Of log(ratio), so that results of two runs can be compared; JSON has no infinity.
        log_error=estimated.error if math.isfinite(estimated.error) else None,
        freedom=estimated.freedom,
        rounds=len(good),
        chunks=sum(len(s.scores) for s in good),
        code_bytes=good[0].code_bytes,
        wasm_bytes=None if cell.backend.native else artifact.bytes,
        peak_rss_bytes=max((s.peak_rss_bytes or 0 for s in good), default=0) or None,
        proof=good[0].proof,
        disturbed=estimated.disturbed,
        undisturbed_rounds=estimated.rounds,
        undisturbed_chunks=estimated.pairs,
        warmup_chunks=max(len(s.warmup_scores) for s in good),
        trend=_trend(good),
        stopped=stopped,
    )
    for phase in _PHASES:
        seconds = [x for s in good if (x := getattr(s, phase)) is not None]
        # Like a chunk, a phase is only ever slowed down by noise.
        result[phase] = min(seconds, default=None)
    return result


def _trend(samples: list[Sample]) -> str | None:
    """What most of the rounds show: still rising, falling, none; None where too few could tell."""
    found = [Trend(*s.trend) for s in samples if s.trend is not None]
    if len(found) * 2 < len(samples):
        return None
    for word, number in (
        ("rising", sum(t.rising for t in found)),
        ("falling", sum(t.falling for t in found)),
    ):
        if number * 2 > len(found):
            return word
    return "none"


def _identity(cell: Cell) -> dict[str, Any]:
    """Name and version of what ran the artifact: for native code, of the compiler."""
    if cell.backend.native:
        compiler = load_toolchain(cell.toolchain)
        return {"name": compiler.name, "version": compiler.version}
    shown = ("name", "version", "python", "packages", "programs")
    identity = msgspec.to_builtins(load_identity(cell.backend.runtime))
    return {key: identity[key] for key in shown}
