"""The clock that a module of the ``run`` interface is given, and what such a run returned.

Such a module is no WASI command. It exports ``run: () -> f32``, its score, and imports ``env.clock_ms``, by
which it decides how long to run. That clock may run faster than real time, so that its ten seconds are short.
It stands still while the host answers: a module sees only time of its own, and only that is noted.
"""

import math
import time
from typing import Any, Dict

#: What such a module may export: it is called once in each instance, before ``run``, and not timed.
INITIALIZE = "_initialize"
#: What the first call returns, ms: not 0, which a module might take for no time at all.
START_MS = 1000


class Clock:
    """``env.clock_ms`` of one instance, with the result type "i32" or "i64".

    It returns virtual milliseconds: ``speed`` of them pass within a real one.
    """

    def __init__(self, kind: str, speed: float) -> None:
        self._wraps = kind == "i32"
        self._rate = speed / 1e6  # virtual ms a real ns
        self._calls = 0
        self._guest_ns = 0  # real time of the guest since the first call
        self._stretch_ns = self._left_ns = 0  # between the last two calls; when the last one ended
        self._ms = self._ms_before = 0  # what the last two calls returned

    def __call__(self) -> int:
        entered_ns = time.monotonic_ns()
        if self._calls:
            self._stretch_ns = entered_ns - self._left_ns
            self._guest_ns += self._stretch_ns
        self._calls += 1
        self._ms_before = self._ms
        self._ms = ms = START_MS + int(self._guest_ns * self._rate)
        if self._wraps:
            ms = (ms + 0x80000000 & 0xFFFFFFFF) - 0x80000000
        self._left_ns = time.monotonic_ns()
        return ms

    def returned(self, score: float) -> Dict[str, Any]:
        """The fact "returned" of the run that had this clock and ended with this score."""
        clock_ms = self._ms - self._ms_before if self._calls > 1 else 0
        return returned(score, clock_ms, self._stretch_ns, self._calls)


def returned(score: float, clock_ms: int, clock_ns: int, calls: int) -> Dict[str, Any]:
    """The fact "returned" of a run: its score, virtual ms and real ns between the last two calls, all calls.

    Both intervals are 0 where there were fewer than two. JSON has no number for a score that is not finite:
    None.
    """
    return {
        "score": score if math.isfinite(score) else None,
        "clock_ms": clock_ms,
        "clock_ns": clock_ns,
        "calls": calls,
    }
