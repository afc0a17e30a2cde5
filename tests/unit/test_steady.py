"""When a program that gets faster while it runs counts as steady."""

from __future__ import annotations

import random

import pytest

from pipeline.stats.steady import steady

LEAST_S = 0.5


def settled_after(speed_at, *, chunk_s=0.01, least_s=LEAST_S, most_s=120.0, noise=0.02, seed=1):
    """Seconds of runs of a program with this speed at each time until it counts as steady; None if never."""
    dice = random.Random(seed)
    seconds, speeds, now = [], [], 0.0
    while now < most_s:
        speed = speed_at(now) * dice.lognormvariate(0, noise)
        seconds.append(chunk_s)
        speeds.append(speed)
        now += chunk_s
        if len(seconds) % 10 == 0 and steady(seconds, speeds, least_s):
            return now
    return None


def test_what_is_steady_at_once_takes_twice_the_least():
    for seed in range(20):
        assert settled_after(lambda now: 100.0, seed=seed) == pytest.approx(2 * LEAST_S, abs=0.5)


def test_a_step_is_waited_for():
    """The compiler replaces what runs after 0.8 s."""
    for seed in range(20):
        found = settled_after(lambda now: 100.0 if now < 0.8 else 500.0, seed=seed)
        assert found >= 1.6  # until the last half has no run of the slow code


def test_steps_that_come_ever_later_are_waited_for():
    """As GraalWasm was seen to do: 346, 1713, 3909, 4416 iterations/s."""
    speeds = [(1.5, 346.0), (4.0, 1713.0), (8.0, 3909.0), (1e9, 4416.0)]
    for seed in range(5):
        found = settled_after(
            lambda now: next(speed for until, speed in speeds if now < until), least_s=5.0, seed=seed
        )
        assert found >= 16.0


def test_a_slow_rise_is_waited_for():
    """A rise by a tenth a second until 3 s."""
    for seed in range(5):
        assert settled_after(lambda now: 100 * 1.1 ** min(now, 3.0), seed=seed) > 6.0


def test_what_never_settles_never_does():
    assert settled_after(lambda now: 100 * 1.1**now, most_s=30) is None


def test_what_gets_slower_is_steady():
    """A machine that is throttled: to wait for it has no end."""
    assert settled_after(lambda now: 100 * 0.98**now) is not None


def test_pauses_do_not_delay_it():
    """Each tenth of a second the compiler has the processor for 30 ms."""
    found = settled_after(lambda now: 30.0 if now % 0.1 < 0.03 else 100.0)
    assert found == pytest.approx(2 * LEAST_S, abs=0.5)


def test_long_runs_are_counted_not_only_timed():
    assert not steady([10.0] * 9, [1.0] * 9, LEAST_S)
    assert steady([10.0] * 24, [1.0] * 24, LEAST_S)


def test_no_runs_are_not_steady():
    assert not steady([], [], 0.0)
    assert not steady([1.0], [1.0], 0.0)
