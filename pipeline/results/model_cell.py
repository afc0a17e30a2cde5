"""One cell of results.json: what ran, whether it ran right, and what was measured if it did."""

from __future__ import annotations

import math
from typing import Annotated

from msgspec import Meta, Struct

from pipeline.core.model import Kind, Status
from pipeline.measure.worker_messages import Evidence
from pipeline.results.model_fields import (
    Amount,
    AtLeastOne,
    Bound,
    Bytes,
    Count,
    Digest,
    Label,
    Name,
    Place,
    Positive,
    Probability,
    Seconds,
    Text,
    Trend,
)
from pipeline.stats.estimates import Estimate

#: Why a cell of one round cannot be compared: how rounds differ is unknown.
ONE_ROUND = "1 round has no interval: for one take rounds=3"


class InstalledPart(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A package or a program that decides what a runtime does."""

    version: str | None
    says: Annotated[str | None, Meta(description="what the program prints when asked for its version")] = None
    sha256: Annotated[Digest, Meta(description="of its files")]


class CellIdentity(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ran the artifact; for native code the compiler. Null: not known, or not applicable."""

    name: Text
    version: str | None
    python: Annotated[str | None, Meta(description="version of the Python that hosts its worker")] = None
    packages: Annotated[dict[str, InstalledPart] | None, Meta(description="by name")] = None
    programs: Annotated[dict[str, InstalledPart] | None, Meta(description="by name")] = None


class PrebuiltModule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A module that was not built here."""

    file: Annotated[Text, Meta(description="its path, as given")]
    producers: Annotated[
        tuple[Text, ...] | None, Meta(description="what it says made it: languages, compilers")
    ] = None
    interface: Annotated[Text, Meta(description="how it is run: a WASI command, or an export")]
    validated: Annotated[Text | None, Meta(description="what could be checked; null where nothing ran")]


class Measurement(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What was measured of a cell over all its rounds. A ratio is to the workload's native reference."""

    score: Annotated[Positive, Meta(description="ratio times the reference's score, in the workload's unit")]
    ratio: Annotated[Positive, Meta(description="speed of the cell / speed of the reference")]
    ratio_low: Annotated[Bound, Meta(description="lower end of the ratio's confidence interval")]
    ratio_high: Annotated[Bound, Meta(description="upper end of the ratio's confidence interval")]
    log_standard_error: Annotated[
        Amount | None, Meta(description="standard error of log(ratio); null if disturbed")
    ]
    degrees_of_freedom: Annotated[Amount, Meta(description="of log_standard_error; 0 if disturbed")]
    disturbed: Annotated[
        bool,
        Meta(
            description="fewer than two rounds were undisturbed: the interval holds 95 % of all single pairs "
            "and no comparison is possible"
        ),
    ]
    rounds: Annotated[AtLeastOne, Meta(description="fresh processes")]
    chunks: Annotated[AtLeastOne, Meta(description="timed pieces of work, in all rounds")]
    rounds_used: Annotated[Count, Meta(description="undisturbed rounds that the ratio is computed from")]
    pairs_used: Annotated[
        Count, Meta(description="pairs (chunk, reference chunk) that the ratio is computed from")
    ]
    warmup_chunks: Annotated[Count, Meta(description="most chunks of a round that ran before timing")]
    warmup_seconds: Annotated[
        Seconds | None,
        Meta(
            description="most that a round's runs took until its speed was steady; "
            "null: the runtime compiles before it runs"
        ),
    ] = None
    settled: Annotated[
        bool, Meta(description="false: in some round the speed was not steady when timing began")
    ] = True
    trend: Annotated[
        Trend | None, Meta(description="of the speed in most rounds; null: too few chunks to tell")
    ]
    stop_reason: Annotated[Text | None, Meta(description="why no further rounds were measured")]
    rank_best: Annotated[
        AtLeastOne | None,
        Meta(
            description="1 + the number of backends that run the same module and are shown to be faster; "
            "null: native, disturbed, or the only one that can be compared"
        ),
    ]
    rank_worst: Annotated[
        AtLeastOne | None,
        Meta(
            description="the number of backends that can be compared on the same module, less those that are "
            "shown to be slower"
        ),
    ]
    round_seconds: Annotated[Seconds | None, Meta(description="one round, the median of all")]
    start_seconds: Annotated[Seconds | None, Meta(description="start of the process, least of all rounds")]
    runtime_seconds: Annotated[Seconds | None, Meta(description="load of the runtime, least of all rounds")]
    compile_seconds: Annotated[
        Seconds | None, Meta(description="compilation, least of all rounds; null if it happens within runs")
    ]
    instantiate_seconds: Annotated[Seconds | None, Meta(description="least of all rounds")]
    first_run_seconds: Annotated[Seconds | None, Meta(description="least of all rounds")]
    code_bytes: Annotated[Bytes | None, Meta(description="native code that the backend produced")]
    wasm_bytes: Annotated[
        Annotated[int, Meta(ge=8, le=2**62)] | None,
        Meta(description="the module, bytes; null for native code"),
    ]
    peak_rss_bytes: Annotated[AtLeastOne | None, Meta(description="most memory of the worker, bytes")]
    chunk_iterations: Annotated[
        AtLeastOne | None, Meta(description="iterations of a chunk of the reference; null: not one number")
    ] = None
    work: Annotated[
        Text | None,
        Meta(description="how work depends on the number of iterations; null: proportional, or not known"),
    ] = None
    runs_by_clock: Annotated[
        bool, Meta(description="nearly every chunk took as long as that of the reference, to 0.3 %")
    ] = False
    system_share: Annotated[Probability | None, Meta(description="of its time that the kernel takes")] = None
    reference_system_share: Annotated[
        Probability | None, Meta(description="of the reference's time that the kernel takes")
    ] = None
    compiler_evidence: Annotated[
        Evidence, Meta(description="what proves which compiler ran; empty where nothing does")
    ]

    def __post_init__(self) -> None:
        """Raise ValueError where numbers contradict each other."""
        if not self.ratio_low <= self.ratio <= self.ratio_high:
            raise ValueError("ratio is not between ratio_low and ratio_high")
        if self.disturbed and (
            self.log_standard_error is not None or self.degrees_of_freedom or self.rank_best
        ):
            raise ValueError("disturbed, but with a standard error, degrees of freedom or a rank")
        if (self.rank_best is None) != (self.rank_worst is None) or (self.rank_best or 0) > (
            self.rank_worst or 0
        ):
            raise ValueError("rank_best is not at most rank_worst")
        if not self.disturbed and (
            self.log_standard_error is None
            or self.degrees_of_freedom == 0
            or min(self.rounds_used, self.pairs_used) < 2
        ):
            raise ValueError("not disturbed, but without a standard error or two rounds")

    @property
    def estimate(self) -> Estimate:
        """The ratio with its interval, for comparisons."""
        return Estimate(
            self.ratio,
            self.ratio_low,
            self.ratio_high,
            rounds=self.rounds_used,
            pairs=self.pairs_used,
            disturbed=self.disturbed,
            error=math.inf if self.log_standard_error is None else self.log_standard_error,
            freedom=self.degrees_of_freedom,
        )

    @property
    def half_width(self) -> float:
        """Half of the ratio's interval, relative to the ratio."""
        return (self.ratio_high - self.ratio_low) / 2 / self.ratio

    @property
    def doubt(self) -> str:
        """Why it cannot be compared, in words; "" if it can."""
        if not self.disturbed:
            return ""
        return ONE_ROUND if self.rounds == 1 else "the machine was too disturbed"

    @property
    def rank(self) -> str:
        """Its place among backends, "2" or "2–4"; "" without one."""
        return "–".join(str(n) for n in dict.fromkeys((self.rank_best, self.rank_worst)) if n is not None)

    @property
    def may_be_fastest(self) -> bool:
        """Whether no other backend is shown to run the same module faster."""
        return self.rank_best == 1


class CellResult(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One artifact under one backend."""

    workload: Name
    toolchain: Name
    variant: Name
    flags: Annotated[tuple[str, ...], Meta(description="of the compiler")]
    backend: Name
    kind: Annotated[Kind, Meta(description="how the backend turns the artifact into running code")]
    status: Status
    reason: Annotated[Text | None, Meta(description="why the status is not ok; null if it is")]
    measurement: Annotated[Measurement | None, Meta(description="null unless the status is ok")]
    wasm_sha256: Annotated[
        Digest | None, Meta(description="the module; null for native code or if not built")
    ]
    native_sha256: Annotated[Digest | None, Meta(description="the executable; null for modules")]
    identity: CellIdentity
    prebuilt: Annotated[PrebuiltModule | None, Meta(description="null for modules that were built here")]

    def __post_init__(self) -> None:
        """Raise ValueError where parts contradict each other."""
        if self.is_ok != (self.measurement is not None) or self.is_ok != (self.reason is None):
            raise ValueError(f"status {self.status.value}: expected a measurement if ok, else a reason")
        if self.is_ok and self.artifact_sha256 is None:
            raise ValueError("status ok, but the artifact has no digest")
        native_size = self.measurement is not None and self.measurement.wasm_bytes is None
        if self.is_ok and self.is_native != native_size:
            raise ValueError("wasm_bytes is for modules, and only for them")
        if self.is_native and (self.wasm_sha256 or self.prebuilt or self.identity.packages is not None):
            raise ValueError("native code, but with what only modules have")
        if not self.is_native and self.native_sha256 is not None:
            raise ValueError("a module, but with native_sha256")

    @property
    def label(self) -> Label:
        """Its name in texts: workload/toolchain/variant/backend."""
        return f"{self.workload}/{self.toolchain}/{self.variant}/{self.backend}"

    @property
    def place(self) -> Place:
        """Its name without the workload: toolchain/variant/backend."""
        return f"{self.toolchain}/{self.variant}/{self.backend}"

    @property
    def is_ok(self) -> bool:
        return self.status is Status.OK

    @property
    def is_native(self) -> bool:
        return self.kind is Kind.NATIVE

    @property
    def artifact_sha256(self) -> Digest | None:
        """Digest of what ran; None where nothing could be built."""
        return self.wasm_sha256 or self.native_sha256

    @property
    def comparable(self) -> Measurement | None:
        """The measurement, if it can be compared: None where there is none, or it was disturbed."""
        return None if self.measurement is None or self.measurement.disturbed else self.measurement
