"""report/results.json as types: what each key holds is documented here, and only here.

The JSON Schema is generated from these types. What a schema cannot express (which keys contradict each
other) is checked when an object is made or read: ValueError.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct, structs

from pipeline.results.model_across import AcrossWorkloads
from pipeline.results.model_cell import CellResult
from pipeline.results.model_fields import (
    Amount,
    AtLeastOne,
    Bound,
    Count,
    Digest,
    Label,
    Name,
    Positive,
    Probability,
    Text,
    Time,
    Unit,
)
from pipeline.results.model_pareto import ParetoFronts
from pipeline.stats.verdicts import FASTER, MOST_SAME, SAME, SLOWER, Word

SCHEMA = 4


class HostRecord(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A machine; null: not known of a different machine."""

    fingerprint: Annotated[
        str,
        Meta(
            pattern=r"^([0-9a-f]{64}|[0-9a-f]{12})$(?!\n)",
            description="SHA-256 of what makes scores comparable; its first 12 digits of an unknown host",
        ),
    ]
    cpu: Text | None
    microarchitecture: Annotated[Text | None, Meta(description="as archspec names it")]
    cores: AtLeastOne | None
    memory_bytes: AtLeastOne | None
    os: Text | None
    kernel: Text | None
    python: Annotated[Text | None, Meta(description="version of the Python that runs the pipeline")]


