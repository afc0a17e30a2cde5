"""Fronts that luck does not make, and the cell that is fastest for so many iterations."""

import itertools
import random

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from pipeline.report import pareto_text
from pipeline.results import pareto
from pipeline.results.model_pareto import ParetoFronts
from pipeline.stats import estimates, verdicts
from tests import factories

REFERENCE = 40000.0


def cell(name, ratio, size=None, seconds=None, half=0.01, rounds=8, disturbed=False, workload="w"):
    """A cell of results.json; ``name`` is variant/backend. Without a size it is native code."""
    variant, _, backend = name.partition("/")
    numbers = {
        "score": ratio * REFERENCE,
        "ratio_low": ratio * (1 - half),
        "ratio_high": ratio * (1 + half),
        "rounds": rounds,
        "wasm_bytes": size,
        "compile_seconds": seconds,
    }
    make = factories.disturbed if disturbed else factories.measurement
    label = f"{workload}/zig/{variant}/{backend or 'b'}"
    return factories.cell(label, measured=make(ratio, **numbers), native=size is None)


def with_numbers(cell, **changes):
    return replace(cell, measurement=replace(cell.measurement, **changes))


WORKLOAD = factories.workload("w", title="Some work")


def tables(fronts):
    return pareto_text.tables(fronts, [WORKLOAD])


def render(fronts):
    return pareto_text.render(fronts, [WORKLOAD])


def found(kind, cells, comparisons=()):
    """The first front of its kind."""
    return getattr(pareto.find(cells, comparisons), kind)[0]


def names(front):
    return [member.cell.split("/")[2] for member in front.members]


def verdict(one, word, other):
    return factories.comparison(one, word, other)


def test_speed_is_bought_with_size():
    cells = [cell("O0", 0.2, 90), cell("Os", 0.7, 60), cell("O2", 0.9, 80), cell("O1", 0.8, 85)]
    front = found("size", cells)
    assert names(front) == ["Os", "O2"]
    assert [(x.cell, x.by) for x in front.dominated] == [
        ("w/zig/O1/b", "w/zig/O2/b"),
        ("w/zig/O0/b", "w/zig/O2/b"),
    ]
    assert front.cost_tolerance == 0
    assert front.least_total_time == ()
    assert front.cost_key == "wasm_bytes"


def test_of_indistinguishable_cells_the_smaller_is_the_member():
    cells = [cell("O2", 0.900, 80), cell("O3", 0.905, 81)]
    assert names(found("size", cells)) == ["O2"]
    assert names(found("size", cells, [verdict(cells[1], "faster", cells[0])])) == ["O2", "O3"]
    assert names(found("size", cells, [verdict(cells[0], "slower", cells[1])])) == ["O2", "O3"]
    apart = [cell("O2", 0.8, 80), cell("O3", 0.9, 81)]
    assert names(found("size", apart)) == ["O2", "O3"]
    assert names(found("size", apart, [verdict(apart[0], "undecided", apart[1])])) == ["O2"]


def test_cells_of_one_size_and_speed_are_indistinguishable():
    cells = [cell("O2", 0.9, 80), cell("O3", 0.902, 80), cell("Os", 0.7, 80), cell("O4", 0.901, 81)]
    front = found("size", cells)
    assert names(front) == ["O3"]
    assert front.members[0].indistinguishable == ("w/zig/O2/b",)
    assert [x.cell for x in front.dominated] == ["w/zig/Os/b", "w/zig/O4/b"]


def test_a_cell_is_not_left_out_for_one_that_is_itself_left_out():
    """a covers b and b covers c, but c is shown to be faster than a."""
    cells = [cell("a", 0.80, 10), cell("b", 0.815, 20), cell("c", 0.83, 30)]
    assert names(found("size", cells)) == ["a", "c"]


