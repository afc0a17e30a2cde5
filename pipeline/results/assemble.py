"""Samples -> the content of results.json: one judged cell each, numbers only where all is well."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import msgspec

from pipeline.build import inputs
from pipeline.build.compilers import load_toolchain
from pipeline.core import host, paths
from pipeline.core.artifact import Artifact, load_record
from pipeline.core.files import digest_of, sha256
from pipeline.core.model import Cell, Status, Workload
from pipeline.experiment.plan import Plan
from pipeline.measure import host_records
from pipeline.measure.sample import Sample, read
from pipeline.measure.sample_key import MeasurementSpec, artifact_of, sample_key
from pipeline.measure.stopping_rule import MOST_ROUNDS, collect, estimate
from pipeline.results import across_workloads, cell_result, pareto, warnings
from pipeline.results.cell_result import Rounds
from pipeline.stats import estimates, verdicts
from pipeline.workloads import third_party, validators
from toolchain.model import NATIVE

SCHEMA = 2

#: Of more cells not all pairs are compared (a minute and more), and groups would have dozens of letters.
_MOST_GROUPED = 300


def assemble(plan: Plan) -> dict[str, Any]:
    """Read every sample of the plan and judge every cell.

    A sample that is not the one that today's inputs call for is not shown: its cell is invalid. What other
    hosts measured stands apart, as far as it lies there and is of the same artifacts.
    The same samples give the same bytes, except for "host", which is the machine that reads them.
    """
    collected = {cell.name: _samples(plan, cell) for cell in plan.cells()}
    own = _judged(plan, collected, plan.cells())
    return {
        "schema": SCHEMA,
        "created": own["created"],
        "host": msgspec.to_builtins(host.describe()),
        "protocol": {
            "name": plan.protocol.name,
            "rounds": plan.protocol.rounds,
            **plan.protocol.settings(),
            "seed": plan.protocol.seed,
            "half_width_percent": plan.protocol.half_width_percent,
            "budget_s": plan.protocol.budget_s,
            "confidence": estimates.CONFIDENCE,
        },
        "workloads": own["workloads"],
        "toolchains": [msgspec.to_builtins(load_toolchain(t.name)) for t in plan.toolchains],
        **{key: own[key] for key in ("cells", "comparisons", "warnings")},
        # All verdicts, also between cells that differ in more than one thing.
        "tradeoffs": pareto.find(own["cells"], [_comparison(v) for v in own["verdicts"]]),
        "across": across_workloads.find(own["cells"], own["workloads"]),
        "elsewhere": list(_elsewhere(plan)),
    }


def _elsewhere(plan: Plan) -> Iterator[dict[str, Any]]:
    """What each other host measured of the plan's cells."""
    for name in host_records.others():
        collected = {cell.name: _theirs(plan, cell, name) for cell in plan.cells()}
        cells = [cell for cell in plan.cells() if any(collected[cell.name][0])]
        if cells:
            judged = _judged(plan, collected, cells, name)
            shown = ("created", "workloads", "cells", "comparisons", "warnings")
            yield {
                "host": msgspec.to_builtins(host_records.describe(name)),
                **{key: judged[key] for key in shown},
            }


def _judged(
    plan: Plan,
    collected: Mapping[str, tuple[Rounds, str | None]],
    cells: Sequence[Cell],
    elsewhere: str | None = None,
) -> dict[str, Any]:
    """What the samples of one host say of cells, each workload by itself; ``elsewhere`` names another."""
    found: dict[str, Any] = {"workloads": [], "cells": [], "comparisons": [], "verdicts": []}
    for workload in dict.fromkeys(cell.workload for cell in cells):
        one = _of_workload(plan, workload, collected, [c for c in cells if c.workload == workload], elsewhere)
        for key, part in one.items():
            found[key] += part
    present = [s for cell in cells for s in collected[cell.name][0] if s is not None]
    good = [s for s in present if s.status is Status.OK]
    created = max((s.measured for s in present), default=None)
    return {**found, "created": created, "warnings": [asdict(d) for d in warnings.find(good)]}


