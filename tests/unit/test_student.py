"""Student's t against scipy's, where freedom and probability take any value that measurements give."""

import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.special import ndtri, stdtr, stdtrit

from pipeline.stats import student

freedoms = st.floats(0.2, 1e5)
probabilities = st.floats(1e-6, 1 - 1e-6)


@settings(deadline=None)
@given(probabilities, freedoms)
def test_quantiles_are_scipys(probability, freedom):
    expected = float(stdtrit(freedom, probability))
    assert student.quantile(probability, freedom) == pytest.approx(expected, rel=1e-9, abs=1e-15)


@settings(deadline=None)
@given(st.floats(-1e6, 1e6), freedoms)
def test_tails_are_scipys(t, freedom):
    assert student.tail(t, freedom) == pytest.approx(float(stdtr(freedom, -t)), rel=1e-9, abs=1e-300)


@settings(deadline=None)
@given(st.floats(0.5, 0.99), st.floats(0.5, 0.99), st.integers(1, 40))
def test_quantiles_keep_their_order(one, other, freedom):
    assume(other - one > 1e-12)  # closer ones are rounded
    assert student.quantile(one, freedom) <= student.quantile(other, freedom)
    assert student.quantile(one, freedom + 1) <= student.quantile(one, freedom) + 1e-12


@pytest.mark.parametrize("freedom", [1e7, 1e12, math.inf])
@pytest.mark.parametrize("probability", [0.025, 0.5, 0.975, 0.9999])
def test_with_very_many_degrees_of_freedom_it_is_the_normal_distribution(probability, freedom):
    expected = float(ndtri(probability))
    assert student.quantile(probability, freedom) == pytest.approx(expected, rel=1e-12, abs=1e-15)


def test_what_no_number_can_hold_is_a_very_large_number():
    assert student.quantile(1 - 1e-10, 0.02) >= 1e150
    assert student.tail(1e149, 30.0) == 0
