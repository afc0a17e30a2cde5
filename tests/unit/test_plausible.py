"""A ratio that code alone cannot give is not shown, unless its cause was found."""

from dataclasses import replace

import msgspec
import pytest

from pipeline.core.model import Backend, Cell, Figure, Kind, Runtime
from pipeline.experiment import matrix
from pipeline.measure.sample import SCHEMA, Sample
from pipeline.measure.sizes.run_size_record import RunSize
from pipeline.report import tables
from pipeline.results import plausible, run_work
from pipeline.results.problems import warnings
from pipeline.stats.estimates import Estimate
from tests import factories
from toolchain.model import Variant

O3 = Variant("O3", ("-O3",))
WORKLOAD = matrix.load({}).workloads[0]


def sample(round_=1, cell="mine/zig/O3/x.y", **changes):
    made = Sample(
        schema=SCHEMA,
        key="k",
        inputs="i",
        cell=cell,
        round=round_,
        measured="2026-01-01T00:00:00+00:00",
        scores=[1.0],
        reference_scores=[1.0],
        cpu_shares=[1.0],
        reference_cpu_shares=[1.0],
        processors=[0],
        machine_speed=1.0,
    )
    return msgspec.structs.replace(made, **changes)


def doubt(
    ratio,
    low=None,
    *,
    kind=Kind.OPTIMIZING,
    native=None,
    kernel=None,
    reference=O3,
    program=WORKLOAD,
    **pairs,
):
    cell = Cell(program, "zig", O3, Backend("x.y", kind, Runtime("x", "x.py")))
    ratios = {cell.name: Estimate(ratio, low or ratio, ratio, 3, 30)}
    if native is not None:
        ratios[cell.name.replace("x.y", "native")] = Estimate(native, native, native, 3, 30)
    return plausible.doubt(cell, ratios, [sample(reference_system_share=kernel, **pairs)], reference)


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.NATIVE])
def test_what_runtimes_reach_is_plausible(kind):
    assert doubt(0.3 if kind is Kind.INTERPRETER else 1.3, kind=kind) is None


def test_an_interpreter_is_not_half_as_fast_as_native():
    assert doubt(0.51, kind=Kind.INTERPRETER).startswith(
        "0.51 x native is more than is plausible (0.5 for an interpreter), so it is not shown: no cause"
    )


def test_wasm_is_not_twice_as_fast_as_native():
    assert "2.10 x native is more than is plausible (2), so" in doubt(2.1)
    assert "add backends=native" in doubt(2.1)


def test_a_range_that_begins_within_the_bound_is_no_proof():
    assert doubt(2.5, 1.9) is None
    assert doubt(2.5, 2.1).startswith("2.50 x native")


def test_a_disturbed_machine_is_a_cause():
    assert doubt(2.5, machine_speed=2.0) is None
    assert doubt(2.5, reference_cpu_shares=[0.4]) is None


def test_starting_a_process_is_a_cause():
    program = replace(WORKLOAD, figure=Figure(time="host"))
    assert doubt(40.0, program=program) is None


def test_native_code_is_its_own_affair():
    assert doubt(5.0, kind=Kind.NATIVE) is None


def test_flags_that_make_native_code_as_fast_are_a_cause():
    assert doubt(3.0, native=2.5) is None
    assert doubt(3.0, native=1.2).endswith("no cause was found")


def test_a_reference_without_optimisation_is_a_cause():
    assert doubt(3.0, reference=Variant("O0", ("-O0",))) is None
    assert doubt(3.0, reference=Variant("none", ())) is None


def test_the_kernel_is_a_cause_of_as_much_as_it_takes():
    assert doubt(2.5, kernel=0.3) is None
    assert doubt(30.4, kernel=0.9).endswith("the native reference spends 90% of its time in the kernel")


QUADRATIC = RunSize(4000, 1, (1000, 2000, 4000), (0.001, 0.004, 0.016), "faster")


