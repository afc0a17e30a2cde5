"""What several workloads together say: means, pairs, and conclusions that no chance reverses."""

import csv
import io
import itertools
import json
import math
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markupsafe import Markup
from msgspec import to_builtins
from msgspec.structs import replace
from scipy.special import stdtrit

from pipeline.report import across_workloads_text
from pipeline.report.exports import across_workloads_csv
from pipeline.report.page import across_workloads as page_across
from pipeline.report.page import render, vega
from pipeline.results import across_workloads, reversals, workload_pairs
from pipeline.stats import estimates
from tests import factories

HOSTILE = "\"'><script>alert(1)</script>|`*_[x](y)\\"


def cell(workload, variant, backend, ratio, error=0.002, freedom=7.0, toolchain="zig"):
    numbers = factories.measurement(ratio, error, freedom)
    return factories.cell(f"{workload}/{toolchain}/{variant}/{backend}", measured=numbers)


def disturbed(cell):
    return replace(cell, measurement=factories.disturbed(cell.measurement.ratio))


def without(cell, status):
    return factories.failed(cell.label, status)


def scaled(cell, factor):
    """A cell whose ratio and interval are multiplied."""
    numbers = cell.measurement
    ratios = {key: getattr(numbers, key) * factor for key in ("ratio", "ratio_low", "ratio_high")}
    return replace(cell, measurement=replace(numbers, **ratios))


def measured(generator, workload, variant, backend, ratio, rounds=8):
    """A cell as simulated rounds give it."""
    means = generator.normal(math.log(ratio), 0.004, (rounds, 1))
    found = estimates.estimate(np.exp(means + generator.normal(0, 0.017, (rounds, 30))).tolist())
    return factories.cell(f"{workload}/zig/{variant}/{backend}", measured=factories.of_estimate(found))


def workloads(*names):
    return tuple(factories.workload(name, title=f"The {name}", stresses="loops") for name in names)


def find(cells, *names):
    return across_workloads.compare_workloads(
        cells, workloads(*(names or dict.fromkeys(c.workload for c in cells)))
    )


def results(cells, *names):
    listed = workloads(*(names or dict.fromkeys(c.workload for c in cells)))
    return factories.results(cells, workloads=listed)


def table(ratios, **other):
    """{workload: {(variant, backend): ratio}} as cells."""
    return [
        cell(name, *place, ratio, **other)
        for name, places in ratios.items()
        for place, ratio in places.items()
    ]


def absent(mean):
    return [(entry.workload, entry.reason) for entry in mean.missing]


def pairs_of(across):
    return (*across.variant_comparisons, *across.backend_comparisons)


def test_a_mean_by_hand():
    cells = [cell("a", "O3", "x", 0.5, 0.003, 4.0), cell("b", "O3", "x", 0.8, 0.004, 9.0)]
    (mean,) = find(cells).means
    assert mean.ratio == pytest.approx(math.sqrt(0.4))
    # The errors' squares are 9 and 16 millionths: 25 together, half of its root is the mean's.
    freedom = 25**2 / (9**2 / 4 + 16**2 / 9)
    factor = math.exp(stdtrit(freedom, 0.975) * 0.0025)
    assert mean.ratio_low == pytest.approx(math.sqrt(0.4) / factor)
    assert mean.ratio_high == pytest.approx(math.sqrt(0.4) * factor)
    # Two logarithms d apart have the standard deviation d / sqrt(2).
    assert math.log(mean.geometric_sd) == pytest.approx(math.log(1.6) / math.sqrt(2))
    assert (mean.lowest.workload, mean.lowest.ratio) == ("a", 0.5)
    assert (mean.highest.workload, mean.highest.ratio) == ("b", 0.8)
    assert (mean.workload_count, mean.missing, mean.partial) == (2, (), False)


