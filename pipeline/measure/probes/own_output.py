"""What a runtime that is only a command prints around a guest's output: found with a program whose output is
known, and taken off again.

Many print a line before a guest runs, or its result at the end. Lines are taken off only where the program's
had the same ones, but for numbers and the path of the module.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

#: What the program prints, as a line.
MARK = b"the output of a program"
#: The file that it is in.
MODULE = b"probe.wasm"
_NUMBER = re.compile(rb"\d+(?:\\?[.,:]\d+)*(?:\\ )?\w*")
_LINE = re.compile(rb"[^\n]*\n|[^\n]+")


@dataclass(frozen=True)
class OwnOutput:
    """The lines of a runtime before and after a guest's, as patterns; what it does to the guest's."""

    before: tuple[bytes, ...] = ()
    after: tuple[bytes, ...] = ()
    carriage_returns: bool = False  # each line ends with one more character
    start_s: float = 0.0  # what a run takes of a program that only prints a line
    named: tuple[bytes, ...] = ()  # patterns of lines that the user names, in place of those that were found

    def without(self, output: bytes) -> bytes:
        """The guest's own output; all of it where the runtime's lines are not there."""
        if self.carriage_returns:
            output = output.replace(b"\r\n", b"\n")
        lines = _LINE.findall(output)
        if self.named:
            first = next((i for i, line in enumerate(lines) if not self._is_named(line)), len(lines))
            rest = lines[first:]
            while rest and self._is_named(rest[-1]):
                rest.pop()
            return b"".join(rest)
        first, last = len(self.before), len(lines) - len(self.after)
        if (
            first > last
            or not _match_all(lines[:first], self.before)
            or not _match_all(lines[last:], self.after)
        ):
            return output
        return b"".join(lines[first:last])

    def _is_named(self, line: bytes) -> bool:
        return any(re.fullmatch(pattern, line.rstrip(b"\r\n")) for pattern in self.named)


#: Of a backend that adds nothing, or of which it is not known.
NOTHING = OwnOutput()


def found_around(output: bytes, folder: bytes, start_s: float) -> OwnOutput:
    """What is around the line MARK in an output; ``folder`` is where the module was."""
    returns = MARK + b"\r\n" in output
    lines = _LINE.findall(output.replace(b"\r\n", b"\n") if returns else output)
    if MARK + b"\n" not in lines:
        return OwnOutput(start_s=start_s)
    at = lines.index(MARK + b"\n")
    before, after = (tuple(_pattern(line, folder) for line in some) for some in (lines[:at], lines[at + 1 :]))
    return OwnOutput(before, after, returns, start_s)


def _pattern(line: bytes, folder: bytes) -> bytes:
    """A line of the runtime as a pattern: any number, and any path in place of the module's."""
    for name in (os.path.join(os.path.abspath(folder), MODULE), MODULE, MODULE.partition(b".")[0]):
        line = line.replace(name, b"\0")
    return _NUMBER.sub(lambda _: rb"\d[\d.,:]*\s?\w*", re.escape(line)).replace(b"\0", rb".*")


def _match_all(lines: Sequence[bytes], patterns: Sequence[bytes]) -> bool:
    return all(re.fullmatch(pattern, line, re.DOTALL) for line, pattern in zip(lines, patterns, strict=True))
