"""claims.toml -> claims, checked to the last key. The head of that file explains the keys."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta, Struct

from pipeline.core import paths, toml_file
from pipeline.core.errors import BadInput
from pipeline.stats.verdicts import MOST_SAME

RATIO, ORDER, EQUAL, SCORE = "ratio", "order", "equal", "score"
#: The keys of the two sides of each kind; a score has one.
SIDES = {
    RATIO: ("numerator", "denominator"),
    ORDER: ("faster", "slower"),
    EQUAL: ("one", "other"),
    SCORE: ("cell",),
}
UNSTATED = "unstated"  # of a machine
#: Default for rounded figures that were measured on other machines, as a fraction.
TOLERANCE = 0.1
_PATTERN = re.compile(r"[A-Za-z0-9*?][A-Za-z0-9._+*?-]*(@[A-Za-z0-9.*?-]+)?")
_VERSION = re.compile(r"[0-9]+(\.[0-9A-Za-z]+)*")
_BACKENDS = "a name, a pattern like 'wasmtime.*' or 'wasmtime.cranelift@30.0.0', or a list of them"
_RELEASE = "a string like '46' or '5.0'"

_Line = Annotated[str, Meta(min_length=1, description="one line of text")]
_Figure = Annotated[float, Meta(gt=0, le=1e12, description="a number above 0, at most 1e12")]
_Tolerance = Annotated[float, Meta(gt=0, le=1, description="a number above 0, at most 1")]


class Side(Struct, frozen=True, forbid_unknown_fields=True):
    """One of the things that a claim compares, and the cells that may stand for it here, best first."""

    backend: Annotated[str | tuple[str, ...], Meta(description=_BACKENDS)]  # names or patterns
    published: _Line  # what was measured, in the words of the source
    version: Annotated[str | None, Meta(description=_RELEASE)] = (
        None  # the beginning of the release's version
    )
    score: _Figure | None = None  # as published, in the workload's unit

    @property
    def backends(self) -> tuple[str, ...]:
        return (self.backend,) if isinstance(self.backend, str) else self.backend


class _Table(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """[claims.NAME]: the keys that all kinds have."""

    source: _Line
    machine: _Line
    statement: _Line
    workload: str | None = None
    variant: str | None = None


class _Ratio(_Table, frozen=True, kw_only=True, tag=RATIO):
    numerator: Side
    denominator: Side
    tolerance: _Tolerance = TOLERANCE
    ratio: _Figure | None = None  # if it was published without its scores


class _Order(_Table, frozen=True, kw_only=True, tag=ORDER):
    faster: Side
    slower: Side


class _Equal(_Table, frozen=True, kw_only=True, tag=EQUAL):
    one: Side
    other: Side
    tolerance: _Tolerance = MOST_SAME


class _Score(_Table, frozen=True, kw_only=True, tag=SCORE):
    cell: Side
    tolerance: _Tolerance = TOLERANCE


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    claims: dict[str, Annotated[_Ratio | _Order | _Equal | _Score, Meta(description="a table")]]
    workload: str | None = None


@dataclass(frozen=True)
class Claim:
    """One published statement that a measurement can contradict."""

    name: str
    kind: str
    workload: str
    source: str
    machine: str
    statement: str
    sides: tuple[Side, ...]  # in the order of SIDES
    variant: str | None  # None: the variant of the native reference
    tolerance: float | None  # as a fraction; None for an order
    stated_ratio: float | None = None  # published without its scores

    @property
    def ratio(self) -> float | None:
        """The published ratio of the first side to the second; None where no figures were published."""
        scores = [side.score for side in self.sides if side.score is not None]
        return scores[0] / scores[1] if len(scores) == 2 else self.stated_ratio


def read(path: str = paths.CLAIMS) -> list[Claim]:
    """Every claim, in the order of the file; raises BadInput naming file and key."""
    file = toml_file.convert(path, toml_file.read(path), _File)
    return [_claim(path, name, table, file.workload) for name, table in file.claims.items()]


def _claim(path: str, name: str, table: _Ratio | _Order | _Equal | _Score, default: str | None) -> Claim:
    toml_file.named(path, f"claims.{name!r}", name)
    where = f"claims.{name}"
    workload = table.workload if table.workload is not None else default
    if workload is None:
        raise BadInput(f"{path}: {where}.workload: missing; expected it here or at the top")
    toml_file.named(path, f"{where}.workload", workload)
    if table.variant is not None:
        toml_file.named(path, f"{where}.variant", table.variant)
    for key in ("source", "machine", "statement"):
        _line(f"{path}: {where}.{key}", getattr(table, key))
    kind = str(table.__struct_config__.tag)
    claim = Claim(
        name=name,
        kind=kind,
        workload=workload,
        source=table.source,
        machine=table.machine,
        statement=table.statement,
        sides=tuple(_checked(path, f"{where}.{key}", getattr(table, key)) for key in SIDES[kind]),
        variant=table.variant,
        tolerance=None if isinstance(table, _Order) else table.tolerance,
        stated_ratio=table.ratio if isinstance(table, _Ratio) else None,
    )
    _check_figures(path, where, claim)
    return claim


def _checked(path: str, where: str, side: Side) -> Side:
    """The side; raises BadInput."""
    if not side.backends:
        raise BadInput(f"{path}: {where}.backend: expected {_BACKENDS}, found an empty list")
    for backend in side.backends:
        toml_file.matches(path, f"{where}.backend", backend, _PATTERN, _BACKENDS)
    if side.version is not None:
        toml_file.matches(path, f"{where}.version", side.version, _VERSION, _RELEASE)
    _line(f"{path}: {where}.published", side.published)
    return side


def _line(where: str, text: str) -> None:
    if not text.strip():
        raise BadInput(f"{where}: expected one line of text, found only blanks")
    toml_file.line(where, text)


def _check_figures(path: str, where: str, claim: Claim) -> None:
    """Raise BadInput unless the figures are those that the claim's kind needs, and agree with it."""
    scores = [side.score for side in claim.sides if side.score is not None]
    if claim.kind == SCORE and not scores:
        raise BadInput(f"{path}: {where}.cell.score: missing; expected the published score")
    if len(claim.sides) == 2 and len(scores) == 1:
        raise BadInput(f"{path}: {where}: one side has a score; expected both or none")
    if claim.kind == RATIO and bool(scores) == (claim.stated_ratio is not None):
        raise BadInput(f"{path}: {where}: expected either ratio or the scores of both sides")
    if claim.kind == ORDER and claim.ratio is not None and claim.ratio <= 1:
        raise BadInput(
            f"{path}: {where}: the slower side has the higher score; expected the scores in the order of "
            "the statement"
        )
