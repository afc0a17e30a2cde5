"""Cases that are run one after the other: their times are added, and each keeps its result."""

import pytest

from pipeline.measure.validated_guest import Results, in_one
from pipeline.workloads.validators.model import Run, Touched


def test_times_are_added_and_results_kept():
    runs = [
        Run(4, 0.5, b"one", 0.001, 0.6, Touched(0.01, 3)),
        Run(4, 1.5, b"two", 0.002, 1.6, Touched(0.02, 4)),
    ]
    run = in_one(["case a", "case b"], runs)
    assert (run.iterations, run.seconds, run.clock_s) == (4, 2.0, pytest.approx(2.2))
    assert run.score == 2.0
    assert run.result == Results([("case a", b"one"), ("case b", b"two")])
    assert run.tick_s == pytest.approx(0.003)
    assert (run.touched.seconds, run.touched.page_faults) == (pytest.approx(0.03), 7)


def test_without_a_clock_of_the_guests_there_is_none():
    assert in_one(["a"], [Run(1, 0.5)]).clock_s is None
