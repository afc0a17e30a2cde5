"""Samples -> the content of results.json: the result of each cell, numbers only for cells that are ok."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import msgspec

from pipeline.build import artifact_inputs
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
from pipeline.results import across_workloads, build_warnings, cell_result, pareto, plausible, warnings
from pipeline.results.cell_result import Rounds
from pipeline.results.model import (
    Comparison,
    HostRecord,
    OtherHost,
    ProtocolRecord,
    ReferenceResult,
    Results,
    ToolchainResult,
    WorkloadResult,
)
from pipeline.results.model_cell import CellIdentity, CellResult
from pipeline.stats import estimates, verdicts
from pipeline.stats.verdicts import Verdict
from pipeline.workloads import third_party, validators
from toolchain.model import NATIVE

#: Of more cells not all pairs are compared (a minute and more), and groups would have dozens of letters.
_MOST_GROUPED = 300

#: {cell: its rounds on one host}
_Collected = Mapping[str, Rounds]


@dataclass(frozen=True)
class _OfWorkload:
    """What the samples of one host give for one workload: only its cells are compared with each other."""

    workload: WorkloadResult
    cells: list[CellResult]
    verdicts: list[Verdict]


def assemble(plan: Plan) -> Results:
    """Read every sample of the plan and derive the result of every cell.

    A sample that does not belong to the current inputs is not used: its cell is invalid. Samples from other
    hosts are reported separately, if they belong to the same artifacts. The same samples give the same
    bytes, except for "host", which is the machine that reads them.
    """
    collected = {cell.name: _samples(plan, cell) for cell in plan.cells()}
    parts = _by_workload(plan, collected, plan.cells())
    cells, workloads = [c for part in parts for c in part.cells], tuple(part.workload for part in parts)
    return Results(
        created=_created(collected.values()),
        host=_host(host.describe()),
        protocol=msgspec.convert(
            {**asdict(plan.protocol), "confidence": estimates.CONFIDENCE}, ProtocolRecord
        ),
        workloads=workloads,
        toolchains=tuple(
            msgspec.convert(load_toolchain(t.name), ToolchainResult, from_attributes=True)
            for t in plan.toolchains
        ),
        cells=tuple(cells),
        comparisons=_shown(parts),
        warnings=(*warnings.find_warnings(_ok(collected.values())), *build_warnings.find(plan.cells())),
        # All verdicts, also between cells that differ in more than one thing.
        pareto_fronts=pareto.find_fronts(cells, [_comparison(v) for part in parts for v in part.verdicts]),
        across_workloads=across_workloads.compare_workloads(cells, workloads),
        other_hosts=tuple(_other_hosts(plan)),
    )


def _other_hosts(plan: Plan) -> Iterator[OtherHost]:
    """What each other host measured of the plan's cells."""
    for name in host_records.others():
        collected = {cell.name: _samples_of_host(cell, name) for cell in plan.cells()}
        cells = [cell for cell in plan.cells() if collected[cell.name].present]
        if cells:
            parts = _by_workload(plan, collected, cells)
            yield OtherHost(
                host=_host(host_records.describe(name)),
                created=_created(collected.values()),
                workloads=tuple(part.workload for part in parts),
                cells=tuple(
                    _without_packages(cell, collected[cell.label]) for part in parts for cell in part.cells
                ),
                comparisons=_shown(parts),
                warnings=tuple(warnings.find_warnings(_ok(collected.values()))),
            )


def _host(machine: host.Host) -> HostRecord:
    return msgspec.convert(machine, HostRecord, from_attributes=True)


def _without_packages(cell: CellResult, rounds: Rounds) -> CellResult:
    """The packages of the other host are not known here, but its samples hold the runtime's version."""
    version = next((sample.version for sample in rounds.present), None)
    identity = CellIdentity(name=cell.identity.name, version=version)
    return msgspec.structs.replace(cell, identity=identity)


