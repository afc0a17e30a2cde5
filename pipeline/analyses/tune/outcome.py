"""The finalists of a search, compared on the rounds of their confirmation."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.analyses.tune.confirmation import FASTEST
from pipeline.analyses.tune.search_result import BaselineRatio, CellResult, Ratio, VariantResult, flag_texts
from pipeline.core.model import Status
from pipeline.experiment.search_space import Goal, Wanted
from pipeline.measure.ratio import estimate
from pipeline.measure.sample import Sample
from pipeline.results.model_cell import ONE_ROUND
from pipeline.stats import estimates, verdicts
from pipeline.stats.estimates import Estimate
from toolchain.model import Variant

#: Verdicts where it is not speed that is wanted.
SMALLER, SOONER = "smaller", "compiled sooner"

#: {"workload/backend": samples of all rounds}
Samples = Mapping[str, Sequence[Sample]]


@dataclass(frozen=True)
class Comparison:
    """What the confirmation showed. ``verdict`` (see SearchResult) is the only thing that is claimed."""

    winner: str
    baseline: str
    variants: tuple[VariantResult, ...]
    verdict: str | None
    sentence: str


def compare_finalists(
    variants: Mapping[str, Variant], samples: Mapping[str, Samples], winner: str, goal: Goal
) -> Comparison:
    """Compare the winner with the baseline, over all cells, and describe all finalists.

    ``samples`` is {variant: {"workload/backend": its samples}}; the last variant is the baseline.
    """
    baseline = list(samples)[-1]
    by_cell = {
        name: {cell: _estimate(rounds) for cell, rounds in of_variant.items()}
        for name, of_variant in samples.items()
    }
    overall = {name: together(list(each.values())) for name, each in by_cell.items()}
    rows = {}
    for name, of_variant in samples.items():
        variant = variants[name]
        # The artifact of a workload is the same under all wasm backends, and different under native.
        wasm = {cell: rounds for cell, rounds in of_variant.items() if not cell.endswith("/native")}
        artifacts = {cell.partition("/")[0]: rounds[0] for cell, rounds in (wasm or of_variant).items()}
        sizes = [s.artifact_bytes for s in artifacts.values() if s.artifact_bytes]
        rows[name] = VariantResult(
            name=name,
            **flag_texts(variant),
            bytes=round(statistics.geometric_mean(sizes)) if len(sizes) == len(artifacts) else None,
            sha256=next(iter(artifacts.values())).artifact_sha256 if len(artifacts) == 1 else None,
            ratio=_ratio(overall[name]),
            ratio_to_baseline=_ratio_to_baseline(overall[name], overall[baseline]),
            cells=tuple(
                _cell_result(cell, rounds, by_cell[name][cell], by_cell[baseline][cell])
                for cell, rounds in of_variant.items()
            ),
        )
    if goal.wanted is Wanted.SIZE:
        verdict, sentence = _smaller(rows[winner], rows[baseline])
        if goal.slowdown is not None and FASTEST in overall:
            verdict = None
            own, others = rows[winner].bytes, f"the fastest {rows[FASTEST].bytes}"
            held = f"{own} bytes, {others}, {baseline} {rows[baseline].bytes}"
            sentence = f"{winner} has {held}" + _against_fastest(
                overall[winner], overall[FASTEST], goal.slowdown
            )
    elif goal.wanted is Wanted.WORST:
        verdict, sentence = _in_each(winner, baseline, by_cell)
    elif goal.wanted is Wanted.COMPILE:
        verdict, sentence = _sooner(rows[winner], rows[baseline], samples)
    else:
        rounds = max(len(each) for each in samples[winner].values())
        verdict, sentence = _verdict(winner, baseline, overall, rounds)
    return Comparison(winner, baseline, tuple(rows.values()), verdict, sentence)


def _estimate(samples: Sequence[Sample]) -> Estimate | None:
    return estimate(samples) if samples and all(s.status is Status.OK for s in samples) else None


def together(cells: Sequence[Estimate | None]) -> Estimate | None:
    """The geometric mean over cells, which are independent of each other; None if one could not be had."""
    measured = [e for e in cells if e is not None]
    number = len(measured)
    if number < len(cells) or not measured:
        return None
    if number == 1:
        return measured[0]
    if any(e.disturbed for e in measured):
        value, low, high = (
            math.exp(math.fsum(math.log(getattr(e, key)) for e in measured) / number)
            for key in ("value", "low", "high")
        )
        rounds, pairs = min(e.rounds for e in measured), sum(e.pairs for e in measured)
        return Estimate(value, low, high, rounds, pairs, disturbed=True)
    return estimates.geometric_mean(measured)


def _ratio(own: Estimate | None) -> Ratio | None:
    if own is None:
        return None
    return Ratio(value=own.value, low=own.low, high=own.high, disturbed=own.disturbed)


def _ratio_to_baseline(own: Estimate | None, baseline: Estimate | None) -> BaselineRatio | None:
    if own is None or baseline is None or own is baseline:
        return None
    difference = estimates.compare(own, baseline)
    return BaselineRatio(value=difference.value, low=difference.low, high=difference.high, p=difference.p)


def _cell_result(
    cell: str, samples: Sequence[Sample], own: Estimate | None, baseline: Estimate | None
) -> CellResult:
    failed = next((s for s in samples if s.status is not Status.OK), None)
    times = [s.compile_seconds for s in samples if s.compile_seconds is not None]
    workload, _, backend = cell.partition("/")
    return CellResult(
        workload=workload,
        backend=backend,
        status=(failed or samples[0]).status,
        reason=failed.reason if failed else None,
        rounds=len(samples),
        compile_seconds=statistics.median(times) if times else None,
        ratio=_ratio(own),
        ratio_to_baseline=_ratio_to_baseline(own, baseline),
    )


def _smaller(one: VariantResult, other: VariantResult) -> tuple[str | None, str]:
    """Sizes are exact: the verdict needs no interval."""
    nothing = f"nothing in this space is smaller than {other.name}"
    if one.name == other.name or one.bytes is None or other.bytes is None or one.ratio is None:
        return (
            None,
            nothing
            if one.ratio or one.name == other.name
            else f"{nothing}: {one.name} failed when run again",
        )
    if one.bytes >= other.bytes:
        return None, nothing
    speed = ""
    if one.ratio_to_baseline is not None and not one.ratio.disturbed:
        r = one.ratio_to_baseline
        speed = f"; it has {r.value:.3f} ({r.low:.3f} to {r.high:.3f}) of the speed of {other.name}"
    by = f"{(1 - one.bytes / other.bytes) * 100:.1f} % ({one.bytes} and {other.bytes} bytes)"
    return SMALLER, f"{one.name} is smaller than {other.name} by {by}{speed}"


def _against_fastest(one: Estimate | None, fastest: Estimate | None, slowdown: float) -> str:
    """Whether the smallest is fast enough, as the fresh rounds show it."""
    if one is None or fastest is None or one.disturbed or fastest.disturbed:
        return "; how it compares with the fastest could not be measured again"
    d = estimates.compare(one, fastest)
    range_ = f"{d.value:.3f} ({d.low:.3f} to {d.high:.3f}) of the speed of the fastest"
    if d.low >= 1 - slowdown:
        return f"; it has {range_}"
    if d.high < 1 - slowdown:
        return f"; but it has {range_}, and not {1 - slowdown:.3f}"
    return f"; it has {range_}: whether that is {1 - slowdown:.3f} is undecided"


def _in_each(
    winner: str, baseline: str, by_cell: Mapping[str, Mapping[str, Estimate | None]]
) -> tuple[str | None, str]:
    """The least gain over cells. That all are gains needs no correction: each one must be shown."""
    nothing = f"nothing in this space was shown to beat {baseline} in every cell"
    if winner == baseline:
        return None, f"{nothing}: it won the search itself"
    differences = {}
    for cell, one in by_cell[winner].items():
        other = by_cell[baseline][cell]
        if one is None or other is None or one.disturbed or other.disturbed:
            return None, f"{nothing}: {cell} could not be measured again"
        differences[cell] = estimates.compare(one, other)
    cell, least = min(differences.items(), key=lambda each: each[1].low)
    if least.low > 1:
        number = f"each of {len(differences)} cells" if len(differences) > 1 else "its cell"
        return verdicts.FASTER, (
            f"{winner} is faster than {baseline} in {number}, by at least {_percent(least.low)}: "
            f"least in {cell}, by {_percent(least.value)}"
        )
    range_ = f"{least.value:.4f} of {baseline}, {least.low:.4f} to {least.high:.4f}"
    return None, f"{nothing}: the best of it, {winner}, has in {cell} {range_}"


def _sooner(
    one: VariantResult, other: VariantResult, samples: Mapping[str, Samples]
) -> tuple[str | None, str]:
    """Compile times, by the mean of their logs over cells and rounds, with the interval of Welch's test."""
    nothing = f"nothing in this space was shown to be compiled sooner than {other.name}"
    logs = [_compile_logs(samples[each.name]) for each in (one, other)]
    if one.name == other.name or one.ratio is None or min(map(len, logs)) < 2:
        return None, nothing
    difference = estimates.compare(*(estimates.estimate([[math.exp(x)] for x in each]) for each in logs))
    if difference.high >= 1:
        range_ = f"{difference.value:.3f} of {other.name}, {difference.low:.3f} to {difference.high:.3f}"
        return None, f"{nothing}: {one.name} takes {range_}"
    less = [f"{(1 - x) * 100:.0f}" for x in (difference.value, difference.high, difference.low)]
    by = f"{less[0]} % ({less[1]} to {less[2]} %)"
    return SOONER, f"{one.name} is compiled in less time than {other.name}, by {by}"