def _of_workload(
    plan: Plan,
    workload: Workload,
    collected: Mapping[str, tuple[Rounds, str | None]],
    cells: Sequence[Cell],
    elsewhere: str | None,
) -> dict[str, Any]:
    """The cells of one workload: only these are compared, in one family of verdicts."""
    judged = {cell.name: cell_result.judge(collected[cell.name][0]) for cell in cells}
    good = [s for cell in cells for s in collected[cell.name][0] if s is not None and s.status is Status.OK]
    estimates = {
        name: estimate([s for s in collected[name][0] if s is not None])
        for name, (status, _) in judged.items()
        if status is Status.OK
    }
    small = len(estimates) <= _MOST_GROUPED
    found = verdicts.judge(estimates, None if small else _alike_but_for_one(cells, estimates))
    letters = verdicts.groups(estimates, found) if small else {}
    reference = _reference_score(good)
    shown = []
    for cell in cells:
        rounds, stopped = collected[cell.name]
        one = cell_result.describe(
            cell, rounds, judged[cell.name], estimates.get(cell.name), reference, stopped
        )
        if elsewhere is not None:
            # Which packages they had is not known here, but what proved itself is in the samples.
            version = next((s.version for s in rounds if s is not None), None)
            one["identity"] = {"name": one["identity"]["name"], "version": version}
        shown.append({**one, "group": letters.get(cell.name)})
    return {
        "workloads": [_described(plan, workload, reference)],
        "cells": shown,
        "comparisons": _comparisons(cells, found),
        "verdicts": found,
    }


def _described(plan: Plan, workload: Workload, score: float | None) -> dict[str, Any]:
    """A workload in results.json; ``score`` is its native reference's, in its unit."""
    toolchain, variant = plan.reference_name
    judge = validators.judge_of(workload)
    party = workload.third_party
    return {
        "name": workload.name,
        "title": workload.title,
        "stresses": workload.stresses,
        "unit": "iterations/s" if judge.iterates else "runs/s",
        "proof": judge.proof,
        "time": judge.time,
        "note": workload.note,
        "revision": third_party.verify(party)["commit"] if party is not None else None,
        "sources_sha256": digest_of({path: sha256(path) for path in inputs.sources(workload)}),
        "reference": {
            "toolchain": toolchain,
            "variant": variant,
            "score": score,
            "sha256": load_record(Artifact(workload.name, toolchain, variant, NATIVE)).sha256,
        },
    }


def _samples(plan: Plan, cell: Cell) -> tuple[Rounds, str | None]:
    """The sample of each round, None for one that is missing, broken or of other inputs; why no more."""
    inputs = MeasurementSpec(cell, plan.protocol, plan.reference_name).read_inputs()

    def sample(round_: int) -> Sample | None:
        found = read(paths.sample(cell.name, round_))
        return found if found is not None and found.key == inputs.key(round_) else None

    return collect(plan.protocol, sample)


def _theirs(plan: Plan, cell: Cell, name: str) -> tuple[Rounds, str | None]:
    """The samples that another host left, as far as they are of today's artifact and of one kind.

    What else decided them (its runtimes' packages, its Python) cannot be known here.
    """
    digest = load_record(artifact_of(cell)).sha256
    rounds: Rounds = []
    for round_ in range(1, MOST_ROUNDS + 1):
        found = read(paths.sample(cell.name, round_, name))
        if found is None or found.artifact_sha256 != digest or found.key != sample_key(found.inputs, round_):
            break
        # Further rounds may be left from before an upgrade there.
        if rounds and rounds[0] is not None and found.inputs != rounds[0].inputs:
            break
        rounds.append(found)
    return rounds, None


def _reference_score(samples: list[Sample]) -> float | None:
    """The reference's speed in the undisturbed pairs of all cells, iterations/s."""
    if not samples:
        return None
    scores = [s.reference_scores[i] for s in samples for i in s.steady()]
    return statistics.median(scores or [x for s in samples for x in s.reference_scores])


def _alike_but_for_one(cells: Sequence[Cell], names: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs of cells that differ in one thing only: toolchain, variant, or backend."""
    parts = {c.name: (c.toolchain, c.variant.name, c.backend.name) for c in cells}
    groups: dict[tuple[object, ...], list[str]] = {}
    for name in names:
        for left in range(3):
            rest = (left, *(part for i, part in enumerate(parts[name]) if i != left))
            groups.setdefault(rest, []).append(name)
    return [pair for group in groups.values() for pair in itertools.combinations(group, 2)]


def _comparisons(cells: Sequence[Cell], found: list[verdicts.Verdict]) -> list[dict[str, Any]]:
    """The verdicts on cells that differ in one thing only."""
    names = dict.fromkeys(name for v in found for name in (v.one, v.other))
    shown = set(_alike_but_for_one(cells, names))
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
