"""What stands above the table: whether it is finished, what disturbed it, how long exact numbers take."""

import pytest

from pipeline.report import at_a_glance
from pipeline.report.small_table import render
from pipeline.report.terminal_table import render_table
from pipeline.report.write_report import render_markdown
from pipeline.results import time_to_precision
from pipeline.results.model import MeasurementWarning, Preliminary
from tests.factories import cell, disturbed, measurement, results

STEAL = MeasurementWarning(name="steal", found="it took 0.5 processors", effect="pauses", remedy="own one")
LOAD = MeasurementWarning(name="load", found="others used 1.0", effect="gaps", remedy="end them")


def measured(error, rounds=3, **changes):
    numbers = {
        "freedom": rounds - 1.0,
        "rounds": rounds,
        "rounds_used": rounds,
        "round_seconds": 2.0,
        **changes,
    }
    return measurement(0.8, error, **numbers)


def test_a_quiet_machine_is_said_to_be_one():
    assert at_a_glance.machine(results([cell()])) == (
        "The machine was quiet: nothing was found that disturbed the numbers."
    )


def test_the_first_disturbance_has_a_cure_and_others_are_named():
    found = results([cell()], warnings=(STEAL, LOAD))
    assert at_a_glance.machine(found) == (
        "Disturbed (steal): it took 0.5 processors. Effect: pauses. Cure: own one. Also found: load."
    )


def test_it_stands_above_every_table():
    found = results([cell()], warnings=(STEAL,), preliminary=Preliminary(rounds=1, cells=1))
    for text in (render_table(found), render(found, 120), render_markdown(found)):
        flat = " ".join(text.split())
        assert flat.index("Preliminary, after 1 round of each cell or more: 1 of 1 cells") < flat.index(
            "steal"
        )
        assert flat.index("Cure: own one") < flat.index("1.000")


def test_finished_results_are_not_preliminary():
    assert at_a_glance.state(results([cell()])) == ""


@pytest.mark.parametrize(
    ("error", "rounds"),
    [
        (0.0005, 3),  # exact already
        (0.002, 5),  # ±0.86 %; after 5 rounds 2.78 × 0.35 % / √5 = 0.43 %
        (0.004, 10),  # 0.69 % between rounds: 2.26 × 0.69 % / √10 = 0.50 %
        (0.1, 30),  # the budget of a minute
    ],
)
def test_how_long_exact_numbers_take(error, rounds):
    found = time_to_precision.time_to_precision([cell(measured=measured(error))])
    assert (found.seconds, found.cells) == (2.0 * (rounds - 3), rounds > 3)


def test_a_disturbed_cell_takes_all_of_its_time():
    found = time_to_precision.time_to_precision([cell(measured=disturbed(rounds=8, round_seconds=2.0))])
    assert (found.seconds, found.cells) == (60 - 16, 1)


def test_the_least_exact_number_stands_with_what_helps():
    found = results([cell(measured=measured(0.1)), cell("w/zig/O2/x", measured=measured(0.2))])
    assert at_a_glance.precision(found) == (
        "Least exact: w/zig/O2/x, ±97.1 %. 2 of 2 cells are not within ±0.5 % yet; to measure each until "
        "it is, or for a minute, about 2 min, run: doit run protocol=precise"
    )
    assert at_a_glance.precision(results([cell(measured=measured(0.0001))])) == ""
