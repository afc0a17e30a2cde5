"""Samples -> the content of results.json: one judged cell each, numbers only where all is well."""

from __future__ import annotations

from typing import Any

from pipeline import host, layout, sources, stats
from pipeline.model import Cell, Status
from pipeline.plan import Plan
from pipeline.sample import Sample, artifact_of, key_of, read
from pipeline.store import read_json
from toolchain.model import NATIVE, WASM

SCHEMA = 1


def assemble(plan: Plan) -> dict[str, Any]:
    """Read every sample of the plan and judge every cell.

    A sample that is not the one that today's inputs call for is not shown: its cell is invalid.
    The same samples give the same bytes, except for "host", which is the machine that reads them.
    """
    samples = {cell.name: _samples(plan, cell) for cell in plan.cells()}
    good = [s for rounds in samples.values() for s in rounds if s is not None]
    reference_scores = [x for s in good for x in s.reference_scores]
    reference = stats.undisturbed(reference_scores) if reference_scores else None
    toolchain, variant = plan.reference_name
    return {
        "schema": SCHEMA,
        "created": max((s.measured for s in good), default=None),
        "host": host.describe(),
        "protocol": {
            "name": plan.protocol.name,
            "rounds": plan.protocol.rounds,
            **plan.protocol.settings(),
            "seed": plan.protocol.seed,
            "quantile": stats.QUANTILE,
            "confidence": stats.CONFIDENCE,
        },
        "coremark": sources.verify(),
        "toolchains": [read_json(layout.toolchain_identity(t.name)) for t in plan.toolchains],
        "reference": {"toolchain": toolchain, "variant": variant, "score": reference},
        "cells": [_cell(plan, cell, samples[cell.name], reference) for cell in plan.cells()],
    }


def _samples(plan: Plan, cell: Cell) -> list[Sample | None]:
    """The sample of each round; None for one that is missing, broken or of other inputs."""
    found: list[Sample | None] = []
    for round_ in range(1, plan.protocol.rounds + 1):
        sample = read(layout.sample(cell.name, round_))
        wanted = key_of(cell, plan.protocol, plan.reference_name, round_)
        found.append(sample if sample is not None and sample.key == wanted else None)
    return found


def _cell(plan: Plan, cell: Cell, rounds: list[Sample | None], reference: float | None) -> dict[str, Any]:
    status, reason = _judge(rounds)
    identity = read_json(layout.runtime_identity(cell.backend.runtime.name))
    result: dict[str, Any] = {
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
        "identity": _identity(cell, identity),
        "proof": None,
    }
    artifact = artifact_of(cell)
    result[f"{NATIVE if cell.backend.native else WASM}_sha256"] = artifact["sha256"]
    if status is not Status.OK or reference is None:
        return result
    good = [s for s in rounds if s is not None]
    estimate = stats.ratio([s.scores for s in good], [s.reference_scores for s in good])
    compiles = [s.compile_seconds for s in good if s.compile_seconds is not None]
    result.update(
        score=estimate.value * reference,
        ratio=estimate.value,
        ratio_low=estimate.low,
        ratio_high=estimate.high,
        rounds=len(good),
        chunks=sum(len(s.scores) for s in good),
        # Like a chunk, a compilation is only ever slowed down by noise.
        compile_seconds=min(compiles, default=None),
        code_bytes=good[0].code_bytes,
        wasm_bytes=None if cell.backend.native else artifact["bytes"],
        peak_rss_bytes=max((s.peak_rss_bytes or 0 for s in good), default=0) or None,
        proof=good[0].proof,
    )
    return result


def _identity(cell: Cell, runtime: dict[str, Any]) -> dict[str, Any]:
    """Name and version of what ran the artifact: for native code, of the compiler."""
    if cell.backend.native:
        compiler = read_json(layout.toolchain_identity(cell.toolchain))
        return {"name": compiler["name"], "version": compiler["version"]}
    return {
        "name": runtime["name"],
        "version": runtime.get("version"),
        "python": runtime.get("python"),
        "packages": runtime.get("packages", {}),
    }


def _judge(rounds: list[Sample | None]) -> tuple[Status, str | None]:
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


def _alike(rounds: list[Sample | None]) -> bool:
    return len({(s.status, s.reason) for s in rounds if s is not None}) == 1
