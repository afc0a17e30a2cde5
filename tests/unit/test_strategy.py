"""What is tried next: known points, nothing twice, all lines soon, then better points than random ones."""

import random
import statistics

import tomli

from pipeline.analyses.tune.known_points import of_variants
from pipeline.analyses.tune.strategy import Strategy
from pipeline.experiment import tune_table
from toolchain.model import Variant

FEW = '[tune]\nlevel = ["-O3", "-O2"]\na = ["", "-a"]\nb = ["", { flags = "-b={}", from = 1, to = 2 }]\n'
MANY = "[tune]\n" + "".join(f'd{i} = ["", "-a{i}", "-b{i}"]\n' for i in range(15))
MANY += 'r = { flags = "-r={}", from = 1, to = 1000 }\n'


def parse(text):
    return tune_table.space("matrix.toml", tomli.loads(text)["tune"])


def test_known_variants_are_points():
    variants = [Variant("O3", ("-O3",)), Variant("Oz", ("-Oz",)), Variant("x", ("-b=2", "-a", "-O2"))]
    found = of_variants(parse(FEW), variants)
    assert found[0] == {"level": "-O3", "a": "", "b": ""}
    assert found[1:] == [{"level": "-O2", "a": "-a", "b": "-b={}", "b #": 2}]


def test_nothing_is_proposed_twice_and_a_small_space_ends():
    strategy, seen = Strategy(parse(FEW), [parse(FEW).first()], 1), []
    while (point := strategy.propose(seen[0] if seen else None)) is not None:
        assert point not in seen
        seen.append(point)
        strategy.learn(point, len(seen) / 100, failed="-a" in point.values())
    assert seen[0] == parse(FEW).first()
    assert sum(point["a"] == "" for point in seen) == 2 * 3, "all that can be measured"
    assert 2 <= sum(point["a"] == "-a" for point in seen) <= 4, "what always fails is left alone"
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
    strategy = Strategy(parse(MANY), [parse(MANY).first()], seed)
    values = [(value, point) for point, value in earlier]
    for point, value in earlier:
        strategy.learn(point, value)
    generator = random.Random(seed)
    for _ in range(trials):
        best = max(values, key=lambda v: v[0])[1] if values else None
        point = strategy.propose(best)
        value = worth(point) + generator.gauss(0, 0.003)
        strategy.learn(point, value)
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


def test_the_screening_has_every_line_twice_and_a_dimension_once_a_point():
    strategy = Strategy(parse(MANY), [parse(MANY).first()], 1)
    strategy.learn(strategy.propose(None), 0.0)
    points = [strategy.propose(parse(MANY).first()) for _ in range(12)]
    for point in points:
        strategy.learn(point, 0.0)
    changed = [
        (name, label) for point in points for name, label in point.items() if label and "#" not in name
    ]
    for i in range(15):
        assert changed.count((f"d{i}", f"-a{i}")) == changed.count((f"d{i}", f"-b{i}")) == 2
    numbers = [point["r #"] for point in points if point["r"]]
    assert len(numbers) == 8, "each of four parts of a range twice"
    assert sum(number < 44 for number in numbers) == 4
    found = strategy.effects()
    assert [e.observations for line, e in zip(strategy.lines, found, strict=True) if line.label] == [2] * 34


def test_a_line_that_always_fails_is_left_alone():
    strategy = Strategy(parse(MANY), [parse(MANY).first()], 3)
    dice = random.Random(3)
    after = []
    for number in range(60):
        point = strategy.propose(parse(MANY).first())
        fails = point["d4"] == "-a4"
        strategy.learn(point, worth(point) + dice.gauss(0, 0.003), failed=fails)
        after += [fails] if number > 20 else []
    assert sum(after) == 0


def test_what_was_too_disturbed_to_tell_teaches_nothing_and_bans_nothing():
    strategy = Strategy(parse(MANY), [parse(MANY).first()], 3)
    for _ in range(40):
        strategy.learn(strategy.propose(parse(MANY).first()), None)
    assert len({str(strategy.propose(parse(MANY).first())) for _ in range(5)}) > 1
    assert all(effect.observations == 0 for effect in strategy.effects())


def test_effects_are_those_of_the_lines():
    found = search(4, trials=80)
    strategy = Strategy(parse(MANY), [parse(MANY).first()], 5)
    for point, value in found:
        strategy.learn(point, value)
    effects = {
        line.label: e for line, e in zip(strategy.lines, strategy.effects(), strict=True) if line.label
    }
    generator = random.Random(1)
    true = {f"-{x}{i}": generator.gauss(-0.005, 0.02) for i in range(15) for x in "ab"}
    often = [label for label in true if effects[label].observations >= 8]
    held = [effects[label].low - 0.002 <= true[label] <= effects[label].high + 0.002 for label in often]
    assert len(often) >= 5
    assert sum(held) >= 0.8 * len(often)
