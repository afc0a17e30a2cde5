"""Which line of a dead runtime's standard error tells why."""

from __future__ import annotations

import pytest

from pipeline.runtimes.last_words import last_words

#: {what it printed: the line that is shown}.
PRINTED = {
    "node": (
        "/a/js_worker.js:78\n    new WebAssembly.Instance(m)\n    ^\n\n"
        "RangeError: WebAssembly.Memory(): could not allocate memory\n"
        "    at facts (/a/js_worker.js:78:9)\n\nNode.js v24.19.0\n",
        "RangeError: WebAssembly.Memory(): could not allocate memory",
    ),
    "v8's heap": (
        "\n<--- Last few GCs --->\n\n[1:0x1] 60 ms: Mark-Compact\n\n<--- JS stacktrace --->\n\n"
        "FATAL ERROR: Zone Allocation failed - process out of memory\n----- Native stack trace -----\n\n"
        " 1: 0x7f0 node::OOMErrorHandler\n",
        "FATAL ERROR: Zone Allocation failed - process out of memory",
    ),
    "v8's check": (
        "#\n# Fatal error in , line 0\n# Check failed: reservation.IsReserved().\n#\n#FailureMessage: 0x7\n",
        "Check failed: reservation.IsReserved().",
    ),
    "rust": (
        "thread '<unnamed>' panicked at src/a.rs:7:5:\nOS can't spawn worker thread: again\n"
        "note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n",
        "OS can't spawn worker thread: again",
    ),
    "python": (
        'Traceback (most recent call last):\n  File "w.py", line 1, in <module>\n    error: x\nMemoryError\n',
        "MemoryError",
    ),
    "one line": (
        "terminate called without an active exception\n",
        "terminate called without an active exception",
    ),
    "with a version at its end": ("it cannot go on\nBun v1.2 (Linux x64)\n", "it cannot go on"),
    "nothing": ("\n#\n", ""),
}


@pytest.mark.parametrize("name", PRINTED)
def test_the_line_that_tells_why(name):
    printed, expected = PRINTED[name]
    assert last_words(printed) == expected
