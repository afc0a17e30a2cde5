"""A search ends in time: what its confirmation needs is reserved."""

import time

import pytest

from pipeline.analyses.tune.time_budget import FINAL_ROUNDS, TimeBudget
from pipeline.analyses.tune.trial_log import Trial, TrialLog
from pipeline.core.model import Status


def trial(rounds, seconds, build):
    return Trial(
        params={},
        flags=(),
        status=Status.OK,
        module="m",
        rounds={"w/b": [0.0] * rounds} if rounds else {},
        build_seconds=build,
        seconds=seconds,
    )


def budget(budget_s, trials=(), spent=0.0, ago=0.0):
    log = TrialLog(key="k", spent_s=spent, trials=list(trials))
    return TimeBudget(budget_s, log, cells=1, variants=3, began=time.monotonic() - ago)


def test_earlier_runs_count():
    assert budget(300, spent=100, ago=50).left() == pytest.approx(150, abs=1)


def test_what_the_end_needs_is_learnt_from_the_trials():
    trials = [trial(2, 3.0, 1.0), trial(1, 2.0, 1.0), trial(0, 0.5, 0.5)]
    found = budget(60, trials)
    assert 1.0 < found.round_s() < 1.3, "builds are not part of it"
    assert 2.5 / 3 < found.build_s() < 1.2
    assert found.least_final() > 6 * 3 * 1.0
    assert found.reserve(10) == pytest.approx(found.least_final() + 12 * found.build_s())
    assert budget(600, trials).reserve(0) > 0.15 * 600, "of a large budget, a share"


@pytest.mark.parametrize(("left", "rounds"), [(-10, 6), (20, 6), (48, 13), (1000, 30)])
def test_the_confirmation_takes_the_rounds_that_there_is_time_for(left, rounds):
    found = budget(left, [trial(1, 1.0, 0.0)])
    assert found.final_rounds(3) == rounds
    assert FINAL_ROUNDS == (6, 30)
    assert rounds * 3 * found.round_s() < left or rounds == 6


def test_before_the_first_trial_it_guesses():
    assert 20 < budget(60).least_final() < 60
