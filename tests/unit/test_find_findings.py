"""What a run shows, in sentences: each made of verdicts, none where there is no verdict."""

from itertools import combinations

import numpy as np
import pytest
from msgspec.structs import replace

from pipeline.analyses.findings.find_findings import MOST, find_findings
from pipeline.analyses.findings.variants import pairs_of
from pipeline.core.model import Kind
from pipeline.results.workload_cells import comparison
from pipeline.stats import estimates, verdicts
from tests import factories
from tests.data import page_inputs

MODULE = {"O2": 9000, "O3": 10000, "Oz": 8000}


def run(ratios, workload="w", process=0.001, seed=1, digests=(), **changes):
    """Results of {(variant, backend): true ratio}, as measured in 8 rounds."""
    generator = np.random.default_rng(seed)
    made = {}
    for (variant, backend), ratio in ratios.items():
        means = generator.normal(np.log(ratio), process, (8, 1))
        rounds = np.exp(means + generator.normal(0, 0.005, (8, 30))).tolist()
        made[f"{workload}/zig/{variant}/{backend}"] = estimates.estimate(rounds)
    pairs = [
        (one, other)
        for one, other in combinations(made, 2)
        if sum(a != b for a, b in zip(one.split("/"), other.split("/"), strict=True)) == 1
    ]
    judged = verdicts.compare_all(made, pairs)
    cells = []
    for label, estimate in made.items():
        variant = label.split("/")[2]
        native = label.endswith("/native")
        same = {n: e for n, e in made.items() if n.split("/")[2] == variant and not n.endswith("/native")}
        rank = (None, None) if native else verdicts.ranks(same, judged)[label]
        measured = factories.of_estimate(
            estimate,
            rank_best=rank[0],
            rank_worst=rank[1],
            wasm_bytes=None if native else MODULE.get(variant, 9500),
        )
        digest = dict(digests).get(variant) or f"{sum(map(ord, variant)):064x}"
        own = {"native_sha256": digest} if native else {"wasm_sha256": digest}
        kind = Kind.NATIVE if native else Kind.OPTIMIZING
        cells.append(factories.cell(label, measured=measured, kind=kind, **own))
    return factories.results(cells, [comparison(v) for v in judged], **changes)


def texts(results, claims=(), about=None):
    return [f.text for f in find_findings(results, claims) if about is None or f.about == about]


def test_the_fastest_is_named_with_its_levels_and_by_how_much():
    ratios = {(v, b): r for v in ("O2", "O3") for b, r in (("a", 0.9), ("b", 0.8), ("c", 0.3))}
    (text,) = texts(run(ratios), about="fastest")
    assert text.startswith("At O2 and O3, a is the fastest of 3 backends: at O")
    assert "it has 0.9" in text
    assert "of the speed of native and is faster than all others, than b by 12." in text


def test_native_code_is_never_the_fastest_backend():
    ratios = {("O3", "native"): 1.0, ("O3", "a"): 0.9, ("O3", "b"): 0.8}
    (text,) = texts(run(ratios), about="fastest")
    assert "At O3, a is the fastest of 2 backends" in text


def test_a_tie_is_said_to_be_one():
    (text,) = texts(run({("O3", "a"): 0.9, ("O3", "b"): 0.9, ("O3", "c"): 0.8}), about="fastest")
    assert text == "At O3, a and b are the fastest of 3 backends, and the same within 2 %."
    (text,) = texts(
        run({("O3", "a"): 0.9, ("O3", "b"): 0.895, ("O3", "c"): 0.4}, process=0.02), about="fastest"
    )
    assert text == "At O3, the fastest of 3 backends is one of a and b: which of them is undecided."


def test_without_a_verdict_there_is_no_finding():
    vague = run({(v, b): 0.8 for v in ("O2", "O3", "Oz") for b in "abcde"}, process=0.2)
    assert all(v.verdict == "undecided" for v in vague.comparisons)
    assert (
        texts(vague, about="fastest")
        == texts(vague, about="variants")
        == texts(vague, about="reversal")
        == []
    )


