"""When a cell has enough rounds, and what disturbed them."""

import itertools
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from pipeline.core.model import Status
from pipeline.experiment import matrix
from pipeline.measure import ratio, stopping_rule
from pipeline.measure.machine_state import Conditions
from pipeline.measure.sample import SCHEMA, Sample
from pipeline.results.problems import warnings
from pipeline.stats import estimates, verdicts

QUIET = Conditions(others_processors=0.02, clock_source="tsc")


def sample(number, spread=0.003, status=Status.OK, slow=0, conditions=(), speed=40000.0, seconds=1.2):
    generator = np.random.default_rng(number)
    references = speed * np.exp(generator.normal(0, 0.016, 30))
    scores = 0.8 * speed * np.exp(generator.normal(0, spread) + generator.normal(0, 0.005, 30))
    references[:slow] *= 0.7
    scores[:slow] *= 0.66
    good = status is Status.OK
    return Sample(
        schema=SCHEMA,
        key="k",
        inputs="i",
        cell="coremark/zig/O3/x.y",
        round=number,
        status=status,
        reason=None if good else "why",
        measured="2026-01-01T00:00:00+00:00",
        scores=scores.tolist() if good else [],
        reference_scores=references.tolist() if good else [],
        cpu_shares=[1.0] * 30 if good else [],
        reference_cpu_shares=[1.0] * 30 if good else [],
        processors=[0] * 30 if good else [],
        machine_speed=speed if good else None,
        conditions=msgspec.structs.replace(QUIET, **dict(conditions)),
        seconds=seconds,
    )


@pytest.fixture
def precise():
    return replace(matrix.load({"protocol": "precise"}).protocol, rounds=3)


def test_fixed_protocols_end_at_their_number():
    protocol = replace(matrix.load({"protocol": "quick"}).protocol, rounds=2)
    assert stopping_rule.reason_to_stop(protocol, [sample(1)]) is None
    assert stopping_rule.reason_to_stop(protocol, [sample(1), sample(2)]) == "2 rounds"


def test_precise_ends_when_it_is_precise(precise):
    rounds = [sample(n) for n in range(1, 4)]
    assert stopping_rule.reason_to_stop(precise, rounds[:2]) is None
    reason = stopping_rule.reason_to_stop(replace(precise, half_width_percent=2.0), rounds)
    assert reason is not None
    assert "at most 2 % were asked for" in reason
    assert stopping_rule.reason_to_stop(replace(precise, half_width_percent=0.01), rounds) is None


def test_or_when_its_time_is_spent(precise):
    demanding = replace(precise, half_width_percent=0.01, budget_s=5.0)
    rounds = [sample(n) for n in range(1, 6)]
    assert stopping_rule.reason_to_stop(demanding, rounds[:4]) is None
    reason = stopping_rule.reason_to_stop(demanding, rounds)
    assert reason is not None
    assert reason.startswith("its budget of 5 s is spent: ±")


def test_or_when_it_has_the_most_rounds_and_twice_as_many_where_it_was_disturbed(precise):
    demanding = replace(precise, half_width_percent=0.01, most_rounds=5, budget_s=None)
    rounds = [sample(n) for n in range(1, 6)]
    assert stopping_rule.reason_to_stop(demanding, rounds[:4]) is None
    assert str(stopping_rule.reason_to_stop(demanding, rounds)).endswith(
        " after 5 rounds, the most there are"
    )
    disturbed = [replace_scores(sample(n)) for n in range(1, 11)]
    assert stopping_rule.reason_to_stop(demanding, disturbed[:9]) is None
    assert stopping_rule.reason_to_stop(demanding, disturbed) is not None


def test_a_cell_that_went_wrong_gets_no_further_rounds(precise):
    reason = stopping_rule.reason_to_stop(precise, [sample(1), sample(2, status=Status.TRAP), sample(3)])
    assert reason == "round 2 ended with trap"


def test_a_disturbed_cell_is_not_precise_whatever_its_range(precise):
    alone = [replace_scores(sample(n)) for n in range(1, 4)]
    assert ratio.estimate(alone).disturbed
    assert stopping_rule.reason_to_stop(replace(precise, half_width_percent=99.0), alone) is None


def replace_scores(one):
    """A round that was preempted in every chunk."""
    import msgspec

    return msgspec.structs.replace(one, cpu_shares=[0.5] * 30)


