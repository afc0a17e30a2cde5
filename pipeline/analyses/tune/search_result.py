"""What a search for flags found: the types of report/tune-NAME.json, fields in the order of its keys."""

from __future__ import annotations

import shlex
from typing import Any

import msgspec

from pipeline.core.host import Host
from pipeline.core.model import Status
from toolchain.model import Variant

SCHEMA = 3


def flag_texts(variant: Variant) -> dict[str, Any]:
    """The fields ``flags``, ``link`` and ``wasm_opt`` of a result: words for a shell, as in matrix.toml."""
    opt = variant.wasm_opt
    return {
        "flags": shlex.join(variant.flags),
        "link": shlex.join(variant.link),
        "wasm_opt": None if opt is None else shlex.join(opt),
    }


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


class CellResult(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A finalist of one workload under one backend. Without a ratio where a round did not end well."""

    workload: str
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
    bytes: int | None  # geometric mean over workloads
    sha256: str | None  # None of several workloads
    ratio: Ratio | None  # geometric mean over cells
    ratio_to_baseline: BaselineRatio | None
    cells: tuple[CellResult, ...]


class LineEffect(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one line of the space does, over the points that had it: see stats/sparse_effects.py."""

    dimension: str
    line: str  # "llvm -unroll-count={2 to 4}"
    factor: float  # what is wanted is multiplied by this: speed, or 1 / size, or 1 / compile time
    low: float
    high: float
    active: float  # the probability that it does anything
    trials: int  # that had it


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fewest flags with which a module fails, and whose fault that is."""

    flags: str
    link: str
    wasm_opt: str | None
    workload: str
    status: Status
    reason: str
    trials: int  # of the search that failed in the same way
    fails_under: tuple[str, ...]  # backends, the search's own first
    right_under: tuple[str, ...]
    whose: str


class CellBest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is fastest for one workload under one backend, by the rounds that chose it."""

    workload: str
    backend: str
    flags: str
    link: str
    wasm_opt: str | None
    ratio: float  # to native
    winner_ratio: float | None  # of what is best for all
    rounds: int


class FrontPoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A module that no other one of the search beats in both respects, by the rounds that chose it."""

    flags: str
    link: str
    wasm_opt: str | None
    ratio: float  # geometric mean over cells
    bytes: int  # geometric mean over workloads
    compile_seconds: float | None  # geometric mean over cells of medians
    rounds: int


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
    objective: str  # experiment.search_space.Wanted
    slowdown: float | None  # share
    workloads: tuple[str, ...]
    backends: tuple[str, ...]
    reference: tuple[str, str]  # toolchain and variant of native
    trial_log: str  # path
    budget_s: float
    spent_s: float
    trials: int
    modules: int  # different ones
    rounds: int  # of the search, without the confirmation
    final_rounds: int  # of the confirmation, for each variant and cell
    left_out: dict[str, dict[str, str]]  # {dimension: {choice: why the toolchain refuses it}}
    failures: dict[str, int]  # {reason: trials}
    faults: tuple[Fault, ...]  # behind some of them
    effects: tuple[LineEffect, ...]  # in the space's order
    front: tuple[FrontPoint, ...]  # the fastest first
    best_of_cells: tuple[CellBest, ...]  # of a search for more than one cell
    winner: str
    baseline: str  # what is to be beaten
    variants: tuple[VariantResult, ...]  # the baseline is the last one
    verdict: str | None  # of the winner compared with the baseline; None where they are not compared
    sentence: str
    snippet: str | None  # the winner as a line of [variants]; None where matrix.toml has it
