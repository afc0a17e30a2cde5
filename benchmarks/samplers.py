#!/usr/bin/env python3
"""Which way to search for flags finds most in the same time? Replays searches on a recorded table.

    .venv/bin/pip install 'optuna<6' 'scikit-learn<2'
    .venv/bin/python benchmarks/samplers.py [seeds] [sampler ...]

benchmarks/flag_table.jsonl (made by flag_table.py) has the measured speed of random points for three
workloads under two backends. The mean of three models of it, sparse main effects, boosted trees and a random
forest, stands for the truth at any point; how well it predicts points that it has not seen is printed. A
search pays for each build and round what they cost here, its rounds are as noisy as they are here, and
racing.py decides about further rounds as in a real search. Printed is the regret: by how much the chosen
point is slower than the best that any search found, with the 95 % interval over seeds.
"""

import json
import math
import os
import random
import statistics
import sys
import warnings
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from pipeline.analyses.tune import racing
from pipeline.analyses.tune.lines import Line, lines_of
from pipeline.analyses.tune.strategy import Strategy
from pipeline.experiment.search_space import Choice, Params, Space, numbered
from toolchain.model import Variant

TABLE = Path(__file__).with_name("flag_table.jsonl")
#: Seconds of a build and of a round, of search without its confirmation at budget=60, 120 and 300; and
#: the standard deviation of a round.
BUILD_S, ROUND_S, BUDGETS, NOISE = 0.35, 0.95, (35, 85, 240), 0.004
MOST_ROUNDS = 8

Point = dict[str, str | int]


class Sampler(Protocol):
    """What proposes points."""

    def propose(self, best: Params | None) -> Point | None: ...
    def learn(self, point: Params, value: float | None) -> None: ...


class Truth:
    """The speed of any point of one workload under one backend, as the table tells."""

    def __init__(self, lines: Sequence[Line], rows: Sequence[tuple[list[int], float]]) -> None:
        from sklearn.ensemble import GradientBoostingRegressor, RandomForestRegressor
        from sklearn.linear_model import LassoCV
        from sklearn.model_selection import KFold

        self.lines = lines
        x, y = np.array([_dense(len(lines), on) for on, _ in rows]), np.array([value for _, value in rows])

        def fit(x: Any, y: Any) -> Any:
            boosted = GradientBoostingRegressor(
                n_estimators=200, learning_rate=0.05, subsample=0.7, random_state=1
            )
            forest = RandomForestRegressor(50, max_features=0.4, random_state=1)
            models = [model.fit(x, y) for model in (LassoCV(cv=5, max_iter=5000), boosted, forest)]
            return lambda z: sum(model.predict(z) for model in models) / len(models)

        missed = np.concatenate(
            [
                y[test] - fit(x[train], y[train])(x[test])
                for train, test in KFold(5, shuffle=True, random_state=1).split(x)
            ]
        )
        self.explained = 1 - float(np.var(missed) / np.var(y))
        self._predict = fit(x, y)
        self._known: dict[tuple[int, ...], float] = {}

    def value(self, on: Sequence[int]) -> float:
        """The log of the ratio to native."""
        key = tuple(on)
        if key not in self._known:
            self._known[key] = float(self._predict(np.array([_dense(len(self.lines), on)]))[0])
        return self._known[key]


def _dense(number: int, on: Sequence[int]) -> list[float]:
    found = [0.0] * number
    for each in on:
        found[each] = 1.0
    return found


class Random:
    """Any point, each choice as likely as the others of its dimension."""

    def __init__(self, space: Space, origin: Point, seed: int) -> None:
        self.lines, self.dimensions = lines_of(space), list(space.dimensions)
        self.origin, self.random, self.first = origin, random.Random(seed), True

    def propose(self, best: Params | None) -> Point:
        if self.first:
            self.first = False
            return self.origin
        point = self.origin
        for name in self.dimensions:
            point = self.random.choice([x for x in self.lines if x.dimension == name]).put(point, self.random)
        return point

    def learn(self, point: Params, value: float | None) -> None:
        pass


