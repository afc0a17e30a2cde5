"""Properties that any honest ratio, interval and comparison has."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.stats import estimates

ratio = st.floats(1e-3, 1e3)
rounds = st.lists(st.lists(ratio, max_size=6), min_size=1, max_size=6).filter(any)
plausible = st.lists(st.lists(st.floats(0.25, 4), max_size=6), min_size=1, max_size=6).filter(any)
several = st.lists(st.lists(ratio, min_size=1, max_size=6), min_size=2, max_size=6)


def draw(generator, number, pairs=30, process=0.004, pair=0.017):
    """Rounds as they are seen on real machines: processes differ, pairs within them too."""
    means = generator.normal(0, process, (number, 1))
    return np.exp(means + generator.normal(0, pair, (number, pairs))).tolist()


@settings(deadline=None)
@given(rounds)
def test_the_interval_holds_the_value_and_is_finite(data):
    found = estimates.estimate(data)
    assert 0 < found.low <= found.value <= found.high < math.inf
    assert found.half_width >= 0
    smallest, largest = min(x for xs in data for x in xs), max(x for xs in data for x in xs)
    assert smallest * (1 - 1e-9) <= found.value <= largest * (1 + 1e-9)


@settings(deadline=None)
@given(plausible, st.floats(1e-2, 1e2))
def test_a_cell_twice_as_fast_has_twice_the_ratio_and_interval(data, factor):
    one, other = estimates.estimate(data), estimates.estimate([[x * factor for x in xs] for xs in data])
    assert other.value == pytest.approx(one.value * factor)
    # Rounding grows with the interval's width, which for two unlike rounds is many decades.
    assert math.log(other.low / one.low) == pytest.approx(math.log(factor), abs=1e-6)
    assert math.log(other.high / one.high) == pytest.approx(math.log(factor), abs=1e-6)


@settings(deadline=None)
@given(several, several)
def test_a_comparison_turned_round_is_the_same_comparison(one, other):
    there = estimates.compare(estimates.estimate(one), estimates.estimate(other))
    back = estimates.compare(estimates.estimate(other), estimates.estimate(one))
    assert there.value == pytest.approx(1 / back.value)
    assert there.p == pytest.approx(back.p)
    assert 0 <= there.p <= 1
    assert there.low <= there.value <= there.high
    assert not math.isnan(there.low + there.high + there.error + there.freedom)


@settings(deadline=None)
@given(several)
def test_a_cell_equals_itself(data):
    found = estimates.compare(estimates.estimate(data), estimates.estimate(data))
    assert found.value == 1
    assert found.p == 1
    assert found.low <= 1 <= found.high


@settings(deadline=None)
@given(several)
def test_an_empty_round_changes_nothing(data):
    assert estimates.estimate([*data, []]) == estimates.estimate(data)


@settings(deadline=None)
@given(several)
def test_the_order_of_rounds_changes_nothing(data):
    one, other = estimates.estimate(data), estimates.estimate(data[::-1])
    assert other.value == pytest.approx(one.value)
    assert other.high == pytest.approx(one.high)


@pytest.mark.parametrize("value", [0.5, 1.0, 3.0])
def test_equal_rounds_leave_no_doubt(value):
    found = estimates.estimate([[value] * 5] * 3)
    assert (found.value, found.half_width) == (pytest.approx(value), pytest.approx(0, abs=1e-12))
    same = estimates.compare(found, found)
    assert (same.p, same.value) == (1.0, 1.0)


def test_one_round_is_an_answer_but_no_ground_for_a_comparison():
    one = estimates.estimate([[0.8, 0.9, 1.0]])
    assert (one.value, one.low, one.high, one.disturbed) == (0.9, 0.8, 1.0, True)
    sure = estimates.estimate([[0.5] * 9, [0.5] * 9])
    assert estimates.compare(one, sure).p == 1


def test_without_an_undisturbed_round_all_pairs_tell_the_range():
    every = [x / 100 for x in range(60, 101)]
    found = estimates.estimate([[], []], every)
    assert found.disturbed
    assert found.low < 0.63
    assert found.high > 0.97


def test_more_rounds_narrow_the_interval():
    generator = np.random.default_rng(2)

    def width(number):
        return np.median([estimates.estimate(draw(generator, number)).half_width for _ in range(50)])

    widths = [width(n) for n in (3, 5, 8, 20)]
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] < widths[0] / 4


def test_a_comparison_of_equals_is_wrong_one_time_in_twenty():
    generator = np.random.default_rng(3)
    ps = [estimates.compare(*(estimates.estimate(draw(generator, n)) for n in (4, 8))).p for _ in range(2000)]
    assert 0.035 < np.mean([p < 0.05 for p in ps]) < 0.065


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_holm_only_raises_and_keeps_the_order(ps):
    adjusted = estimates.holm(ps)
    assert all(p <= a <= 1 for p, a in zip(ps, adjusted, strict=True))
    order = sorted(range(len(ps)), key=ps.__getitem__)
    assert [adjusted[i] for i in order] == sorted(adjusted)
    assert min(adjusted) == min(1, min(ps) * len(ps))


@pytest.mark.parametrize(
    "data", [[], [[]], [[0.0]], [[math.nan]], [[-1.0]], [[math.inf]], [[1.0], [math.nan]]]
)
def test_what_is_no_measurement_is_refused(data):
    with pytest.raises(ValueError, match=r"positive number|no pair"):
        estimates.estimate(data)
