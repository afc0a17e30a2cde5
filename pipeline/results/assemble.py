"""Samples -> the content of results.json: the result of each cell, numbers only for cells that are ok."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from pipeline.build.compilers import load_toolchain
from pipeline.core import host, paths
from pipeline.core.artifact import load_record
from pipeline.core.model import Cell
from pipeline.experiment.plan import Plan
from pipeline.measure import host_records
from pipeline.measure.sample import Sample, read
from pipeline.measure.sample_key import MeasurementSpec, artifact_of, sample_key
from pipeline.measure.stopping_rule import MOST_ROUNDS, collect
from pipeline.results import across_workloads, pareto
from pipeline.results.cell_result import Rounds
from pipeline.results.model import (
    HostRecord,
    OtherHost,
    Preliminary,
    ProtocolRecord,
    Results,
    ToolchainResult,
    WorkloadResult,
)
from pipeline.results.model_across import AcrossWorkloads
from pipeline.results.model_cell import CellIdentity, CellResult
from pipeline.results.problems import build_warnings, same_code, warnings
from pipeline.results.workload_cells import by_workload, comparison, ended_well, shown
from pipeline.stats import estimates
from toolchain.model import NATIVE


def assemble(plan: Plan, *, preliminary: bool = False) -> Results:
    """Read every sample of the plan and derive the result of every cell.

    ``preliminary``: of the rounds that there are, while a run goes on.

    A sample that does not belong to the current inputs is not used: its cell is invalid. Samples from other
    hosts are reported separately, if they belong to the same artifacts. The same samples give the same
    bytes, except for "host", which is the machine that reads them.
    """
    collected = {cell.name: _samples(plan, cell) for cell in plan.cells()}
    unfinished = None
    if preliminary:
        unfinished = _unfinished(collected.values())
        collected = {
            name: Rounds(list(rounds.present), rounds.stop_reason) for name, rounds in collected.items()
        }
    parts = by_workload(plan, collected, plan.cells())
    cells, workloads = [c for part in parts for c in part.cells], tuple(part.workload for part in parts)
    return Results(
        created=_created(collected.values()),
        host=_host(host.describe()),
        protocol=msgspec.convert(
            {**plan.protocol.recorded(), "confidence": estimates.CONFIDENCE}, ProtocolRecord
        ),
        preliminary=unfinished,
        workloads=workloads,
        toolchains=tuple(
            msgspec.convert(load_toolchain(t.name), ToolchainResult, from_attributes=True)
            for t in plan.toolchains
        ),
        cells=tuple(cells),
        comparisons=shown(parts),
        findings=(),
        warnings=(
            *warnings.find_warnings(ended_well(collected.values())),
            *build_warnings.find(plan.cells()),
            *same_code.find(ended_well(collected.values())),
        ),
        pareto_fronts=pareto.find_fronts(
            cells, [comparison(v) for part in parts for v in part.front_verdicts]
        ),
        across_workloads=_across(cells, workloads),
        other_hosts=tuple(_other_hosts(plan)),
    )


def _unfinished(collected: Iterable[Rounds]) -> Preliminary | None:
    """What is missing, where a cell has fewer rounds than it will get."""
    some = list(collected)
    missing = [rounds for rounds in some if rounds.stop_reason is None]
    if not missing:
        return None
    return Preliminary(rounds=max(1, min(len(rounds.present) for rounds in some)), cells=len(missing))


def _across(cells: Sequence[CellResult], workloads: Sequence[WorkloadResult]) -> AcrossWorkloads | None:
    """What the workloads say together: those with a native form, because means contain ratios to native."""
    native = [workload for workload in workloads if workload.ratio_to == NATIVE]
    names = {workload.name for workload in native}
    return across_workloads.compare_workloads([cell for cell in cells if cell.workload in names], native)


def _other_hosts(plan: Plan) -> Iterator[OtherHost]:
    """What each other host measured of the plan's cells."""
    for name in host_records.others():
        collected = {cell.name: _samples_of_host(cell, name) for cell in plan.cells()}
        cells = [cell for cell in plan.cells() if collected[cell.name].present]
        if cells:
            parts = by_workload(plan, collected, cells)
            yield OtherHost(
                host=_host(host_records.describe(name)),
                created=_created(collected.values()),
                workloads=tuple(part.workload for part in parts),
                cells=tuple(
                    _without_packages(cell, collected[cell.label]) for part in parts for cell in part.cells
                ),
                comparisons=shown(parts),
                warnings=tuple(warnings.find_warnings(ended_well(collected.values()))),
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