def test_what_a_level_gains_and_where_it_loses():
    base = {("O2", b): 0.8 for b in "abcd"}
    found = texts(
        run({**base, ("O3", "a"): 0.88, ("O3", "b"): 0.84, ("O3", "c"): 0.72, ("O3", "d"): 0.8}),
        about="variants",
    )
    assert len(found) == 1
    assert found[0].startswith("O3 against O2, under 4 backends: faster under 2, by ")
    assert "(b) to " in found[0]
    assert "% (a); slower under c, by 10." in found[0]
    assert found[0].endswith("; the same within 2 % under d.")


def test_a_smaller_module_is_said_with_what_it_costs():
    (text,) = texts(
        run({("O3", "a"): 0.9, ("Oz", "a"): 0.6, ("O3", "b"): 0.9, ("Oz", "b"): 0.7}), about="variants"
    )
    assert text.startswith("Oz against O3, under 2 backends: slower under 2, by ")
    assert text.endswith("; its module is 20 % smaller (8000 and 10000 bytes).")


def test_flags_that_change_no_byte_are_told():
    ratios = {(v, b): 0.9 for v in ("O3", "O3-unroll") for b in "ab"}
    found = texts(run(ratios, digests={"O3": "1" * 64, "O3-unroll": "1" * 64}), about="variants")
    assert found == ["O3-unroll changes nothing: its module is that of O3, byte for byte."]


@pytest.mark.parametrize(
    ("variants", "pairs"),
    [
        (["O0", "O1", "O2", "O3", "Os", "Oz"], [("O3", "O2"), ("Oz", "O3"), ("O2", "O1")]),
        (["O3", "O3-simd", "O3-simd-lto"], [("O3-simd", "O3"), ("O3-simd-lto", "O3-simd")]),
        (["O0", "O2", "mine"], [("mine", "O2")]),
        (["mine", "O3"], [("mine", "O3")]),
        (["O0", "mine"], []),
        (["O0", "O3"], []),
        ([], []),
    ],
)
def test_pairs_that_somebody_would_ask_about(variants, pairs):
    assert pairs_of(variants, {"mine": "O2"}, "O3") == pairs


def test_an_order_that_turns_round_is_told():
    ratios = {("O2", "a"): 0.9, ("O2", "b"): 0.8, ("O3", "a"): 0.8, ("O3", "b"): 0.9}
    (text,) = texts(run(ratios), about="reversal")
    assert text.startswith("Which is faster, a or b, depends on the module: at O2 a is, by 12.")
    assert "; at O3 b is, by 12." in text


def test_large_differences_are_factors():
    (text,) = texts(run({("O3", "a"): 0.9, ("O3", "b"): 0.3}), about="fastest")
    assert "is faster than all others, than b by a factor of 3.0" in text


def test_of_several_workloads_each_answer_counts_them():
    one = run({("O3", "a"): 0.9, ("O3", "b"): 0.8})
    other = run({("O3", "a"): 0.7, ("O3", "b"): 0.8}, workload="x", seed=2)
    both = factories.results((*one.cells, *other.cells), (*one.comparisons, *other.comparisons))
    (text,) = texts(both, about="fastest")
    assert text == "At O3 the fastest of 2 backends is a on 1 of 2 (w); b on 1 of 2 (x)."


def test_an_order_that_is_reversed_on_a_second_workload_is_told_with_that():
    one = run({("O3", "a"): 0.9, ("O3", "b"): 0.8})
    other = run({("O3", "a"): 0.7, ("O3", "b"): 0.8}, workload="x", seed=2)
    both = factories.results((*one.cells, *other.cells), (*one.comparisons, *other.comparisons))
    (text,) = texts(both, about="workloads")
    assert text.startswith("a ")
    assert "; on x it is the other way round, by 14 %." in text


