"""Numbers out of chunk scores. Pure: arrays in, numbers out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: Noise only ever slows a chunk down, so a high quantile of many short chunks finds the undisturbed
#: speed, while means and medians do not (shared/measurement.md, and docs/measurement.md).
QUANTILE = 0.95
CONFIDENCE = 0.95
RESAMPLES = 2000


@dataclass(frozen=True)
class Estimate:
    """A value with its bootstrap interval at CONFIDENCE; low <= value <= high."""

    value: float
    low: float
    high: float


def undisturbed(scores: ArrayLike) -> float:
    """The speed of a series of chunks without the machine's noise, in the scores' own unit."""
    return float(np.quantile(np.asarray(scores, dtype=float), QUANTILE))


def ratio(
    rounds: Sequence[Sequence[float]], references: Sequence[Sequence[float]], seed: int = 0
) -> Estimate:
    """Ratio of undisturbed speeds, cell over reference, over all rounds.

    ``rounds[i][j]`` and ``references[i][j]`` are the scores of chunk pair j in round i, > 0, the
    same number of pairs in every round. The interval is a percentile bootstrap over both levels:
    rounds are drawn with replacement, then pairs within each, because chunks of one process are
    not independent. Raises ValueError for empty, ragged or unpaired input.
    """
    pairs = np.array([rounds, references], dtype=float)
    if pairs.ndim != 3 or pairs.size == 0 or not (pairs > 0).all():
        raise ValueError("a ratio needs positive scores: rounds x pairs, each with its reference")
    _, number, length = pairs.shape
    value = float(_ratio_of_quantiles(pairs.reshape(2, 1, -1))[0])
    generator = np.random.default_rng(seed)
    chosen = generator.integers(number, size=(RESAMPLES, number, 1))
    within = generator.integers(length, size=(RESAMPLES, number, length))
    draws = _ratio_of_quantiles(pairs[:, chosen, within].reshape(2, RESAMPLES, -1))
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    return Estimate(value, min(float(low), value), max(float(high), value))


def _ratio_of_quantiles(pairs: NDArray[np.float64]) -> NDArray[np.float64]:
    """From (2, resamples, chunks) scores to (resamples,) ratios."""
    cell, reference = np.quantile(pairs, QUANTILE, axis=2)
    ratios: NDArray[np.float64] = cell / reference
    return ratios
