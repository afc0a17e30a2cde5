"""Properties that any honest ratio has."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import stats

score = st.floats(1e-3, 1e9)


@st.composite
def measured(draw):
    """Rounds x pairs of scores, with their references."""
    rounds, pairs = draw(st.integers(1, 4)), draw(st.integers(1, 6))
    series = st.lists(st.lists(score, min_size=pairs, max_size=pairs), min_size=rounds, max_size=rounds)
    return draw(series), draw(series)


@settings(max_examples=40, deadline=None)
@given(measured())
def test_the_interval_holds_the_value_and_is_finite(data):
    estimate = stats.ratio(*data)
    assert 0 < estimate.low <= estimate.value <= estimate.high < math.inf


@settings(max_examples=40, deadline=None)
@given(measured(), st.floats(1e-3, 1e3))
def test_a_machine_twice_as_fast_has_the_same_ratios(data, factor):
    cells, references = data
    scaled = [[[x * factor for x in r] for r in series] for series in (cells, references)]
    one, other = stats.ratio(cells, references), stats.ratio(*scaled)
    assert other.value == pytest.approx(one.value)
    assert other.low == pytest.approx(one.low)
    assert other.high == pytest.approx(one.high)


@settings(max_examples=20, deadline=None)
@given(measured(), st.floats(0.1, 10))
def test_a_cell_twice_as_fast_has_twice_the_ratio(data, factor):
    cells, references = data
    faster = [[x * factor for x in r] for r in cells]
    one, other = stats.ratio(cells, references), stats.ratio(faster, references)
    assert other.value == pytest.approx(one.value * factor)


def test_equal_scores_leave_no_doubt():
    estimate = stats.ratio([[2.0] * 5] * 3, [[4.0] * 5] * 3)
    assert (estimate.value, estimate.low, estimate.high) == (0.5, 0.5, 0.5)


def test_one_pair_is_an_answer():
    assert stats.ratio([[3.0]], [[6.0]]).value == 0.5


def test_slow_chunks_do_not_move_the_undisturbed_speed():
    """Noise only slows down: a third of the chunks at half speed must not show."""
    generator = np.random.default_rng(1)
    quiet = generator.normal(100, 0.5, 90)
    disturbed = quiet.copy()
    disturbed[:30] /= 2
    assert stats.undisturbed(disturbed) == pytest.approx(stats.undisturbed(quiet), rel=0.01)


def test_more_rounds_narrow_the_interval():
    generator = np.random.default_rng(2)

    def width(rounds):
        data = generator.normal(100, 3, (2, rounds, 20))
        estimate = stats.ratio(*data.tolist())
        return estimate.high - estimate.low

    assert np.mean([width(20) for _ in range(5)]) < np.mean([width(2) for _ in range(5)])


def test_the_same_data_give_the_same_interval():
    data = np.random.default_rng(3).normal(100, 3, (2, 3, 10)).tolist()
    assert stats.ratio(*data) == stats.ratio(*data)


@pytest.mark.parametrize(
    ("cells", "references"),
    [
        ([], []),
        ([[]], [[]]),
        ([[1.0]], []),
        ([[1.0, 2.0]], [[1.0]]),
        ([[0.0]], [[1.0]]),
        ([[math.nan]], [[1.0]]),
    ],
)
def test_what_is_no_measurement_is_refused(cells, references):
    with pytest.raises(ValueError):  # noqa: PT011 - numpy words some of them itself
        stats.ratio(cells, references)