def test_what_follows_from_two_verdicts_is_shown_too():
    a, b, c = (cell(*x, half=0.1) for x in (("a", 0.80, 10), ("b", 0.85, 30), ("c", 0.90, 20)))
    words = [verdict(c, "faster", b), verdict(b, "faster", a), verdict(c, "undecided", a)]
    assert names(found("size", [a, b, c], words)) == ["a", "c"]
    assert names(found("size", [a, b, c], words[1:])) == ["a", "b"]


def test_noise_of_compile_times_decides_nothing():
    cells = [cell("O1", 0.8, seconds=0.016), cell("O3", 0.9, seconds=0.018), cell("O2", 0.9, seconds=0.0185)]
    front = found("compile_time", cells)
    assert names(front) == ["O3"]
    assert front.members[0].indistinguishable == ("w/zig/O2/b",)
    assert [(x.cell, x.by) for x in front.dominated] == [("w/zig/O1/b", "w/zig/O3/b")]
    cells[0] = with_numbers(cells[0], compile_seconds=0.010)
    assert names(found("compile_time", cells)) == ["O1", "O3"]
    cells[0] = with_numbers(cells[0], rounds=1)  # a single round says little
    assert names(found("compile_time", cells)) == ["O3"]


def test_the_tolerance_is_what_was_measured():
    measured = {1: 0.81, 2: 0.54, 3: 0.40, 4: 0.32}
    for rounds, difference in measured.items():
        assert pareto.compile_tolerance(rounds) == pytest.approx(difference, rel=0.08)


def test_the_break_even():
    baseline = cell("O3/winch", 0.5, seconds=0.01)
    optimizing = cell("O3/cranelift", 0.8, seconds=0.1)
    front = found("compile_time_all_backends", [optimizing, baseline])
    assert [m.cell for m in front.members] == ["w/zig/O3/winch", "w/zig/O3/cranelift"]
    first, second = front.members
    assert first.break_even is None
    at = second.break_even
    assert 0.01 + at.iterations / 20000 == pytest.approx(0.1 + at.iterations / 32000)
    assert at.total_seconds == pytest.approx(0.01 + at.iterations / 20000)
    assert 0 < at.iterations_low < at.iterations < at.iterations_high < 2 * at.iterations
    assert [(x.cell, x.from_iterations, x.until_iterations) for x in front.least_total_time] == [
        ("w/zig/O3/winch", 0.0, at.iterations),
        ("w/zig/O3/cranelift", at.iterations, None),
    ]


def test_where_the_intervals_overlap_no_largest_break_even_is_shown():
    cheap = cell("O3/winch", 0.85, seconds=0.01, half=0.05)
    fast = cell("O3/cranelift", 0.9, seconds=0.1, half=0.05)
    front = found("compile_time_all_backends", [cheap, fast], [verdict(fast, "faster", cheap)])
    assert front.members[1].break_even.iterations_high is None
    assert "not shown" in render(pareto.find([cheap, fast], [verdict(fast, "faster", cheap)]))


def test_a_member_may_be_never_the_fastest_in_total():
    cells = [
        cell("O3/a", 0.50, seconds=0.01),
        cell("O3/b", 0.55, seconds=0.5),
        cell("O3/c", 0.90, seconds=0.7),
    ]
    result = pareto.find(cells, [])
    (front,) = result.compile_time_all_backends
    assert len(front.members) == 3
    assert [x.cell for x in front.least_total_time] == ["w/zig/O3/a", "w/zig/O3/c"]
    rows = tables(result)[-1].rows
    assert [row[4] for row in rows] == ["0 – 31000", "never", "from 31000 on"]


def all_of(fronts):
    return (*fronts.size, *fronts.compile_time, *fronts.compile_time_all_backends)


