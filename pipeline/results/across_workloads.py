"""What several workloads together say: means over them, and which conclusions hold on more than the first.

Speeds of different programs are never compared, only ratios of two cells of one workload: to native (means),
between variants under a backend, and between backends at a variant.

The interval of a mean is for these workloads: it contains the errors of measuring and nothing else. It does
not predict a different workload: the workloads were chosen, not drawn at random. So the lowest, the highest
and the spread are given next to it.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from pipeline.results import workload_pairs
from pipeline.results.model import WorkloadResult
from pipeline.results.model_across import (
    AcrossWorkloads,
    BackendComparison,
    MeanOfWorkloads,
    MissingWorkload,
    NotCompared,
    VariantComparison,
    WorkloadRatio,
    WorkloadVerdict,
)
from pipeline.results.model_cell import CellResult
from pipeline.results.reversals import conclusions, ratio_of
from pipeline.results.workload_pairs import (
    MOST_BACKEND_PAIRS,
    MOST_VARIANTS,
    Place,
    Ratios,
    WorkloadPair,
    number_of_backend_pairs,
    number_of_variant_pairs,
)
from pipeline.stats.estimates import Estimate, geometric_mean

#: {workload: why it was not measured}
_Missing = Mapping[str, str]


def find(cells: Sequence[CellResult], workloads: Sequence[WorkloadResult]) -> AcrossWorkloads | None:
    """The section ``across_workloads`` of the ``cells`` and ``workloads`` of results.json.

    None if fewer than two workloads have an undisturbed cell; only such cells count. Each interval is at
    CONFIDENCE by itself. A mean needs two workloads. Variants are compared in their order in the matrix,
    the later relative to the earlier; backends if they have all workloads, the one with the higher mean
    relative to the other.
    """
    variants = list(dict.fromkeys(cell.variant for cell in cells))
    chosen = [workload.name for workload in workloads]
    measured, missing = _by_place(cells, chosen)
    names = [name for name in chosen if any(name in ratios for ratios in measured.values())]
    if len(names) < 2:
        return None
    ratios = {place: some for place, some in measured.items() if len(some) > 1}
    means = {place: geometric_mean(list(some.values())) for place, some in ratios.items()}
    complete = {place: means[place] for place, some in ratios.items() if len(some) == len(names)}
    pairs, few = workload_pairs.compared(ratios, workload_pairs.variant_pairs(ratios, variants))
    backends, _ = workload_pairs.compared(ratios, workload_pairs.backend_pairs(complete))
    return AcrossWorkloads(
        workloads=tuple(names),
        means=tuple(_mean(place, ratios[place], means[place], missing[place], names) for place in ratios),
        variant_comparisons=tuple(_variants(pair, names) for pair in pairs),
        backend_comparisons=tuple(_backends(pair) for pair in backends),
        conclusions=tuple(conclusions({"variants": pairs, "backends": backends}, names)),
        left_out=_left_out(
            ("workloads", len(chosen) - len(names), "without an undisturbed cell"),
            ("means", len(measured) - len(ratios), "of fewer than two workloads"),
            *_variants_left_out(ratios, len(pairs), few),
            *_backends_left_out(ratios, complete, len(backends)),
        ),
    )


_What = Literal["workloads", "means", "variant comparisons", "backend comparisons"]


def _left_out(*entries: tuple[_What, int, str]) -> tuple[NotCompared, ...]:
    return tuple(NotCompared(what=what, count=count, reason=why) for what, count, why in entries if count > 0)


def _variants_left_out(
    ratios: Mapping[Place, Ratios], compared: int, few: int
) -> Iterator[tuple[_What, int, str]]:
    yield "variant comparisons", few, "of fewer than two workloads in common"
    rest = number_of_variant_pairs(ratios) - few - compared
    why = f"of more than {MOST_VARIANTS} variants: only neighbours, and each with the first"
    yield "variant comparisons", rest, why


def _backends_left_out(
    ratios: Mapping[Place, Ratios], complete: Mapping[Place, Estimate], compared: int
) -> Iterator[tuple[_What, int, str]]:
    ranked = number_of_backend_pairs(complete)
    unranked = number_of_backend_pairs(ratios) - ranked
    yield "backend comparisons", unranked, "with a backend that lacks a workload"
    why = f"of more than {MOST_BACKEND_PAIRS} pairs: only neighbours in the order of their means"
    yield "backend comparisons", ranked - compared, why


def _by_place(
    cells: Sequence[CellResult], workloads: Sequence[str]
) -> tuple[dict[Place, Ratios], dict[Place, _Missing]]:
    """What was measured at each place, and why the rest was not."""
    by_place: dict[Place, dict[str, CellResult]] = {}
    for cell in cells:
        place = Place(cell.toolchain, cell.variant, cell.backend)
        by_place.setdefault(place, {})[cell.workload] = cell
    ratios: dict[Place, Ratios] = {}
    missing: dict[Place, _Missing] = {}
    for place, own in by_place.items():
        comparable = {name: own[name].comparable if name in own else None for name in workloads}
        ratios[place] = {name: m.estimate for name, m in comparable.items() if m is not None}
        missing[place] = {name: _why(own.get(name)) for name, m in comparable.items() if m is None}
    return ratios, missing


def _why(cell: CellResult | None) -> str:
    """Why there is no ratio that can be compared."""
    if cell is None:
        return "absent"
    return "disturbed" if cell.is_ok else cell.status.value


def _mean(
    place: Place, ratios: Ratios, whole: Estimate, missing: _Missing, workloads: Sequence[str]
) -> MeanOfWorkloads:
    rising = sorted(ratios, key=lambda name: ratios[name].value)
    lacking = tuple(
        MissingWorkload(workload=name, reason=why)  # type: ignore[arg-type]
        for name, why in missing.items()
        if name in workloads
    )
    return MeanOfWorkloads(
        **place._asdict(),
        partial=bool(lacking),
        workload_count=len(ratios),
        missing=lacking,
        **ratio_of(whole),
        geometric_sd=math.exp(statistics.stdev(math.log(e.value) for e in ratios.values())),
        lowest=WorkloadRatio(workload=rising[0], ratio=ratios[rising[0]].value),
        highest=WorkloadRatio(workload=rising[-1], ratio=ratios[rising[-1]].value),
    )


def _variants(pair: WorkloadPair, workloads: Sequence[str]) -> VariantComparison:
    return VariantComparison(
        toolchain=pair.one.toolchain,
        backend=pair.one.backend,
        variant=pair.one.variant,
        compared_with=pair.other.variant,
        partial=len(pair.each) < len(workloads),
        **ratio_of(pair.mean),
        per_workload=_per_workload(pair),
    )


def _backends(pair: WorkloadPair) -> BackendComparison:
    return BackendComparison(
        toolchain=pair.one.toolchain,
        variant=pair.one.variant,
        backend=pair.one.backend,
        compared_with=pair.other.backend,
        partial=False,
        **ratio_of(pair.mean),
        per_workload=_per_workload(pair),
    )


def _per_workload(pair: WorkloadPair) -> tuple[WorkloadVerdict, ...]:
    return tuple(
        WorkloadVerdict(
            workload=name,
            **ratio_of(verdict.difference),
            difference_bound=verdict.bound if math.isfinite(verdict.bound) else None,
            verdict=verdict.word,
        )
        for name, verdict in pair.each.items()
    )