def test_two_variants_and_two_backends_by_hand():
    cells = table(
        {
            "a": {("O2", "x"): 0.50, ("O3", "x"): 0.60, ("O3", "y"): 0.30},
            "b": {("O2", "x"): 0.80, ("O3", "x"): 0.72, ("O3", "y"): 0.40},
        }
    )
    found = find(cells)
    (pair,) = found.variant_comparisons
    assert (pair.backend, pair.variant, pair.compared_with) == ("x", "O3", "O2")
    assert pair.ratio == pytest.approx(math.sqrt(1.2 * 0.9))
    # Of four errors of 0.002: the mean's is half of their root of squares, that is 0.002 again.
    factor = math.exp(stdtrit(28, 0.975) * 0.002)
    assert pair.ratio_high == pytest.approx(pair.ratio * factor)
    assert [(e.workload, e.verdict) for e in pair.per_workload] == [("a", "faster"), ("b", "slower")]
    assert [e.ratio for e in pair.per_workload] == [pytest.approx(1.2), pytest.approx(0.9)]
    (duel,) = found.backend_comparisons
    assert (duel.variant, duel.backend, duel.compared_with) == ("O3", "x", "y")
    assert duel.ratio == pytest.approx(math.sqrt(2.0 * 1.8))
    opposed, holds = found.conclusions
    assert opposed.statement == "O3 beats O2 under x on a by 20.0 ±0.7 %"
    assert (opposed.faster, opposed.slower) == ("zig/O3/x", "zig/O2/x")
    assert [(e.workload, e.certain) for e in opposed.reversed] == [("b", True)]
    assert opposed.reversed[0].ratio == pytest.approx(0.9)
    assert holds.statement == "x beats y at O3 on a by a factor of 2.00 ±0.01"
    assert holds.holds == ("b",)
    assert across_workloads_text.sentence(opposed) == f"{opposed.statement}: not on b (slower by 10.0 ±0.5 %)"
    assert across_workloads_text.sentence(holds) == f"{holds.statement}: holds on b"


def test_one_workload_says_nothing_across():
    one = [cell("a", "O3", "x", 0.5)]
    assert find(one) is None
    assert find([*one, without(cell("b", "O3", "x", 0.5), "trap")]) is None
    assert find([*one, disturbed(cell("b", "O3", "x", 0.5))]) is None
    assert find([]) is None
    assert find([*one, cell("b", "O3", "x", 0.5)]) is not None


def test_what_lacks_a_workload_is_marked_and_not_ranked():
    cells = [
        *table({name: {("O3", "x"): 0.5, ("O3", "y"): 0.9, ("O2", "y"): 0.8} for name in "abc"}),
        *table({"a": {("O3", "z"): 0.7, ("O2", "x"): 0.4}, "b": {("O2", "x"): 0.4}}),
    ]
    cells = [
        without(c, "trap") if (c.workload, c.variant, c.backend) == ("c", "O3", "y") else c for c in cells
    ]
    cells.append(disturbed(cell("c", "O2", "x", 0.4)))
    cells.append(without(cell("b", "O3", "w", 0.4), "unavailable"))
    found = find(cells, "a", "b", "c", "d")
    assert found.workloads == ("a", "b", "c")
    means = {(m.variant, m.backend): m for m in found.means}
    assert absent(means["O3", "y"]) == [("c", "trap")]
    assert absent(means["O2", "x"]) == [("c", "disturbed")]
    assert {place: m.partial for place, m in means.items()} == {
        ("O3", "x"): False,
        ("O3", "y"): True,
        ("O2", "y"): False,
        ("O2", "x"): True,
    }
    assert means["O3", "y"].ratio == pytest.approx(0.9)
    # Of the workloads that both have; with fewer than all, backends are not compared.
    assert {(s.backend, s.partial, len(s.per_workload)) for s in found.variant_comparisons} == {
        ("x", True, 2),
        ("y", True, 2),
    }
    assert found.backend_comparisons == ()
    assert [(e.what, e.count) for e in found.left_out] == [
        ("workloads", 1),
        ("means", 2),
        ("backend comparisons", 2),
    ]
    assert {tuple(c.missing) for c in found.conclusions} == {("c",)}
    (grid,) = across_workloads_text.mean_grids(found)
    assert [name for name, _ in grid.rows] == ["y", "x"]
    assert "c trap (1), c disturbed (1)" in across_workloads_text.missing(found)
    assert "2 pairs of backends (with a backend that lacks a workload)" in across_workloads_text.left_out(
        found
    )


def test_workloads_that_have_no_cell_in_common_have_no_mean():
    found = results(table({"a": {("O3", "x"): 0.5}, "b": {("O2", "x"): 0.5}}))
    across = found.across_workloads
    assert (
        across.means == across.variant_comparisons == across.backend_comparisons == across.conclusions == ()
    )
    assert "2 means (of fewer than two workloads)" in across_workloads_text.render(
        found.across_workloads, found.workloads
    )
    alone = results([cell("a", "O3", "x", 0.5)])
    assert across_workloads_csv.render(found, {}) == across_workloads_csv.render(alone, {})
    assert page_across.rows(found, across) == []
    assert page_across.section(found)["grids"] == []