def test_what_is_left_out_is_reported():
    cells = [
        cell("O3", 0.9, 80, 0.02),
        cell("O2", 0.9, None, None),
        cell("Os", 0.9, 70, 0.02, disturbed=True),
        factories.failed("w/zig/Oz/b", "trap"),
    ]
    result = pareto.find(cells, [])
    for front in all_of(result):
        assert names(front) == ["O3"]
        assert {x.reason: x.cells for x in front.left_out if not x.reason.startswith("without")} == {
            "disturbed": ("w/zig/Os/b",),
            "trap": ("w/zig/Oz/b",),
        }
    size, compile_ = tables(result)
    assert size.left_out == "Cells left out: 1 disturbed, 1 trap, 1 without a module."
    assert compile_.left_out == "Cells left out: 1 disturbed, 1 trap, 1 without a compile time."
    assert " ".join(render(result).split()).endswith(compile_.left_out)


def test_nothing_to_compare():
    assert all_of(pareto.find([], [])) == ()
    native = pareto.find([cell("O3/native", 1.0)], [])
    assert tables(native) == []
    assert render(native) == ""


def test_the_tables():
    cells = [
        cell("O1[x]/winch", 0.5, 100, 0.01),
        cell("O3/winch", 0.6, 110, 0.011),
        cell("O3/cranelift", 0.8, 110, 0.1),
    ]
    result = pareto.find(cells, [])
    size, compile_, everything = tables(result)
    assert size.rows == [
        ["winch", "w/zig/O1[x]", "100", "20000", "", ""],
        ["", "w/zig/O3", "110", "24000", "+10.0% bytes, +20.0% speed", ""],
        ["cranelift", "w/zig/O3", "110", "32000", "", ""],
    ]
    assert [row[:2] for row in compile_.rows] == [["winch", "w/zig/O3"], ["cranelift", "w/zig/O3"]]
    assert [row[0] for row in everything.rows] == ["w/zig/O3/winch", "w/zig/O3/cranelift"]
    for table in (size, compile_, everything):
        assert all(len(row) == len(table.columns) for row in table.rows)
    text = render(result)
    assert "w/zig/O1[x]" in text
    assert "within 20 %" in text
    assert all(line == line.rstrip() for line in text.splitlines())
    # Of one backend, the table of all says nothing new.
    assert len(tables(pareto.find(cells[:2], []))) == 2


def test_workloads_are_kept_apart():
    slow = [cell("O1", 0.4, 100, 0.01), cell("O3", 0.6, 110, 0.1)]
    fast = [replace(with_numbers(c, score=c.measurement.score * 9, wasm_bytes=5), workload="v") for c in slow]
    one, other = pareto.find(slow, []), pareto.find(fast, [])
    both = pareto.find([*slow, *fast], [])
    kinds = ParetoFronts.__struct_fields__
    assert both == ParetoFronts(**{kind: getattr(one, kind) + getattr(other, kind) for kind in kinds})
    assert (both.of_workload("w"), both.of_workload("v")) == (one, other)
    assert len(all_of(both)) == 6
    workloads = [WORKLOAD, factories.workload("v", title="Other work", unit="runs/s")]
    shown = pareto_text.tables(both, workloads)
    assert [table.title for table in shown] == [
        "Some work: Speed against module size",
        "Some work: Speed against compile time",
        "Other work: Speed against module size",
        "Other work: Speed against compile time",
    ]
    assert [table.columns[3][0] for table in shown] == ["iterations/s", "iterations/s", "runs/s", "runs/s"]
    assert "after so many runs " in shown[3].explanation


@st.composite
def results(draw):
    """(cells, comparisons): sizes with ties, unlike precision, verdicts of some of the pairs."""
    cells = []
    for number in range(draw(st.integers(1, 9))):
        cells.append(
            cell(
                f"{number}/{draw(st.sampled_from('ab'))}",
                draw(st.floats(0.1, 1.0)),
                draw(st.integers(1, 6)),
                draw(st.floats(0.001, 1.0) | st.sampled_from([0.01, 0.011, 0.012])),
                half=draw(st.sampled_from([0.001, 0.05, 0.3])),
                rounds=draw(st.sampled_from([2, 8])),
                disturbed=draw(st.integers(0, 7)) == 0,
            )
        )
    comparisons = []
    for one, other in itertools.combinations(cells, 2):
        right = "faster" if one.measurement.score > other.measurement.score else "slower"
        word = draw(st.sampled_from([None, right, "undecided", "same within"]))
        if word is not None:
            comparisons.append(verdict(one, word, other))
    return cells, comparisons


