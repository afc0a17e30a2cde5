"""What a runtime wrote to standard error before it ended: the one line of it that tells why."""

from __future__ import annotations

import re

_MOST = 300
#: Python's, JavaScript's and others' errors as they print them: "RangeError: …", "wasmtime.Trap: …".
_ERROR = re.compile(r"^(uncaught |unhandled )?[\w.]*(Error|Exception|Trap|Exit)\b.*", re.I)
_FATAL = re.compile(r"^(fatal|LLVM ERROR|error\b|out of memory|\w+: error)", re.I)
_PANIC = re.compile(r"panicked at .*:\d+:\d+:$")
#: Lines that say where, which version, or how to get more, but not why.
_AROUND = re.compile(
    r"^(at |note: |Node\.js v|Bun v|\^+$|\d+: 0x|0x|[-=]{3}|<--|Aborted|\d+ \||stack backtrace)", re.I
)
_HASHES = "# \t"


def last_words(stderr: str) -> str:
    """The first line that is an error's, of Python's tracebacks the last; "" where nothing was written."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip(_HASHES)]
    lines = [line.strip(_HASHES) for line in lines]
    if not lines:
        return ""
    if any(line.startswith("Traceback (most recent call last)") for line in lines):
        return lines[-1][:_MOST]
    for at, line in enumerate(lines):
        # Rust writes the message of a panic below the place of it, V8 the failed check below its head.
        if at + 1 < len(lines) and (_PANIC.search(line) or line.startswith("Fatal error in")):
            return lines[at + 1][:_MOST]
        if _ERROR.match(line) or _FATAL.match(line):
            return line[:_MOST]
    telling = [line for line in lines if not _AROUND.match(line)]
    return (telling or lines)[-1][:_MOST]
