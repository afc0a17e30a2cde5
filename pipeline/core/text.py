"""Text from outside (guests, compilers, files, machines), made harmless for the place where it is shown."""

from __future__ import annotations

import re

_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # colours and movements
    r"|(?:\x1b\]|\x9d)[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # titles and links
    r"|\x1b[ -/]*[0-~]"
)

#: What no file of ours may carry: control characters (a terminal obeys them), halves of characters (no
#: UTF-8), marks that make text read in an order other than its own. Not tab, line feed, carriage return.
_HIDDEN = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufffe\uffff]"
)


def plain(text: str, most: int = 300) -> str:
    """Text from outside for a terminal: one line without escapes, control and invisible characters, cut."""
    found = _ESCAPES.sub("", text)
    found = " ".join("".join(c if c.isprintable() else " " for c in found).split())
    return found if len(found) <= most else f"{found[: most - 1]}…"


def printable(value: object) -> str:
    """The value's text with U+FFFD for every character that is not to be shown."""
    return _HIDDEN.sub("\ufffd", str(value))


def markdown_text(value: object) -> str:
    """Text from outside (flags, CPU names, reasons) as plain text inside a Markdown table."""
    text = " ".join(printable(str(value)).split())
    for character in "\\`*_[]<>|":
        text = text.replace(character, "\\" + character)
    return text


def markdown_code(value: str) -> str:
    """Text from outside as code inside a Markdown table, where only these two characters act."""
    return "`" + value.replace("`", "'").replace("|", "/") + "`"
