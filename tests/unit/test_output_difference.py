"""The first lines in which two outputs differ, as a reader sees them, and what they look like."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.text import for_terminal
from pipeline.workloads import output_causes
from pipeline.workloads.output_difference import compare


def shown(found, expected):
    return compare(found, expected, 1).text()


def test_the_first_difference_is_named():
    assert shown(b"a\nb 17\nc\n", b"a\nb 18\nc\n") == "line 2 is 'b 17', native prints 'b 18'"
    assert shown(b"ab\n", b"ab\nc\n") == "it ends after line 1, native prints 'c'"
    assert shown(b"", b"c\n") == "it prints nothing, native prints 'c'"
    assert shown(b"ab\nc\n", b"ab\n") == "line 2 is 'c', native prints no such line"
    assert shown(b"ab\nc\n", b"ab\nc") == "line 2 is 'c\\n', native prints 'c'"


def test_what_cannot_be_seen_is_shown():
    assert shown(b"a\r\n", b"a\n") == "line 1 is 'a\\r', native prints 'a'"
    assert shown(b"a\0\n", b"a\xff\n") == "line 1 is 'a\\x00', native prints 'a\\xff'"
    assert shown(b"a \n", b"a\n") == "line 1 is 'a ', native prints 'a'"
    # Where a reason is shown, several spaces are one.
    assert shown(b"1  2\n", b"1 2\n") == "line 1 is '1␣␣2', native prints '1␣2'"
    assert shown("a\u202e\n".encode(), b"a\n") == "line 1 is 'a\\u202e', native prints 'a'"


def test_a_long_line_is_cut_around_the_difference():
    far = shown(b"x" * 500000 + b"1" + b"y" * 500, b"x" * 500000 + b"2" + b"y" * 500)
    assert "x1y" in far
    assert "x2y" in far
    assert far.startswith("line 1 is …'x")
    assert far.endswith("y'…")
    assert len(far) < 250
    # Characters are not cut.
    assert "\\x" not in shown("ä".encode() * 200 + b"1\n", "ä".encode() * 200 + b"2\n")


def test_several_lines_are_kept_to_compare_outputs_with_one_another():
    found = compare(b"1\n2\n3\nx\n" + b"z\n" * 9, b"1\na\n3\nb\n" + b"c\n" * 9, 64)
    assert [line.number for line in found.lines] == [2, 4, 5, 6, 7]
    assert (found.iterations, found.bytes) == (64, 26)
    assert found.sha256 == hashlib.sha256(b"1\n2\n3\nx\n" + b"z\n" * 9).hexdigest()


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_a_difference_is_told_exactly_where_there_is_one(one, other):
    difference = compare(one, other, 1)
    assert (difference is None) == (one == other)
    if difference is not None:
        assert difference.text().isprintable()
        found, expected = difference.lines[0].found, difference.lines[0].expected
        assert for_terminal(str(found)) != for_terminal(str(expected))


def first_line(found, expected):
    return compare(found.encode(), expected.encode(), 1).lines[0]


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        ("Elapsed: 0.000123\n", "Elapsed: 0.000125\n", "figure.match"),
        ("Total time 12 ms\n", "Total time 13 ms\n", "figure.match"),
        ("head 0x7f1c20\n", "head 0x7f1c30\n", "an address"),
        ("node at 7ffd5e8a\n", "node at 7ffd5e9a\n", "an address"),
        ("2026-11-28 run\n", "2026-11-29 run\n", "a date"),
        ("12:00:01\n", "12:00:02\n", "a time of day"),
        ("1499866 odd\n", "1500123 odd\n", "random numbers"),
        ("sum 3, head 0x7f1c20\n", "sum 3, head 0x7f1c30\n", "an address"),
        ("checksum 0x7f1c20\n", "checksum 0x7f1c30\n", "random numbers"),
    ],
)
def test_what_differs_from_run_to_run_names_the_key_that_helps(one, other, words):
    found = output_causes.unsteady(first_line(one, other))
    assert words in found
    assert "proof.ignore" in found
    assert "proof.native = false" in found


@pytest.mark.parametrize(
    ("wasm", "native", "words"),
    [
        ("hash 12345\n", "hash 14695981039346656037\n", "32 bits"),
        ("sizeof 4\n", "sizeof 8\n", "32 bits"),
        ("-1\n", "4294967295\n", "32 bits"),
        ("e = 2.7182818284590450\n", "e = 2.7182818284590452\n", "fused multiply-add"),
        ("nan\n", "-nan\n", "sign of a NaN"),
        ("at 0x1234\n", "at 0x7f001234\n", "an address"),
        ("yes\n", "no\n", "32 bits"),
    ],
)
def test_what_all_of_wasm_prints_otherwise_has_a_likely_cause(wasm, native, words):
    assert words in output_causes.in_wasm(first_line(wasm, native))