def test_two_toolchains_are_two_answers():
    one = run({("O3", "a"): 0.9, ("O3", "b"): 0.8})
    other = run({("O3", "a"): 0.9, ("O3", "b"): 0.8}, workload="x", seed=2)
    cells = [*one.cells, *other.cells]
    cells += [replace(each, toolchain="clang-19") for each in cells]
    verdicts = [*one.comparisons, *other.comparisons]
    verdicts += [
        replace(
            v,
            cell=v.cell.replace("zig", "clang-19"),
            compared_with=v.compared_with.replace("zig", "clang-19"),
        )
        for v in verdicts
    ]
    found = texts(factories.results(cells, verdicts), about="fastest")
    assert found == [
        "At zig O3 the fastest of 2 backends is a on 2 of 2 (w, x).",
        "At clang-19 O3 the fastest of 2 backends is a on 2 of 2 (w, x).",
    ]


def test_which_backend_is_worth_its_compile_time_depends_on_the_work():
    """6 ms and 60 ms to compile, at a half and nine tenths of native: equal after 61 ms of native time."""
    cells = run({("O3", "fast"): 0.9, ("O3", "quick"): 0.5})
    seconds = {"fast": 0.06, "quick": 0.006}
    made = [page_inputs.with_numbers(c, compile_seconds=seconds[c.backend]) for c in cells.cells]
    (text,) = texts(factories.results(made, cells.comparisons), about="compile time")
    assert text == (
        "Compile time included, of backends that compile before they run, quick (compiles in 6 ms) "
        "finishes first for work that takes native code up to 61 ms, fast (compiles in 60 ms) for more."
    )
    one = [page_inputs.with_numbers(c, compile_seconds=0.006) for c in cells.cells]
    assert texts(factories.results(one, cells.comparisons), about="compile time") == []


def test_contradicted_claims_are_told_and_others_are_not():
    results = run({("O3", "a"): 0.9})
    (text,) = texts(results, page_inputs.CLAIMS, about="claim")
    assert text.startswith(
        "Of the published claims that could be tested, 1 is contradicted and 0 reproduced. "
    )
    assert text.endswith(
        "(wasmerio/wasmer issue 5195): the published ratio is 2.59, here it is 1.22 (1.19 to 1.25)."
    )
    assert texts(results, page_inputs.CLAIMS[1:], about="claim") == []


def test_disturbed_cells_are_named_and_stand_in_no_other_finding():
    results = run({("O3", "a"): 0.9, ("O3", "b"): 0.5, ("O3", "c"): 0.4})
    first, *rest = results.cells
    spoilt = replace(first, measurement=factories.disturbed(0.9))
    found = find_findings(replace(results, cells=(spoilt, *rest)), ())
    assert [f.text for f in found if f.about == "disturbed"] == [
        "1 of 3 cells are too disturbed to say how fast they are: O3 under a; "
        "more rounds help: doit run protocol=precise."
    ]
    assert all(first.label not in pair for f in found for pair in f.comparisons)


def test_there_are_at_most_ten_and_each_names_real_comparisons():
    found = find_findings(page_inputs.results(), page_inputs.CLAIMS)
    known = {(v.cell, v.compared_with) for v in page_inputs.results().comparisons}
    assert 1 < len(found) <= MOST
    assert all(pair in known for finding in found for pair in finding.comparisons)


def test_findings_are_false_one_time_in_twenty_at_most():
    """Cells of known speed, many of them equal: a wrong verdict or rank would make a wrong sentence."""
    wrong = 0
    for seed in range(100):
        generator = np.random.default_rng(seed)
        ratios = {(v, b): float(generator.choice([0.8, 0.8, 0.82])) for v in ("O2", "O3") for b in "abcd"}
        results = run(ratios, process=0.004, seed=seed)
        false = False
        for v in results.comparisons:
            one, other = (ratios[tuple(label.split("/")[2:])] for label in (v.cell, v.compared_with))
            false |= (v.verdict == "faster" and one <= other) or (v.verdict == "slower" and one >= other)
        for cell in results.cells:
            m, key = cell.measurement, (cell.variant, cell.backend)
            best = max(r for (v, _), r in ratios.items() if v == cell.variant)
            false |= m.rank_worst == 1 and ratios[key] < best
        wrong += false
    assert wrong / 100 <= 0.05