class ProtocolRecord(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How cells are measured, as in matrix.toml: times in ms (_ms) and seconds (_s)."""

    name: Text
    rounds: Annotated[int, Meta(ge=1, le=1000, description="fresh processes for each cell, at least")]
    most_rounds: Annotated[
        Annotated[int, Meta(ge=1, le=1000)] | None,
        Meta(description="at most, where half_width_percent asks for more; null: until budget_s is spent"),
    ]
    pairs: Annotated[int, Meta(ge=1, le=10000, description="most pairs (chunk, reference chunk) of a round")]
    undisturbed: Annotated[int, Meta(ge=1, le=10000, description="undisturbed pairs that end a round")]
    chunk_ms: Annotated[float, Meta(ge=1, le=60000, description="intended length of a chunk")]
    warmup_chunks: Annotated[int, Meta(ge=1, le=1000, description="least number before timing")]
    run_timeout_s: Annotated[float, Meta(ge=0.1, le=86400)]
    load_timeout_s: Annotated[float, Meta(ge=0.1, le=86400)]
    memory_mib: Annotated[int, Meta(ge=64, le=2**20, description="that a guest may have, MiB")]
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1, description="of the order in which cells are measured")]
    half_width_percent: Annotated[
        Annotated[float, Meta(ge=0.01, le=100)] | None,
        Meta(description="rounds are added until half of the interval is at most this share of the ratio"),
    ]
    budget_s: Annotated[
        Annotated[float, Meta(ge=1, le=10**6)] | None, Meta(description="or until the rounds took this long")
    ]
    confidence: Annotated[float, Meta(gt=0, lt=1, description="of each interval, and of all verdicts")]


class ToolchainResult(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A compiler; of one that is absent, version and digest are empty."""

    name: Name
    present: bool
    reason: Annotated[Text | None, Meta(description="why it is absent")]
    version: str
    sha256: Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?$(?!\n)", description="of the executable")]

    def __post_init__(self) -> None:
        """Raise ValueError where it is present, but lacks its version or has a reason, or the reverse."""
        if self.present != (self.reason is None) or (self.present and not (self.version and self.sha256)):
            raise ValueError("a toolchain is present with version and sha256, or absent for a reason")


class ReferenceResult(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ratios are relative to: the native build, next to which each chunk is measured.

    Of a program without a native form: the module of one of its cells.
    """

    toolchain: Name
    variant: Name
    score: Annotated[Positive | None, Meta(description="undisturbed, in the workload's unit")]
    sha256: Annotated[Digest | None, Meta(description="of the executable; null where it is not built here")]


class WorkloadResult(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A program that cells run."""

    name: Name
    title: Text
    stresses: Annotated[str, Meta(description="what it is a measure of, in words")]
    unit: Annotated[Unit, Meta(description="of its scores")]
    validation: Annotated[Text, Meta(description="what shows that a run was right, in words")]
    time_source: Annotated[Text, Meta(description="what measures its time, in words")]
    note: Annotated[Text | None, Meta(description="to be shown next to its numbers")]
    ratio_to: Annotated[
        Name, Meta(description="what ratios are relative to: native, or a backend if there is no native form")
    ] = "native"
    revision: Annotated[
        Annotated[str, Meta(pattern=r"^[0-9a-f]{40}$(?!\n)")] | None,
        Meta(description="commit of its sources; null where they are in this repository"),
    ]
    sources_sha256: Digest
    reference: ReferenceResult

    @property
    def counts(self) -> str:
        """What its speed counts: "iterations" or "runs"."""
        return self.unit.partition("/")[0]


class Comparison(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Two cells of one workload that differ in one thing: ``cell`` relative to ``compared_with``."""

    cell: Label
    compared_with: Label
    ratio: Annotated[Positive, Meta(description="speed of cell / speed of compared_with")]
    ratio_low: Annotated[Bound, Meta(description="lower end of this comparison's interval")]
    ratio_high: Annotated[Bound, Meta(description="upper end of this comparison's interval")]
    p: Annotated[Probability, Meta(description="two-sided, of both being equally fast (Welch)")]
    p_adjusted: Annotated[
        Probability, Meta(description="for all pairs of the workload that differ in one thing (Holm)")
    ]
    difference_bound: Annotated[
        Amount | None,
        Meta(description="both differ by less than this fraction, with the confidence of all verdicts"),
    ]
    verdict: Annotated[Word, Meta(description="on cell; all of a workload's are right together")]

    def __post_init__(self) -> None:
        """Raise ValueError where the verdict contradicts the numbers."""
        if (self.verdict == FASTER and self.ratio <= 1) or (self.verdict == SLOWER and self.ratio > 1):
            raise ValueError(f"verdict {self.verdict}, but the ratio is {self.ratio}")
        if self.verdict == SAME and (self.difference_bound is None or self.difference_bound > MOST_SAME):
            raise ValueError(f"verdict {SAME}, but difference_bound is not at most {MOST_SAME}")


class MeasurementWarning(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What disturbed the measurements."""

    name: Text
    found: Text
    effect: Annotated[Text, Meta(description="on the numbers")]
    remedy: Text


class Finding(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the run shows, in a sentence that verdicts back."""

    about: Annotated[
        Literal["fastest", "variants", "reversal", "compile time", "workloads", "claim", "disturbed"],
        Meta(description="what it answers"),
    ]
    text: Text
    comparisons: Annotated[
        tuple[tuple[Label, Label], ...],
        Meta(description="(cell, compared_with) of the comparisons that it is made of"),
    ]


class OtherHost(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a different machine measured: never mixed with the cells of this one."""

    host: HostRecord
    created: Annotated[Time | None, Meta(description="time of the newest sample")]
    workloads: Annotated[tuple[WorkloadResult, ...], Meta(min_length=1)]
    cells: Annotated[tuple[CellResult, ...], Meta(min_length=1)]
    comparisons: tuple[Comparison, ...]
    warnings: tuple[MeasurementWarning, ...]

    def __post_init__(self) -> None:
        """Raise ValueError as Results does."""
        _check(self)


class Preliminary(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A run that still goes on, or was ended: its cells have fewer rounds than the protocol asks for."""

    rounds: Annotated[AtLeastOne, Meta(description="of each cell until now, at least")]
    cells: Annotated[Count, Meta(description="cells that will get further rounds")]


class Results(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="schema", tag=SCHEMA):
    """report/results.json. Keys are in this order; the same samples give the same bytes, but for host."""

    created: Annotated[Time | None, Meta(description="time of the newest sample; null: nothing was measured")]
    host: Annotated[HostRecord, Meta(description="the machine that wrote this file")]
    protocol: ProtocolRecord
    preliminary: Annotated[Preliminary | None, Meta(description="null: every cell has all of its rounds")]
    workloads: Annotated[tuple[WorkloadResult, ...], Meta(min_length=1)]
    toolchains: tuple[ToolchainResult, ...]
    cells: Annotated[tuple[CellResult, ...], Meta(min_length=1)]
    comparisons: tuple[Comparison, ...]
    findings: Annotated[tuple[Finding, ...], Meta(description="the most important first")]
    warnings: tuple[MeasurementWarning, ...]
    pareto_fronts: ParetoFronts
    across_workloads: Annotated[
        AcrossWorkloads | None, Meta(description="null unless two workloads have an undisturbed cell")
    ]
    other_hosts: Annotated[
        tuple[OtherHost, ...], Meta(description="whose samples are in the same results folder")
    ]

    def __post_init__(self) -> None:
        """Raise ValueError where parts contradict each other."""
        _check(self)
        if None in structs.astuple(self.host)[:3] or len(self.host.fingerprint) != 64:
            raise ValueError("host: the machine that writes results is known")
        for cell in self.cells:
            known = cell.identity.version if cell.is_native else cell.identity.packages
            if known is None:
                raise ValueError(f"{cell.label}: identity is incomplete for a cell of this host")

    def workload(self, name: str) -> WorkloadResult:
        """The workload that a cell names."""
        return next(workload for workload in self.workloads if workload.name == name)


#: What one machine measured.
HostResults = Results | OtherHost


def _check(results: HostResults) -> None:
    """Raise ValueError where two things have one name, or a name stands for nothing."""
    if results.created is not None:
        datetime.fromisoformat(results.created)
    names = {workload.name for workload in results.workloads}
    if len(names) < len(results.workloads):
        raise ValueError("two workloads have the same name")
    if len({cell.label for cell in results.cells}) < len(results.cells):
        raise ValueError("two cells have the same name")
    if not {cell.workload for cell in results.cells} <= names:
        raise ValueError("a cell has a workload that is not in workloads")
