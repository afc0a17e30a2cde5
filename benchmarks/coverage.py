#!/usr/bin/env python3
"""How often does a 95 % interval hold the truth? Simulated measurements on noise like the real one.

    .venv/bin/python benchmarks/coverage.py [measurements]

Prints, for each kind of noise and each estimator, the coverage, the bias and the median half-width.
The noise has what was seen on real machines: a processor with two speeds that switches every tenth of
a second and slows different programs by different factors, bursts that only ever slow down (half of
them seen by the kernel's accounts), a drift over all rounds, processes that differ from each other,
and a memory layout for each native process.
"""

import functools
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.core.model import Protocol
from pipeline.experiment import matrix
from pipeline.measure import stopping_rule
from pipeline.stats import estimates, undisturbed
from pipeline.stats.undisturbed import Series

TRUTH = 0.85
SPEED = 40000.0  # of the undisturbed reference, iterations/s
MEASUREMENTS = 2000
PAIRS = 40
ENOUGH = 30


@dataclass(frozen=True)
class Noise:
    """What a simulated machine does to chunks."""

    slow: float = 0.0  # share of time in the slow state
    bursts: float = 0.0  # share of chunks that a burst hits
    drift: float = 0.0  # relative loss of speed from the first round to the last
    episode: float = 10.0
    process: float = 0.004  # relative spread between processes of the cell
    chunk: float = 0.005  # relative spread between the cell's chunks in one process


SCENARIOS = {
    "quiet": Noise(),
    "two speeds": Noise(slow=0.4),
    "mostly slow": Noise(slow=0.75),
    "flickering": Noise(slow=0.5, episode=3),
    "bursts": Noise(bursts=0.15),
    "drift": Noise(drift=0.06),
    "uneven processes": Noise(process=0.012),
    "uneven chunks": Noise(chunk=0.1),
    "all at once": Noise(slow=0.4, bursts=0.1, drift=0.03, process=0.006),
}


def measurement(noise: Noise, rounds: int, generator: np.random.Generator) -> list[Series]:
    """One cell's rounds as the pipeline would have recorded them."""
    shape = (rounds, PAIRS, 2)
    speed = np.empty(shape)
    speed[..., 0] = TRUTH * np.exp(
        generator.normal(0, noise.process, (rounds, 1)) + generator.normal(0, noise.chunk, shape[:2])
    )
    speed[..., 1] = np.exp(generator.normal(0, 0.016, shape[:2]))
    # Chunk by chunk, in the order of time: the shorter episodes last ``episode`` chunks on average.
    slow = np.empty((rounds, 2 * PAIRS), dtype=bool)
    slow[:, 0] = generator.random(rounds) < noise.slow
    odds = noise.slow / (1 - noise.slow)
    leave_slow, leave_fast = min(1, 1 / odds if odds else 1) / noise.episode, min(1, odds) / noise.episode
    for i in range(1, 2 * PAIRS):
        flip = generator.random(rounds) < np.where(slow[:, i - 1], leave_slow, leave_fast)
        slow[:, i] = slow[:, i - 1] ^ flip
    # SMT neighbours and caches do not slow every program by the same factor.
    speed *= np.where(slow.reshape(shape), [0.66, 0.69], 1.0)
    hit = generator.random(shape) < noise.bursts
    seen = generator.random(shape) < 0.5
    loss = np.where(
        seen, 1 / (1 + generator.exponential(0.4, shape)), 1 / (1 + generator.exponential(0.05, shape))
    )
    speed *= np.where(hit, loss, 1.0)
    shares = np.where(hit & seen, loss, 1.0)
    speed *= (1 - noise.drift * np.linspace(0, 1, rounds))[:, None, None]
    return [
        Series(s[:, 0].tolist(), s[:, 1].tolist(), a[:, 0].tolist(), a[:, 1].tolist())
        for s, a in zip(speed * SPEED, shares, strict=True)
    ]


@functools.cache
def _protocol() -> Protocol:
    return matrix.load({}).protocol


def standard(rounds: Sequence[Series]) -> estimates.Estimate:
    """The standard protocol: as many of these rounds as it takes until the interval is narrow."""
    protocol = _protocol()
    confidence, _ = stopping_rule.carefulness(protocol)
    for number in range(protocol.rounds, len(rounds) + 1):
        found = ours(rounds[:number], confidence=confidence)
        if not found.disturbed and found.half_width * 100 <= (protocol.half_width_percent or 0.0):
            break
    return found