class LocalTpe:
    """Of 0.9: Optuna's TPE proposes a few changes to the best point."""

    def __init__(self, space: Space, origin: Point, seed: int) -> None:
        import optuna

        warnings.simplefilter("ignore")
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.optuna, self.space, self.random = optuna, space, random.Random(seed)
        self.study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
        self.waiting: list[Point] = [origin]
        self.asked: Any = None

    def propose(self, best: Params | None) -> Point:
        names = list(self.space.dimensions)
        if self.waiting:
            fixed = self.waiting.pop()
        else:
            assert best is not None
            changed = self.random.sample(names, self.random.choice((1, 1, 2, 3)))
            fixed = {k: v for k, v in best.items() if k.removesuffix(numbered("")) not in changed}
            if self.random.random() < 0.3:
                for name in changed:
                    fixed[name] = self.random.choice([c.label for c in self.space.dimensions[name]])
        self.study.enqueue_trial(fixed)
        self.asked = trial = self.study.ask()
        point: Point = {}
        for name, choices in self.space.dimensions.items():
            point[name] = trial.suggest_categorical(name, [choice.label for choice in choices])
            choice = self.space.choice(name, point)
            if choice.low is not None:
                point[numbered(name)] = trial.suggest_int(
                    numbered(name), choice.low, choice.high, log=choice.low > 0
                )
        return point

    def learn(self, point: Params, value: float | None) -> None:
        self.study.tell(self.asked, value)


class OneByOne:
    """Every line alone on the origin, then the best of each dimension together, then small random changes."""

    def __init__(self, space: Space, origin: Point, seed: int) -> None:
        self.random, self.lines, self.origin = random.Random(seed), lines_of(space), origin
        others = [line for line in self.lines if not line.holds(origin)]
        self.random.shuffle(others)
        self.waiting: list[Point] = [*(line.put(origin, self.random) for line in others), origin]
        self.gains: dict[str, tuple[float, Point]] = {}
        self.base: float | None = None
        self.combined = False

    def propose(self, best: Params | None) -> Point:
        if self.waiting:
            return self.waiting.pop()
        if not self.combined:
            self.combined = True
            together = dict(self.origin)
            for name, (gain, other) in self.gains.items():
                if gain > 0.005:
                    together |= {key: other[key] for key in (name, numbered(name)) if key in other}
            return together
        point = dict(best or self.origin)
        for line in self.random.sample(self.lines, self.random.choice((1, 1, 2))):
            point = line.put(point, self.random)
        return point

    def learn(self, point: Params, value: float | None) -> None:
        if value is None:
            return
        if self.base is None:
            self.base = value
        changed = [k for k in self.origin if point.get(k) != self.origin[k]]
        if len(changed) == 1 and value - self.base > self.gains.get(changed[0], (0.0, {}))[0]:
            self.gains[changed[0]] = (value - self.base, dict(point))


class Forest:
    """A random forest predicts; expected improvement over it chooses among changes of the best and others."""

    def __init__(self, space: Space, origin: Point, seed: int) -> None:
        self.lines, self.random = lines_of(space), random.Random(seed)
        self.drawn, self.seed = Random(space, origin, seed), seed
        self.x: list[list[float]] = []
        self.y: list[float] = []
        self.model: Any = None

    def _row(self, point: Params) -> list[float]:
        return [float(line.holds(point)) for line in self.lines]

    def propose(self, best: Params | None) -> Point:
        from sklearn.ensemble import RandomForestRegressor

        if len(self.y) < 10 or best is None:
            return self.drawn.propose(best)
        if len(self.y) % 4 == 2 or self.model is None:
            self.model = RandomForestRegressor(
                30, min_samples_leaf=2, max_features=0.5, random_state=self.seed
            )
            self.model.fit(np.array(self.x), np.array(self.y))
        points = [self.drawn.propose(best) for _ in range(30)]
        for _ in range(90):
            point = dict(best)
            for line in self.random.sample(self.lines, self.random.choice((1, 1, 2, 3))):
                point = line.put(point, self.random)
            points.append(point)
        rows = np.array([self._row(point) for point in points])
        trees = np.array([tree.predict(rows) for tree in self.model.estimators_])
        mean, sd = trees.mean(axis=0), trees.std(axis=0) + 1e-6
        ahead = (mean - max(self.y)) / sd
        normal = statistics.NormalDist()
        gain = [s * (a * normal.cdf(a) + normal.pdf(a)) for s, a in zip(sd, ahead, strict=True)]
        return points[int(np.argmax(gain))]

    def learn(self, point: Params, value: float | None) -> None:
        if value is not None:
            self.x.append(self._row(point))
            self.y.append(value)


def _ours(space: Space, origin: Point, seed: int) -> Strategy:
    return Strategy(space, [origin], seed)


SAMPLERS: dict[str, Any] = {
    "random": Random,
    "one by one, then local": OneByOne,
    "TPE near the best (0.9)": LocalTpe,
    "forest, expected improvement": Forest,
    "screening, sparse effects": _ours,
}


