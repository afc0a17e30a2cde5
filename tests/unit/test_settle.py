"""The warm-up of a planted guest that gets faster: until it is steady, as samples and reports say it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from pipeline.experiment import matrix
from pipeline.measure import settle as module
from pipeline.measure.settle import settle
from pipeline.measure.sizes.run_size_record import RunSize
from pipeline.report.tables import _notes
from pipeline.results.cells import steady_text
from pipeline.workloads.validators.model import Run
from tests import factories

AIM_S = 0.01


@dataclass
class Planted:
    """A guest whose speed, iterations/s, follows from how long it has run on a processor."""

    speed: object
    steady_s: float = 0.5
    share: float = 1.0
    asking_s: float = 0.0  # that a run takes in addition
    protocol: object = field(default_factory=lambda: replace(matrix.load({}).protocol, chunk_ms=10.0))
    now: float = 0.0
    ran_s: float = 0.0
    wall_seconds: float = 0.0
    sizes: list = field(default_factory=list)

    @property
    def cpu_share(self):
        return self.share

    def settling_run(self, iterations):
        seconds = iterations / self.speed(self.ran_s)
        self.ran_s += seconds
        self.wall_seconds = seconds / self.share
        self.now += self.wall_seconds + self.asking_s
        self.sizes.append(iterations)
        return Run(iterations=iterations, seconds=self.wall_seconds, result=None, tick_s=1e-6)


@pytest.fixture
def settled(monkeypatch):
    """``settled(guest)``: what ``settle`` finds, by the guest's clock."""

    def run(guest, size=None):
        monkeypatch.setattr(module.time, "monotonic", lambda: guest.now)
        return settle(guest, size)

    return run


def rising(seconds):
    """An interpreter for 1.5 s, then compiled code."""
    return 400.0 if seconds < 1.5 else 4000.0


def test_a_runtime_that_compiles_before_it_runs_is_not_waited_for(settled):
    guest = Planted(rising, steady_s=0.0)
    assert settled(guest) is None
    assert guest.sizes == []


@pytest.mark.parametrize("share", [1.0, 0.25])
def test_it_runs_until_what_it_runs_is_compiled(settled, share):
    """On a busy machine as long by the processor's time, which the guest has less of."""
    guest = Planted(rising, share=share, steady_s=2.0)
    found = settled(guest)
    assert found.settled
    assert found.runs == len(guest.sizes)
    assert 4.0 <= guest.ran_s < 5.0
    assert found.seconds == pytest.approx(guest.ran_s / share, rel=0.01)
    assert guest.sizes[-1] == pytest.approx(4000 * AIM_S * share, rel=0.1), "chunks of the protocol's length"


def test_the_size_of_a_chunk_is_kept_where_work_is_not_proportional(settled):
    size = RunSize(iterations=64, step=4, growth=None)
    guest = Planted(rising)
    settled(guest, size)
    assert set(guest.sizes) == {64}


def test_what_never_settles_ends_and_says_so(settled, monkeypatch):
    monkeypatch.setattr(module, "MOST_S", 5.0)
    guest = Planted(lambda seconds: 1000 * 1.5**seconds)
    found = settled(guest)
    assert not found.settled
    assert 5.0 <= found.seconds < 5.2


def test_runs_of_microseconds_are_no_reason_to_ask_for_very_many(settled):
    """They are one iteration each: a program whose size is its own."""
    guest = Planted(lambda seconds: 1e5, asking_s=0.001)
    found = settled(guest, RunSize(iterations=1, step=1, growth=None))
    assert found.settled
    assert guest.ran_s < 0.02
    assert found.seconds == pytest.approx(2 * guest.steady_s, rel=0.2)


def test_the_report_says_how_long_it_took():
    texts = [
        steady_text(factories.measurement(warmup_seconds=seconds, settled=settled))
        for seconds, settled in ((None, True), (12.34, True), (90.0, False))
    ]
    assert texts == ["", "12.3", "not within 90.0"]


def test_a_cell_that_never_settled_is_named():
    never = factories.measurement(warmup_seconds=90.0, settled=False)
    other = factories.measurement(warmup_seconds=3.0)
    texts = [*_notes("never", never), *_notes("other", other)]
    assert ("were not steady when they were measured, however long they had run", "never (90 s)") in texts
    assert sum("steady" in what for what, _ in texts) == 1
