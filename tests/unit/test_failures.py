"""A failure of many cells is one message, with the cells that it holds for in few words."""

import itertools

import pytest

from pipeline.core.errors import ProjectError
from pipeline.report import small_table
from pipeline.report.exports.markdown import render as render_markdown_table
from pipeline.report.terminal_table import render_table
from pipeline.report.write_report import render_markdown
from pipeline.results.problems.check import check_cells
from pipeline.results.problems.failures import cells_in_words, failures
from tests.factories import cell, comparison, failed, measurement, results

VARIANTS = ("O0", "O1", "O2", "O3", "Os", "Oz")
BACKENDS = (
    "native",
    *("wasmtime.cranelift", "wasmtime.winch", "v8.turbofan", "v8.liftoff"),
    *("wasm3", "jsc.omg", "jsc.bbq"),
)


def table(broken, variants=VARIANTS, backends=BACKENDS, workloads=("coremark",), reason="no"):
    """Cells of a matrix; ``broken(workload, variant, backend)``: the status of one without a number."""
    cells = []
    for w in workloads:
        for v in variants:
            for b in backends:
                name, status = f"{w}/zig/{v}/{b}", broken(w, v, b)
                text = reason(w, v, b) if callable(reason) else reason
                cells.append(failed(name, status, text) if status else cell(name))
    return cells


def words(broken, **choice):
    cells = table(broken, **choice)
    return cells_in_words([c for c in cells if not c.is_ok], cells)


@pytest.mark.parametrize(
    ("broken", "text"),
    [
        (lambda w, v, b: "trap", "all cells"),
        (lambda w, v, b: b != "native" and "trap", "all wasm cells"),
        (lambda w, v, b: b == "wasm3" and "trap", "all variants under wasm3"),
        (
            lambda w, v, b: v in ("O1", "O2", "O3") and b.startswith(("wasmtime", "v8")) and "trap",
            "O1, O2, O3 under wasmtime.*, v8.*",
        ),
        (lambda w, v, b: v == "O2" and b != "native" and "trap", "O2 under all wasm backends"),
        (lambda w, v, b: (v, b) == ("O2", "v8.liftoff") and "trap", "O2 under v8.liftoff"),
        (
            lambda w, v, b: (b == "wasm3" or (v == "O2" and b == "native")) and "trap",
            "all variants under wasm3; O2 under native",
        ),
        (
            lambda w, v, b: VARIANTS.index(v) <= BACKENDS.index(b) and "trap",
            "O0 under native; O0, O1 under wasmtime.cranelift; O0, O1, O2 under wasmtime.winch; "
            "3 more groups of cells",
        ),
    ],
)
def test_cells_in_few_words(broken, text):
    assert words(broken) == text


def test_cells_of_several_workloads_in_few_words():
    both = ("json", "nbody")
    assert words(lambda w, v, b: b == "wasm3" and "trap", workloads=both) == "all variants under wasm3"
    one = words(lambda w, v, b: w == "json" and b != "native" and "trap", workloads=both)
    assert one == "json: all wasm cells"
    assert words(lambda w, v, b: "crash", workloads=both) == "all cells"


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (lambda w, v, b: f"{b}: unreachable", "unreachable"),
        (
            lambda w, v, b: f"{b}, run: line 1 is 'a {v}'",
            "run: line 1 is 'a O0' (details differ from cell to cell)",
        ),
        (
            lambda w, v, b: f"needs simd128, which {b} (1.2.{len(b)}) does not have",
            "needs simd128, which it does not have",
        ),
        (
            lambda w, v, b: f"killed after {len(b)}.5 s",
            "killed after 18.5 s (details differ from cell to cell)",
        ),
        (lambda w, v, b: f"round {len(b)} of 80: died", "in some rounds: died"),
        (lambda w, v, b: f"at 0x{len(b):08x}", "at 0x00000012 (details differ from cell to cell)"),
        (
            lambda w, v, b: f"build/{w}/{v}/main.c does not compile",
            "build/coremark/O0/main.c does not compile (details differ from cell to cell)",
        ),
    ],
)
def test_small_differences_are_no_different_reasons(reason, text):
    found = failures(results(table(lambda w, v, b: b != "native" and "trap", reason=reason)))
    assert [(f.reason, f.where) for f in found] == [(text, "all wasm cells")]


def test_different_reasons_stay_apart():
    cells = [
        cell("w/zig/O2/native"),
        failed("w/zig/O2/wasm3", "trap", "wasm3: unreachable"),
        failed("w/zig/O2/v8.liftoff", "trap", "v8.liftoff: out of bounds"),
        failed("w/zig/O3/wasm3", "crash", "wasm3: unreachable"),
        failed("w/zig/O3/v8.liftoff", "unavailable", "wasm3: unreachable"),
    ]
    found = failures(results(cells))
    assert [(f.status.value, f.reason) for f in found] == [
        ("crash", "unreachable"),
        ("trap", "unreachable"),
        ("trap", "out of bounds"),
        ("unavailable", "wasm3: unreachable"),
    ]