def read() -> tuple[Space, Point, dict[str, list[tuple[list[int], float]]]]:
    """The space of the table, the point of -O3, and the rows of each workload under each backend."""
    head, *rows = [json.loads(line) for line in TABLE.read_text(encoding="utf-8").splitlines()]
    dimensions: dict[str, dict[str, Choice]] = {}
    for dimension, label, low, high in head["lines"]:
        known = dimensions.setdefault(dimension, {}).get(label)
        low = low if known is None else known.low
        dimensions[dimension][label] = Choice(Variant(label, ()), low, high)
    space = Space({name: tuple(each.values()) for name, each in dimensions.items()})
    found: dict[str, list[tuple[list[int], float]]] = {}
    for row in rows:
        for backend, value in row["values"].items():
            if value is not None:
                found.setdefault(f"{row['workload']}, {backend}", []).append((row["lines"], value))
    return space, space.first(), found


def search(sampler: Sampler, truth: Truth, lines: Sequence[Line], origin: Point, seed: int) -> list[float]:
    """The true values of the points that a search would have chosen at each budget."""
    dice = random.Random(f"noise {seed}")
    measured: dict[tuple[int, ...], list[float | None]] = {}
    spent, points, chosen = 0.0, {}, []
    while len(chosen) < len(BUDGETS):
        sd = racing.spread(measured.values())
        best = racing.best({str(k): v for k, v in measured.items()}, sd)
        by_name = {str(k): k for k in measured}
        point = None
        if spent < BUDGETS[len(chosen)]:
            point = sampler.propose(points[by_name[best]] if best else None)
        if point is None:  # the time is over, or nothing is left to try
            chosen.append(truth.value(by_name[best or ""]))
            continue
        on = tuple(i for i, line in enumerate(lines) if line.holds(point) and not line.holds(origin))
        spent += BUILD_S
        if on not in measured:
            rival = measured[by_name[best]] if best else []
            own: list[float | None] = []
            while not own or racing.needs_round(own, rival, sd, MOST_ROUNDS):
                own.append(dice.gauss(truth.value(on), NOISE))
                spent += ROUND_S
            measured[on] = own
            points[on] = point
        sampler.learn(point, racing.mean(measured[on]))
    return chosen


def _one(task: tuple[str, str, int]) -> tuple[str, str, list[float]]:
    table, name, seed = task
    space, origin, _ = read()
    return (
        table,
        name,
        search(SAMPLERS[name](space, origin, seed), _TRUTHS[table], lines_of(space), origin, seed),
    )


_TRUTHS: dict[str, Truth] = {}


def main() -> None:
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    names = sys.argv[2:] or list(SAMPLERS)
    space, _, tables = read()
    for table, rows in tables.items():
        _TRUTHS[table] = Truth(lines_of(space), rows)
        print(f"{table}: {len(rows)} points, of unseen ones {_TRUTHS[table].explained:.0%} is explained")
    tasks = [(table, name, seed) for table in tables for name in names for seed in range(seeds)]
    with ProcessPoolExecutor(int(os.environ.get("WORKERS", "2"))) as pool:  # the truths are inherited
        found = list(pool.map(_one, tasks, chunksize=4))
    best = {table: max(max(values) for t, _, values in found if t == table) for table in tables}
    print(
        f"\nRegret in per cent after {', '.join(f'{s} s' for s in BUDGETS)} of search, {seeds} seeds of each:"
    )
    for name in names:
        columns = []
        for i in range(len(BUDGETS)):
            # Of each seed the mean over tables: these differ for good.
            by_seed = [0.0] * seeds
            for (table, own, seed), (_, _, values) in zip(tasks, found, strict=True):
                if own == name:
                    by_seed[seed] += 100 * -math.expm1(values[i] - best[table]) / len(tables)
            half = 1.96 * statistics.stdev(by_seed) / math.sqrt(seeds)
            columns.append(f"{statistics.fmean(by_seed):5.1f} ±{half:.1f}")
        print(f"  {name:32}{'   '.join(columns)}")
    for table in tables:
        usual = math.exp(_TRUTHS[table].value([]))
        print(f"\n{table}: best {math.exp(best[table]):.3f} of native, -O3 {usual:.3f}")
        for name in names:
            own = [values for t, n, values in found if (t, n) == (table, name)]
            medians = [math.exp(statistics.median(v[i] for v in own)) for i in range(len(BUDGETS))]
            print(f"  {name:32}{'   '.join(f'{x:.3f}' for x in medians)}")


if __name__ == "__main__":
    main()
