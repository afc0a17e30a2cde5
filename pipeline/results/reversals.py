"""Which conclusions that one workload suggests hold for the others, and which turn round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.results.workload_pairs import Pair, Place
from pipeline.stats import estimates
from pipeline.stats.estimates import CONFIDENCE, Difference, Estimate
from pipeline.stats.verdicts import FASTER, SAME, SLOWER, UNDECIDED, Verdict


def numbers(of: Estimate | Difference, turned: bool = False) -> dict[str, float]:
    """A ratio with its interval, for JSON; ``turned``, that of the other over the one."""
    if turned:
        return {"ratio": 1 / of.value, "ratio_low": 1 / of.high, "ratio_high": 1 / of.low}
    return {"ratio": of.value, "ratio_low": of.low, "ratio_high": of.high}


def by(found: Mapping[str, Any]) -> str:
    """How far from 1 a ratio is, ± half of its interval: "4.1 ±0.5 %", "a factor of 3.20 ±0.05"."""
    ratio, low, high = (found[key] for key in ("ratio", "ratio_low", "ratio_high"))
    if 0.5 < ratio < 2:
        return f"{abs(ratio - 1) * 100:.1f} ±{(high - low) / 2 * 100:.1f} %"
    if ratio < 1:
        ratio, low, high = 1 / ratio, 1 / high, 1 / low
    return f"a factor of {ratio:.2f} ±{(high - low) / 2:.2f}"


def conclusions(kinds: Mapping[str, Sequence[Pair]], workloads: Sequence[str]) -> list[dict[str, Any]]:
    """One for each pair that is decided on the first of ``workloads``: see across.find.

    ``kinds`` are "steps" and "duels". Each pair's verdicts are right together, but of thousands of pairs some
    turn round by luck; so a turn is ``certain`` only where it also stands when all of them are allowed for.
    """
    first = workloads[0]
    pairs = [(kind, pair) for kind, of in kinds.items() for pair in of if first in pair.each]
    certain = _certain([pair for _, pair in pairs], first)
    several = len({place.toolchain for _, pair in pairs for place in (pair.one, pair.other)}) > 1
    found = []
    for kind, pair in pairs:
        if pair.each[first].word in (FASTER, SLOWER):
            one = _conclusion(pair, workloads, certain)
            claim = _claim(kind, pair, pair.each[first].word == SLOWER, several)
            found.append({"claim": f"{claim} on {first} by {by(one)}", "of": kind, **one})
    return sorted(found, key=_how_turned)


def _certain(pairs: Sequence[Pair], first: str) -> set[tuple[Place, Place, str]]:
    """(one, other, workload) of the turns that are right all together, by Holm's procedure.

    A pair turns round if both verdicts are what they seem: the weaker one counts.
    """
    places = []
    ps = []
    for pair in pairs:
        here = pair.each[first].difference
        for name, verdict in pair.each.items():
            if name != first:
                there = verdict.difference
                places.append((pair.one, pair.other, name))
                ps.append(max(here.p, there.p) if (here.value > 1) != (there.value > 1) else 1.0)
    return {place for place, p in zip(places, estimates.holm(ps), strict=True) if p < 1 - CONFIDENCE}


def _conclusion(
    pair: Pair, workloads: Sequence[str], certain: set[tuple[Place, Place, str]]
) -> dict[str, Any]:
    first = workloads[0]
    word = pair.each[first].word
    back = word == SLOWER
    faster, slower = (pair.other, pair.one) if back else (pair.one, pair.other)
    others = {name: verdict for name, verdict in pair.each.items() if name != first}
    return {
        "faster": "/".join(faster),
        "slower": "/".join(slower),
        **numbers(pair.each[first].difference, back),
        "turned": [
            {
                "workload": name,
                **numbers(others[name].difference, back),
                "certain": (pair.one, pair.other, name) in certain,
            }
            for name in _of(others, FASTER if back else SLOWER)
        ],
        "holds": _of(others, word),
        "same": _of(others, SAME),
        "undecided": _of(others, UNDECIDED),
        "missing": [name for name in workloads if name not in pair.each],
    }


def _of(verdicts: Mapping[str, Verdict], word: str) -> list[str]:
    return [name for name, verdict in verdicts.items() if verdict.word == word]


def _claim(kind: str, pair: Pair, back: bool, several: bool) -> str:
    faster, slower = (pair.other, pair.one) if back else (pair.one, pair.other)
    built = f", compiled by {faster.toolchain}," if several else ""
    if kind == "steps":
        return f"{faster.variant} beats {slower.variant} under {faster.backend}{built}"
    return f"{faster.backend} beats {slower.backend} at {faster.variant}{built}"


def _how_turned(conclusion: Mapping[str, Any]) -> tuple[bool, bool, float]:
    turned = conclusion["turned"]
    furthest = min((entry["ratio"] for entry in turned), default=1.0)
    return not turned, not any(entry["certain"] for entry in turned), furthest
