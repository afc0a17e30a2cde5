"""The validator of any program: its output is right, or the first difference is named."""

import contextlib
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.model import Figure, Proof, Workload
from pipeline.workloads.validators import output
from pipeline.workloads.validators.model import Invalid, NoTime
from pipeline.workloads.validators.output import Output

CLOCK_LINE = b"coremark-wasm: ran 1500000 ns\n"


def validator(proof=Proof(), figure=Figure(), args=("{iterations}",)):  # noqa: B008 - frozen
    workload = Workload("w", "w", "", None, "w", "w", ("w.c",), (), args=args, proof=proof, figure=figure)
    return Output(workload)


def test_the_guests_own_time_is_taken_off_the_output():
    run = validator().validate(b"hello\n" + CLOCK_LINE, None, 7, 0.002)
    assert (run.iterations, run.seconds, run.clock_s, run.result) == (7, 0.0015, 0.0015, b"hello\n")
    assert run.score == pytest.approx(7 / 0.0015)


def test_output_without_a_newline_at_its_end_loses_nothing():
    assert validator().validate(b"hello" + CLOCK_LINE, None, 1, 1).result == b"hello"


@pytest.mark.parametrize("printed", [b"", b"hello\n", CLOCK_LINE[:-1], CLOCK_LINE.replace(b"15", b"x")])
def test_a_program_that_prints_no_time_is_invalid_and_the_key_that_helps_is_named(printed):
    with pytest.raises(Invalid, match=r"the line with its time is missing.*without exit.*figure\.time"):
        validator().validate(printed, None, 1, 1)


def test_a_clock_that_stands_still_is_reported():
    with pytest.raises(NoTime, match="stands still"):
        validator().validate(CLOCK_LINE.replace(b"1500000", b"0"), None, 1, 1)


def test_what_was_touched_before_the_time_began_is_told():
    line = b"coremark-wasm: ran 1500000 ns after 24578 page faults in 30000000 ns\n"
    run = validator().validate(b"hello" + line, None, 1, 1)
    assert (run.result, run.seconds, run.clock_s) == (b"hello", 0.0015, 0.0015)
    assert run.touched.page_faults == 24578
    assert run.touched.seconds == pytest.approx(0.03)


def test_only_the_last_such_line_is_the_clocks():
    run = validator().validate(CLOCK_LINE + b"hello\n" + CLOCK_LINE, None, 1, 1)
    assert run.result == CLOCK_LINE + b"hello\n"


def test_the_hosts_time_where_that_is_asked_for():
    run = validator(figure=Figure("host")).validate(b"hello\n", None, 1, 0.25)
    assert (run.seconds, run.clock_s, run.result) == (0.25, None, b"hello\n")


def test_a_worker_that_saw_no_time_pass_is_not_believed():
    with pytest.raises(NoTime, match="no time"):
        validator(figure=Figure("host")).validate(b"hello\n", None, 1, 0.0)


def test_a_time_that_the_program_prints_is_its_figure_and_no_part_of_the_comparison():
    one = validator(figure=Figure(match=r"took (\S+) ms", unit="ms"))
    found = one.validate(b"sum 3\ntook 1.25 ms\n" + CLOCK_LINE, None, 1, 1)
    other = one.validate(b"sum 3\ntook 0.5 ms\n" + CLOCK_LINE, None, 1, 1)
    assert found.seconds == pytest.approx(0.00125)
    assert found.result == other.result == b"sum 3\ntook  ms\n"


@pytest.mark.parametrize("time", ["nan", "inf", "-1", "0e0", "1e9", "1.2.3", ""])
def test_a_time_that_is_none_is_not_believed(time):
    one = validator(figure=Figure(match=r"took (\S*) ms", unit="ms"))
    with pytest.raises(Invalid):
        one.validate(f"took {time} ms\n".encode() + CLOCK_LINE, None, 1, 1)


def test_a_time_of_few_digits_says_how_coarse_it_is():
    one = validator(figure=Figure(match=r"took (\S+) s"))
    run = one.validate(b"took 0.00 s\n" + CLOCK_LINE.replace(b"1500000", b"15000000"), None, 1, 1)
    assert run.tick_s == pytest.approx(0.01)
    assert run.seconds == pytest.approx(0.01), "less than a step"
    assert one.validate(b"took 0.0014999 s\n" + CLOCK_LINE, None, 1, 1).tick_s == pytest.approx(1e-7)


def test_a_printed_time_of_more_than_the_whole_run_is_not_believed():
    one = validator(figure=Figure(match=r"took (\S+) ms", unit="ms"))
    with pytest.raises(Invalid, match="by the same clock"):
        one.validate(b"took 2.00 ms\n" + CLOCK_LINE, None, 1, 1)


def test_exact_text_digest_and_pattern_hold_for_their_iterations():
    text = b"sum 3\n"
    digest = hashlib.sha256(text).hexdigest()
    for proof in (
        Proof(text="sum 3\n", iterations=3),
        Proof(sha256=digest, iterations=3),
        Proof(match="^sum 3$", iterations=3),
    ):
        one = validator(proof)
        one.validate(text + CLOCK_LINE, None, 3, 1)
        one.validate(b"sum 4\n" + CLOCK_LINE, None, 4, 1)  # native says what that must be
        with pytest.raises(Invalid):
            one.validate(b"sum 4\n" + CLOCK_LINE, None, 3, 1)


