"""The finalists of a search, compared on the rounds of their confirmation."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.analyses.tune.search_result import BackendResult, BaselineRatio, Ratio, VariantResult
from pipeline.core.model import Status
from pipeline.measure.ratio import estimate
from pipeline.measure.sample import Sample
from pipeline.results.model_cell import ONE_ROUND
from pipeline.stats import estimates, verdicts
from pipeline.stats.estimates import Estimate
from toolchain.model import Variant

#: {backend: samples of all rounds}
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
    variants: Mapping[str, Variant], samples: Mapping[str, Samples], winner: str
) -> Comparison:
    """Compare the winner with the baseline, over all backends, and describe all finalists.

    ``samples`` is {variant: {backend: its samples}}; the last variant is the baseline.
    """
    baseline = list(samples)[-1]
    by_backend = {
        name: {backend: _estimate(rounds) for backend, rounds in of_variant.items()}
        for name, of_variant in samples.items()
    }
    overall = {name: together(list(each.values())) for name, each in by_backend.items()}
    rows = []
    for name, of_variant in samples.items():
        variant, first = variants[name], next(iter(of_variant.values()))[0]
        rows.append(
            VariantResult(
                name=name,
                flags=shlex.join(variant.flags),
                link=shlex.join(variant.link),
                wasm_opt=None if variant.wasm_opt is None else shlex.join(variant.wasm_opt),
                bytes=first.artifact_bytes,
                sha256=first.artifact_sha256,
                ratio=_ratio(overall[name]),
                ratio_to_baseline=_ratio_to_baseline(overall[name], overall[baseline]),
                backends=tuple(
                    _backend_result(backend, rounds, by_backend[name][backend], by_backend[baseline][backend])
                    for backend, rounds in of_variant.items()
                ),
            )
        )
    rounds = max(len(each) for each in samples[winner].values())
    verdict, sentence = _verdict(winner, baseline, overall, rounds)
    return Comparison(winner, baseline, tuple(rows), verdict, sentence)


def _estimate(samples: Sequence[Sample]) -> Estimate | None:
    return estimate(samples) if samples and all(s.status is Status.OK for s in samples) else None


def together(backends: Sequence[Estimate | None]) -> Estimate | None:
    """The geometric mean over backends, which are independent of each other; None if one could not be had."""
    measured = [e for e in backends if e is not None]
    number = len(measured)
    if number < len(backends) or not measured:
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


def _backend_result(
    backend: str, samples: Sequence[Sample], own: Estimate | None, baseline: Estimate | None
) -> BackendResult:
    import statistics

    failed = next((s for s in samples if s.status is not Status.OK), None)
    times = [s.compile_seconds for s in samples if s.compile_seconds is not None]
    return BackendResult(
        backend=backend,
        status=(failed or samples[0]).status,
        reason=failed.reason if failed else None,
        rounds=len(samples),
        compile_seconds=statistics.median(times) if times else None,
        ratio=_ratio(own),
        ratio_to_baseline=_ratio_to_baseline(own, baseline),
    )


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
