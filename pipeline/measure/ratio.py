"""The ratio of a cell to the native reference, with its interval, from the samples of its rounds."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pipeline.measure.sample import Sample
from pipeline.stats import estimates, undisturbed


def estimate(
    samples: Sequence[Sample], confidence: float = estimates.CONFIDENCE, most_freedom: float = math.inf
) -> estimates.Estimate:
    """The ratio of a cell from the samples of its rounds, all with status ok.

    ``confidence`` and ``most_freedom`` are those of ``estimates.estimate``.
    """
    rounds = [sample.series() for sample in samples]
    every = [c / r for s in samples for c, r in zip(s.scores, s.reference_scores, strict=True)]
    return estimates.estimate(
        undisturbed.undisturbed_ratios(rounds, machine_speeds(samples)), every, confidence, most_freedom
    )


def machine_speeds(samples: Sequence[Sample]) -> list[float]:
    """For each round of a cell the reference's undisturbed speed that it is compared with."""
    return undisturbed.known_speeds([sample.machine_speed or 0.0 for sample in samples])
