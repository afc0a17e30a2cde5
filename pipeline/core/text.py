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


def for_terminal(text: str, most: int = 300) -> str:
    """Text from outside for a terminal: one line without escapes, control and invisible characters, cut."""
    found = _ESCAPES.sub("", text)
    found = " ".join("".join(c if c.isprintable() else " " for c in found).split())
    return found if len(found) <= most else f"{found[: most - 1]}…"


def printable(value: object) -> str:
    """The value's text with U+FFFD for every character that is not to be shown."""
    return _HIDDEN.sub("\ufffd", str(value))


def for_line(value: object) -> str:
    """Printable text on one line: each run of white space is one space, none at the ends."""
    return " ".join(printable(value).split())


def for_markdown(value: object) -> str:
    """Text from outside (flags, CPU names, reasons) as plain text inside a Markdown table or list."""
    text = for_line(value)
    for character in "\\`*_[]<>|":
        text = text.replace(character, "\\" + character)
    return text


def for_markdown_code(value: object) -> str:
    """A name as code inside a Markdown table or list; nothing if it is empty, which code cannot be."""
    line = for_line(value).replace("`", "'").replace("|", "/")
    return f"`{line}`" if line else ""


#: GitHub makes mentions, references, formulas and links of these, which no backslash prevents: inside an
#: element of its own, the character no longer touches what follows it.
_GITHUB_SPECIAL = {c: f"<span>{c}</span>" for c in ("@", "#", "$", "://", "www.")}


def for_github(value: object) -> str:
    """The same as ``for_markdown`` where GitHub renders it: also no mention, reference or link."""
    text = for_markdown(for_line(value).replace("&", "&amp;")).replace("~", "\\~")
    for character, element in _GITHUB_SPECIAL.items():
        text = text.replace(character, element)
    return text


def duration(seconds: float) -> str:
    """ "3 min", "40 s"."""
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{max(1, round(seconds))} s"
