"""The count of instructions spares measurements only where it is shown to tell the speed."""

import json
import math
import random

from pipeline.analyses.tune.counts import CountModel
from pipeline.core import paths


def test_where_the_count_decides_the_speed_a_large_one_is_hopeless():
    dice = random.Random(1)
    known = [(c, -0.5 * c + dice.gauss(0, 0.02)) for c in (dice.uniform(0, 1) for _ in range(30))]
    model = CountModel.of(known)
    best = max(speed for _, speed in known)
    assert model.highest(0.9) < best
    assert model.highest(0.02) > best
    assert abs(model.expected(0.5) + 0.25) < 0.02


def test_where_it_says_nothing_nothing_is_spared():
    dice = random.Random(2)
    assert CountModel.of([(dice.uniform(0, 1), dice.gauss(0, 0.1)) for _ in range(100)]) is None
    assert CountModel.of([(0.0, dice.gauss(0, 0.1)) for _ in range(100)]) is None
    assert CountModel.of([(float(c), -float(c)) for c in range(14)]) is None, "too few"
    assert CountModel.of([(float(c), float(c)) for c in range(30)]) is None, "more is not slower"


def test_of_six_hundred_recorded_candidates_none_that_was_the_best_so_far_is_spared():
    head, *rows = map(json.loads, (paths.ROOT / "benchmarks/flag_table.jsonl").read_text().splitlines())
    spared = {}
    for workload in ("coremark", "interpreter", "json"):
        for backend in head["backends"]:
            known, best, number = [], -math.inf, 0
            for row in rows:
                speed = row["values"][backend]
                if row["workload"] != workload or speed is None or row["instructions"] is None:
                    continue
                count = math.log(row["instructions"])
                model = CountModel.of(known)
                if model is not None and model.highest(count) < best:
                    number += 1
                    assert speed <= best
                    continue
                known.append((count, speed))
                best = max(best, speed)
            spared[workload, backend] = number
    assert spared["coremark", "v8.turbofan"] > 50
    assert spared["interpreter", "wasmtime.cranelift"] == 0
