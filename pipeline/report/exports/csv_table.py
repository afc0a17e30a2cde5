"""results.csv: one row a cell, every scalar of it, for spreadsheets and data frames. RFC 4180, UTF-8."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from pipeline.core.text import printable
from pipeline.report.exports.model import Export, Samples
from pipeline.results.model import Results
from pipeline.results.model_cell import Measurement

Value = str | int | float | bool | None | Sequence[str]

#: A field that starts like this is computed by spreadsheets ("=cmd|…" starts a program), also in the wide
#: forms that some locales take. The apostrophe itself is here so that the guard can be taken off again.
_COMPUTED = tuple("=+-@\t\r\n'＝＋－＠")
_QUOTED = '",\r\n;\t'


def render(results: Results, samples: Samples) -> str:
    """The table: plain values of a cell and its measurement first, then those of objects: identity.version.

    Null is an empty field, "" is quoted; true and false as in JSON; a number is the JSON's, digit by digit; a
    list is joined by spaces, with quotes as a shell would want them. One apostrophe at the start of a text
    is a guard: take it off to have the text of results.json.
    """
    rows = [_flat(msgspec.to_builtins(cell)) for cell in results.cells]
    names = dict.fromkeys(name for row in rows for name in row)
    ordered = sorted(names, key=lambda name: "." in name)  # stable
    return csv_text(ordered, ([row.get(name) for name in ordered] for row in rows))


def _flat(cell: dict[str, Any]) -> dict[str, Value]:
    """A cell's plain values, those of its measurement next to them, and {dotted path: value} of the rest."""
    empty = dict.fromkeys(Measurement.__struct_fields__)
    row: dict[str, Value] = {}
    for key, value in {**cell, **empty, **(cell["measurement"] or {})}.items():
        if isinstance(value, Mapping):
            if key != "measurement":
                row |= dict(_leaves(value, key))
        elif key not in _OBJECTS:
            row[key] = value
    return row


#: Keys that hold an object, or null.
_OBJECTS = ("measurement", "identity", "prebuilt", "compiler_evidence", "packages", "programs")


def _leaves(value: Mapping[str, Any], path: str) -> Iterable[tuple[str, Value]]:
    """(dotted path, value) of all that is inside an object."""
    for key, inner in value.items():
        if isinstance(inner, Mapping):
            yield from _leaves(inner, f"{path}.{key}")
        elif key not in _OBJECTS:
            yield f"{path}.{key}", inner


def csv_text(names: Sequence[str], rows: Iterable[Sequence[Value]]) -> str:
    """The lines of a CSV file; texts are guarded against being computed by a spreadsheet.

    The standard library's writer is not used: before Python 3.12 it cannot distinguish null from "", and it
    does not quote semicolons, which spreadsheets of some locales separate at.
    """
    lines = [map(_text, names), *(map(_field, row) for row in rows)]
    return "".join(",".join(line) + "\r\n" for line in lines)


def _field(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    return _text(value if isinstance(value, str) else shlex.join(value))


def _text(value: str) -> str:
    """A text field. Flags get no exception from the guard: to a spreadsheet, -O3 is minus the cell O3."""
    text = printable(value)
    if text.startswith(_COMPUTED):
        text = f"'{text}"
    if not text or text != text.strip() or any(c in text for c in _QUOTED):
        text = '"' + text.replace('"', '""') + '"'
    return text


EXPORTS = (Export("results.csv", "one row a cell, for spreadsheets and data frames", render),)
