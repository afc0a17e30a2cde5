"""How two outputs of a program differ: the first lines that do, as text that can be shown."""

from __future__ import annotations

import hashlib
import itertools
import re

from msgspec import Struct

from pipeline.core.text import for_terminal

#: Lines that differ and are kept: enough to compare three outputs with each other.
_MOST_LINES = 5
#: Bytes of a line that are shown, around the first one that differs.
_MOST_SHOWN = 80
_LINE = re.compile(rb"[^\n]*\n|[^\n]+")


class LineDifference(Struct, frozen=True):
    """A line that two outputs do not share, as it is shown; None: that output ends before it."""

    number: int  # from 1
    found: str | None
    expected: str | None

    def text(self, who: str = "native prints") -> str:
        """Both lines in words; ``who`` is the source of the expected one."""
        if self.found is None:
            place = f"it ends after line {self.number - 1}" if self.number > 1 else "it prints nothing"
            return f"{place}, {who} {self.expected}"
        expected = "no such line" if self.expected is None else self.expected
        return f"line {self.number} is {self.found}, {who} {expected}"


class OutputDifference(Struct, frozen=True):
    """An output that is not the expected one, for the same arguments."""

    iterations: int
    sha256: str  # of the output, without what comparisons leave out
    bytes: int
    lines: tuple[LineDifference, ...]  # the first ones that differ, of at least one
    case: str = "run"  # its name, where there are several

    def text(self, who: str = "native prints") -> str:
        """The first line that differs, in words."""
        return self.lines[0].text(who)


def compare(found: bytes, expected: bytes, iterations: int) -> OutputDifference | None:
    """How an output differs from the expected one; None where they are the same."""
    if found == expected:
        return None
    pairs = itertools.zip_longest(_LINE.findall(found), _LINE.findall(expected))
    differing = ((number, *pair) for number, pair in enumerate(pairs, 1) if pair[0] != pair[1])
    lines = tuple(_line(*each) for each in itertools.islice(differing, _MOST_LINES))
    return OutputDifference(iterations, hashlib.sha256(found).hexdigest(), len(found), lines)


def first_difference(found: bytes, expected: bytes, who: str) -> str:
    """The first line that differs, in words; ``who`` is the source of the expected output."""
    difference = compare(found, expected, 1)
    return "they are the same" if difference is None else difference.text(who)


def _line(number: int, found: bytes | None, expected: bytes | None) -> LineDifference:
    both = [line for line in (found, expected) if line is not None]
    if all(line.endswith(b"\n") for line in both):
        # Only of a last line it matters whether it ends.
        both = [line[:-1] for line in both]
    at = 0
    if len(both) == 2:
        shorter = min(map(len, both))
        at = next((i for i, (a, b) in enumerate(zip(*both, strict=False)) if a != b), shorter)
    shown = [excerpt(line, at) for line in both]
    if len(shown) == 2 and for_terminal(shown[0]) == for_terminal(shown[1]):
        shown = [text.replace(" ", "␣") for text in shown]  # runs of spaces are shown as one
    texts = iter(shown)
    return LineDifference(
        number, None if found is None else next(texts), None if expected is None else next(texts)
    )


def excerpt(line: bytes, at: int = 0) -> str:
    """A line in quotes, cut around the byte ``at``; what is invisible is shown as an escape."""
    start = _character(line, max(0, at - _MOST_SHOWN // 2))
    end = _character(line, min(len(line), start + _MOST_SHOWN))
    text = line[start:end].decode("utf-8", "backslashreplace")
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return f"{'…' if start else ''}'{text}'{'…' if end < len(line) else ''}"


def _character(line: bytes, at: int) -> int:
    """The begin of the UTF-8 character at a place of a line."""
    begin = at
    while 0 < begin < len(line) and line[begin] & 0xC0 == 0x80 and at - begin < 3:
        begin -= 1
    return begin