def test_an_absent_cell_differs_from_a_failed_one():
    cells = table({name: {("O3", "x"): 0.5, ("O3", "y"): 0.6} for name in "abc"})
    cells = [c for c in cells if (c.workload, c.backend) != ("b", "y")]
    mean = next(m for m in find(cells).means if m.backend == "y")
    assert absent(mean) == [("b", "absent")]


def test_two_variants_without_two_workloads_in_common_are_not_compared():
    cells = table(
        {
            "a": {("O2", "x"): 0.5},
            "b": {("O2", "x"): 0.5, ("O3", "x"): 0.5},
            "c": {("O3", "x"): 0.5},
        }
    )
    found = find(cells)
    assert (len(found.means), found.variant_comparisons) == (2, ())
    (entry,) = found.left_out
    assert (entry.what, entry.count, entry.reason) == (
        "variant comparisons",
        1,
        "of fewer than two workloads in common",
    )


@pytest.mark.parametrize(("number", "steps"), [(2, 1), (6, 15), (7, 6 + 5)])
def test_of_many_variants_only_neighbours_and_the_first_are_compared(number, steps):
    names = [f"V{n}" for n in range(number)]
    cells = table({w: {(v, "x"): 0.5 for v in names} for w in "ab"})
    found = find(cells)
    pairs = [(s.variant, s.compared_with) for s in found.variant_comparisons]
    assert len(pairs) == len(set(pairs)) == steps
    assert {(b, a) for a, b in itertools.pairwise(names)} <= set(pairs)
    assert {(name, "V0") for name in names[1:]} <= set(pairs)
    assert sum(e.count for e in found.left_out) == math.comb(number, 2) - steps


def test_of_many_pairs_of_backends_only_neighbours_are_compared(monkeypatch):
    ratios = {"p": 0.3, "q": 0.9, "r": 0.6, "s": 0.5}
    cells = table({w: {("O3", b): ratio for b, ratio in ratios.items()} for w in "ab"})
    assert len(find(cells).backend_comparisons) == 6
    monkeypatch.setattr(workload_pairs, "MOST_BACKEND_PAIRS", 5)
    found = find(cells)
    assert [(d.backend, d.compared_with) for d in found.backend_comparisons] == [
        ("q", "r"),
        ("r", "s"),
        ("s", "p"),
    ]
    assert [(e.what, e.count) for e in found.left_out] == [("backend comparisons", 3)]


def test_the_interval_of_a_mean_holds_the_mean_of_these_workloads():
    """Also where one was measured in few rounds; that the workloads differ must not widen it."""
    generator = np.random.default_rng(1)
    truth = {"a": 0.3, "b": 0.9, "c": 0.6}
    whole = math.prod(truth.values()) ** (1 / 3)
    held = []
    for _ in range(1500):
        cells = [
            measured(generator, name, "O3", "x", ratio, 3 if name == "a" else 8)
            for name, ratio in truth.items()
        ]
        (mean,) = find(cells).means
        held.append(mean.ratio_low <= whole <= mean.ratio_high)
        assert mean.ratio_high / mean.ratio_low < 1.05
    assert 0.93 < np.mean(held) < 0.975


def test_the_interval_of_a_step_holds_the_mean_of_its_ratios():
    generator = np.random.default_rng(2)
    held = []
    for _ in range(1000):
        cells = [
            measured(generator, name, variant, "x", ratio, rounds)
            for name, fast in (("a", 1.05), ("b", 0.98))
            for variant, ratio, rounds in (("O2", 0.5, 5), ("O3", 0.5 * fast, 8))
        ]
        (pair,) = find(cells).variant_comparisons
        held.append(pair.ratio_low <= math.sqrt(1.05 * 0.98) <= pair.ratio_high)
    assert 0.93 < np.mean(held) < 0.975


