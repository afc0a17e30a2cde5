"""What is tried next: variants of matrix.toml first, nothing twice, later better points than random ones."""

import random
import statistics
import sys

import pytest
import tomli

from pipeline.analyses.tune.proposer import Proposer, starts
from pipeline.core.errors import ProjectError
from pipeline.experiment import tune_table
from toolchain.model import Variant

FEW = '[tune]\nlevel = ["-O3", "-O2"]\na = ["", "-a"]\nb = ["", { flags = "-b={}", from = 1, to = 2 }]\n'
MANY = "[tune]\n" + "".join(f'd{i} = ["", "-a{i}", "-b{i}"]\n' for i in range(15))
MANY += 'r = { flags = "-r={}", from = 1, to = 1000 }\n'


def parse(text):
    return tune_table.space("matrix.toml", tomli.loads(text)["tune"])


def test_the_variants_of_the_matrix_come_first():
    variants = [
        Variant("O3", ("-O3",)),
        Variant("Oz", ("-Oz",)),
        Variant("x", ("-a", "-O2")),
        Variant("y", ("-O3",)),
    ]
    found = starts(parse(FEW), variants)
    assert found == [{"level": "-O3", "a": "", "b": ""}, {"level": "-O2", "a": "-a", "b": ""}]
    assert starts(parse(FEW), [variants[1]]) == [parse(FEW).first()]


def test_without_optuna_it_says_what_to_run(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ProjectError, match=r"tune needs optuna; run: pip install -e '\.\[tune\]'"):
        Proposer(parse(FEW), [], 1)


def test_nothing_is_proposed_twice_and_a_small_space_ends():
    proposer, seen = Proposer(parse(FEW), [parse(FEW).first()], 1), []
    while (point := proposer.propose(seen[0] if seen else None)) is not None:
        assert point not in seen
        seen.append(point)
        proposer.learn(point, None if "-a" in point.values() else len(seen) / 100)
    assert seen[0] == parse(FEW).first()
    assert len(seen) == 2 * 2 * 3, "all of it"
    for point in seen:
        assert ("b #" in point) == bool(point["b"])


def worth(point):
    """Some choices help, more harm, two help together only."""
    generator = random.Random(1)
    effects = {f"-{x}{i}": generator.gauss(-0.005, 0.02) for i in range(15) for x in "ab"}
    total = sum(effects.get(label, 0.0) for label in map(str, point.values()))
    total += 0.05 * (point["d0"] == "-a0" and point["d1"] == "-b1")
    return total - 0.02 * abs(point.get("r #", 500) - 400) / 400


def search(seed, trials=60, earlier=()):
    proposer = Proposer(parse(MANY), [parse(MANY).first()], seed)
    values = [(value, point) for point, value in earlier]
    for point, value in earlier:
        proposer.learn(point, value)
    generator = random.Random(seed)
    for _ in range(trials):
        best = max(values, key=lambda v: v[0])[1] if values else None
        point = proposer.propose(best)
        value = worth(point) + generator.gauss(0, 0.003)
        proposer.learn(point, value)
        values.append((value, point))
    return [(point, value) for value, point in values]


def best_of(trials):
    return max(worth(point) for point, _ in trials)


def test_it_finds_much_better_points_than_chance_does():
    searched = [best_of(search(seed)) for seed in range(5)]
    drawn = []
    for seed in range(5):
        generator = random.Random(seed)
        points = [
            {
                name: generator.choice([c.label for c in choices if c.low is None])
                for name, choices in dims.items()
            }
            for dims in [parse(MANY).dimensions] * 60
        ]
        drawn.append(max(map(worth, points)))
    assert statistics.mean(searched) > 1.4 * statistics.mean(drawn)


def test_a_search_goes_on_from_what_was_learnt():
    first = search(1, trials=30)
    longer = search(2, trials=30, earlier=first)
    points = [point for point, _ in longer]
    assert all(points.count(point) == 1 for point in points)
    assert best_of(longer) > best_of(first)
