"""How time grows with the number of iterations is found from three sizes, on a machine like those we know."""

import math
import random

import pytest

from pipeline.stats.growth import BUSY, fixed_share, growth

SIZES = (2500, 5000, 10000)
LINES = {
    "proportional": lambda n: n * 1e-6,
    "a start of 0.5 %": lambda n: 0.00005 + n * 1e-6,
    "a tenth is fixed": lambda n: 0.001 + n * 0.9e-6,
    "a half is fixed": lambda n: 0.005 + n * 0.5e-6,
}
CURVES = {
    "n²": lambda n: n * n * 1e-10,
    "n log n": lambda n: n * math.log2(n) * 1e-7,
    "2ⁿ": lambda n: 1e-5 + 0.01 * 2 ** ((n - 10000) / 300),
    "no more work from 5000 on": lambda n: min(n, 5000) * 2e-6,
    "no more work from 7500 on": lambda n: min(n, 7500) * 1e-6,
    "ignored": lambda n: 0.01,
    "every 4096th": lambda n: n % 4096 * 1e-6,
}


def least(time, dice, tries=5):
    """The least times on a machine that is slower by a third for 40 % of the time, and sometimes preempts."""
    best = [math.inf] * len(SIZES)
    slow = dice.random() < 0.4
    left = dice.expovariate(10)
    for _ in range(tries):
        for at, size in enumerate(SIZES):
            seconds = time(size) * math.exp(dice.gauss(0, 0.017))
            seconds += dice.uniform(0.001, 0.004) if dice.random() < 0.03 else 0
            best[at] = min(best[at], seconds / (0.7 if slow else 1))
            left -= seconds + 0.002
            while left < 0:
                slow = not slow
                left += dice.expovariate(10 if slow else 6.7)
    return best


def judged(time, dice):
    """As run_size does it: what looks unusual is looked at again."""
    word = growth(SIZES, least(time, dice))
    return word if word in ("proportional", "fixed part") else growth(SIZES, least(time, dice, 8))


@pytest.mark.parametrize("name", LINES)
def test_of_a_hundred_lines_at_most_one_is_called_a_curve(name):
    dice = random.Random(name)
    words = [judged(LINES[name], dice) for _ in range(1000)]
    assert sum(word not in ("proportional", "fixed part") for word in words) <= 10


@pytest.mark.parametrize("name", CURVES)
def test_of_a_hundred_curves_at_most_five_are_called_lines(name):
    dice = random.Random(name)
    words = [judged(CURVES[name], dice) for _ in range(1000)]
    assert sum(word in ("proportional", "fixed part") for word in words) <= 50


@pytest.mark.parametrize(
    ("seconds", "word"),
    [
        ((1, 2, 4), "proportional"),
        ((1.01, 2.01, 4.01), "proportional"),
        ((2, 3, 5), "fixed part"),
        ((1, 4, 16), "faster"),
        ((1, 2, 2), "slower"),
        ((1, 1.41, 2), "slower"),
        ((4, 4, 4), "not at all"),
        ((4, 3, 2), "not at all"),
        ((0.01, 0.01, 5), "faster"),
    ],
)
def test_words(seconds, word):
    assert growth((1, 2, 4), seconds) == word


def test_on_a_busy_machine_only_what_is_far_from_a_line_is_named():
    assert growth((1, 2, 4), (1, 2.2, 5), BUSY) in ("proportional", "fixed part")
    assert growth((1, 2, 4), (1, 4, 16), BUSY) == "faster"
    assert growth((1, 2, 4), (4, 4.1, 4.05), BUSY) == "not at all"


def test_the_fixed_share_is_that_of_the_longest_run():
    assert fixed_share((1, 2, 4), (1, 2, 4)) == 0
    assert fixed_share((1, 2, 4), (3, 4, 6)) == pytest.approx(1 / 3)
    assert fixed_share((1, 2, 4), (1, 4, 16)) == 0, "none is negative"