def shown(cells, comparisons):
    """{(faster, slower)}: by verdict or else by intervals, and what follows."""
    words = {(v.cell, v.compared_with): v.verdict for v in comparisons}
    pairs = set()
    for one, other in itertools.permutations([c for c in cells if c.comparable], 2):
        key, fast, slow = (one.label, other.label), one.measurement, other.measurement
        apart = fast.ratio_low > slow.ratio_high and key not in words and key[::-1] not in words
        right = words.get(key) == "faster" or words.get(key[::-1]) == "slower"
        if fast.score > slow.score and (apart or right):
            pairs.add(key)
    while more := {(a, d) for a, b in pairs for c, d in pairs if b == c} - pairs:
        pairs |= more
    return pairs


def fronts(cells, comparisons):
    """(front, the cells of its scope by label)."""
    for front in all_of(pareto.find(cells, comparisons)):
        yield front, {c.label: c for c in cells if front.backend in (None, c.backend)}


@settings(deadline=None, max_examples=300)
@given(results())
def test_members_trade_and_the_others_do_not(drawn):
    faster = shown(*drawn)
    for front, cells in fronts(*drawn):
        scale = 1 + front.cost_tolerance
        costs = {name: getattr(c.measurement, front.cost_key) for name, c in cells.items()}

        def less(a, b, costs=costs, scale=scale):
            return costs[a] * scale < costs[b]

        def dominates(a, b, less=less):
            covers = not less(b, a) and (b, a) not in faster
            return covers and (less(a, b) or (a, b) in faster)

        members = [m.cell for m in front.members]
        for a, b in itertools.combinations(members, 2):
            assert less(a, b)
            assert (b, a) in faster
        for entry in front.dominated:
            assert entry.by in members
            assert dominates(entry.by, entry.cell)
        equal = {name for m in front.members for name in m.indistinguishable}
        for member in front.members:
            for name in member.indistinguishable:
                pairs = {(name, member.cell), (member.cell, name)}
                assert not pairs & faster
                assert not any(less(*pair) for pair in pairs)
                assert not any(dominates(m, name) for m in members)
        unfit = [name for entry in front.left_out for name in entry.cells]
        places = [*members, *(x.cell for x in front.dominated), *equal, *unfit]
        assert sorted(places) == sorted(cells)
        assert set(unfit) == {name for name, c in cells.items() if not c.comparable}


@settings(deadline=None, max_examples=200)
@given(results(), st.lists(st.floats(0, 1e6), min_size=5, max_size=5))
def test_the_least_total_time_agrees_with_trying_every_member(drawn, numbers):
    for front, cells in fronts(*drawn):
        if front.cost_key != "compile_seconds" or not front.members:
            continue
        envelope = front.least_total_time
        assert envelope[0].from_iterations == 0
        assert envelope[-1].until_iterations is None
        for one, other in itertools.pairwise(envelope):
            assert one.from_iterations < one.until_iterations == other.from_iterations

        def total(name, n, cells=cells):
            return cells[name].measurement.compile_seconds + n / cells[name].measurement.score

        for n in [*numbers, 1e12, *(entry.from_iterations for entry in envelope)]:
            here = [
                x
                for x in envelope
                if x.from_iterations <= n and (x.until_iterations is None or n <= x.until_iterations)
            ]
            best = min(total(m.cell, n) for m in front.members)
            assert here
            assert all(total(x.cell, n) == pytest.approx(best, rel=1e-9) for x in here)


