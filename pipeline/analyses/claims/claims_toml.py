"""claims.toml -> claims: what others published, checked to the last key. Its head explains the keys."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from pipeline.core.errors import BadInput, near_miss
from pipeline.core.toml_checks import named, only, read_toml, typed
from pipeline.stats.verdicts import MOST_SAME

CLAIMS = "claims.toml"
RATIO, ORDER, EQUAL, SCORE = "ratio", "order", "equal", "score"
#: The sides that each kind speaks of.
SIDES = {
    RATIO: ("numerator", "denominator"),
    ORDER: ("faster", "slower"),
    EQUAL: ("one", "other"),
    SCORE: ("cell",),
}
UNSTATED = "unstated"  # of a machine
#: Of rounded figures of other machines, as a fraction.
TOLERANCE = 0.1
_TEXTS = ("kind", "source", "machine", "statement")
_PATTERN = re.compile(r"[A-Za-z0-9*?][A-Za-z0-9._+*?-]*(@[A-Za-z0-9.*?-]+)?")
_VERSION = re.compile(r"[0-9]+(\.[0-9A-Za-z]+)*")
_LONGEST = 300


@dataclass(frozen=True)
class Side:
    """One of the things that a claim speaks of, and the cells that may stand for it here, best first."""

    backends: tuple[str, ...]  # names or patterns
    published: str  # what was measured, in the words of the source
    version: str | None  # the published release, as the beginning of a version
    score: float | None  # as published, in the workload's unit


@dataclass(frozen=True)
class Claim:
    """One published statement that a measurement can contradict."""

    name: str
    kind: str
    workload: str  # whose cells are meant
    source: str
    machine: str
    statement: str
    sides: tuple[Side, ...]  # two, of a score one; in the order of SIDES
    variant: str | None  # None: that of the native reference
    tolerance: float | None  # as a fraction; None: nothing to be tolerated (order)
    stated: float | None = None  # a ratio that was published without its scores

    @property
    def ratio(self) -> float | None:
        """The published ratio of the first side to the second; None where no figures were published."""
        scores = [side.score for side in self.sides if side.score is not None]
        return scores[0] / scores[1] if len(scores) == 2 else self.stated


def read(path: str = CLAIMS) -> list[Claim]:
    """Every claim, in the order of the file; raises BadInput naming file and key."""
    data = read_toml(path)
    only(path, "at the top", data, ["workload", "claims"])
    typed(path, "claims", data.get("claims"), dict)
    default = data.get("workload")
    return [_claim(path, name, entry, default) for name, entry in data["claims"].items()]


def _claim(path: str, name: str, entry: Any, default: Any) -> Claim:
    named(path, f"claims.{name!r}", name)
    where = f"claims.{name}"
    typed(path, where, entry, dict)
    kind = entry.get("kind")
    if not isinstance(kind, str) or kind not in SIDES:
        hint = near_miss(kind, SIDES) if isinstance(kind, str) else f"; known: {', '.join(SIDES)}"
        raise BadInput(f"{path}: {where}.kind: unknown kind {kind!r}{hint}")
    optional = ["workload", "variant"]
    optional += [*(["tolerance"] if kind != ORDER else []), *(["ratio"] if kind == RATIO else [])]
    only(path, where, entry, [*_TEXTS, *SIDES[kind], *optional])
    tolerance = None
    if kind != ORDER:
        given = entry.get("tolerance", MOST_SAME if kind == EQUAL else TOLERANCE)
        tolerance = _number(path, f"{where}.tolerance", given, most=1)
    workload = entry.get("workload", default)
    if workload is None:
        raise BadInput(f"{path}: {where}.workload: missing; expected it here or at the top")
    typed(path, f"{where}.workload", workload, str)
    named(path, f"{where}.workload", workload)
    found = Claim(
        name=name,
        kind=kind,
        workload=workload,
        source=_text(path, f"{where}.source", entry.get("source")),
        machine=_text(path, f"{where}.machine", entry.get("machine")),
        statement=_text(path, f"{where}.statement", entry.get("statement")),
        sides=tuple(_side(path, f"{where}.{key}", entry.get(key)) for key in SIDES[kind]),
        variant=_text(path, f"{where}.variant", entry["variant"]) if "variant" in entry else None,
        tolerance=tolerance,
        stated=_number(path, f"{where}.ratio", entry["ratio"]) if "ratio" in entry else None,
    )
    if found.variant is not None:
        named(path, f"{where}.variant", found.variant)
    _agrees(path, where, found)
    return found


def _agrees(path: str, where: str, claim: Claim) -> None:
    """The figures must be those that the claim's kind needs, and say what it says."""
    scores = [side.score for side in claim.sides if side.score is not None]
    if claim.kind == SCORE and not scores:
        raise BadInput(f"{path}: {where}.cell.score: missing; expected the published score")
    if len(claim.sides) == 2 and len(scores) == 1:
        raise BadInput(f"{path}: {where}: one side has a score; expected both or none")
    if claim.kind == RATIO and bool(scores) == (claim.stated is not None):
        raise BadInput(f"{path}: {where}: expected either ratio or the scores of both sides")
    if claim.kind == ORDER and claim.ratio is not None and claim.ratio <= 1:
        raise BadInput(f"{path}: {where}: the published scores say that the slower side is not slower")


def _side(path: str, where: str, entry: Any) -> Side:
    typed(path, where, entry, dict)
    only(path, where, entry, ["backend", "published", "version", "score"])
    backends = entry.get("backend")
    backends = [backends] if isinstance(backends, str) else backends
    if not isinstance(backends, list) or not backends:
        raise BadInput(f"{path}: {where}.backend: expected a name, a pattern, or a list of them")
    for backend in backends:
        if not isinstance(backend, str) or not _PATTERN.fullmatch(backend):
            raise BadInput(
                f"{path}: {where}.backend: expected a name or a pattern like 'wasmtime.*' or "
                f"'wasmtime.cranelift@30.0.0', found {backend!r}"
            )
    version = entry.get("version")
    if version is not None and not (isinstance(version, str) and _VERSION.fullmatch(version)):
        raise BadInput(f"{path}: {where}.version: expected a string like '46' or '5.0', found {version!r}")
    score = _number(path, f"{where}.score", entry["score"]) if "score" in entry else None
    return Side(tuple(backends), _text(path, f"{where}.published", entry.get("published")), version, score)


def _text(path: str, where: str, value: Any) -> str:
    """One line that a terminal prints as it stands: no control characters, no marks that turn text around."""
    typed(path, where, value, str)
    assert isinstance(value, str)
    if not value.strip() or len(value) > _LONGEST or not value.isprintable():
        raise BadInput(f"{path}: {where}: expected one printable line of 1 to {_LONGEST} characters")
    return value


def _number(path: str, where: str, value: Any, most: float = math.inf) -> float:
    fits = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < math.inf
    if not fits or value > most:
        limit = "" if most == math.inf else f" of at most {most:g}"
        raise BadInput(f"{path}: {where}: expected a number above 0{limit}, found {value!r}")
    return float(value)
