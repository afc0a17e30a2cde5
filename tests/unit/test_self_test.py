"""The self-test reports a machine's noise, and refuses a machine that is too disturbed."""

import numpy as np
import pytest
from test_stopping_rule import replace_scores, sample

from pipeline.analyses import self_test_summary
from pipeline.core.model import Kind
from pipeline.stats import estimates


def comparison(repeat, spread=0.003, usable=True, shift=0.0):
    generator = np.random.default_rng(repeat)

    def cell(mean):
        rounds = generator.normal(mean, spread, (4, 1)) + generator.normal(0, 0.017, (4, 30))
        return estimates.estimate(np.exp(rounds).tolist())

    one, other = cell(shift), cell(0)
    if not usable:
        one = estimates.estimate([[0.5, 1.5]])
    return self_test_summary.Comparison("x.y", Kind.OPTIMIZING, repeat, estimates.compare(one, other), usable)


def summary(comparisons, samples=None):
    return self_test_summary.summarise(
        comparisons, samples or [sample(1), sample(2)], {"z": "unavailable: why"}
    )


def test_a_calm_machine():
    found = summary([comparison(n) for n in range(40)])
    assert found.comparisons == found.usable == 40
    assert 34 <= found.containing_one <= 40
    assert 0.001 < found.noise_floor < 0.02
    assert found.refused is None
    text = self_test_summary.render(found)
    assert f"{found.containing_one} of 40 intervals contain 1" in text
    assert "z: unavailable: why" in text


def test_labels_that_differ_are_caught():
    """Were the two labels not the same thing, the intervals would say so."""
    found = summary([comparison(n, shift=0.05) for n in range(20)])
    assert found.containing_one < 5


@pytest.mark.parametrize(
    ("comparisons", "why"),
    [
        ([comparison(n, usable=n < 4) for n in range(10)], "in 6 of 10 comparisons"),
        ([comparison(n, spread=0.2) for n in range(10)], "for optimising compilers"),
    ],
)
def test_a_machine_too_disturbed_is_refused_with_the_reason(comparisons, why):
    assert why in summary(comparisons).refused


def test_no_usable_comparison_is_not_a_good_one():
    found = summary([comparison(1, usable=False)], [replace_scores(sample(1))])
    assert found.noise_floor is None
    assert found.undisturbed_pairs == 0
    assert "none of 1 comparisons has enough undisturbed rounds" in self_test_summary.render(found)
