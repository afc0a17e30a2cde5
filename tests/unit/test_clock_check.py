"""The guest's clock is checked against the host's, also where other processes take the processor."""

import contextlib
import random
from types import SimpleNamespace

import pytest

from pipeline.measure import session
from pipeline.measure.guest import Ended
from pipeline.measure.session import Session
from pipeline.workloads.validators.model import Run

VALIDATOR = SimpleNamespace(timed=("only",), iterates=True)


class Simulated(Session):
    """Runs of 1 µs an iteration by a clock at ``speed``, whose process takes 4 ms to start.

    ``busy``: the chance that the start of a process waits for a processor, for up to 25 ms.
    """

    def __init__(self, dice, busy, speed=1.0, forks=True):
        super().__init__(worker=None, who="guest", protocol=None, forks=forks, validator=VALIDATOR)
        self.dice, self.busy, self.speed, self.runs = dice, busy, speed, 0

    def run(self, case, iterations, *, watch=False):
        self.runs += 1
        seconds = iterations * 1e-6
        waited = self.dice.uniform(0.005, 0.025) if self.dice.random() < self.busy else 0.0
        start = 0.004 if self.forks else 0.0001
        self.wall_seconds = start + waited + seconds
        self.cpu_share = (start + seconds) / self.wall_seconds
        clock_s = self.speed * seconds
        self.agreement = clock_s / self.wall_seconds
        return Run(iterations, clock_s, clock_s=clock_s)


def agreement(**how):
    """What a check of 20 ms finds; None where it refuses the clock."""
    guest = Simulated(**how)
    with contextlib.suppress(Ended):
        guest.check_clock(4000, 20_000)
    return guest.clock_agreement


def test_a_right_clock_on_a_busy_machine_is_right():
    found = [agreement(dice=random.Random(i), busy=0.9) for i in range(300)]
    assert None not in found


def test_a_quiet_machine_is_asked_at_once():
    guest = Simulated(random.Random(1), busy=0.0)
    guest.check_clock(4000, 20_000)
    assert guest.runs == 2


@pytest.mark.parametrize("busy", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("forks", [False, True])
def test_a_slow_clock_is_refused_on_any_machine(busy, forks):
    found = [agreement(dice=random.Random(i), busy=busy, speed=0.7, forks=forks) for i in range(300)]
    assert sum(each is not None for each in found) <= 3


def test_it_gives_up():
    guest = Simulated(random.Random(1), busy=1.0, speed=0.3)
    with pytest.raises(Ended, match=r"clock ran at 0\.\d+ of the host's"):
        guest.check_clock(4000, 20_000)
    assert guest.runs <= 2 * (session._CLOCK_TRIES + session._MORE_CLOCK_TRIES)


class Checked(Simulated):
    """One whose clock was checked by a run that a pause of 3 ms made longer; its chunks take 10 ms."""

    _case = _case_name = "only"

    def __init__(self):
        super().__init__(random.Random(1), busy=0.0, forks=False)
        self.lost_s, self.iterations = 0.0031, 10_000

    def _compare(self, *_):
        """Its results are right."""

    def chunk_by(self, speed):
        """A chunk's seconds, and the share of a processor that it counts with, by a clock of this speed."""
        self.speed = speed
        return self.chunk().seconds, self.cpu_share


def test_a_chunk_by_a_slow_clock_is_timed_by_ours():
    guest = Checked()
    for _ in range(3):
        assert guest.chunk_by(1.0) == (pytest.approx(0.010), pytest.approx(1.0))
        seconds, share = guest.chunk_by(0.5)
        assert seconds == pytest.approx(0.010)
        assert share == pytest.approx(0.495, abs=0.001)


class Waiting(Simulated):
    """One that waits within its runs, for as long as they take: its own clock goes on meanwhile."""

    _case = _case_name = "only"

    def __init__(self, dice, busy):
        super().__init__(dice, busy, forks=False)
        self.protocol = SimpleNamespace(chunk_ms=10, warmup_chunks=2)

    def run(self, case, iterations, *, watch=False):
        self.runs += 1
        seconds = iterations * 1e-6 * (1 + (self.dice.random() < self.busy))
        self.wall_seconds = 0.0001 + seconds
        self.cpu_share = iterations * 1e-6 / seconds
        self.agreement = seconds / self.wall_seconds
        return Run(iterations, seconds, clock_s=seconds)


def test_chunks_are_as_long_as_asked_on_a_busy_machine():
    chunks = [Waiting(random.Random(i), busy=0.5).calibrate() * 1e-6 for i in range(300)]
    assert max(chunks) < 0.011
    # Of three runs one had the processor for itself: in seven of eight.
    assert sum(chunk < 0.009 for chunk in chunks) < 60
