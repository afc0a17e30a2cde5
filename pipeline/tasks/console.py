"""Where a run's words go, whatever that is: closed, or able to say few characters only."""

from __future__ import annotations

import codecs
import io
import os
import sys

#: What our tables are drawn with, where there is ASCII only. Not "?", which means something there.
_PLAINER = {"─": "-", "±": "+-", "…": "...", "≥": ">=", "≤": "<=", "×": "x", "–": "-", "→": "->"}


def prepare() -> None:
    """Before anything is opened or said."""
    # Or a file that is opened next would have the number of what is closed, and get what is said.
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    codecs.register_error("plainer", _plainer)
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(descriptor, "w", encoding="utf-8", closefd=False))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="plainer")


def _plainer(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    found = error.object[error.start : error.end]
    return "".join(_PLAINER.get(c, f"\\u{ord(c):04x}") for c in found), error.end