def test_a_pattern_alone_holds_for_any_size():
    one = validator(Proof(native=False, match="^ok$"))
    assert one.validate(b"ok\n" + CLOCK_LINE, None, 9, 1).result == b""
    with pytest.raises(Invalid, match="no line of its output matches"):
        one.validate(b"wrong\n" + CLOCK_LINE, None, 9, 1)


def test_a_pattern_of_a_stranger_cannot_hang_us(monkeypatch):
    monkeypatch.setattr(output, "_PATTERN_S", 0.05)
    one = validator(Proof(match=r"(a|aa|a?a)+(b|bb)*(a+)+c$"))
    with pytest.raises(Invalid, match=r"takes more than 0\.05 s"):
        one.validate(b"a" * 5000 + b"d" + CLOCK_LINE, None, 1, 1)


def test_what_a_destructor_prints_after_the_time_is_output():
    run = validator().validate(b"hello\n" + CLOCK_LINE + b"bye\n", None, 1, 1)
    assert (run.result, run.clock_s) == (b"hello\nbye\n", 0.0015)


def test_a_printed_time_is_no_part_of_a_text_or_a_digest():
    figure = Figure(match=r"took (\S+) ms", unit="ms")
    digest = hashlib.sha256(b"sum 3, took  ms\n").hexdigest()
    for proof in (Proof(text="sum 3, took  ms\n"), Proof(sha256=digest), Proof(match="took 1.25 ms")):
        one = validator(proof, figure)
        assert one.validate(b"sum 3, took 1.25 ms\n" + CLOCK_LINE, None, 1, 1).result == b"sum 3, took  ms\n"


def test_an_output_that_its_own_digest_rejects_is_kept_for_a_comparison():
    for proof in (Proof(text="sum 4\n"), Proof(sha256="0" * 64), Proof(match="sum 4", native=False)):
        with pytest.raises(Invalid) as found:
            validator(proof).validate(b"sum 3\n" + CLOCK_LINE, None, 1, 1)
        assert found.value.result == b"sum 3\n"


@given(st.binary(max_size=300))
def test_no_output_makes_it_fall_over(printed):
    for one in (validator(), validator(figure=Figure(match=r"(\d+)"), proof=Proof(text="x"))):
        with contextlib.suppress(Invalid):
            assert one.validate(printed, None, 1, 1.0).seconds > 0


def test_arguments_have_the_number():
    assert validator(args=("-n", "{iterations}")).arguments(None, 12) == ["w", "-n", "12"]
    assert not validator(args=("-x",)).iterates


def test_lines_to_ignore_are_left_out_before_anything_is_checked():
    one = validator(Proof(ignore=("^time: ", "0x[0-9a-f]+"), text="sum 3\nend", iterations=1))
    printed = b"time: 12 s\nsum 3\nat 0x7ffe12\ntime: 1\nat 0x1 and 0x2\nend"
    assert one.validate(printed + CLOCK_LINE, None, 1, 1).result == b"sum 3\nend"
    with pytest.raises(Invalid, match="line 1 is 'sum 4'"):
        one.validate(printed.replace(b"sum 3", b"sum 4") + CLOCK_LINE, None, 1, 1)


@pytest.mark.parametrize(
    ("pattern", "kept"),
    [
        ("b", b"a\nc\n"),
        ("b$", b"a\nc\n"),
        ("a\nb", b"c\n"),  # every line that it touches
        ("b\n", b"a\nc\n"),
        ("^$", b"a\nb\nc\n"),
        ("x", b"a\nb\nc\n"),
        ("c", b"a\nb\n"),
    ],
)
def test_a_pattern_takes_whole_lines(pattern, kept):
    one = validator(Proof(ignore=(pattern,)))
    assert one.validate(b"a\nb\nc\n" + CLOCK_LINE, None, 1, 1).result == kept


def test_patterns_that_leave_nothing_prove_nothing():
    one = validator(Proof(ignore=("",)))
    with pytest.raises(Invalid, match="leaves no line of its output to check"):
        one.validate(b"a\nb\n" + CLOCK_LINE, None, 1, 1)
    assert one.validate(CLOCK_LINE, None, 1, 1).result == b""


def test_a_time_that_is_printed_may_be_in_a_line_to_ignore():
    one = validator(Proof(ignore=("^time: [0-9]",)), figure=Figure(match=r"time: (\S+) ms", unit="ms"))
    run = one.validate(b"sum 3\ntime: 1.25 ms\n" + CLOCK_LINE, None, 1, 1)
    assert (run.seconds, run.result) == (pytest.approx(0.00125), b"sum 3\n")


def test_a_pattern_to_ignore_has_a_time_limit(monkeypatch):
    monkeypatch.setattr(output, "_PATTERN_S", 0.05)
    one = validator(Proof(ignore=(r"(a|aa|a?a)+(b|bb)*(a+)+c$",)))
    with pytest.raises(Invalid, match="takes more than"):
        one.validate(b"a" * 5000 + b"d" + CLOCK_LINE, None, 1, 1)