def test_no_reversal_is_certain_by_chance():
    """O3 is faster on the first workload and the same on the others: there, each "slower" is false."""
    generator = np.random.default_rng(3)
    backends = [f"b{n}" for n in range(12)]
    certain, by_itself = [], []
    for _ in range(120):
        cells = [
            measured(generator, name, variant, backend, 0.5 * fast, 5)
            for name in "abcd"
            for backend in backends
            for variant, fast in (("O2", 1.0), ("O3", 1.1 if name == "a" else 1.0))
        ]
        reversed_ = [c for c in find(cells).conclusions if c.compares == "variants" and c.reversed]
        by_itself.append(bool(reversed_))
        certain.append(any(across_workloads_text.is_certain(c) for c in reversed_))
    assert np.mean(certain) < 0.05
    # What the allowance is for.
    assert np.mean(by_itself) > 0.05


ratio = st.floats(0.05, 2.0)
error = st.sampled_from([0.001, 0.004, 0.03])


@st.composite
def drawn(draw):
    """Two to four workloads of two or three variants and backends, with gaps and unlike precision."""
    names = "abcd"[: draw(st.integers(2, 4))]
    variants, backends = "OPQ"[: draw(st.integers(1, 3))], "xyz"[: draw(st.integers(1, 3))]
    cells = []
    for place in itertools.product(names, variants, backends):
        one = cell(*place, draw(ratio), draw(error), draw(st.sampled_from([0.3, 2.0, 7.0])))
        what = draw(st.integers(0, 11))
        if what == 0:
            one = without(one, "trap")
        elif what == 1:
            one = disturbed(one)
        if what != 2:
            cells.append(one)
    return names, cells


def nearly_equal(one, other):
    """Whether two JSON values differ in the last digits of numbers only."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(nearly_equal(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(nearly_equal, one, other))
    return one == (pytest.approx(other) if isinstance(other, float) else other)


def rounded(value):
    """The same to ten digits, without the order of lists, so that two sections can be compared."""
    if isinstance(value, float):
        return float(f"{value:.9e}")
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return sorted((rounded(inner) for inner in value), key=repr)
    return value


@settings(deadline=None, max_examples=200)
@given(drawn(), st.randoms(use_true_random=False))
def test_the_order_of_cells_does_not_matter(data, generator):
    """Except for that of variants, which is the matrix's: the later is compared with the earlier."""
    names, cells = data
    variants = dict.fromkeys(c.variant for c in cells)
    mixed = generator.sample(cells, len(cells))
    mixed.sort(key=lambda c: list(variants).index(c.variant))
    one, other = find(cells, *names), find(mixed, *names)
    assert rounded(to_builtins(one)) == rounded(to_builtins(other))


@settings(deadline=None, max_examples=200)
@given(drawn(), st.floats(0.2, 5.0))
def test_a_slower_native_build_moves_means_and_no_comparison(data, factor):
    names, cells = data
    slower = [scaled(c, factor) if c.workload == "a" and c.is_ok else c for c in cells]
    one, other = find(cells, *names), find(slower, *names)
    assert (one is None) == (other is None)
    if one is None:
        return
    for here, there in zip(one.means, other.means, strict=True):
        measured_there = "a" not in [m.workload for m in here.missing]
        moved = factor ** (measured_there / here.workload_count) if "a" in one.workloads else 1.0
        assert there.ratio == pytest.approx(here.ratio * moved)
    for kind in ("variant_comparisons", "backend_comparisons"):
        for here, there in zip(getattr(one, kind), getattr(other, kind), strict=True):
            assert (here.variant, here.backend, here.compared_with) == (
                there.variant,
                there.backend,
                there.compared_with,
            )
            assert there.ratio == pytest.approx(here.ratio)
            for a, b in zip(here.per_workload, there.per_workload, strict=True):
                assert b.ratio == pytest.approx(a.ratio)
                assert math.log(b.ratio_high) == pytest.approx(math.log(a.ratio_high), abs=1e-6)


@settings(deadline=None, max_examples=200)
@given(drawn())
def test_a_matrix_in_reverse_order_inverts_its_comparisons_and_says_the_same(data):
    names, cells = data
    variants = list(dict.fromkeys(c.variant for c in cells))
    back = sorted(cells, key=lambda c: variants.index(c.variant), reverse=True)
    one, other = find(cells, *names), find(back, *names)
    if one is None:
        return
    there = {(s.backend, s.compared_with, s.variant): s for s in other.variant_comparisons}
    inverted = {"faster": "slower", "slower": "faster"}
    for pair in one.variant_comparisons:
        inverse = there[pair.backend, pair.variant, pair.compared_with]
        assert inverse.ratio == pytest.approx(1 / pair.ratio)
        assert math.log(inverse.ratio_low) == pytest.approx(-math.log(pair.ratio_high), abs=1e-6)
        for here, opposite in zip(pair.per_workload, inverse.per_workload, strict=True):
            assert opposite.verdict == inverted.get(here.verdict, here.verdict)
    both = (sorted(x.conclusions, key=lambda c: (c.compares, c.faster, c.slower)) for x in (one, other))
    assert nearly_equal(*map(to_builtins, both))


