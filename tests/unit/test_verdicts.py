"""Verdicts that are right all together, with the confidence stated."""

import numpy as np
import pytest

from pipeline.stats import estimates, verdicts
from pipeline.stats.verdicts import FASTER, SAME, SLOWER, UNDECIDED


def cell(generator, ratio, rounds=8, process=0.004):
    means = generator.normal(np.log(ratio), process, (rounds, 1))
    return estimates.estimate(np.exp(means + generator.normal(0, 0.017, (rounds, 30))).tolist())


def words(cells):
    return {(v.one, v.other): v.word for v in verdicts.compare_all(cells)}


def test_clear_cases():
    generator = np.random.default_rng(1)
    cells = {
        "fast": cell(generator, 1.0),
        "slow": cell(generator, 0.9),
        "twin": cell(generator, 0.9, rounds=30),
        "vague": cell(generator, 0.99, rounds=3, process=0.03),
    }
    found = words(cells)
    assert found["fast", "slow"] == FASTER
    assert words({"slow": cells["slow"], "fast": cells["fast"]})["slow", "fast"] == SLOWER
    assert found["slow", "twin"] == SAME
    assert found["fast", "vague"] == UNDECIDED
    ranks = verdicts.ranks(cells, verdicts.compare_all(cells))
    assert ranks == {"fast": (1, 2), "vague": (1, 4), "slow": (2, 4), "twin": (2, 4)}


@pytest.mark.parametrize("rounds", [3, 8])
def test_a_table_of_equals_has_a_false_verdict_one_time_in_twenty_at_most(rounds):
    """15 cells, 105 comparisons, all equal: any "faster" or "slower" is false."""
    generator = np.random.default_rng(rounds)
    tables = 400
    wrong = 0
    for _ in range(tables):
        found = words({str(i): cell(generator, 0.8, rounds) for i in range(15)})
        wrong += any(word in (FASTER, SLOWER) for word in found.values())
    assert wrong / tables < 0.05


def test_same_is_false_one_time_in_twenty_at_most():
    """Cells a little more than the largest allowed bound apart: any "same" is false."""
    generator = np.random.default_rng(5)
    apart = 1 + verdicts.MOST_SAME + 1e-4
    wrong = 0
    for _ in range(400):
        found = verdicts.compare_all({"a": cell(generator, 1.0), "b": cell(generator, apart)})
        wrong += found[0].word == SAME
    assert wrong / 400 < 0.05


def test_the_bound_holds_the_difference():
    generator = np.random.default_rng(6)
    held = [
        v.bound >= 0.003
        for _ in range(300)
        for v in verdicts.compare_all({"a": cell(generator, 1.0), "b": cell(generator, 1.003)})
    ]
    assert np.mean(held) > 0.95


def test_ranks_hold_the_true_places_all_together():
    """12 cells, some equal: in 95 % of all tables every cell's true place is within its rank."""
    generator = np.random.default_rng(7)
    held = 0
    for _ in range(200):
        ratios = np.sort(generator.choice([0.8, 0.81, 0.82, 0.83, 0.86, 0.9], 12))[::-1]
        cells = {str(i): cell(generator, r, rounds=5) for i, r in enumerate(ratios)}
        ranks = verdicts.ranks(cells, verdicts.compare_all(cells))
        held += all(
            low <= np.sum(ratios >= ratios[int(name)]) and 1 + np.sum(ratios > ratios[int(name)]) <= high
            for name, (low, high) in ranks.items()
        )
    assert held / 200 > 0.95


def test_ranks_are_among_their_own_cells():
    generator = np.random.default_rng(9)
    cells = {name: cell(generator, ratio) for name, ratio in (("a", 1.0), ("b", 0.9), ("c", 0.5))}
    found = verdicts.compare_all(cells)
    assert verdicts.ranks(cells, found) == {"a": (1, 1), "b": (2, 2), "c": (3, 3)}
    assert verdicts.ranks({"a": cells["a"], "c": cells["c"]}, found) == {"a": (1, 1), "c": (2, 2)}


def test_a_disturbed_cell_is_told_from_none():
    generator = np.random.default_rng(8)
    cells = {"a": cell(generator, 1.0), "b": estimates.estimate([[0.5, 0.51]])}
    assert words(cells) == {("a", "b"): UNDECIDED}
    assert verdicts.ranks(cells, verdicts.compare_all(cells)) == {"a": (1, 1)}
    assert verdicts.compare_all({}) == []
    assert verdicts.ranks({}, []) == {}