@settings(deadline=None, max_examples=200)
@given(results())
def test_a_break_even_is_where_both_are_even_and_within_its_range(drawn):
    for front, cells in fronts(*drawn):
        for before, member in itertools.pairwise(front.members):
            if front.cost_key == "wasm_bytes":
                assert member.break_even is None
                continue
            at = member.break_even
            a, b = cells[before.cell].measurement, cells[member.cell].measurement
            n = at.iterations
            one, other = (c.compile_seconds + n / c.score for c in (a, b))
            assert one == pytest.approx(other, rel=1e-6)
            assert 0 < at.iterations_low <= n
            assert (at.iterations_high is None) == (b.ratio_low <= a.ratio_high)
            assert at.iterations_high is None or at.iterations_high >= n


@settings(deadline=None, max_examples=100)
@given(results(), st.randoms(use_true_random=False))
def test_the_order_of_cells_and_comparisons_does_not_matter(drawn, generator):
    def sorted_(result):
        fronts = [
            replace(front, left_out=tuple(replace(x, cells=tuple(sorted(x.cells))) for x in front.left_out))
            for front in all_of(result)
        ]
        return sorted(fronts, key=lambda front: (front.cost_key, front.backend or ""))

    cells, comparisons = (generator.sample(xs, len(xs)) for xs in drawn)
    comparisons = [
        generator.choice([v, verdict(v.compared_with, INVERSE[v.verdict], v.cell)]) for v in comparisons
    ]
    assert sorted_(pareto.find(cells, comparisons)) == sorted_(pareto.find(*drawn))


INVERSE = {"faster": "slower", "slower": "faster", "undecided": "undecided", "same within": "same within"}


@settings(deadline=None, max_examples=100)
@given(results())
def test_it_is_json_and_what_is_read_of_it_is_the_same(drawn):
    result = pareto.find(*drawn)
    again = msgspec.json.decode(msgspec.json.encode(result), type=ParetoFronts)
    assert again == result
    assert render(again) == render(result)


def measured(generator, ratios, seconds):
    """Cells whose rounds are simulated, and the verdicts on all pairs of them."""
    known, cells = {}, []
    for number, (ratio, least) in enumerate(zip(ratios, seconds, strict=True)):
        means = generator.normal(np.log(ratio), 0.004, (8, 1))
        e = estimates.estimate(np.exp(means + generator.normal(0, 0.017, (8, 30))).tolist())
        # Noise only adds: some 30 % of the time, as measured.
        compile_seconds = least * (1 + generator.exponential(0.3, 8).min())
        one = cell(str(number), e.value, int(generator.integers(8, 108)), float(compile_seconds))
        cells.append(with_numbers(one, ratio_low=e.low, ratio_high=e.high))
        known[one.label] = e
    words = [verdict(v.one, v.word, v.other) for v in verdicts.compare_all(known)]
    return cells, words


@pytest.mark.parametrize("known", [True, False])
def test_equal_cells_give_no_front_of_luck(known):
    """Twelve equal cells: a second member would be a step that is not there."""
    generator = np.random.default_rng(9)
    lucky = {"size": 0, "compile_time": 0}
    for _ in range(200):
        cells, words = measured(generator, [0.8] * 12, [0.02] * 12)
        for kind in lucky:
            lucky[kind] += len(found(kind, cells, words if known else []).members) > 1
    assert max(lucky.values()) / 200 <= 0.05


def test_equal_compile_times_give_no_front_of_luck():
    """Six speeds that are easily distinguished, compiled in equal time: the fastest alone is the front."""
    generator = np.random.default_rng(10)
    lucky = 0
    for _ in range(200):
        cells, words = measured(generator, [0.4, 0.5, 0.6, 0.7, 0.8, 0.9], [0.02] * 6)
        lucky += names(found("compile_time", cells, words)) != ["5"]
    assert lucky / 200 <= 0.05


def test_real_steps_are_found():
    generator = np.random.default_rng(11)
    for _ in range(20):
        cells, words = measured(generator, [0.3, 0.85, 0.95, 0.5], [0.004, 0.02, 0.3, 0.05])
        random.Random(1).shuffle(cells)
        assert names(found("compile_time", cells, words)) == ["0", "1", "2"]
