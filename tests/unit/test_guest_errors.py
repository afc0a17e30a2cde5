"""How a failed run is reported."""

from __future__ import annotations

import pytest

from pipeline.measure.guest import explained
from pipeline.measure.worker_messages import Ran


def failed(stderr="", *backtrace):
    return Ran("trap", 0, "", 0.1, "", 0, stderr, list(backtrace))


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (failed(), "a trap"),
        (failed("\n  one line \n\n"), "a trap; standard error: one line"),
        (failed("1\n2\n3\n4\n"), "a trap; standard error: 1 | 2 | 3 | 4"),
        (failed("1\n2\n3\n4\n5\n"), "a trap; standard error: 1 | 2 | 3 | 4 | and a line more"),
        (failed("1\n" * 9), "a trap; standard error: 1 | 1 | 1 | 1 | and 5 lines more"),
        (failed("\xc3\xa9\xff"), "a trap; standard error: é\N{REPLACEMENT CHARACTER}"),
        (failed("", "abort", "inner", "main", "_start"), "a trap; in inner, called by main"),
        (failed("no", "inner"), "a trap; standard error: no; in inner"),
        # Where nothing is the program's own, all is shown.
        (failed("", "abort", "_start"), "a trap; in abort, called by _start"),
    ],
)
def test_the_reason(answer, text):
    assert explained("a trap", answer) == text


def test_it_is_short():
    lines = "\n".join("x" * 5000 for _ in range(100))
    text = explained("a trap", failed(lines, *(f"f{n}" for n in range(100))))
    assert len(text) < 900
    assert "f5" in text
    assert "f6" not in text
