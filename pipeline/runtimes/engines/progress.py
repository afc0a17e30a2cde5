"""How far a build is, printed now and then."""

from __future__ import annotations

import os
import time

from pipeline.runtimes.engines.manifest import Engine

#: How often a line is printed, s.
_TELL_S = 15.0


class Progress:
    """What is printed of a build: what it will take, what it does, how far it is."""

    def __init__(self, engine: Engine) -> None:
        self._name = f"{engine.manifest.title} {engine.release}"
        self._guess_s = engine.family.cpu_seconds / (os.cpu_count() or 1)
        self._started = self._told = time.monotonic()

    def say(self, text: str) -> None:
        """Print a line at once."""
        print(f"    {self._name}: {text}", flush=True)

    def begin(self) -> None:
        """The build starts now: what came before, as downloading, is no evidence for its speed."""
        self._started = self._told = time.monotonic()

    def step(self, done: int, total: int, unit: str) -> None:
        """So many of so many units are done: print that, if it was not long ago."""
        now = time.monotonic()
        if now - self._told >= _TELL_S:
            self._told = now
            rest = left(self._guess_s, now - self._started, done, total)
            self.say(f"{done} of {total} {unit} done, about {rest} left")


def minutes(engine: Engine) -> int:
    """About how long a build takes here."""
    return max(1, round(engine.family.cpu_seconds / 60 / (os.cpu_count() or 1)))


def left(guess_s: float, spent_s: float, done: int, total: int) -> str:
    """ "3 min", "40 s": by the guess, until it is over; then by how long the parts that are done took."""
    rest = guess_s - spent_s
    if rest <= 0:
        rest = spent_s / max(1, done) * max(1, total - done)
    return f"{rest / 60:.0f} min" if rest >= 90 else f"{max(1, round(rest))} s"
