"""Which conclusions from the first workload hold on the other workloads, and which are reversed there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypedDict

from pipeline.results.model_across import Conclusion, Reversal
from pipeline.results.workload_pairs import Place, WorkloadPair
from pipeline.stats import estimates
from pipeline.stats.estimates import CONFIDENCE, Difference, Estimate
from pipeline.stats.verdicts import FASTER, SAME, SLOWER, UNDECIDED, Verdict

#: What the two cells of a pair differ in.
Compares = Literal["variants", "backends"]


class Ratio(TypedDict):
    """A ratio with its interval, as keys of a struct of results.json."""

    ratio: float
    ratio_low: float
    ratio_high: float


def ratio_of(number: Estimate | Difference, inverse: bool = False) -> Ratio:
    """A ratio with its interval, or its inverse."""
    if inverse:
        return {"ratio": 1 / number.value, "ratio_low": 1 / number.high, "ratio_high": 1 / number.low}
    return {"ratio": number.value, "ratio_low": number.low, "ratio_high": number.high}


def by_how_much(ratio: float, ratio_low: float, ratio_high: float) -> str:
    """How far from 1 a ratio is, ± half of its interval: "4.1 ±0.5 %", "a factor of 3.20 ±0.05"."""
    if 0.5 < ratio < 2:
        return f"{abs(ratio - 1) * 100:.1f} ±{(ratio_high - ratio_low) / 2 * 100:.1f} %"
    if ratio < 1:
        ratio, ratio_low, ratio_high = 1 / ratio, 1 / ratio_high, 1 / ratio_low
    return f"a factor of {ratio:.2f} ±{(ratio_high - ratio_low) / 2:.2f}"


def conclusions(
    pairs: Mapping[Compares, Sequence[WorkloadPair]], workloads: Sequence[str]
) -> list[Conclusion]:
    """One for each pair that is decided on the first of ``workloads``, reversed ones first.

    The verdicts of one pair are right together, but some of thousands of pairs are reversed by chance. So a
    reversal is ``certain`` only if it also holds when all of them are allowed for. Certain reversals come
    before others, then the largest first.
    """
    first = workloads[0]
    known = [(kind, pair) for kind, some in pairs.items() for pair in some if first in pair.each]
    certain = _certain([pair for _, pair in known], first)
    several = len({place.toolchain for _, pair in known for place in (pair.one, pair.other)}) > 1
    decided = [
        _conclusion(kind, pair, workloads, certain, several)
        for kind, pair in known
        if pair.each[first].word in (FASTER, SLOWER)
    ]
    return sorted(decided, key=_order)


def _certain(pairs: Sequence[WorkloadPair], first: str) -> set[tuple[Place, Place, str]]:
    """(one, other, workload) of the reversals that are right all together, by Holm's procedure.

    A pair is reversed if both verdicts are right: the weaker one counts.
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
    kind: Compares,
    pair: WorkloadPair,
    workloads: Sequence[str],
    certain: set[tuple[Place, Place, str]],
    several: bool,
) -> Conclusion:
    """``several``: whether the statement has to name the toolchain."""
    first = workloads[0]
    word = pair.each[first].word
    inverse = word == SLOWER
    faster, slower = (pair.other, pair.one) if inverse else (pair.one, pair.other)
    others = {name: verdict for name, verdict in pair.each.items() if name != first}
    ratio = ratio_of(pair.each[first].difference, inverse)
    return Conclusion(
        statement=f"{_who(kind, faster, slower, several)} on {first} by {by_how_much(**ratio)}",
        compares=kind,
        faster="/".join(faster),
        slower="/".join(slower),
        **ratio,
        reversed=tuple(
            Reversal(
                workload=name,
                **ratio_of(others[name].difference, inverse),
                certain=(pair.one, pair.other, name) in certain,
            )
            for name in _with(others, FASTER if inverse else SLOWER)
        ),
        holds=_with(others, word),
        same=_with(others, SAME),
        undecided=_with(others, UNDECIDED),
        missing=tuple(name for name in workloads if name not in pair.each),
    )


def _with(verdicts: Mapping[str, Verdict], word: str) -> tuple[str, ...]:
    return tuple(name for name, verdict in verdicts.items() if verdict.word == word)


def _who(kind: Compares, faster: Place, slower: Place, several: bool) -> str:
    built = f", compiled by {faster.toolchain}," if several else ""
    if kind == "variants":
        return f"{faster.variant} beats {slower.variant} under {faster.backend}{built}"
    return f"{faster.backend} beats {slower.backend} at {faster.variant}{built}"


def _order(conclusion: Conclusion) -> tuple[bool, bool, float]:
    largest = min((entry.ratio for entry in conclusion.reversed), default=1.0)
    return not conclusion.reversed, not any(entry.certain for entry in conclusion.reversed), largest
