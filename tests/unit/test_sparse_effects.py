"""Effects of many switches from few observations: found where they are, none where there is none."""

import random

import pytest

from pipeline.stats.sparse_effects import SparseEffects

NUMBER, ACTIVE, NOISE = 60, 6, 0.005


def simulated(seed, observations, of_each=6):
    """(true effects, their summary): each observation has some switches drawn at random."""
    dice = random.Random(seed)
    true = [0.0] * NUMBER
    for place in dice.sample(range(NUMBER), ACTIVE):
        true[place] = dice.choice((-1, 1)) * dice.uniform(0.02, 0.12)
    effects = SparseEffects(NUMBER, str(seed))
    effects.observe([], dice.gauss(0, NOISE))
    for _ in range(observations):
        on = dice.sample(range(NUMBER), of_each)
        effects.observe(on, sum(true[i] for i in on) + dice.gauss(0, NOISE))
        effects.sample(2)
    return true, effects.summary()


@pytest.mark.parametrize("observations", [40, 80])
def test_from_fewer_observations_than_switches_the_active_ones_are_found(observations):
    found = missed = false = 0
    for seed in range(10):
        true, effects = simulated(seed, observations)
        shown = {i for i, e in enumerate(effects) if e.low > 0 or e.high < 0}
        active = {i for i, x in enumerate(true) if x}
        found += len(shown & active)
        missed += len(active - shown)
        false += len(shown - active)
    assert found / (found + missed) > (0.75 if observations == 40 else 0.9)
    assert false / (10 * (NUMBER - ACTIVE)) < 0.02


def test_intervals_hold_the_true_effects():
    held = []
    for seed in range(20):
        true, effects = simulated(100 + seed, 60)
        held += [e.low <= x <= e.high for x, e in zip(true, effects, strict=True) if x]
    assert 0.88 <= sum(held) / len(held) <= 0.99


def test_a_switch_that_was_never_on_has_no_sure_effect():
    effects = SparseEffects(2, "x")
    for number in range(20):
        effects.observe([0] if number % 2 else [], 0.05 * (number % 2))
    first, second = effects.summary()
    assert first.low > 0.03
    assert first.observations == 10
    assert second.low <= 0 <= second.high
    assert second.observations == 0


def test_one_wild_observation_does_not_decide():
    effects = SparseEffects(3, "x")
    dice = random.Random(1)
    for number in range(30):
        on = [number % 3]
        value = -0.4 if number == 7 else dice.gauss(0.03 * (number % 3 == 2), NOISE)
        effects.observe(on, value)
    found = effects.summary()
    assert found[1].low <= 0 <= found[1].high
    assert found[2].value - found[0].value > 0.02