@settings(deadline=None, max_examples=200)
@given(drawn())
def test_every_conclusion_has_each_other_workload_once_and_agrees_with_its_pair(data):
    names, cells = data
    found = find(cells, *names)
    if found is None:
        return
    json.dumps(to_builtins(found), allow_nan=False)
    first, *others = found.workloads
    decided = 0
    for pair in pairs_of(found):
        assert pair.ratio_low <= pair.ratio <= pair.ratio_high
        verdicts = {e.workload: e.verdict for e in pair.per_workload}
        decided += verdicts.get(first) in ("faster", "slower")
    assert len(found.conclusions) == decided
    for c in found.conclusions:
        places = [
            *(e.workload for e in c.reversed),
            *c.holds,
            *c.same,
            *c.undecided,
            *c.missing,
        ]
        assert sorted(places) == others
        assert c.ratio > 1
        assert all(e.ratio < 1 for e in c.reversed)
        assert c.faster != c.slower
    order = [(not c.reversed, not across_workloads_text.is_certain(c)) for c in found.conclusions]
    assert order == sorted(order)
    for _, group in itertools.groupby(found.conclusions, key=across_workloads_text.is_certain):
        furthest = [min(e.ratio for e in c.reversed) for c in group if c.reversed]
        assert furthest == sorted(furthest)


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ((1.041, 1.036, 1.046), "4.1 ±0.5 %"),
        ((0.98, 0.976, 0.984), "2.0 ±0.4 %"),
        ((3.2, 3.15, 3.25), "a factor of 3.20 ±0.05"),
        ((0.25, 0.24, 0.26), "a factor of 4.00 ±0.16"),
    ],
)
def test_how_far_two_are_apart(numbers, words):
    assert reversals.by_how_much(*numbers) == words


def test_several_toolchains_are_named_and_never_mixed():
    cells = [
        cell(w, v, "x", 0.5 if v == "O2" else 0.6, toolchain=t)
        for w in "ab"
        for t in ("zig", "clang")
        for v in ("O2", "O3")
    ]
    found = find(cells)
    assert {s.toolchain for s in found.variant_comparisons} == {"zig", "clang"}
    assert {c.statement for c in found.conclusions} == {
        "O3 beats O2 under x, compiled by zig, on a by 20.0 ±0.7 %",
        "O3 beats O2 under x, compiled by clang, on a by 20.0 ±0.7 %",
    }
    assert [g.title for g in across_workloads_text.mean_grids(found)] == [
        "compiled by zig",
        "compiled by clang",
    ]


@pytest.fixture(scope="module")
def wide():
    """Long names, a gap, twelve variants, and conclusions of every kind."""
    generator = np.random.default_rng(5)
    cells = [
        measured(
            generator, name, f"O3-with-a-long-name-{v}", f"runtime{b}.{'compiler' * 5}", 0.9 - 0.1 * b, 5
        )
        for name in ("first", "second", "third")
        for v in range(12)
        for b in range(4)
    ]
    factors = {"first": 1.1, "second": 0.8, "third": 1.01}
    cells = [
        scaled(c, factors[c.workload]) if int(c.variant.rpartition("-")[2]) % 3 == 0 else c for c in cells
    ]
    cells[-1] = without(cells[-1], "timeout")
    return results(cells)


def test_the_terminal_has_room_and_every_number(wide):
    found = wide.across_workloads
    text = across_workloads_text.render(found, wide.workloads)
    assert max(map(len, text.splitlines())) <= 110
    assert all(line == line.rstrip() for line in text.splitlines())
    assert text.startswith("Across 3 workloads: first (The first), second (The second), third (The third)\n")
    for mean in found.means:
        assert f"{mean.ratio:.3f} ±" in text
        assert f"{mean.lowest.ratio:.2f} – {mean.highest.ratio:.2f}" in text
    assert "2 of 3" in text
    assert "Missing from means that are not ranked: third timeout (1)." in text
    certain = [c for c in found.conclusions if across_workloads_text.is_certain(c)]
    assert len(certain) > 8
    assert f"and {len(certain) - 8} more" in text
    assert across_workloads_text.render(None, wide.workloads[:1]) == ""
    assert "nothing can be compared yet" in across_workloads_text.render(None, wide.workloads)


