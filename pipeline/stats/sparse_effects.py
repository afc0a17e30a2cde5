"""Effects of many switches, most of them none, from few observations of several at once. No I/O.

The model: an observation is a sum of the effects of its switches and of noise with long tails; an effect is
zero with a probability that is learnt, else normal ("spike and slab": George and McCulloch, "Variable
selection via Gibbs sampling", JASA 1993). The posterior is sampled by Gibbs' method. Where there are fewer
observations than switches ("supersaturated" designs), least squares has no answer, and this one has.
"""

from __future__ import annotations

import math
import random
from collections.abc import Collection
from dataclasses import dataclass

#: What is believed before anything was seen, and for how many observations that counts: the standard
#: deviation of the noise with what a sum leaves out, and of effects that are not zero; and the share of
#: these.
_NOISE, _NOISE_FREEDOM = 0.01, 4.0
_EFFECT, _EFFECT_FREEDOM = 0.04, 4.0
_ACTIVE, _ACTIVE_WEIGHT = 0.15, 20.0
#: Degrees of freedom of the noise's tails: a pair of switches that do harm together is such an observation.
_TAILS = 4.0
#: Samples that are thrown away after each new observation, and before a summary; and those of a summary.
_AFTER_ONE, _BEFORE_SUMMARY, _SUMMARY = 8, 200, 1000
_INTERVAL = 0.95


@dataclass(frozen=True)
class Effect:
    """The effect of one switch, in the unit of the observations."""

    value: float  # posterior mean
    low: float  # of the 95 % interval
    high: float
    active: float  # the probability that it is not zero
    observations: int  # that had the switch


class SparseEffects:
    """The posterior of the effects of ``number`` switches, as a chain of samples."""

    def __init__(self, number: int, seed: str) -> None:
        self._random = random.Random(seed)
        self._columns: list[list[int]] = [[] for _ in range(number)]  # observations that have the switch
        self._left: list[float] = []  # of each observation, what the present sample does not explain
        self._weights: list[float] = []
        self._constant = 0.0
        self._active = _ACTIVE
        self._noise, self._spread = _NOISE**2, _EFFECT**2
        self.effects = [0.0] * number  # of the present sample

    def observe(self, switches: Collection[int], value: float) -> None:
        """Take in the value of one observation with these switches on, and all others off."""
        if not self._left:
            self._constant = value
        place = len(self._left)
        self._left.append(value - self._constant - math.fsum(self.effects[each] for each in switches))
        self._weights.append(1.0)
        for each in switches:
            self._columns[each].append(place)

    def sample(self, times: int = _AFTER_ONE) -> list[float]:
        """The effects in a new sample of the posterior."""
        for _ in range(times):
            self._sweep()
        return list(self.effects)

    def summary(self) -> list[Effect]:
        """The effect of each switch."""
        self.sample(_BEFORE_SUMMARY)
        samples = [self.sample(1) for _ in range(_SUMMARY)]
        first, last = int(_SUMMARY * (1 - _INTERVAL) / 2), int(_SUMMARY * (1 + _INTERVAL) / 2) - 1
        found = []
        for place, column in enumerate(self._columns):
            values = sorted(each[place] for each in samples)
            found.append(
                Effect(
                    value=math.fsum(values) / _SUMMARY,
                    low=values[first],
                    high=values[last],
                    active=sum(value != 0 for value in values) / _SUMMARY,
                    observations=len(column),
                )
            )
        return found

    def _sweep(self) -> None:
        """One round of Gibbs' method: each unknown is drawn from its distribution, given all others."""
        draw, left = self._random, self._left
        self._draw_constant()
        order = list(range(len(self.effects)))
        draw.shuffle(order)
        for place in order:
            self._draw_effect(place)
        squares = math.fsum(w * r * r for w, r in zip(self._weights, left, strict=True))
        self._noise = self._variance(_NOISE, _NOISE_FREEDOM, squares, len(left))
        active = [effect for effect in self.effects if effect]
        squares = math.fsum(effect * effect for effect in active)
        self._spread = self._variance(_EFFECT, _EFFECT_FREEDOM, squares, len(active))
        self._active = draw.betavariate(
            _ACTIVE * _ACTIVE_WEIGHT + len(active),
            (1 - _ACTIVE) * _ACTIVE_WEIGHT + len(self.effects) - len(active),
        )
        for i, r in enumerate(left):
            self._weights[i] = draw.gammavariate((_TAILS + 1) / 2, 2 / (_TAILS + r * r / self._noise))

    def _draw_constant(self) -> None:
        weight = math.fsum(self._weights)
        if not weight:
            return
        mean = math.fsum(w * r for w, r in zip(self._weights, self._left, strict=True)) / weight
        step = self._random.gauss(mean, math.sqrt(self._noise / weight))
        self._constant += step
        self._left = [r - step for r in self._left]

    def _draw_effect(self, place: int) -> None:
        draw, left, column = self._random, self._left, self._columns[place]
        before = self.effects[place]
        weight = math.fsum(self._weights[i] for i in column)
        variance = 1 / (weight / self._noise + 1 / self._spread)
        mean = variance * math.fsum(self._weights[i] * (left[i] + before) for i in column) / self._noise
        log_odds = math.log(self._active / (1 - self._active)) + 0.5 * (
            math.log(variance / self._spread) + mean * mean / variance
        )
        chance = 1.0 if log_odds > 30 else math.exp(log_odds) / (1 + math.exp(log_odds))
        effect = draw.gauss(mean, math.sqrt(variance)) if draw.random() < chance else 0.0
        if effect != before:
            self.effects[place] = effect
            for i in column:
                left[i] += before - effect

    def _variance(self, usual: float, freedom: float, squares: float, number: int) -> float:
        """A draw from the scaled inverse chi-squared distribution of a variance."""
        scale = freedom * usual * usual + squares
        return scale / (2 * self._random.gammavariate((freedom + number) / 2, 1.0))
