"""Console output that survives closed pipes and limited encodings."""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import sys
from typing import IO

from pipeline.tasks import invocation

#: For characters of the tables, where there is ASCII only. Not "?", which has a meaning in the tables.
_IN_ASCII = {"─": "-", "±": "+-", "…": "...", "≥": ">=", "≤": "<=", "×": "x", "–": "-", "→": "->"}


def prepare() -> None:
    """Before anything is opened or printed."""
    # Otherwise a file that is opened next would get the number of a closed stream, and its output.
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    codecs.register_error("ascii tables", _in_ascii)
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(descriptor, "w", encoding="utf-8", closefd=False))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="ascii tables")


def flush() -> int:
    """Write what is left for standard output; returns the exit status 1 where that fails, else 0."""
    try:
        sys.stdout.flush()
    except OSError as error:
        abandon(sys.stdout, error)
        return 1
    return 0


def abandon(stream: IO[str], error: OSError) -> None:
    """Report that standard output cannot be written to, and send the rest of it nowhere."""
    with contextlib.suppress(OSError, ValueError):
        # What is left of it would fail again when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    with contextlib.suppress(OSError):
        message = f"error: standard output: {error.strerror}; what is finished is kept; run: doit run"
        print(invocation.complete(message), file=sys.stderr, flush=True)


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(_IN_ASCII.get(c, f"\\u{ord(c):04x}") for c in text), error.end