def _compile_logs(of_variant: Samples) -> list[float]:
    """Of each round the mean over cells."""
    rounds = zip(*of_variant.values(), strict=True)
    return [
        statistics.fmean(math.log(s.compile_seconds or math.nan) for s in each)
        for each in rounds
        if all(s.compile_seconds for s in each)
    ]


def _verdict(
    winner: str, baseline: str, overall: Mapping[str, Estimate | None], rounds: int
) -> tuple[str | None, str]:
    """The verdict, None without a comparison, and the sentence that reports it."""
    nothing = f"nothing in this space was shown to beat {baseline}"
    one, other = overall[winner], overall[baseline]
    if winner == baseline:
        return None, f"{nothing}: it won the search itself"
    if one is None or other is None:
        return None, f"{nothing}: {winner if one is None else baseline} could not be measured again"
    (verdict,) = verdicts.compare_all({winner: one, baseline: other})
    d = verdict.difference
    word = verdict.word + (f" {verdict.bound:.1%}" if verdict.word == verdicts.SAME else "")
    if verdict.word == verdicts.FASTER:
        by = f"{_percent(d.value)} ({_percent(d.low)} to {_percent(d.high)})"
        return word, f"{winner} is faster than {baseline} by {by}"
    if one.disturbed or other.disturbed:
        return word, f"{nothing}: {ONE_ROUND if rounds == 1 else 'the machine was too disturbed to tell'}"
    range_ = f"{d.value:.4f} of {baseline}, {d.low:.4f} to {d.high:.4f}"
    return word, f"{nothing}: the best of it, {winner}, is {word} ({range_})"


def _percent(ratio: float) -> str:
    return f"{(ratio - 1) * 100:.1f} %"
