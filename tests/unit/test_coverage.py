"""2,000 simulated measurements on noise like the real one: a 95 % interval holds the truth in 93 to 97 %."""

from functools import partial

import pytest

from benchmarks import coverage


@pytest.mark.parametrize("rounds", [5, 8])
@pytest.mark.parametrize("scenario", coverage.SCENARIOS)
def test_intervals_mean_what_they_say(scenario, rounds):
    found = coverage.simulate(coverage.SCENARIOS[scenario], coverage.ours, 2000, rounds)
    assert 0.93 <= found.coverage <= 0.97, found
    assert abs(found.bias) < 0.001, found
    assert found.disturbed < 0.05, found


@pytest.mark.parametrize("scenario", coverage.SCENARIOS)
def test_intervals_of_the_standard_protocol_do_too(scenario):
    """It ends when the interval is narrow, which is narrow by chance more often than it should be."""
    found = coverage.simulate(coverage.SCENARIOS[scenario], coverage.standard, 1000, 8)
    assert 0.93 <= found.coverage <= 0.97, found
    assert abs(found.bias) < 0.001, found


@pytest.mark.parametrize("episode", [1, 3, 10])
def test_a_machine_that_was_hardly_ever_undisturbed_is_not_trusted(episode):
    """No narrow interval around the ratio of a different state: it holds the truth, or there is none.

    Other cells of the run have seen what the machine can do; a single cell that never did cannot know.
    """
    noise = coverage.Noise(slow=0.95, episode=episode)
    found = coverage.simulate(noise, partial(coverage.ours, known=coverage.SPEED), 300, 8)
    assert found.disturbed + (1 - found.disturbed) * found.coverage > 0.9, found


def test_the_simulation_can_fail():
    """An interval that ignores that rounds differ is caught."""
    found = coverage.simulate(coverage.SCENARIOS["uneven processes"], coverage.resampled_rounds, 500, 3)
    assert found.coverage < 0.9
