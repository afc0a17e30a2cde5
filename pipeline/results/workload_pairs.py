"""Pairs of cells that differ in one thing, over several workloads: estimates in, verdicts out. No I/O."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import NamedTuple

from pipeline.stats import estimates, verdicts
from pipeline.stats.estimates import Difference, Estimate
from pipeline.stats.verdicts import Verdict

#: Of more variants each is compared with its neighbours and with the first one only.
MOST_VARIANTS = 6
#: Of more pairs of backends only neighbours in the order of their means are compared.
MOST_BACKEND_PAIRS = 1500


class Place(NamedTuple):
    """What a cell is on every workload."""

    toolchain: str
    variant: str
    backend: str


#: {workload: its undisturbed ratio to native}, in the order of the workloads.
Ratios = Mapping[str, Estimate]


@dataclass(frozen=True)
class WorkloadPair:
    """One place relative to a second one: the mean over the workloads that both have, and each of these."""

    one: Place
    other: Place
    mean: Difference
    each: dict[str, Verdict]  # right all together


def compared(
    ratios: Mapping[Place, Ratios], places: Iterable[tuple[Place, Place]]
) -> tuple[list[WorkloadPair], int]:
    """The pairs, and how many could not be compared: they have fewer than two workloads in common."""
    pairs = []
    few = 0
    for one, other in places:
        shared = [name for name in ratios[one] if name in ratios[other]]
        if len(shared) < 2:
            few += 1
            continue
        sides = [{name: ratios[place][name] for name in shared} for place in (one, other)]
        cells = {f"{name}/{at}": side[name] for at, side in enumerate(sides) for name in shared}
        judged = verdicts.compare_all(cells, [(f"{name}/0", f"{name}/1") for name in shared])
        whole = estimates.compare(*(estimates.geometric_mean(list(side.values())) for side in sides))
        pairs.append(WorkloadPair(one, other, whole, dict(zip(shared, judged, strict=True))))
    return pairs, few


def variant_pairs(places: Iterable[Place], variants: Sequence[str]) -> Iterator[tuple[Place, Place]]:
    """Pairs of variants under one backend, the later in ``variants`` before the earlier."""
    for group in _under_one_backend(places):
        group.sort(key=lambda place: variants.index(place.variant))
        pairs = list(combinations(group, 2))
        if len(group) > MOST_VARIANTS:
            pairs = list(dict.fromkeys([*((group[0], later) for later in group[1:]), *pairwise(group)]))
        yield from ((later, earlier) for earlier, later in pairs)


def backend_pairs(means: Mapping[Place, Estimate]) -> Iterator[tuple[Place, Place]]:
    """Pairs of backends at one variant, the higher of ``means`` before the lower."""
    every = number_of_backend_pairs(means) <= MOST_BACKEND_PAIRS
    for group in _at_one_variant(means):
        group.sort(key=lambda place: (-means[place].value, place))
        yield from combinations(group, 2) if every else pairwise(group)


def number_of_variant_pairs(places: Iterable[Place]) -> int:
    """How many pairs exist, whether they are compared or not."""
    return sum(math.comb(len(group), 2) for group in _under_one_backend(places))


def number_of_backend_pairs(places: Iterable[Place]) -> int:
    """How many pairs exist, whether they are compared or not."""
    return sum(math.comb(len(group), 2) for group in _at_one_variant(places))


def _under_one_backend(places: Iterable[Place]) -> list[list[Place]]:
    return _grouped((place.toolchain, place.backend, place) for place in places)


def _at_one_variant(places: Iterable[Place]) -> list[list[Place]]:
    return _grouped((place.toolchain, place.variant, place) for place in places)


def _grouped(keyed: Iterable[tuple[str, str, Place]]) -> list[list[Place]]:
    groups: dict[tuple[str, str], list[Place]] = {}
    for toolchain, part, place in keyed:
        groups.setdefault((toolchain, part), []).append(place)
    return list(groups.values())