def test_a_cell_says_that_its_work_is_not_proportional():
    text = "work is not proportional to {iterations}: 1000 take 1 ms, 2000 take 4 ms, 4000 take 16 ms"
    assert run_work.work_text([sample(size=QUADRATIC)]) == text
    assert run_work.chunk_iterations([sample(size=QUADRATIC)]) == 4000


def test_a_round_on_a_calm_machine_says_more_than_a_busy_one():
    line = RunSize(4, 1, (1, 2, 4), (0.01, 0.02, 0.04), "proportional", calm=True)
    assert run_work.work_text([sample(size=QUADRATIC)]) is not None
    assert run_work.work_text([sample(size=line), sample(size=QUADRATIC)]) is None


def test_a_cell_says_how_much_does_not_depend_on_the_number():
    size = RunSize(4, 1, (1, 2, 4), (3.0, 4.0, 6.0), "fixed part")
    text = "33% of a run of 4 iterations does not depend on {iterations}"
    assert run_work.work_text([sample(size=size)]) == text
    assert (
        run_work.work_text([sample(size=msgspec.structs.replace(size, seconds=(1.05, 2.05, 4.05)))]) is None
    )
    ignored = msgspec.structs.replace(size, seconds=(1.0, 1.0, 1.0), growth="not at all")
    assert run_work.work_text([sample(size=ignored)]).startswith(
        "work does not depend on {iterations}: 1 take"
    )


def test_rounds_of_different_work_are_no_cell():
    other = msgspec.structs.replace(QUADRATIC, iterations=2000)
    assert run_work.sizes_differ([sample(size=QUADRATIC), sample(size=other)])
    assert not run_work.sizes_differ([sample(size=QUADRATIC), sample(size=QUADRATIC)])
    line = [msgspec.structs.replace(each, growth="proportional") for each in (QUADRATIC, other)]
    assert not run_work.sizes_differ([sample(size=each) for each in line])


def test_a_program_that_runs_until_a_clock_says_so_is_seen():
    def rounds(spread):
        scores = [1 + spread * (-1) ** n for n in range(30)]
        return [sample(iterations=5, reference_iterations=5, scores=scores, reference_scores=[1.0] * 30)]

    assert run_work.runs_by_clock(rounds(0.001))
    assert not run_work.runs_by_clock(rounds(0.01))
    assert not run_work.runs_by_clock([sample(iterations=5, reference_iterations=5)]), "too few to say so"


def test_a_reference_in_the_kernel_is_a_warning_that_names_the_workload():
    rounds = [
        sample(n, reference_system_share=share, reference_page_faults=12000)
        for n, share in enumerate((0.3, 0.34, 0.5), 1)
    ]
    (found,) = [w for w in warnings.find_warnings(rounds) if w.name == "kernel"]
    text = "the native reference spends in the kernel 34% of its time in mine (page faults: 12,000 a run)"
    assert found.found == text
    calm = [sample(reference_system_share=0.05)]
    assert not [w for w in warnings.find_warnings(calm) if w.name == "kernel"]


def test_a_cell_that_spends_a_tenth_of_its_time_in_the_kernel_is_noted_with_the_share():
    shares = {"system_share": 0.1, "reference_system_share": 0.25}
    cells = [
        factories.cell("w/zig/O2/wasm3", measured=factories.measurement(0.5, **shares)),
        factories.cell("w/zig/O2/v8.liftoff", measured=factories.measurement(0.5, system_share=0.09)),
    ]
    found = [note for note in tables.notes(factories.results(cells)) if "kernel" in note]
    assert found == [
        "1 of 2 cells say less about code than about the system: their native reference spends a tenth of "
        "its time or more in the kernel (memory, input, output): w/zig/O2/wasm3 (25%)",
        "1 of 2 cells spend a tenth of their time or more in the kernel: w/zig/O2/wasm3 (10%)",
    ]
