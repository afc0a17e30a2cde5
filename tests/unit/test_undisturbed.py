"""Chunks that the machine disturbed are left out, in whichever way it did."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.stats import undisturbed
from pipeline.stats.undisturbed import Series

SPEED = 100.0


def series(generator, pairs=40, ratio=0.8, process=0.0):
    references = SPEED * np.exp(generator.normal(0, 0.016, pairs))
    scores = SPEED * ratio * np.exp(process + generator.normal(0, 0.005, pairs))
    ones = [1.0] * pairs
    return Series(scores.tolist(), references.tolist(), list(ones), list(ones))


def kept(rounds, speed=SPEED):
    return undisturbed.undisturbed_ratios(rounds, [speed] * len(rounds))


def mean(rounds, speed=SPEED):
    return float(np.mean([np.log(x) for xs in kept(rounds, speed) for x in xs]))


@pytest.fixture
def generator():
    return np.random.default_rng(1)


def test_a_slow_state_that_slows_programs_unequally_does_not_show(generator):
    rounds = [series(generator) for _ in range(4)]
    quiet = mean(rounds)
    for one in rounds:
        for i in range(25):
            one.scores[i] *= 0.6
            one.references[i] *= 0.7
    assert mean(rounds) == pytest.approx(quiet, abs=0.005)


def test_a_round_wholly_in_the_slow_state_is_left_out_where_the_speed_is_known(generator):
    slow = series(generator)
    slow.scores = [x * 0.6 for x in slow.scores]
    slow.references = [x * 0.7 for x in slow.references]
    found = kept([series(generator), slow], SPEED)
    assert len(found[0]) > 30
    assert found[1] == []


def test_a_cell_in_another_state_than_its_reference_is_left_out(generator):
    """As where a burner shares its processor in every chunk: only against other rounds does it show."""
    wrong = series(generator)
    wrong.scores = [x * 0.7 for x in wrong.scores]
    found = kept([series(generator), series(generator), wrong], SPEED)
    assert found[2] == []


def test_preempted_chunks_are_left_out_though_they_be_many(generator):
    one = series(generator)
    for i in range(0, 40, 2):
        one.scores[i] *= 0.8
        one.shares[i] = 0.8
    assert len(kept([one, series(generator)], SPEED)[0]) == 20


def test_processes_that_differ_by_per_cents_all_count(generator):
    rounds = [series(generator, process=p) for p in (-0.05, 0.0, 0.05)]
    assert all(len(xs) > 30 for xs in kept(rounds, SPEED))


def test_a_machine_that_drifts_slowly_is_not_disturbed(generator):
    rounds = []
    for factor in (1.0, 0.98, 0.95):
        one = series(generator)
        one.scores = [x * factor for x in one.scores]
        one.references = [x * factor for x in one.references]
        rounds.append(one)
    assert all(len(xs) > 35 for xs in kept(rounds, SPEED))


@pytest.mark.parametrize("slow", [0.0, 0.05])
def test_a_program_whose_chunks_differ_by_a_tenth_is_not_made_faster(generator, slow):
    """As those of an interpreter: leaving out the lower ratios made one of them 14 % faster than it is."""
    rounds = [series(generator) for _ in range(20)]
    for one in rounds:
        one.scores = (np.array(one.scores) * np.exp(generator.normal(0, 0.1, 40))).tolist()
        # What disturbs a chunk hits one side as often as the other.
        for side in (one.scores, one.references):
            for i in np.flatnonzero(generator.random(40) < slow):
                side[i] *= 0.6
    assert mean(rounds) == pytest.approx(np.log(0.8), abs=0.012)
    assert sum(map(len, kept(rounds))) > 20 * 40 * (0.99 - 3 * slow)


def test_one_lucky_chunk_is_no_state_of_the_machine():
    assert undisturbed.upper_cluster_speed([100, 101, 99, 100, 160]) == pytest.approx(100)


def test_a_moment_in_which_the_processor_is_faster_is_no_state_of_the_machine():
    """One round of thirty at 1.15: else all others would count as disturbed, for the rest of the run."""
    moment = [100.0] * 29 * 40 + [115.0] * 40
    assert undisturbed.upper_cluster_speed(moment) == 100.0
    often = [100.0] * 9 * 40 + [115.0] * 40
    assert undisturbed.upper_cluster_speed(often) == 115.0


scores = st.lists(st.floats(1e-3, 1e9), min_size=1, max_size=30)


@settings(deadline=None)
@given(scores, st.floats(1e-3, 1e3))
def test_the_level_is_one_of_the_series_and_scales_with_it(values, factor):
    found = undisturbed.upper_cluster_speed(values)
    assert min(values) <= found <= max(values)
    assert undisturbed.upper_cluster_speed([x * factor for x in values]) == pytest.approx(
        found * factor, rel=0.1
    )


@settings(deadline=None)
@given(st.lists(scores, min_size=1, max_size=4), st.floats(1e-3, 1e9))
def test_every_kept_ratio_was_measured(columns, speed):
    rounds = [Series(xs, xs[::-1], [1.0] * len(xs), [1.0] * len(xs)) for xs in columns]
    for one, found in zip(rounds, kept(rounds, speed), strict=True):
        measured = [c / r for c, r in zip(one.scores, one.references, strict=True)]
        assert set(found) <= set(measured)


def test_nothing_is_nothing():
    assert undisturbed.upper_cluster_speed([]) == 0
    assert kept([], 1.0) == []
    assert kept([Series()], 1.0) == [[]]
    assert undisturbed.count(Series(), 1.0) == 0


def test_later_knowledge_counts_for_earlier_rounds_and_not_the_other_way():
    assert undisturbed.known_speeds([70, 70, 100, 100]) == [100, 100, 100, 100]
    assert undisturbed.known_speeds([120, 120, 100, 100]) == [120, 120, 100, 100]
    assert undisturbed.known_speeds([]) == []


def test_a_machine_that_leaves_no_chunk_alone_still_has_a_speed():
    """Or its sample would be refused by its own reader, again and again."""
    series = Series([1.0, 1.0], [2.0, 2.1], [0.5, 0.5], [0.6, 0.5])
    assert undisturbed.reference_speed(series) > 0
