"""Samples -> the content of results.json: one judged cell each, numbers only where all is well."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from pipeline import disturbances, host, layout, sources, stats, tradeoffs, verdicts
from pipeline.build import artifact_record
from pipeline.model import Cell, Status
from pipeline.plan import Plan
from pipeline.precision import collect, estimate
from pipeline.sample import Sample, artifact_of, cell_key, key_of, read
from pipeline.stats import Estimate
from pipeline.store import read_json
from pipeline.trend import Trend
from toolchain.model import NATIVE, WASM

SCHEMA = 1

_PHASES = (
    "start_seconds",
    "runtime_seconds",
    "compile_seconds",
    "instantiate_seconds",
    "first_run_seconds",
)

Rounds = list[Sample | None]

#: Of more cells not all pairs are compared (a minute and more), and groups would have dozens of letters.
_MOST_GROUPED = 300


def assemble(plan: Plan) -> dict[str, Any]:
    """Read every sample of the plan and judge every cell.

    A sample that is not the one that today's inputs call for is not shown: its cell is invalid.
    The same samples give the same bytes, except for "host", which is the machine that reads them.
    """
    collected = {cell.name: _samples(plan, cell) for cell in plan.cells()}
    judged = {name: _judge(rounds) for name, (rounds, _) in collected.items()}
    present = [s for rounds, _ in collected.values() for s in rounds if s is not None]
    good = [s for s in present if s.status is Status.OK]
    estimates = {
        name: estimate([s for s in collected[name][0] if s is not None])
        for name, (status, _) in judged.items()
        if status is Status.OK
    }
    small = len(estimates) <= _MOST_GROUPED
    found = verdicts.judge(estimates, None if small else _alike_but_for_one(plan, estimates))
    letters = verdicts.groups(estimates, found) if small else {}
    reference = _reference_score(good)
    toolchain, variant = plan.reference_name
    cells = []
    for cell in plan.cells():
        rounds, stopped = collected[cell.name]
        shown = _cell(cell, rounds, judged[cell.name], estimates.get(cell.name), reference, stopped)
        cells.append({**shown, "group": letters.get(cell.name)})
    return {
        "schema": SCHEMA,
        "created": max((s.measured for s in present), default=None),
        "host": host.describe(),
        "protocol": {
            "name": plan.protocol.name,
            "rounds": plan.protocol.rounds,
            **plan.protocol.settings(),
            "seed": plan.protocol.seed,
            "half_width_percent": plan.protocol.half_width_percent,
            "budget_s": plan.protocol.budget_s,
            "confidence": stats.CONFIDENCE,
        },
        "coremark": sources.verify(),
        "toolchains": [read_json(layout.toolchain_identity(t.name)) for t in plan.toolchains],
        "reference": {
            "toolchain": toolchain,
            "variant": variant,
            "score": reference,
            "sha256": read_json(artifact_record(toolchain, variant, NATIVE))["sha256"],
        },
        "cells": cells,
        "comparisons": _comparisons(plan, found),
        "warnings": [asdict(d) for d in disturbances.find(good)],
        # All verdicts, also between cells that differ in more than one thing.
        "tradeoffs": tradeoffs.find(cells, [_comparison(v) for v in found]),
    }


def _samples(plan: Plan, cell: Cell) -> tuple[Rounds, str | None]:
    """The sample of each round, None for one that is missing, broken or of other inputs; why no more."""
    inputs = cell_key(cell, plan.protocol, plan.reference_name)

    def sample(round_: int) -> Sample | None:
        found = read(layout.sample(cell.name, round_))
        return found if found is not None and found.key == key_of(inputs, round_) else None

    return collect(plan.protocol, sample)


def _reference_score(samples: list[Sample]) -> float | None:
    """The reference's speed in the undisturbed pairs of all cells, iterations/s."""
    if not samples:
        return None
    scores = [s.reference_scores[i] for s in samples for i in s.steady()]
    return statistics.median(scores or [x for s in samples for x in s.reference_scores])


def _cell(
    cell: Cell,
    rounds: Rounds,
    judged: tuple[Status, str | None],
    estimated: Estimate | None,
    reference: float | None,
    stopped: str | None,
) -> dict[str, Any]:
    status, reason = judged
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
    artifact = artifact_of(cell)
    if "interface" in artifact:
        told = [s.validated for s in rounds if s is not None and s.status is Status.OK]
        result["prebuilt"] = {
            "file": artifact["file"],
            "interface": artifact["interface"],
            "validated": told[0] if told else None,
        }
    result[f"{NATIVE if cell.backend.native else WASM}_sha256"] = artifact["sha256"]
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
        wasm_bytes=None if cell.backend.native else artifact["bytes"],
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


def _alike_but_for_one(plan: Plan, names: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs of cells that differ in one thing only: toolchain, variant, or backend."""
    parts = {c.name: (c.toolchain, c.variant.name, c.backend.name) for c in plan.cells()}
    groups: dict[tuple[object, ...], list[str]] = {}
    for name in names:
        for left in range(3):
            rest = (left, *(part for i, part in enumerate(parts[name]) if i != left))
            groups.setdefault(rest, []).append(name)
    return [pair for group in groups.values() for pair in itertools.combinations(group, 2)]


def _comparisons(plan: Plan, found: list[verdicts.Verdict]) -> list[dict[str, Any]]:
    """The verdicts on cells that differ in one thing only."""
    names = dict.fromkeys(name for v in found for name in (v.one, v.other))
    shown = set(_alike_but_for_one(plan, names))
    return [_comparison(v) for v in found if (v.one, v.other) in shown]


def _comparison(v: verdicts.Verdict) -> dict[str, Any]:
    return {
        "one": v.one,
        "other": v.other,
        "ratio": v.difference.value,
        "ratio_low": v.difference.low,
        "ratio_high": v.difference.high,
        "p": v.difference.p,
        "p_adjusted": v.p_adjusted,
        "within": v.bound if math.isfinite(v.bound) else None,
        "verdict": v.word,
    }


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
        "programs": runtime.get("programs", {}),
    }


def _judge(rounds: Rounds) -> tuple[Status, str | None]:
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
