"""Pareto fronts in results.json: score against module size, and against compile time."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from pipeline.results.model_fields import Amount, Count, Label, Name, Positive, Text


class BreakEven(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a slower compilation has paid back, against the member before it."""

    iterations: Annotated[
        float, Meta(gt=0, description="after which both took the same total time, in the unit's counts")
    ]
    iterations_low: Annotated[float, Meta(description="as the intervals of both ratios allow")]
    iterations_high: Annotated[float | None, Meta(description="the same; null where the intervals overlap")]
    total_seconds: Annotated[float, Meta(gt=0, description="compile time plus run time by then")]


class FrontMember(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A cell that no other cell dominates."""

    cell: Label
    cost: Annotated[Count | Amount, Meta(description="what the front's cost_key names: bytes or seconds")]
    score: Annotated[Positive, Meta(description="in the workload's unit")]
    indistinguishable: Annotated[
        tuple[Label, ...], Meta(description="cells that differ from it in neither cost nor score")
    ]
    break_even: Annotated[
        BreakEven | None, Meta(description="null for the first member, and for module sizes")
    ]


class Dominated(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A cell that costs more, or is slower, than the member ``by`` and is not better in the other."""

    cell: Label
    by: Label


class LeftOut(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Cells that have no place in a front."""

    reason: Text
    cells: Annotated[tuple[Label, ...], Meta(min_length=1)]


class LeastTotalTime(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The range of lengths of work for which a member has the least compile time plus run time."""

    cell: Label
    from_iterations: Annotated[float, Meta(ge=0)]
    until_iterations: Annotated[
        Annotated[float, Meta(gt=0)] | None, Meta(description="null for the last member")
    ]


class Front(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Score against one cost."""

    workload: Name
    backend: Annotated[Name | None, Meta(description="null: all backends together")]
    cost_key: Annotated[Literal["wasm_bytes", "compile_seconds"], Meta(description="key of a measurement")]
    cost_tolerance: Annotated[
        Amount, Meta(description="costs that differ by no more count as equal, a fraction; 0 for sizes")
    ]
    members: Annotated[tuple[FrontMember, ...], Meta(description="cheapest first")]
    dominated: tuple[Dominated, ...]
    left_out: tuple[LeftOut, ...]
    least_total_time: Annotated[
        tuple[LeastTotalTime, ...], Meta(description="shortest work first; empty for module sizes")
    ]


class ParetoFronts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fronts of each workload: what more speed costs."""

    size: Annotated[tuple[Front, ...], Meta(description="against module size, one for each backend")]
    compile_time: Annotated[tuple[Front, ...], Meta(description="against compile time, one for each backend")]
    compile_time_all_backends: Annotated[
        tuple[Front, ...], Meta(description="against compile time, over all backends")
    ]

    def of_workload(self, name: str) -> ParetoFronts:
        """The fronts of one workload only."""

        def own(fronts: tuple[Front, ...]) -> tuple[Front, ...]:
            return tuple(front for front in fronts if front.workload == name)

        return ParetoFronts(
            size=own(self.size),
            compile_time=own(self.compile_time),
            compile_time_all_backends=own(self.compile_time_all_backends),
        )
