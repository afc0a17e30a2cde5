"""How time grows with the number of iterations is found from three sizes, on a machine like those we know."""

import math
import random

import pytest

from pipeline.stats.growth import BUSY, bent_in_turns, fixed_share, growth, is_line

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


def measured(time, dice, tries=5, per_second=10.0):
    """Times of each turn on a machine that is slower by a third for 40 % of the time, and sometimes preempts.

    ``per_second``: how often it becomes as fast again.
    """
    turns = []
    slow = dice.random() < 0.4
    left = dice.expovariate(per_second)
    for _ in range(tries):
        turns.append([])
        for size in SIZES:
            seconds = time(size) * math.exp(dice.gauss(0, 0.017))
            seconds += dice.uniform(0.001, 0.004) if dice.random() < 0.03 else 0
            turns[-1].append(seconds / (0.7 if slow else 1))
            left -= seconds + 0.002
            while left < 0:
                slow = not slow
                left += dice.expovariate(per_second if slow else per_second / 1.5)
    return turns


def judged(time, dice, per_second=10.0):
    """As run_size does it: what looks unusual is looked at again, and must show in most turns."""
    for tries in (5, 8):
        turns = measured(time, dice, tries, per_second)
        word = growth(SIZES, [min(each) for each in zip(*turns, strict=True)])
        if is_line(word):
            return word
        if not bent_in_turns(SIZES, turns):
            word = None
    return word


@pytest.mark.parametrize("name", LINES)
@pytest.mark.parametrize("per_second", [1, 10, 50])
def test_of_a_thousand_lines_at_most_one_is_called_a_curve(name, per_second):
    dice = random.Random(name)
    words = [judged(LINES[name], dice, per_second) for _ in range(1000)]
    assert sum(word is not None and not is_line(word) for word in words) <= 1
    assert sum(word is None for word in words) <= 50


@pytest.mark.parametrize("name", CURVES)
def test_of_a_hundred_curves_at_most_five_are_called_lines(name):
    dice = random.Random(name)
    words = [judged(CURVES[name], dice) for _ in range(1000)]
    assert sum(word is not None and is_line(word) for word in words) <= 50
    assert sum(word is None for word in words) <= 100


@pytest.mark.parametrize("per_second", [1, 10, 50])
def test_a_number_that_is_ignored_is_said_to_be(per_second):
    dice = random.Random(per_second)
    words = [judged(CURVES["ignored"], dice, per_second) for _ in range(1000)]
    assert words.count("not at all") >= 970
    assert words.count("fixed part") <= 10


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
