"""The clocks that a module is given which decides by them how long to run, and what such a run returned.

They may run faster than real time, so that its ten seconds are short. They stand still while the host
answers: a module sees only time of its own, and only that is noted. Such a module is a WASI command, whose
requests to run have a ``speed``; or it exports ``run: () -> f32``, its score, and imports ``env.clock_ms``.
"""

import math
import time
from typing import Any, Dict

#: What such a module may export: it is called once in each instance, before ``run``, and not timed.
INITIALIZE = "_initialize"
#: What the first call returns, ms: not 0, which a module might take for no time at all.
START_MS = 1000


class Clock:
    """A clock of one instance: ``speed`` ms of it pass within a real one."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._calls = 0
        self._guest_ns = 0  # real time of the guest since the first call
        self._stretch_ns = self._left_ns = 0  # between the last two calls; when the last one ended
        self._ns = self._ns_before = 0  # what the last two calls came to
        self._epoch_ns = time.time_ns()

    def enter(self) -> int:
        """The guest asks: virtual ns since it first did. ``leave`` must follow."""
        entered_ns = time.monotonic_ns()
        if self._calls:
            self._stretch_ns = entered_ns - self._left_ns
            self._guest_ns += self._stretch_ns
        self._calls += 1
        self._ns_before = self._ns
        self._ns = int(self._guest_ns * self._speed)
        return self._ns

    def leave(self) -> None:
        """The host has answered."""
        self._left_ns = time.monotonic_ns()

    def wasi_ns(self, clock_id: int) -> int:
        """What one of WASI's clocks, 0 or 1, shows for this; ``leave`` must follow."""
        return self.enter() + (START_MS * 1_000_000 if clock_id else self._epoch_ns)

    def returned(self, score: float) -> Dict[str, Any]:
        """The fact "returned" of the run that had this clock and ended with this score."""
        clock_ms = (self._ns - self._ns_before) // 1_000_000 if self._calls > 1 else 0
        return returned(score, clock_ms, self._stretch_ns, self._calls)


class MillisecondClock(Clock):
    """``env.clock_ms``, with the result type "i32" or "i64": it returns virtual milliseconds."""

    def __init__(self, kind: str, speed: float) -> None:
        super().__init__(speed)
        self._wraps = kind == "i32"

    def __call__(self) -> int:
        # Of whole milliseconds, as the guest sees them.
        ms = START_MS + self.enter() // 1_000_000
        self._ns = (ms - START_MS) * 1_000_000
        if self._wraps:
            ms = (ms + 0x80000000 & 0xFFFFFFFF) - 0x80000000
        self.leave()
        return ms


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