def test_what_programs_print_is_not_mixed():
    cells = [
        cell("a/zig/O2/native"),
        failed("a/zig/O2/wasm3", "invalid", "wasm3, run: line 1 is 'x'"),
        failed("b/zig/O2/wasm3", "invalid", "wasm3, run: line 1 is 'y'"),
    ]
    assert len(failures(results(cells))) == 2


def test_one_broken_backend_is_said_once_and_fits_below_the_table():
    """At 100 columns: every line that is not the table, and few of them."""
    reason = "it died: " + "words of the runtime " * 25
    cells = table(lambda w, v, b: b == "wasm3" and "crash", reason=f"wasm3: {reason}")
    pairs = itertools.combinations([c for c in cells if c.is_ok], 2)
    broken = results(cells, [comparison(one, "undecided", other) for one, other in pairs])
    text = render_table(broken)
    assert text.count("it died: ") == 1
    end = text[text.index("Native = ") :].splitlines()
    assert len(end) < 16
    assert max(map(len, end)) <= 100
    where = next(i for i, line in enumerate(end) if line == "Without a number:")
    assert end[where + 1].startswith("crash: it died: words")
    assert end[-1].strip() == "in all variants under wasm3"
    assert render_markdown(broken).count("it died: ") == 1
    assert render_markdown_table(broken, {}).count("it died: ") == 1


def test_the_default_matrix_with_a_broken_backend_fits_on_a_screen():
    """Of 100 columns and 45 lines, with all warnings and notes that there may be."""
    backends = ("native", *(f"runtime{i}.optimising-compiler" for i in range(19)), "wasm3")
    cells = table(
        lambda w, v, b: b == "wasm3" and "unavailable", backends=backends, reason="died: " + "reason " * 90
    )
    found = results(cells)
    full, small = render_table(found), small_table.render(found, 100)
    assert not small_table.fits(full, 100, 45)
    assert small_table.fits(small, 100, 45), small
    assert small.count("died: ") == 1
    assert small.count("1.000") == 6 * 20
    assert small.endswith("    in all variants under wasm3\n")
    assert small_table.fits(render_table(results([cell("w/zig/O2/wasm3")])), 130, 45)


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (lambda w, v, b: None, None),
        (lambda w, v, b: b == "wasm3" and "unavailable", None),
        (lambda w, v, b: b == "native" and "unavailable", None),
        (lambda w, v, b: (w, b) == ("a", "wasm3") and "trap", "6 of 96 cells failed: "),
        (
            lambda w, v, b: w == "a" and b != "native" and "unavailable",
            "no wasm cell of a could be measured: ",
        ),
        (
            lambda w, v, b: w == "a" and b != "native" and "trap",
            "42 of 96 cells failed, and no wasm cell of a could be measured: ",
        ),
        (lambda w, v, b: "unavailable", "no cell could be measured: "),
    ],
)
def test_what_a_run_fails_with(broken, message):
    cells = table(broken, workloads=("a", "b"), reason="for a reason")
    if message is None:
        check_cells(cells, "report.md")
        return
    with pytest.raises(
        ProjectError, match=f"^{message}the reasons are listed above and in report.md"
    ) as raised:
        check_cells(cells, "report.md")
    assert "for a reason" not in str(raised.value), "that is in the report"
    assert ("to measure one again, run: rm -r results/" in str(raised.value)) == ("failed" in message)


def test_a_prebuilt_module_is_a_program():
    cells = [
        cell("coremark/prebuilt/good/wasm3"),
        failed("coremark/prebuilt/bad/wasm3"),
        cell("coremark/prebuilt/bad/v8.liftoff"),
    ]
    check_cells(cells, "report.md")
    with pytest.raises(ProjectError, match=r"^no wasm cell of bad could be measured"):
        check_cells(cells[:2], "report.md")


def test_one_round_is_said_to_have_no_interval():
    """No word about the machine."""
    one = {"rounds": 1, "rounds_used": 1, "disturbed": True, "log_standard_error": None}
    numbers = measurement(0.8, **one, degrees_of_freedom=0.0)
    found = results([cell("w/zig/O2/wasm3", measured=numbers)])
    for text in (render_table(found), render_markdown(found), render_markdown_table(found, {})):
        flat = " ".join(text.split())
        assert "1 round has no interval: for one take rounds=3" in flat
        assert "too disturbed" not in flat
        assert "0.800" in flat
        assert not [line for line in text.splitlines() if "0.800" in line and "±" in line]


def test_the_native_cell_and_the_others_have_one_failure_where_their_reason_is_one():
    reason = (
        "the program does not print the same each time: in one native run line 1 is '1', a second prints '2'"
    )
    backends = ("native", "wasmtime.cranelift", "wasm3")
    cells = [failed(f"w/zig/O2/{name}", "invalid", reason) for name in backends]
    (failure,) = failures(results(cells))
    assert (failure.where, failure.reason) == ("all cells", reason)