def test_the_summary_counts_each_conclusion_once(wide):
    found = wide.across_workloads
    summary = across_workloads_text.summary(found)
    certain = sum(map(across_workloads_text.is_certain, found.conclusions))
    alone = sum(bool(c.reversed) for c in found.conclusions) - certain
    holds = len(across_workloads_text.holding(found))
    rest = len(found.conclusions) - certain - alone - holds
    pairs = len(pairs_of(found))
    assert summary.startswith(f"{len(found.conclusions)} of {pairs} pairs")
    assert f"{holds} hold on second and third" in summary
    assert f"{certain} are reversed on a different workload" in summary
    assert (f"{alone} are reversed if seen by themselves" in summary) == bool(alone)
    assert (f"{rest} are neither" in summary) == bool(rest)
    equal = find(table({w: {("O2", "x"): 0.5, ("O3", "x"): 0.5} for w in "ab"}))
    assert across_workloads_text.summary(equal) == "None of 1 pairs of variants or backends is decided on a."


def test_hopeless_intervals_still_fit_the_terminal():
    cells = table({w: {("O3", "x"): 0.5} for w in "ab"}, error=3.0, freedom=0.1)
    found = find(cells)
    json.dumps(to_builtins(found), allow_nan=False)
    assert max(map(len, across_workloads_text.render(found, workloads("a", "b")).splitlines())) <= 110


def hostile():
    cells = table(
        {w: {("O2", "x"): 0.6, ("O3", "x"): r, ("O3", "y"): 0.4} for w, r in (("a", 0.5), ("b", 0.7))}
    )
    parts = ("workload", "variant", "backend", "toolchain")
    cells = [replace(c, **{key: HOSTILE + getattr(c, key) for key in parts}) for c in cells]
    found = results(cells)
    titled = tuple(replace(w, title=HOSTILE, stresses=HOSTILE) for w in found.workloads)
    return replace(found, workloads=titled)


def test_markdown_has_tables_of_as_many_columns_and_no_markup_from_outside(wide):
    for found in (wide, hostile()):
        text = across_workloads_text.markdown(found.across_workloads, found.workloads)
        tokens = MarkdownIt("commonmark").enable("table").parse(text)
        rows, columns = [], 0
        for token in tokens:
            if token.type == "tr_open":
                columns = 0
            elif token.type in ("th_open", "td_open"):
                columns += 1
            elif token.type == "tr_close":
                rows.append(columns)
        (means,) = across_workloads_text.mean_grids(found.across_workloads)
        (pairs,) = across_workloads_text.variant_grids(found.across_workloads)
        expected = [1 + len(grid.columns) for grid in (means, pairs) for _ in range(1 + len(grid.rows))]
        assert rows == expected
        inline = [child for token in tokens for child in token.children or ()]
        assert {child.content for child in inline if child.type == "html_inline"} <= {"<br>"}
        assert not [
            child for child in inline if child.type in ("link_open", "image", "em_open", "code_inline")
        ]
        assert "html_block" not in {token.type for token in tokens}
    assert across_workloads_text.markdown(None, []) == ""


def test_the_export_has_a_row_each_mean_and_a_column_each_workload(wide):
    found = results([disturbed(wide.cells[0]), *wide.cells[1:]])
    text = across_workloads_csv.render(found, {})
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(rows) == len(found.across_workloads.means)
    cells = {(c.workload, c.variant, c.backend): c for c in found.cells}
    empty = 0
    for row, mean in zip(rows, found.across_workloads.means, strict=True):
        assert (row["variant"], row["backend"]) == (mean.variant, mean.backend)
        for key in ("ratio", "ratio_low", "ratio_high", "geometric_sd"):
            assert float(row[key]) == getattr(mean, key)
        assert (row["workload_count"], row["partial"]) == (
            str(mean.workload_count),
            str(mean.partial).lower(),
        )
        assert row["lowest.workload"] == mean.lowest.workload
        assert float(row["highest.ratio"]) == mean.highest.ratio
        missing = [m.workload for m in mean.missing]
        for name in found.across_workloads.workloads:
            numbers = cells[name, row["variant"], row["backend"]].measurement
            expected = "" if name in missing else repr(numbers.ratio)
            assert row[f"ratios.{name}"] == expected
            empty += name in missing
    assert empty == 2
    alone = across_workloads_csv.render(results([cell("a", "O3", "x", 0.5)]), {})
    assert text.startswith(alone.rstrip("\r\n") + ",ratios.first,")
    assert alone.count("\r\n") == 1


