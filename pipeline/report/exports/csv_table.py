"""results.csv: one row a cell, every scalar of it, for spreadsheets and data frames. RFC 4180, UTF-8."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.core.text import printable
from pipeline.report.exports.model import Export, Results, Samples

#: A field that starts like this is computed by spreadsheets ("=cmd|…" starts a program), also in the wide
#: forms that some locales take. The apostrophe itself is here so that the guard can be taken off again.
_COMPUTED = tuple("=+-@\t\r\n'＝＋－＠")
_QUOTED = '",\r\n;\t'


def render(results: Results, samples: Samples) -> str:
    """The table: plain values of a cell first, then those of its objects as ``identity.version``.

    Null is an empty field, "" is quoted; true and false as in JSON; a number is the JSON's, digit by digit;
    a list is joined by spaces, with quotes as a shell would want them. One apostrophe at the start of a
    text is ours: take it off to have the text of results.json.
    """
    cells = results["cells"]
    plain = [{k: v for k, v in cell.items() if not isinstance(v, Mapping)} for cell in cells]
    nested = [dict(_leaves(cell)) for cell in cells]
    # A key can be an object in one cell and null in another ("proof"): then it has no plain value.
    objects = {k for cell in cells for k, v in cell.items() if isinstance(v, Mapping)}
    names = [k for k in dict.fromkeys(k for row in plain for k in row) if k not in objects]
    deep = list(dict.fromkeys(k for row in nested for k in row))
    lines = [[_text(name) for name in (*names, *deep)]]
    for values, leaves in zip(plain, nested, strict=True):
        lines.append([*(_field(values.get(k)) for k in names), *(_field(leaves.get(k)) for k in deep)])
    return "".join(",".join(line) + "\r\n" for line in lines)


def _leaves(value: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted path, value) of what lies within the objects of an object."""
    for key, inner in value.items():
        if isinstance(inner, Mapping):
            yield from _leaves(inner, f"{path}{key}.")
        elif path:
            yield f"{path}{key}", inner


def _field(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    return _text(shlex.join(map(str, value)) if isinstance(value, list) else value)


def _text(value: object) -> str:
    """A text field. Flags get no exception from the guard: to a spreadsheet, -O3 is minus the cell O3."""
    text = printable(value)
    if text.startswith(_COMPUTED):
        text = f"'{text}"
    if not text or text != text.strip() or any(c in text for c in _QUOTED):
        text = '"' + text.replace('"', '""') + '"'
    return text


EXPORTS = (Export("results.csv", "one row a cell, for spreadsheets and data frames", render),)
