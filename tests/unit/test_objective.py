"""What a search wants of a candidate, as numbers of which higher ones are better."""

import math

import pytest

from pipeline.analyses.tune import racing
from pipeline.analyses.tune.best_of_cells import best_of_cells
from pipeline.analyses.tune.front import front
from pipeline.analyses.tune.objective import Objective
from pipeline.analyses.tune.trial_log import Trial
from pipeline.core.model import Status
from pipeline.experiment.search_space import Goal, Wanted

BASELINE = {"a/x": -0.2, "b/x": -0.5}


def trial(rounds, size=1000, compile_seconds=None, flags=("-O3",)):
    return Trial(
        params={},
        flags=flags,
        status=Status.OK,
        module=f"{rounds}{size}",
        bytes={"a": size, "b": size},
        rounds=rounds,
        compile_seconds=compile_seconds or {cell: [0.01] * len(each) for cell, each in rounds.items()},
        seconds=1.0,
    )


def test_speed_is_the_mean_over_cells_of_rounds_that_were_undisturbed_in_all():
    found = Objective(Goal(), {}).rounds(trial({"a/x": [0.1, 0.2, None], "b/x": [0.3, None, 0.1]}))
    assert found == [pytest.approx(0.2), None, None]


def test_the_worst_is_the_least_gain_over_the_baseline():
    found = Objective(Goal(Wanted.WORST), BASELINE).rounds(trial({"a/x": [-0.1, 0.0], "b/x": [-0.45, None]}))
    assert found == [pytest.approx(0.05), None]
    unknown = Objective(Goal(Wanted.WORST), {"a/x": -0.2}).rounds(trial({"a/x": [0.0], "b/x": [0.0]}))
    assert unknown == [None], "without the baseline's speed there is no gain"


def test_sizes_are_exact_and_what_is_too_slow_is_worse_than_it_is_small():
    goal = Goal(Wanted.SIZE, slowdown=0.02)
    fast, slow = trial({"a/x": [0.0]}, 1000), trial({"a/x": [-0.1]}, 800)
    free = Objective(goal, {})
    assert racing.mean(free.rounds(slow)) - racing.mean(free.rounds(fast)) == pytest.approx(
        math.log(1000 / 800)
    )
    bound = Objective(goal, {}, fastest=0.0)
    assert bound.limit == pytest.approx(math.log(0.98))
    assert bound.allowed(fast)
    assert not bound.allowed(slow)
    assert racing.mean(bound.rounds(slow)) < racing.mean(bound.rounds(fast))
    assert not bound.allowed(trial({})), "what was not measured is not known to be fast enough"


def test_compile_times_are_taken_a_round():
    seconds = {"a/x": [0.01, 0.02], "b/x": [0.04, None]}
    found = Objective(Goal(Wanted.COMPILE), {}).rounds(trial({"a/x": [0, 0], "b/x": [0, 0]}, 1, seconds))
    assert found == [pytest.approx(-math.log(0.02)), None]


def test_of_several_cells_the_best_for_each_is_told_beside_that_for_all():
    both = trial({"a/x": [0.1, 0.1], "b/y": [0.1, 0.1]}, flags=("-both",))
    one = trial({"a/x": [0.2, 0.2], "b/y": [-0.3, -0.3]}, flags=("-one",))
    first, second = best_of_cells({"m": both, "n": one}, both)
    assert (first.workload, first.backend, first.flags) == ("a", "x", "-one")
    assert (first.ratio, first.winner_ratio) == (pytest.approx(math.exp(0.2)), pytest.approx(math.exp(0.1)))
    assert second.flags == "-both"
    assert best_of_cells({"m": trial({"a/x": [0.1]})}, None) == (), "of one cell that is the winner"


def test_a_front_has_no_point_that_another_one_beats_and_no_step_that_is_noise():
    trials = [
        trial({"a/x": [0.10, 0.10]}, 1200, flags=("-a",)),
        trial({"a/x": [0.00, 0.00]}, 1000, flags=("-b",)),
        trial({"a/x": [-0.05, -0.05]}, 1100, flags=("-slower-and-larger",)),
        trial({"a/x": [0.002, 0.002]}, 1150, flags=("-hardly-faster",)),
        trial({"a/x": [None]}, 900, flags=("-disturbed",)),
    ]
    found = front(trials, Wanted.SPEED)
    assert [point.flags for point in found] == ["-a", "-b"]
    assert found[0].ratio == pytest.approx(math.exp(0.1))
    assert (found[0].bytes, found[0].rounds) == (1200, 2)
    times = [
        trial({"a/x": [x, x]}, 1, {"a/x": [t, t]}, (f,)) for x, t, f in [(0.1, 0.02, "-a"), (0.1, 0.01, "-b")]
    ]
    assert [point.flags for point in front(times, Wanted.COMPILE)] == ["-b"]
