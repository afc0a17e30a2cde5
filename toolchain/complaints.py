"""What compilers and linkers print: their errors and warnings, one by one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_HEAD = re.compile(r"^(?P<place>\S.*?): (?:fatal )?(?P<kind>error|warning): (?P<text>.*)$")
_NEXT = re.compile(
    r"^\S.*?: (?:(?:fatal )?error|warning|note|remark): |^In file included from |^\d+ \w+ generated"
)
#: At the end of a line, for those who want to switch it off.
_WARNING_NAME = re.compile(r" +\[-W[^\]]*\]$")
#: What a compiler says after the last error that it is willing to report.
_ENOUGH = "too many errors emitted"


@dataclass(frozen=True)
class Complaint:
    """One error or warning."""

    place: str  # "FILE:LINE:COLUMN", or the program's name
    text: str
    more: tuple[str, ...] = ()  # the lines below it: the line of the source, or what a linker adds

    @property
    def file(self) -> str:
        return re.sub(r":\d+:\d+$", "", self.place)

    @property
    def rest_of_line(self) -> str:
        """The source from the place on, where a compiler shows it."""
        at = re.search(r":(\d+)$", self.place)
        shown = next((re.match(r"^ *\d+ \| (.*)$", line) for line in self.more), None)
        return shown[1][int(at[1]) - 1 :] if at and shown else ""

    @property
    def line(self) -> str:
        """Place, text and what a linker adds, on one line."""
        added = [line[3:].strip() for line in self.more if line.startswith(">>>")]
        about = f" ({', '.join(dict.fromkeys(added))})" if added else ""
        text = _WARNING_NAME.sub("", self.text)
        return f"{self.place}: {text}{about}"


def errors(printed: str) -> list[Complaint]:
    """All errors in the order in which they were printed."""
    return [each for each in _found(printed, "error") if not each.text.startswith(_ENOUGH)]


def warnings(printed: str) -> list[Complaint]:
    """All warnings."""
    return list(_found(printed, "warning"))


def _found(printed: str, kind: str) -> Iterator[Complaint]:
    lines = printed.splitlines()
    for at, line in enumerate(lines):
        head = _HEAD.match(line)
        if head and head["kind"] == kind:
            end = next((n for n in range(at + 1, len(lines)) if _NEXT.match(lines[n])), len(lines))
            yield Complaint(head["place"], head["text"], tuple(lines[at + 1 : end]))
