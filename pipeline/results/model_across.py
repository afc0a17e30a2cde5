"""What several workloads say together, in results.json: means, comparisons, and which conclusions hold."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from pipeline.results.model_fields import Amount, AtLeastOne, Bound, Name, Place, Positive, Text
from pipeline.stats.verdicts import Word


class WorkloadRatio(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A ratio on one workload."""

    workload: Name
    ratio: Positive


class MissingWorkload(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A workload that a mean lacks."""

    workload: Name
    reason: Annotated[
        Literal["absent", "disturbed", "invalid", "trap", "timeout", "crash", "unavailable"],
        Meta(description="the cell's status; disturbed; or absent: there is no such cell"),
    ]


class MeanOfWorkloads(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The geometric mean over workloads of a cell's ratio to native; its interval is for these workloads."""

    toolchain: Name
    variant: Name
    backend: Name
    partial: Annotated[bool, Meta(description="a workload is missing: not comparable with other means")]
    workload_count: Annotated[int, Meta(ge=2)]
    missing: tuple[MissingWorkload, ...]
    ratio: Positive
    ratio_low: Bound
    ratio_high: Bound
    geometric_sd: Annotated[float, Meta(ge=1, description="geometric standard deviation over workloads")]
    lowest: WorkloadRatio
    highest: WorkloadRatio


class WorkloadVerdict(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A pair on one workload. The verdicts of one pair are right all together."""

    workload: Name
    ratio: Positive
    ratio_low: Bound
    ratio_high: Bound
    difference_bound: Annotated[
        Amount | None, Meta(description="the two differ by less than this fraction; null: not known")
    ]
    verdict: Word


class VariantComparison(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Two variants under one backend: the geometric mean of variant / compared_with, and each workload."""

    toolchain: Name
    backend: Name
    variant: Name
    compared_with: Name
    partial: Annotated[bool, Meta(description="not all workloads have both")]
    ratio: Positive
    ratio_low: Bound
    ratio_high: Bound
    per_workload: Annotated[tuple[WorkloadVerdict, ...], Meta(min_length=2)]


class BackendComparison(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Two backends at one variant: the geometric mean of backend / compared_with, and each workload."""

    toolchain: Name
    variant: Name
    backend: Name
    compared_with: Name
    partial: Annotated[Literal[False], Meta(description="only pairs that have all workloads are compared")]
    ratio: Positive
    ratio_low: Bound
    ratio_high: Bound
    per_workload: Annotated[tuple[WorkloadVerdict, ...], Meta(min_length=2)]


class Reversal(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A workload on which the cell that is slower on the first workload is faster."""

    workload: Name
    ratio: Annotated[float, Meta(gt=0, lt=1, description="of what is faster on the first workload")]
    ratio_low: Bound
    ratio_high: Bound
    certain: Annotated[bool, Meta(description="right together with all other certain reversals")]


class Conclusion(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the first workload decides for a pair, and whether the other workloads agree."""

    statement: Annotated[Text, Meta(description="in words")]
    compares: Literal["variants", "backends"]
    faster: Annotated[Place, Meta(description="on the first workload")]
    slower: Annotated[Place, Meta(description="on the first workload")]
    ratio: Annotated[float, Meta(gt=1, description="faster / slower, on the first workload")]
    ratio_low: Bound
    ratio_high: Annotated[float, Meta(gt=1)]
    reversed: Annotated[tuple[Reversal, ...], Meta(description="workloads that say the opposite")]
    holds: Annotated[tuple[Name, ...], Meta(description="workloads that say the same")]
    same: Annotated[tuple[Name, ...], Meta(description="workloads on which both are equally fast")]
    undecided: Annotated[tuple[Name, ...], Meta(description="workloads whose intervals are too wide")]
    missing: Annotated[tuple[Name, ...], Meta(description="workloads that lack one of the two")]


class NotCompared(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was left out of this section."""

    what: Literal["workloads", "means", "variant comparisons", "backend comparisons"]
    count: AtLeastOne
    reason: Text


class AcrossWorkloads(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Means over workloads, and which conclusions from the first workload hold on the others."""

    workloads: Annotated[
        tuple[Name, ...],
        Meta(min_length=2, description="those with an undisturbed cell; conclusions come from the first"),
    ]
    means: tuple[MeanOfWorkloads, ...]
    variant_comparisons: tuple[VariantComparison, ...]
    backend_comparisons: tuple[BackendComparison, ...]
    conclusions: Annotated[
        tuple[Conclusion, ...], Meta(description="reversed ones first, certain before others")
    ]
    left_out: tuple[NotCompared, ...]
