"""Points that a search tries first: winners of earlier searches on this machine, hints of matrix.toml."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from pipeline.analyses.tune.strategy import Point
from pipeline.analyses.tune.trial_log import SCHEMA, TrialLog
from pipeline.core import paths
from pipeline.experiment.search_space import Space
from pipeline.stats import verdicts
from toolchain.model import Variant

#: How many winners of earlier searches are tried.
_MOST_WINNERS = 3


@dataclass(frozen=True)
class KnownPoint:
    """A point, and where it is from; None where it is not in the space."""

    words: str
    point: Point | None


def of_variants(space: Space, variants: Iterable[Variant]) -> list[Point]:
    """The points of those variants that the space has."""
    return [point for point in map(space.find, variants) if point is not None]


def unique(points: Iterable[Point]) -> list[Point]:
    """Each of them once, in order."""
    found: list[Point] = []
    for point in points:
        if point not in found:
            found.append(point)
    return found


def known(space: Space, own_key: str, hints: Mapping[str, Variant], toolchain: str) -> list[KnownPoint]:
    """What is known to have been fast in other searches."""
    found = [(f"the winner of {name}", variant) for name, variant in _winners(own_key, toolchain)]
    found += [(f"hint {name} of matrix.toml", variant) for name, variant in hints.items()]
    return [KnownPoint(words, space.find(variant)) for words, variant in found]


def _winners(own_key: str, toolchain: str) -> list[tuple[str, Variant]]:
    """Of other finished searches on this machine, the newest first: what was shown to be faster."""
    found = []
    files = sorted(Path(paths.searches()).glob("*.json"), key=lambda p: p.stat().st_mtime, reverse=True)
    for path in files:
        try:
            log = msgspec.json.decode(path.read_bytes(), type=TrialLog)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            continue  # of an older program, or damaged: nothing is known by it
        final = log.finals[-1] if log.finals else None
        if log.schema != SCHEMA or log.key == own_key or final is None or final.result is None:
            continue
        if final.result.toolchain.name == toolchain and final.result.verdict == verdicts.FASTER:
            found.append((path.stem, final.variant))
    return found[:_MOST_WINNERS]
