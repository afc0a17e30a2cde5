"""A cell that still gets faster is distinguished from one that is only noisy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.stats.trend import LEAST, trend


def noisy(generator, number=30):
    return np.exp(generator.normal(0, 0.017, number))


def test_noise_is_no_trend():
    generator = np.random.default_rng(1)
    found = [trend(noisy(generator).tolist()) for _ in range(2000)]
    assert sum(t.rising or t.falling for t in found) <= 8


def test_a_tier_up_is_seen():
    generator = np.random.default_rng(2)
    for _ in range(50):
        values = noisy(generator)
        values[:15] *= 0.8
        assert trend(values.tolist()).rising
        assert trend(values[::-1].tolist()).falling


def test_bursts_are_no_trend():
    generator = np.random.default_rng(3)
    for _ in range(50):
        values = noisy(generator)
        values[generator.integers(30, size=4)] *= 0.5
        found = trend(values.tolist())
        assert not found.rising
        assert not found.falling


@settings(deadline=None)
@given(st.lists(st.floats(1e-3, 1e9), min_size=LEAST, max_size=40), st.floats(0.1, 10))
def test_scale_does_not_matter_and_nothing_is_nan(values, factor):
    one, other = trend(values), trend([x * factor for x in values])
    assert 0 <= one.p <= 1
    assert other.change == pytest.approx(one.change, rel=1e-3, abs=1e-6)


def test_equal_values_and_short_series():
    assert trend([2.0] * 20).change == 0
    assert trend([2.0] * 20).p == 1
    assert trend([1.0] * (LEAST - 1)) is None
    assert trend([]) is None