def test_only_the_rounds_that_are_needed_are_taken(precise):
    have = {n: sample(n) for n in range(1, 30)}
    loose = replace(precise, half_width_percent=99.0)
    rounds, reason = stopping_rule.collect(loose, have.get)
    assert (len(rounds), bool(reason)) == (3, True)
    tight, reason = stopping_rule.collect(replace(precise, half_width_percent=0.25, budget_s=1e6), have.get)
    assert 3 < len(tight) <= 29
    first = {n: have[n] for n in (1, 2)}
    assert stopping_rule.collect(loose, first.get) == ([have[1], have[2], None], None)


@pytest.mark.parametrize(("process", "least", "most"), [(0.002, 6, 6.01), (0.005, 6, 6.2), (0.012, 6.5, 7.8)])
def test_intervals_that_end_a_measurement_hold_the_truth(process, least, most):
    """The standard protocol, with processes that differ little, as usual, and much."""
    protocol = matrix.load({}).protocol
    generator = np.random.default_rng(4)
    held, numbers = [], []
    for _ in range(1500):
        rounds = []
        while len(rounds) < protocol.most_rounds:
            mean = generator.normal(0, process)
            rounds.append(np.exp(mean + generator.normal(0, 0.002, 5)).tolist())
            if len(rounds) < protocol.rounds:
                continue
            found = estimates.estimate(rounds, (), *stopping_rule.carefulness(protocol))
            if found.half_width * 100 <= protocol.half_width_percent:
                break
        numbers.append(len(rounds))
        held.append(found.low <= 1 <= found.high)
    # 1500 answers: one standard deviation of the share is 0.6 %.
    assert 0.92 < np.mean(held) < 0.985
    assert least <= np.mean(numbers) <= most


@pytest.mark.parametrize(("name", "process"), [("standard", 0.015), ("precise", 0.01)])
def test_families_of_cells_that_ended_when_they_looked_precise_have_few_false_verdicts(name, process):
    """36 equal cells, 6 backends at 6 levels: any "faster" or "slower" is false.

    With the degrees of freedom of all rounds one family in nine of protocol=precise had one.
    """
    protocol = matrix.load({"protocol": name}).protocol
    careful = stopping_rule.carefulness(protocol)
    generator = np.random.default_rng(5)
    places = [f"{variant}/{backend}" for variant in range(6) for backend in range(6)]
    pairs = [
        (one, other)
        for one, other in itertools.combinations(places, 2)
        if sum(a != b for a, b in zip(one.split("/"), other.split("/"), strict=True)) == 1
    ]
    wrong, tables = 0, 150
    for _ in range(tables):
        cells = {}
        for place in places:
            rounds = np.exp(generator.normal(0, process, protocol.most_rounds or 60))[:, None].tolist()
            for number in range(protocol.rounds, len(rounds) + 1):
                cells[place] = estimates.estimate(rounds[:number], (), *careful)
                if cells[place].half_width * 100 <= protocol.half_width_percent:
                    break
        wrong += any(v.word in ("faster", "slower") for v in verdicts.compare_all(cells, pairs))
    assert wrong / tables <= 0.05


FINDINGS = {
    "load": {"others_processors": 1.5},
    "steal": {"stolen_processors": 0.4},
    "swapping": {"swapped_pages": 12},
    "throttling": {"throttled": 2},
    "governor": {"governor": "powersave"},
    "turbo": {"turbo": True},
    "battery": {"on_battery": True},
    "clock source": {"clock_source": "hpet"},
}


@pytest.mark.parametrize("name", FINDINGS)
def test_each_condition_is_named_with_its_effect_and_its_cure(name):
    rounds = [sample(1), sample(2, conditions=FINDINGS[name])]
    (found,) = warnings.find_warnings(rounds)
    assert found.name == name
    assert found.effect
    assert found.remedy


def test_a_quiet_machine_has_no_warning():
    assert warnings.find_warnings([sample(n) for n in range(1, 9)]) == []
    assert warnings.find_warnings([sample(1, status=Status.CRASH)]) == []
    good = {"governor": "performance", "turbo": False, "on_battery": False}
    assert warnings.find_warnings([sample(1, conditions=good)]) == []


def test_two_speeds_and_drift_are_seen_in_the_reference():
    (found,) = warnings.find_warnings([sample(n, slow=12) for n in range(1, 5)])
    assert found.name == "two speeds"
    assert "40%" in found.found
    speeds = (40000.0, 40000.0, 38000.0, 37500.0)
    (found,) = warnings.find_warnings([sample(n, speed=s) for n, s in enumerate(speeds, 1)])
    assert found.name == "drift"