def _created(collected: Iterable[Rounds]) -> str | None:
    return max((s.measured for rounds in collected for s in rounds.present), default=None)


def _ok(collected: Iterable[Rounds]) -> list[Sample]:
    return [s for rounds in collected for s in rounds.present if s.status is Status.OK]


def _by_workload(plan: Plan, collected: _Collected, cells: Sequence[Cell]) -> list[_OfWorkload]:
    return [
        _of_workload(plan, workload, collected, [cell for cell in cells if cell.workload == workload])
        for workload in dict.fromkeys(cell.workload for cell in cells)
    ]


def _of_workload(plan: Plan, workload: Workload, collected: _Collected, cells: Sequence[Cell]) -> _OfWorkload:
    statuses = {cell.name: cell_result.status_of(collected[cell.name]) for cell in cells}
    ratios = {
        name: estimate(collected[name].present)
        for name, (status, _) in statuses.items()
        if status is Status.OK
    }
    for cell in [cell for cell in cells if cell.name in ratios]:
        if why := plausible.doubt(cell, ratios, collected[cell.name].present, plan.reference[1]):
            statuses[cell.name] = Status.INVALID, why
    ratios = {name: found for name, found in ratios.items() if statuses[name][0] is Status.OK}
    small = len(ratios) <= _MOST_GROUPED
    judged = verdicts.compare_all(ratios, None if small else _differing_in_one_thing(cells, ratios))
    letters = verdicts.groups(ratios, judged) if small else {}
    reference = _reference_score(_ok(collected[cell.name] for cell in cells))
    results = []
    for cell in cells:
        rounds = collected[cell.name]
        measurement = None
        if cell.name in ratios and reference is not None:
            measurement = cell_result.measured(
                cell, rounds, ratios[cell.name], reference, letters.get(cell.name)
            )
        results.append(cell_result.describe(cell, rounds, statuses[cell.name], measurement))
    return _OfWorkload(_workload(plan, workload, reference), results, judged)


def _workload(plan: Plan, workload: Workload, score: float | None) -> WorkloadResult:
    """A workload in results.json; ``score`` is the speed of its native reference, in its unit."""
    toolchain, variant = plan.reference_name
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
            toolchain=toolchain,
            variant=variant,
            score=score,
            sha256=load_record(Artifact(workload.name, toolchain, variant, NATIVE)).sha256,
        ),
    )


def _samples(plan: Plan, cell: Cell) -> Rounds:
    """The sample of each round, None if it is missing, broken or does not belong to the current inputs."""
    inputs = MeasurementSpec(cell, plan.protocol, plan.reference_name).read_inputs()

    def sample(round_: int) -> Sample | None:
        found = read(paths.sample(cell.name, round_))
        return found if found is not None and found.key == inputs.key(round_) else None

    return Rounds(*collect(plan.protocol, sample))


def _samples_of_host(cell: Cell, name: str) -> Rounds:
    """The samples from a different host, as far as they belong to the current artifact and to one set.

    Their other inputs (packages of its runtimes, its Python) cannot be known here.
    """
    digest = load_record(artifact_of(cell)).sha256
    rounds: list[Sample | None] = []
    for round_ in range(1, MOST_ROUNDS + 1):
        found = read(paths.sample(cell.name, round_, name))
        if found is None or found.artifact_sha256 != digest or found.key != sample_key(found.inputs, round_):
            break
        # Further rounds may remain from before an upgrade on that host.
        if rounds and rounds[0] is not None and found.inputs != rounds[0].inputs:
            break
        rounds.append(found)
    return Rounds(rounds, None)


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


def _shown(parts: Iterable[_OfWorkload]) -> tuple[Comparison, ...]:
    """The verdicts on cells that differ in one thing only."""
    return tuple(
        _comparison(v)
        for part in parts
        for v in part.verdicts
        if sum(a != b for a, b in zip(v.one.split("/"), v.other.split("/"), strict=True)) == 1
    )


def _comparison(v: Verdict) -> Comparison:
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
