"""What a search for flags found: the types of report/tune-NAME.json, fields in the order of its keys."""

from __future__ import annotations

import msgspec

from pipeline.core.host import Host
from pipeline.core.model import Status

SCHEMA = 2


class Ratio(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The ratio to native, with its interval at stats.estimates.CONFIDENCE."""

    value: float
    low: float
    high: float
    disturbed: bool  # too few undisturbed rounds: the interval is wide, and nothing is compared


class BaselineRatio(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The ratio to the baseline, with its interval; ``p`` as in stats.estimates.Difference."""

    value: float
    low: float
    high: float
    p: float


class BackendResult(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A finalist under one backend. Without a ratio where a round did not end well."""

    backend: str
    status: Status
    reason: str | None
    rounds: int
    compile_seconds: float | None  # median over rounds
    ratio: Ratio | None
    ratio_to_baseline: BaselineRatio | None  # None of the baseline itself


class VariantResult(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A finalist: the winner, or one of the variants that it is compared with."""

    name: str
    flags: str  # words for a shell, as in matrix.toml
    link: str
    wasm_opt: str | None
    bytes: int | None
    sha256: str | None
    ratio: Ratio | None  # geometric mean over backends
    ratio_to_baseline: BaselineRatio | None
    backends: tuple[BackendResult, ...]


class ToolchainResult(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The compiler that built every candidate."""

    name: str
    version: str
    sha256: str


class SearchResult(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One finished search: how it was done, and what its confirmation showed."""

    schema: int = SCHEMA
    host: Host
    protocol: dict[str, int | float]  # see core.model.Protocol.settings
    toolchain: ToolchainResult
    backends: tuple[str, ...]
    reference: tuple[str, str]  # toolchain and variant of native
    trial_log: str  # path
    budget_s: float
    spent_s: float
    trials: int
    modules: int  # different ones
    rounds: int  # of the search, without the confirmation
    final_rounds: int  # of the confirmation, for each variant and backend
    left_out: dict[str, dict[str, str]]  # {dimension: {choice: why the toolchain refuses it}}
    failures: dict[str, int]  # {reason: trials}
    winner: str
    baseline: str  # what is to be beaten
    variants: tuple[VariantResult, ...]  # the baseline is the last one
    verdict: str | None  # of the winner compared with the baseline; None where they are not compared
    sentence: str
    snippet: str | None  # the winner as a line of [variants]; None where matrix.toml has it