def shown(found):
    """The page's section as markup, its chart in it."""
    across = found.across_workloads
    spec, rows = page_across.chart(found, across), page_across.rows(found, across)
    svg = vega.svg(spec, {page_across.ACROSS: rows})
    charts = {"across": Markup(vega.inline(svg, "across"))}
    section = page_across.section(found)
    template = render._environment().get_template("page.across.jinja")
    return section, template.render(across=section, charts=charts), svg


def test_the_page_shows_every_mean_and_every_kind_of_conclusion(wide):
    section, text, _ = shown(wide)
    (grid,) = section["grids"]
    entries = [e for _, row in grid.rows for e in row if e]
    assert len(entries) == len(wide.across_workloads.means)
    assert {e["shade"] for e in entries} <= set(range(page_across._SHADES))
    best = max(entries, key=lambda e: float(e["lines"][0].split()[0]))
    worst = min(entries, key=lambda e: float(e["lines"][0].split()[0]))
    assert (worst["shade"], best["shade"]) == (0, page_across._SHADES - 1)
    css = (render.paths.ROOT / "pipeline/report/templates/page.across.css").read_text("utf-8")
    assert all(f".shade-{n} " in css for n in range(page_across._SHADES))
    assert text.count('<td class="shade-') == len(entries)
    assert text.count(' unsure"') == sum(e["partial"] for e in entries) == 1
    lines = [*section["reversed"], *(line for _, folded in section["folded"] for line in folded)]
    known = wide.across_workloads.conclusions
    listed = [c for c in known if c.reversed] + across_workloads_text.holding(wide.across_workloads)
    assert sorted(lines) == sorted(map(across_workloads_text.sentence, listed))
    assert text.count("<li>") == len(lines)


def test_no_text_from_outside_is_markup_on_the_page():
    _, text, svg = shown(hostile())
    assert "<script" not in text
    assert text.count("&lt;script&gt;") > 10
    assert "<script" not in svg
    ElementTree.fromstring(svg)


def test_the_page_of_one_workload_has_no_such_section():
    assert page_across.section(results([cell("a", "O3", "x", 0.5)])) is None
    assert render._environment().get_template("page.across.jinja").render(across=None).strip() == ""


def test_the_chart_is_of_the_references_variant_and_ranks_by_the_mean(wide):
    places = {("O2", "x"): 0.5, ("O3", "x"): 0.5, ("O2", "y"): 0.7, ("O3", "y"): 0.7, ("O3", "z"): 0.9}
    found = results(table(dict.fromkeys("abc", places))[:-1])
    rows = page_across.rows(found, found.across_workloads)
    assert {r["row"]: [q["what"] for q in rows if q["row"] == r["row"]] for r in rows} == {
        "y": ["a", "b", "c", "geometric mean"],
        "x": ["a", "b", "c", "geometric mean"],
        "z": ["a", "b", "geometric mean"],  # the fastest, but of fewer workloads
    }
    assert list(dict.fromkeys(r["row"] for r in rows)) == ["y", "x", "z"]
    assert rows[3]["tip"].startswith("y, geometric mean of 3 workloads\n0.700 of native")
    # Without the reference's variant, the one with the most means.
    others = [c for c in found.cells if c.variant != "O3"]
    assert page_across.section(results(others))["variant"] == "O2"
    _, text, svg = shown(wide)
    assert "at O3-with-a-long-name-0," in text
    assert all(name in svg for name in ("first", "second", "third"))


def test_no_two_workloads_have_the_same_mark_in_the_chart():
    names = [f"w{n}" for n in range(30)]
    found = results(table({name: {("O3", "x"): 0.5} for name in names}))
    layers = page_across.chart(found, found.across_workloads)["layer"]
    marks = next(layer for layer in layers if "shape" in layer["encoding"])["encoding"]
    looks = list(zip(*(marks[key]["scale"]["range"] for key in ("color", "shape")), strict=True))
    assert marks["color"]["scale"]["domain"] == names
    assert len(set(looks)) == len(names)
