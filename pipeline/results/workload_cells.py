"""The cells of one workload, judged and compared: only these are compared with each other."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pipeline.build import artifact_inputs
from pipeline.core.artifact import load_record, reference_of
from pipeline.core.files import digest_of, sha256
from pipeline.core.model import Cell, Status, Workload
from pipeline.experiment.plan import Plan
from pipeline.measure import stopping_rule
from pipeline.measure.sample import Sample
from pipeline.measure.sample_key import artifact_of
from pipeline.results import cell_result, plausible, ratios_to_backend
from pipeline.results.blame import without_native
from pipeline.results.blame.statuses import judged_statuses
from pipeline.results.cell_result import Rounds
from pipeline.results.model import Comparison, ReferenceResult, WorkloadResult
from pipeline.results.model_cell import CellResult
from pipeline.stats import verdicts
from pipeline.stats.estimates import Estimate
from pipeline.stats.verdicts import Verdict
from pipeline.workloads import third_party, validators
from toolchain.model import NATIVE

#: Of more cells a front knows only the verdicts on cells that differ in one thing: all pairs take a minute.
_MOST_FOR_FRONTS = 300
#: In place of the backend that ratios are relative to, where none was measured.
_NO_BASE = "none"

#: {cell: its rounds on one host}
Collected = Mapping[str, Rounds]


@dataclass(frozen=True)
class OfWorkload:
    """What the samples of one host give for one workload: only its cells are compared with each other."""

    workload: WorkloadResult
    cells: list[CellResult]
    #: On cells that differ in one thing: what a user compares. All of them are right together.
    verdicts: list[Verdict]
    #: For its Pareto fronts, which need every pair: a family of its own.
    front_verdicts: list[Verdict]


def by_workload(plan: Plan, collected: Collected, cells: Sequence[Cell]) -> list[OfWorkload]:
    """The cells of each workload."""
    return [
        _of_workload(plan, workload, collected, [cell for cell in cells if cell.workload == workload])
        for workload in dict.fromkeys(cell.workload for cell in cells)
    ]


def ended_well(collected: Iterable[Rounds]) -> list[Sample]:
    """The samples whose rounds did."""
    return [s for rounds in collected for s in rounds.present if s.status is Status.OK]


def _of_workload(plan: Plan, workload: Workload, collected: Collected, cells: Sequence[Cell]) -> OfWorkload:
    statuses = judged_statuses(cells, collected)
    ratios = {
        name: stopping_rule.careful_estimate(plan.protocol, collected[name].present)
        for name, (status, _) in statuses.items()
        if status is Status.OK
    }
    doubts = _doubts(plan, workload, collected, cells, ratios)
    statuses.update((name, (Status.INVALID, why)) for name, why in doubts.items())
    ratios = {name: found for name, found in ratios.items() if name not in doubts}
    judged = verdicts.compare_all(ratios, _differing_in_one_thing(cells, ratios))
    ranks = _ranks(cells, ratios, judged)
    reference = _reference_score(ended_well(collected[cell.name] for cell in cells))
    base = None if workload.native else ratios_to_backend.baseline(plan, cells, ratios)
    relative = ratios if base is None else ratios_to_backend.relative(ratios, base.name)
    results = []
    for cell in cells:
        rounds = collected[cell.name]
        measurement = None
        if cell.name in ratios and reference is not None:
            score = ratios[cell.name].value * reference
            # Relative to a disturbed cell every one is.
            rank = None if relative[cell.name].disturbed else ranks.get(cell.name)
            measurement = cell_result.measured(cell, rounds, relative[cell.name], score, rank)
        results.append(cell_result.describe(cell, rounds, statuses[cell.name], measurement))
    if base is not None and reference is not None:
        reference *= ratios[base.name].value
    every = verdicts.compare_all(ratios) if len(ratios) <= _MOST_FOR_FRONTS else judged
    return OfWorkload(_workload(plan, workload, base, reference), results, judged, every)


def _ranks(
    cells: Sequence[Cell], ratios: Mapping[str, Estimate], judged: Sequence[Verdict]
) -> dict[str, tuple[int, int]]:
    """{cell: its best and worst place} among the backends that run the same module; not of native code."""
    modules: dict[tuple[str, str], dict[str, Estimate]] = {}
    for cell in cells:
        if cell.name in ratios and not cell.backend.native:
            modules.setdefault((cell.toolchain, cell.variant.name), {})[cell.name] = ratios[cell.name]
    found: dict[str, tuple[int, int]] = {}
    for some in modules.values():
        ranks = verdicts.ranks(some, judged)
        # A single one has no rank.
        found |= ranks if len(ranks) > 1 else {}
    return found


def _doubts(
    plan: Plan,
    workload: Workload,
    collected: Collected,
    cells: Sequence[Cell],
    ratios: Mapping[str, Estimate],
) -> dict[str, str]:
    """{cell: why its number is not shown}, of cells that ended well."""
    if not workload.native:
        return without_native.disagreements(cells, collected)
    doubts = {
        cell.name: plausible.doubt(cell, ratios, collected[cell.name].present, plan.reference[1])
        for cell in cells
        if cell.name in ratios
    }
    return {name: why for name, why in doubts.items() if why is not None}


def _workload(plan: Plan, workload: Workload, base: Cell | None, score: float | None) -> WorkloadResult:
    """A workload in results.json.

    ``score`` is the speed of what its ratios are relative to, in its unit: of the cell ``base``, or of its
    native reference.
    """
    artifact = reference_of(workload, plan.reference_name) if base is None else artifact_of(base)
    validator = validators.validator_of(workload)
    party = workload.third_party
    return WorkloadResult(
        name=workload.name,
        title=workload.title,
        stresses=workload.stresses,
        unit="iterations/s" if validator.iterates else "runs/s",
        validation=validator.proof,
        time_source=validator.time,
        note=workload.note,
        revision=third_party.verify(party)["commit"] if party is not None else None,
        sources_sha256=digest_of({path: sha256(path) for path in artifact_inputs.sources(workload)}),
        reference=ReferenceResult(
            toolchain=artifact.toolchain,
            variant=artifact.variant,
            score=score,
            sha256=load_record(artifact).sha256 if workload.native or base is not None else None,
        ),
        ratio_to=NATIVE if workload.native else base.backend.name if base is not None else _NO_BASE,
    )


def _reference_score(samples: list[Sample]) -> float | None:
    """The reference's speed in the undisturbed pairs of all cells, iterations/s."""
    if not samples:
        return None
    scores = [s.reference_scores[i] for s in samples for i in s.steady()]
    return statistics.median(scores or [x for s in samples for x in s.reference_scores])


def _differing_in_one_thing(cells: Sequence[Cell], names: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs of cells that differ in one thing only: toolchain, variant, or backend."""
    parts = {c.name: (c.toolchain, c.variant.name, c.backend.name) for c in cells}
    groups: dict[tuple[object, ...], list[str]] = {}
    for name in names:
        for left in range(3):
            rest = (left, *(part for i, part in enumerate(parts[name]) if i != left))
            groups.setdefault(rest, []).append(name)
    return [pair for group in groups.values() for pair in itertools.combinations(group, 2)]


def comparison(v: Verdict) -> Comparison:
    return Comparison(
        cell=v.one,
        compared_with=v.other,
        ratio=v.difference.value,
        ratio_low=v.difference.low,
        ratio_high=v.difference.high,
        p=v.difference.p,
        p_adjusted=v.p_adjusted,
        difference_bound=v.bound if math.isfinite(v.bound) else None,
        verdict=v.word,
    )


def shown(parts: Iterable[OfWorkload]) -> tuple[Comparison, ...]:
    """The verdicts on cells that differ in one thing only."""
    return tuple(comparison(v) for part in parts for v in part.verdicts)
