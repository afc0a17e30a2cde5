"""The part of a run that a module says is to be timed: it imports bench.start and bench.end, and calls each.

That is the interface of the Bytecode Alliance's benchmarks (Sightglass, benchmarks/README.md).
"""

import time
from typing import Optional

NAMESPACE = "bench"


class TimedPart:
    """What one run called."""

    def __init__(self) -> None:
        self._calls = 0
        self._started = self._ended = 0

    def start(self, *_: object) -> None:
        self._calls += 1
        self._started = time.monotonic_ns()

    def end(self, *_: object) -> None:
        self._ended = time.monotonic_ns()
        self._calls += 1

    @property
    def seconds(self) -> Optional[float]:
        """Of a part that was begun and ended once; else None."""
        whole = self._calls == 2 and self._started <= self._ended
        return (self._ended - self._started) / 1e9 if whole else None
