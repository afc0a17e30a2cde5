"""Views of results: per workload, units and speeds in words, orders of cells, cells without a number."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Literal, TypeVar

from msgspec import structs

from pipeline.core.model import ONLY_MODULE, PREBUILT
from pipeline.results.model import Comparison, HostResults, Results, WorkloadResult
from pipeline.results.model_cell import CellResult, Measurement, PrebuiltModule
from toolchain.model import NATIVE

H = TypeVar("H", bound=HostResults)


#: Of more workloads than this only the first few speeds are listed.
_MOST_SPEEDS, _FEW_SPEEDS = 8, 3


def measured(cells: Iterable[CellResult]) -> list[tuple[CellResult, Measurement]]:
    """The cells that have a measurement, each with it."""
    return [(cell, cell.measurement) for cell in cells if cell.measurement is not None]


def doubts(cells: Iterable[CellResult]) -> list[str]:
    """Why some cells cannot be compared ("?"), in words, each reason once."""
    return list(dict.fromkeys(numbers.doubt for _, numbers in measured(cells) if numbers.doubt))


def by_workload(results: H) -> list[H]:
    """The same results once for each workload, without those of the others."""
    parts: list[H] = []
    for workload in results.workloads:
        cells = tuple(cell for cell in results.cells if cell.workload == workload.name)
        labels = {cell.label for cell in cells}
        part = structs.replace(
            results,
            workloads=(workload,),
            cells=cells,
            comparisons=tuple(v for v in results.comparisons if v.cell in labels),
        )
        if isinstance(part, Results):
            part = structs.replace(part, pareto_fronts=part.pareto_fronts.of_workload(workload.name))
        parts.append(part)
    return parts


def unit(workloads: Sequence[WorkloadResult]) -> str:
    """The unit of the speeds of several workloads in one place."""
    units = {workload.unit for workload in workloads}
    return units.pop() if len(units) == 1 else "per second"


def speed_text(value: float) -> str:
    """A speed in its unit: a whole number, or three digits of a small one."""
    return f"{value:.0f}" if value >= 99.95 else f"{value:.3g}"


def steady_text(numbers: Measurement) -> str:
    """For how many seconds a cell ran until its speed was steady; "" where its runtime compiles before."""
    if numbers.warmup_seconds is None:
        return ""
    return f"{numbers.warmup_seconds:.1f}" if numbers.settled else f"not within {numbers.warmup_seconds:.1f}"


def native_speeds(workloads: Iterable[WorkloadResult]) -> str:
    """The undisturbed speeds of the native references; each with its workload's name if there are several.

    "" where none was measured.
    """
    speeds = [
        (workload.name, f"{speed_text(workload.reference.score)} {workload.unit}")
        for workload in workloads
        if workload.reference.score is not None
    ]
    if len(speeds) == 1:
        return speeds[0][1]
    more = f" and {len(speeds) - _FEW_SPEEDS} more" if len(speeds) > _MOST_SPEEDS else ""
    listed = speeds[:_FEW_SPEEDS] if more else speeds
    return ", ".join(f"{name} {at}" for name, at in listed) + more


def native_name(workloads: Sequence[WorkloadResult]) -> str:
    """What ratios are relative to: how the native reference is built, "zig O3", which is the same for all.

    Of workloads without a native form: "v8.turbofan, zig O3".
    """
    return "; ".join(dict.fromkeys(map(_reference_name, workloads)))


def _reference_name(workload: WorkloadResult) -> str:
    backend = "" if workload.ratio_to == NATIVE else f"{workload.ratio_to}, "
    return f"{backend}{workload.reference.toolchain} {workload.reference.variant}"


def ratio_to(workloads: Iterable[WorkloadResult]) -> str:
    """What the ratios of these workloads are relative to: "native", or names of backends."""
    return " or ".join(dict.fromkeys(workload.ratio_to for workload in workloads))


def program_name(cell: CellResult) -> str:
    """What a reader calls the program that a cell runs: its workload, or a module that claims to be that."""
    return cell.variant if cell.toolchain == PREBUILT and cell.variant != ONLY_MODULE else cell.workload


def prebuilt_modules(results: HostResults) -> list[tuple[str, CellResult, PrebuiltModule]]:
    """(name, cell, module) of each prebuilt module, as validated by a cell if any validated it."""
    found: dict[tuple[str, str], tuple[str, CellResult, PrebuiltModule]] = {}
    for cell in results.cells:
        if cell.prebuilt is not None:
            place = cell.workload, cell.variant
            if place not in found or (found[place][2].validated is None and cell.prebuilt.validated):
                found[place] = program_name(cell), cell, cell.prebuilt
    return list(found.values())


def verdicts_of(results: HostResults) -> dict[frozenset[str], Comparison]:
    """{the labels of two cells: their comparison}"""
    return {frozenset((v.cell, v.compared_with)): v for v in results.comparisons}


_SIGNS = {"faster": ">", "slower": ">", "same within": "=", "undecided": "~"}
_PLACES: tuple[Literal["toolchain", "variant", "backend"], ...] = ("toolchain", "variant", "backend")


def orders(results: HostResults) -> list[tuple[str, str]]:
    """(what is the same, cells that differ in one thing, fastest first, with the verdicts between them).

    Never of several workloads; if there are several, the first part names the workload. Cells that were
    disturbed stand at the end, in no order.
    """
    several = len(results.workloads) > 1
    return [
        (f"{part.workloads[0].name}, {same}" if several else same, chain)
        for part in by_workload(results)
        for same, chain in _orders(part)
    ]


def _orders(part: HostResults) -> list[tuple[str, str]]:
    verdicts = verdicts_of(part)
    found = []
    for place in _PLACES:
        groups: dict[tuple[str, ...], list[tuple[CellResult, Measurement]]] = {}
        for cell, numbers in measured(part.cells):
            names = tuple(getattr(cell, p) for p in _PLACES if p != place)
            groups.setdefault(names, []).append((cell, numbers))
        for names, group in groups.items():
            sure = sorted(
                (entry for entry in group if not entry[1].disturbed), key=lambda entry: -entry[1].ratio
            )
            if len(sure) < 2:
                continue
            chain: str = getattr(sure[0][0], place)
            for (one, _), (other, _) in itertools.pairwise(sure):
                verdict = verdicts[frozenset((one.label, other.label))]
                chain += f" {_SIGNS[verdict.verdict]} {getattr(other, place)}"
            chain += "".join(f", {getattr(cell, place)} ?" for cell, m in group if m.disturbed)
            found.append((", ".join(names), chain))
    return found