def ours(
    rounds: Sequence[Series], known: float = 0.0, confidence: float = estimates.CONFIDENCE
) -> estimates.Estimate:
    """What the results have, with the measuring loop's rule of when a round is over.

    ``known`` is the reference's undisturbed speed as other cells of the same run have seen it.
    """
    chunks: list[float] = []
    speeds = []
    for series in rounds:
        # After each round the chunks of all rounds before it are known.
        chunks += undisturbed.reference_chunks(series)
        speeds.append(max(known, undisturbed.upper_cluster_speed(chunks)))
    known_speeds = undisturbed.known_speeds(speeds)
    cut = []
    for series, speed in zip(rounds, known_speeds, strict=True):
        steady = series.steady(speed)
        end = steady[ENOUGH - 1] + 1 if len(steady) >= ENOUGH else PAIRS
        cut.append(
            Series(
                series.scores[:end],
                series.references[:end],
                series.shares[:end],
                series.reference_shares[:end],
            )
        )
    every = [c / r for s in cut for c, r in zip(s.scores, s.references, strict=True)]
    return estimates.estimate(undisturbed.undisturbed_ratios(cut, known_speeds), every, confidence)


def _interval(values: np.ndarray, value: float) -> estimates.Estimate:
    low, high = np.quantile(values, [0.025, 0.975])
    return estimates.Estimate(value, min(low, value), max(high, value), 0, 0)


def bootstrapped(statistic: Callable[[np.ndarray], np.ndarray], resamples: int = 400):
    """A percentile bootstrap over both levels, rounds and pairs within them, of all pairs."""

    def of(rounds: Sequence[Series]) -> estimates.Estimate:
        pairs = np.array([[s.scores for s in rounds], [s.references for s in rounds]])
        generator = np.random.default_rng(0)
        _, number, length = pairs.shape
        chosen = generator.integers(number, size=(resamples, number, 1))
        within = generator.integers(length, size=(resamples, number, length))
        draws = statistic(pairs[:, chosen, within].reshape(2, resamples, -1))
        return _interval(draws, float(statistic(pairs.reshape(2, 1, -1))[0]))

    return of


def resampled_rounds(rounds: Sequence[Series]) -> estimates.Estimate:
    """Our estimate, but a percentile bootstrap of the rounds' means instead of Student's t."""
    speed = max(undisturbed.reference_speed(series) for series in rounds)
    used = [xs for xs in undisturbed.undisturbed_ratios(rounds, [speed] * len(rounds)) if xs]
    if len(used) < 2:
        return ours(rounds)
    means = np.array([np.mean(np.log(xs)) for xs in used])
    chosen = np.random.default_rng(0).integers(len(means), size=(400, len(means)))
    return _interval(np.exp(means[chosen].mean(axis=1)), float(np.exp(means.mean())))


def quantiles(q: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda pairs: np.divide(*np.quantile(pairs, q, axis=2))


ESTIMATORS: dict[str, Callable[[Sequence[Series]], estimates.Estimate]] = {
    "undisturbed pairs, Student's t": ours,
    "the same, by the standard protocol": standard,
    "undisturbed pairs, bootstrap of rounds": resampled_rounds,
    "95th percentiles, two-level bootstrap": bootstrapped(quantiles(0.95)),
    "median of pair ratios, two-level bootstrap": bootstrapped(lambda p: np.median(p[0] / p[1], axis=1)),
}


@dataclass(frozen=True)
class Outcome:
    """Of many measurements: shares and relative numbers."""

    coverage: float
    bias: float
    half_width: float
    disturbed: float  # share without enough undisturbed rounds


def simulate(noise: Noise, estimator: Callable[..., estimates.Estimate], number: int, rounds: int) -> Outcome:
    """Measure ``number`` times and count how often the truth was in the interval."""
    generator = np.random.default_rng([number, rounds])
    found = [estimator(measurement(noise, rounds, generator)) for _ in range(number)]
    sure = [e for e in found if not e.disturbed]
    return Outcome(
        sum(e.low <= TRUTH <= e.high for e in sure) / max(1, len(sure)),
        math.exp(float(np.mean([math.log(e.value / TRUTH) for e in found]))) - 1,
        float(np.median([e.half_width for e in found])),
        1 - len(sure) / number,
    )


def main() -> None:
    number = int(sys.argv[1]) if len(sys.argv) > 1 else MEASUREMENTS
    print("| noise | estimator | rounds | measurements | covers | bias | ± median | disturbed |")
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    for scenario, noise in SCENARIOS.items():
        for name, estimator in ESTIMATORS.items():
            # Bootstraps of all chunks take thirty times as long, and what is wrong with them shows early.
            count = number if estimator in (ours, standard) else max(1, number // 10)
            for rounds in (3, 8):
                o = simulate(noise, estimator, count, rounds)
                print(
                    f"| {scenario} | {name} | {rounds} | {count} | {o.coverage:.1%} | {o.bias:+.2%} "
                    f"| {o.half_width:.2%} | {o.disturbed:.1%} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
