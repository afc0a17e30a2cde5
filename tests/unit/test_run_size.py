"""The size of a run is found with programs whose work grows in any way, and is kept."""

from dataclasses import dataclass, field, replace

import pytest

from pipeline.core.model import ITERATIONS, Status
from pipeline.experiment import matrix
from pipeline.measure.guest import Ended
from pipeline.measure.kernel_share import KernelShare
from pipeline.measure.sizes import equal_sizes, run_size
from pipeline.measure.sizes.run_size_record import RunSize
from pipeline.measure.worker_messages import Used
from pipeline.workloads.validators.model import Run

PROTOCOL = replace(matrix.load({}).protocol, chunk_ms=10.0)
AIM_S = 0.01
TIMEOUT_S = 10.0


@dataclass
class Validating:
    validation_iterations: int = 1
    host_timed: bool = False


@dataclass
class Planted:
    """A reference whose runs take the time that a function of their size gives."""

    time: object
    least: int = 1  # a smaller number is refused
    most: int = 2**40  # a larger one, too
    step: int = 1
    waits: float = 1.0  # wall time over CPU time
    who: str = "reference"
    forks: bool = True
    used: Used | None = None
    asked: list = field(default_factory=list)

    def __post_init__(self):
        self.protocol = PROTOCOL
        self.validator = Validating(self.step)

    def least_chunk_s(self, step):
        return self.protocol.chunk_ms / 1000

    def size_run(self, iterations):
        self.asked.append(iterations)
        if not self.least <= iterations <= self.most:
            raise Ended(Status.INVALID, f"{self.who}: the guest exited with 2")
        seconds = self.time(iterations)
        if seconds > TIMEOUT_S:
            raise Ended(Status.TIMEOUT, f"{self.who}: killed: no answer within 10 s")
        self.used = Used(seconds + 0.001, 0.001)
        return Run(iterations, seconds * self.waits)


@pytest.fixture
def kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_size.clear_known()
    yield tmp_path
    run_size.clear_known()


def fibonacci(n):
    return 1e-8 * 1.618 ** min(n, 400) + 1e-6


def factorial(n):
    seconds = 2e-8
    for factor in range(2, min(n, 60) + 1):
        seconds *= factor
    return seconds


@pytest.mark.parametrize(
    ("time", "word"),
    [
        (lambda n: 1e-6 * n, "proportional"),
        (lambda n: 0.003 + 1e-6 * n, "fixed part"),
        (lambda n: 1e-9 * n * n, "faster"),
        (lambda n: 1e-12 * n**3, "faster"),
        (fibonacci, "faster"),
        (factorial, "faster"),
        (lambda n: 1e-4 * n**0.5, "slower"),
        (lambda n: min(n, 300) * 1e-5, "slower"),
        (lambda n: 0.004, "not at all"),
        (lambda n: 0.05, "not at all"),
    ],
)
def test_a_run_takes_about_a_chunk_if_a_size_does(kept, time, word):
    found = run_size.run_size(Planted(time), "key")
    assert found.growth == word
    shortest, longest = time(1), time(2**31)
    aim = min(max(AIM_S, shortest), longest)
    # A whole number of iterations may be some times as long.
    assert aim / 4 < time(found.iterations) < 4 * aim


def test_a_program_that_asks_for_a_multiple_gets_multiples(kept):
    planted = Planted(lambda n: 1e-5 * n, least=100, step=100)
    found = run_size.run_size(planted, "key")
    assert found.step == 100
    assert found.growth == "proportional"
    assert all(n % 100 == 0 for n in planted.asked if n != 1)


def test_a_program_that_takes_no_larger_number_gets_the_largest(kept):
    found = run_size.run_size(Planted(lambda n: 1e-5 * n, most=500), "key")
    assert 250 <= found.iterations <= 500
    assert found.growth == "proportional"


def test_a_number_that_does_nothing_is_said(kept):
    with pytest.raises(Ended, match=f"the number has no effect; expected more work for more {ITERATIONS}"):
        run_size.run_size(Planted(lambda n: 2e-5), "key")


def test_work_that_explodes_ends_with_both_numbers(kept):
    with pytest.raises(Ended, match=r"reference: 4 iterations take .* 8 more than 10 s") as caught:
        run_size.run_size(Planted(lambda n: 1e-5 if n < 5 else 1000), "key")
    assert caught.value.status is Status.TIMEOUT


def test_a_size_is_found_once_for_all_cells(kept):
    planted = Planted(lambda n: 1e-6 * n)
    found = run_size.run_size(planted, "key")
    asked = len(planted.asked)
    run_size.clear_known()  # as a new process would
    other = Planted(lambda n: 3e-6 * n)
    assert run_size.run_size(other, "key") == found
    assert other.asked == []
    assert asked > 0
    assert run_size.run_size(other, "a different reference") != found


def test_on_a_busy_machine_only_what_is_sure_is_said_and_it_is_asked_again(kept):
    busy = run_size.run_size(Planted(lambda n: 1e-6 * n, waits=3), "line")
    assert busy.growth is None
    assert not busy.proportional
    calm = run_size.run_size(Planted(lambda n: 1e-6 * n), "line")
    assert (calm.growth, calm.calm) == ("proportional", True)
    assert 0.005 < calm.iterations * 1e-6 < 0.02, "also if the size was sought while runs took long"
    square = run_size.run_size(Planted(lambda n: 1e-9 * n * n, waits=3), "n²")
    assert (square.growth, square.calm) == ("faster", False)
    again = run_size.run_size(Planted(lambda n: 1e-9 * n * n), "n²")
    assert (again.growth, again.calm, again.iterations) == ("faster", True, square.iterations)


LINE = RunSize(10000, 1, (2500, 5000, 10000), (0.0025, 0.005, 0.01), "proportional")


def own(time, size=LINE):
    subject = Planted(time, forks=False)
    return equal_sizes._own_iterations(subject, size)


def test_a_cell_does_the_work_of_its_reference():
    assert own(lambda n: 1.2e-6 * n) == 10000
    assert own(lambda n: 2.5e-6 * n) == 10000


def test_a_slow_cell_does_less_if_its_time_is_proportional():
    assert own(lambda n: 2e-5 * n) == pytest.approx(500, rel=0.1)


def test_a_slow_cell_with_a_slow_start_does_all_of_it():
    assert own(lambda n: 0.005 + 2e-5 * n) == 10000


def preempted(used, share):
    class Ran:
        pass

    ran = Ran()
    ran.used, ran.cpu_share = used, share
    return ran


def test_the_kernels_share_is_without_starting_the_process():
    tally = KernelShare()
    assert tally.share is None
    tally.add(preempted(Used(0.5, 0.5), 0.5), 0.01)
    assert tally.share is None, "a chunk that was preempted tells nothing"
    tally.add(preempted(Used(0.012, 0.002), 1.0), 0.01)
    assert tally.share == 0, "all of it is before the guest began"
    tally.add(preempted(Used(0.012, 0.008), 1.0), 0.01)
    assert tally.share == pytest.approx(0.3)
