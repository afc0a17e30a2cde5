"""When a comparison of two builds is decided: with which error, and not by what the machine did."""

import numpy as np
import pytest

from pipeline.analyses.ab.decision import FEWEST_ROUNDS, answer, central, read_bounds
from pipeline.core.errors import BadInput

USUAL = read_bounds("-1%,1%", None)
PAIRS, MOST_ROUNDS = 40, 30


def ended(dice, truth, bounds=USUAL, between=0.004, within=0.02, most=MOST_ROUNDS):
    """The answer where rounds are added until there is one; logs of ratios are normal."""
    rounds = []
    for _ in range(most):
        level = np.log(truth) + dice.normal(0, between)
        rounds.append(np.exp(level + dice.normal(0, within, PAIRS)).tolist())
        found = answer(rounds, bounds)
        if found is not None and found.word != "undecided":
            return found
    return found


@pytest.mark.parametrize(("truth", "wrong"), [(1.01, "faster"), (0.99, "slower"), (1.0099, "faster")])
def test_a_difference_at_a_bound_is_seldom_beyond_it(truth, wrong):
    """The worst case: 2 % within so many rounds. Twelve of 400 are two and a half standard errors above."""
    dice = np.random.default_rng(1)
    assert sum(ended(dice, truth).word == wrong for _ in range(400)) <= 12


def test_the_same_under_two_names_is_the_same():
    dice = np.random.default_rng(2)
    words = [ended(dice, 1.0).word for _ in range(100)]
    assert set(words) <= {"same", "undecided"}
    assert words.count("same") >= 95


@pytest.mark.parametrize(("truth", "word"), [(1.08, "faster"), (0.97, "slower")])
def test_a_large_difference_is_found_at_once(truth, word):
    dice = np.random.default_rng(3)
    for _ in range(50):
        found = ended(dice, truth)
        assert found.word == word
        assert found.rounds <= 2 * FEWEST_ROUNDS
        assert (found.slower, found.no_slower) == (word == "slower", word == "faster")


def test_pairs_whose_machine_changed_its_speed_between_them_do_not_count():
    dice = np.random.default_rng(4)
    calm = np.exp(dice.normal(0, 0.01, PAIRS))
    disturbed = np.where(dice.random(PAIRS) < 0.15, calm * 1.4, calm)
    assert len(central(disturbed.tolist())) < PAIRS
    assert max(central(disturbed.tolist())) < 1.1
    assert np.mean(np.log(central(disturbed.tolist()))) == pytest.approx(0, abs=0.005)
    coarse = [1.0] * 6 + [1.005] * 4
    assert central(coarse) == coarse


def test_too_few_rounds_decide_nothing():
    steady = [[1.2, 1.2, 1.2]] * (FEWEST_ROUNDS - 1)
    assert answer(steady[:1], USUAL) is None
    assert answer([[], *steady[:1]], USUAL) is None
    assert answer(steady, USUAL).word == "undecided"
    assert answer([*steady, steady[0]], USUAL).word == "faster"


def test_a_threshold_is_a_bound_of_its_own():
    bounds = read_bounds("-1%,1%", "5")
    assert bounds.values == (-0.05, -0.01, 0.01)
    rounds = [[0.97 + 0.0001 * i] * 5 for i in range(FEWEST_ROUNDS)]
    near = [[0.992 + 0.0001 * i] * 5 for i in range(FEWEST_ROUNDS)]
    found = answer(near, read_bounds("-1%,1%", "0.5"))
    assert (found.word, found.slower, found.no_slower) == ("slower", True, False)
    assert answer(near, USUAL).word == "same"
    found = answer(rounds, bounds)
    assert (found.word, found.slower, found.no_slower) == ("slower", False, True)
    found = answer(rounds, USUAL)
    assert (found.word, found.slower, found.no_slower) == ("slower", True, False)


@pytest.mark.parametrize(
    ("until", "threshold", "words"),
    [
        ("1%", None, "until: expected two per cents"),
        ("a,b", None, "until: expected two per cents"),
        ("1%,2%", None, "until: expected one below and one above 0"),
        ("0,0", None, "until: expected one below and one above 0"),
        ("-100%,1%", None, "until: expected one below and one above 0"),
        ("-1%,1%", "-2", "threshold: expected per cent"),
    ],
)
def test_bounds_that_cannot_be_are_refused(until, threshold, words):
    with pytest.raises(BadInput) as refused:
        read_bounds(until, threshold)
    assert words in str(refused.value)
