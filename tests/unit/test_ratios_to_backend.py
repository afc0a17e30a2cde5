"""Programs without a native form: ratios to a backend, and whose output is not to be believed."""

import math
from dataclasses import replace

import msgspec
import pytest

from pipeline.core.errors import BadInput
from pipeline.core.model import Backend, Cell, Kind, Runtime, Status
from pipeline.experiment import matrix
from pipeline.measure.sample import Printed
from pipeline.results import ratios_to_backend
from pipeline.results.blame import without_native
from pipeline.results.cell_result import Rounds
from pipeline.stats.estimates import Estimate, compare
from tests.unit.test_plausible import sample
from toolchain.model import Variant

PLAN = matrix.load({"backends": "wasmtime.*"})
WORKLOAD = PLAN.workloads[0]


def cell(name, kind=Kind.OPTIMIZING, variant="O3"):
    backend = Backend(name, kind, Runtime(name.partition(".")[0], "x.py"))
    return Cell(WORKLOAD, "zig", Variant(variant, ()), backend)


def estimate(value, error=0.002):
    return Estimate(value, value * 0.99, value * 1.01, 3, 90, error=error, freedom=2.0)


A, B, SLOW = cell("a.jit"), cell("b.jit"), cell("c.interpreter", Kind.INTERPRETER)


def test_the_first_optimising_backend_is_the_baseline_unless_one_is_chosen():
    ratios = {each.name: estimate(0.5) for each in (SLOW, B, A)}
    assert ratios_to_backend.baseline(PLAN, [SLOW, B, A], ratios) == B
    chosen = replace(PLAN, baseline="a.jit")
    assert ratios_to_backend.baseline(chosen, [SLOW, B, A], ratios) == A
    del ratios[A.name]
    assert ratios_to_backend.baseline(chosen, [SLOW, B, A], ratios) == B, "one that failed is none"
    assert ratios_to_backend.baseline(chosen, [SLOW, B, A], {}) is None


def test_the_variant_of_the_reference_is_preferred():
    cells = [cell("a.jit", variant="O0"), cell("a.jit", variant="O3")]
    ratios = {each.name: estimate(0.5) for each in cells}
    assert ratios_to_backend.baseline(PLAN, cells, ratios) == cells[1]


def test_a_ratio_has_the_errors_of_both():
    ratios = {A.name: estimate(8.0), B.name: estimate(4.0)}
    found = ratios_to_backend.relative(ratios, A.name)
    both = compare(ratios[B.name], ratios[A.name])
    assert (found[B.name].value, found[B.name].low, found[B.name].high) == (0.5, both.low, both.high)
    assert found[B.name].error == pytest.approx(0.002 * math.sqrt(2))
    assert (found[A.name].value, found[A.name].low, found[A.name].high) == (1, 1, 1)


def test_a_disturbed_cell_has_only_a_range():
    disturbed = Estimate(4.0, 3.0, 5.0, 1, 30, disturbed=True)
    found = ratios_to_backend.relative({A.name: estimate(8.0), B.name: disturbed}, A.name)
    assert found[B.name].disturbed
    assert (found[B.name].low, found[B.name].high) == pytest.approx((3 / 8.08, 5 / 7.92), rel=1e-3)


def judged(**outputs):
    cells = [cell(f"{name}.x") for name in outputs]
    collected = {
        each.name: Rounds([sample(1, each.name, printed=Printed.of(text))], None)
        for each, text in zip(cells, outputs.values(), strict=True)
    }
    return without_native.disagreements(cells, collected)


def test_where_all_print_the_same_nobody_is_wrong():
    assert judged(a=b"1\n", b=b"1\n", c=b"1\n") == {}


def test_one_that_stands_alone_is_named_with_both_lines():
    (found,) = judged(a=b"1\n2\n", b=b"1\n3\n", c=b"1\n2\n").items()
    assert found[0].endswith("/b.x")
    assert found[1] == "b.x: line 2 is '3', a.x, c.x print '2'"


def test_where_they_split_nothing_is_called_right():
    found = judged(a=b"1\n", b=b"2\n")
    assert len(found) == 2
    assert set(found.values()) == {
        "backends print different things, and none is called right: b.x: line 1 is '2', a.x: '1'"
    }


def test_a_cell_that_failed_says_nothing_of_the_others():
    cells = [cell("a.x"), cell("b.x")]
    failed = msgspec.structs.replace(sample(1, cells[1].name), status=Status.TRAP, reason="x", scores=[])
    good = sample(1, cells[0].name, printed=Printed.of(b"1\n"))
    collected = {cells[0].name: Rounds([good], None), cells[1].name: Rounds([failed], None)}
    assert without_native.disagreements(cells, collected) == {}


def test_a_baseline_is_one_of_the_backends():
    assert matrix.load({"backends": "wasmtime.*", "baseline": "wasmtime.winch"}).baseline == "wasmtime.winch"
    with pytest.raises(BadInput, match=r"command line: baseline: unknown backend 'wasmtime.wich'"):
        matrix.load({"backends": "wasmtime.*", "baseline": "wasmtime.wich"})
