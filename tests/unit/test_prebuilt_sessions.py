"""What a module with the export ``run`` returned is believed only where it agrees with its clock."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.model import Protocol
from pipeline.coremark.prebuilt_sessions import Run32, timed_part
from pipeline.coremark.validator import CoreMark
from pipeline.measure.guest import Ended
from pipeline.measure.worker_messages import Returned
from pipeline.workloads.validators.model import Run

PROTOCOL = Protocol("p", 1, 2, 2, 10, 1, 5, 5, 512, 1)


def guest(speed=1000.0):
    session = Run32(None, "it", PROTOCOL, validator=CoreMark())
    session.speed = speed
    return session


def f32(x):
    import struct

    return struct.unpack("f", struct.pack("f", x))[0]


@given(st.integers(1, 10**6), st.integers(10_000, 10**8), st.floats(1, 5000))
def test_a_score_of_whole_iterations_is_believed(iterations, clock_ms, speed):
    ns = int(clock_ms / speed * 1e6)
    run = guest(speed)._validated_run(Returned(f32(iterations / clock_ms * 1000), clock_ms, ns, 8))
    assert run.iterations == iterations
    assert run.seconds == ns / 1e9


@pytest.mark.parametrize(
    ("returned", "reason"),
    [
        (Returned(23.4, 0, 0, 0), "asked for the time 0 times"),
        (Returned(23.4, 0, 10, 2), "its score has no time"),
        (Returned(0.0, 10230, 10230000, 8), "CoreMark found errors"),
        (Returned(-1.0, 10230, 10230000, 8), "CoreMark found errors"),
        (Returned(None, 10230, 10230000, 8), "CoreMark found errors"),
        (Returned(math.inf, 10230, 10230000, 8), "CoreMark found errors"),
        (Returned(24.29, 10230, 10230000, 8), "which is no whole number"),
        (Returned(0.0001, 10230, 10230000, 8), "which is no whole number"),
        (Returned(1000.0, 9000, 9000000, 8), "CoreMark asks for ten seconds"),
        (Returned(240 / 10.230, 10230, 12230000, 8), "the clock that it was given is wrong"),
    ],
)
def test_any_other_is_not(returned, reason):
    with pytest.raises(Ended, match=reason):
        guest()._validated_run(returned)


@pytest.mark.parametrize("seconds", [1.0, 1.7, 2.2, 3.4, 4.5, 5.9, 9.9])
def test_what_a_whole_run_times_is_what_coremark_leaves_after_looking(seconds):
    """As core_main.c: n iterations took so long, 1.11 n in all, and then n * (1 + 10 / whole seconds)."""
    multiple = 1 + 10 // int(seconds)
    timed = multiple * seconds
    part = timed_part(Run(multiple * 10000, timed, 0))
    assert part == pytest.approx(timed / (timed + seconds * 10 / 9))
    assert 0.6 < part < 0.95


def test_a_program_with_its_own_number_times_all_of_it():
    assert timed_part(Run(2000, 0.1, 0)) == 1
    assert timed_part(Run(700000, 25.0, 0)) == 1
