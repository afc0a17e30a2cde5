"""How far a run is: the tasks that are left, and a guess of the time that they take."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.core.locks import Holder
from pipeline.core.text import duration

#: How often it is printed that a process is waited for, s.
TELL_WAIT_S = 60.0
#: Of a task that states none, s.
_UNKNOWN_S = 0.1


class TimeLeft:
    """The tasks that are not done yet, each with guessed seconds, corrected by how its phase went so far."""

    def __init__(self, tasks: Mapping[str, Any], names: Iterable[str]) -> None:
        self._tasks = tasks
        self._left = {
            name: (tasks[name].meta or {}).get("seconds", _UNKNOWN_S) for name in names if tasks[name].actions
        }
        self.total = len(self._left)
        self._guessed: dict[str, float] = {}  # by phase, of tasks that are done
        self._spent: dict[str, float] = {}
        self._started: dict[str, float] = {}
        self._waited = 0.0  # s, of the task that is being done

    def __contains__(self, name: str) -> bool:
        return name in self._left

    def __bool__(self) -> bool:
        return bool(self._left)

    @property
    def number(self) -> int:
        """Which task the next one is, from 1."""
        return self.total - len(self._left) + 1

    def expect_targets_to_be_kept(self) -> None:
        """At the first task: a task whose targets exist will most likely not take time."""
        for name in self._left:
            targets = self._tasks[name].targets
            if targets and all(os.path.exists(target) for target in targets):
                self._left[name] = 0.0

    def start(self, task: Any) -> None:
        self._started[task.name] = time.monotonic()
        self._waited = 0.0

    def wait(self, seconds: float) -> None:
        """Time that the task waited for a different process: it says nothing about its phase."""
        self._waited = seconds

    def skip(self, name: str) -> None:
        """A task needs not be done."""
        self._left.pop(name, None)

    def done(self, task: Any) -> None:
        guess = self._left.pop(task.name, None)
        started = self._started.pop(task.name, None)
        if started is not None and guess:
            phase = phase_of(task)
            spent = max(0.0, time.monotonic() - started - self._waited)
            self._guessed[phase] = self._guessed.get(phase, 0.0) + guess
            self._spent[phase] = self._spent.get(phase, 0.0) + spent

    @property
    def seconds(self) -> float:
        left = 0.0
        for name, guess in self._left.items():
            phase = phase_of(self._tasks[name])
            guessed = self._guessed.get(phase, 0.0)
            left += guess * (self._spent[phase] / guessed if guessed else 1.0)
        return left

    @property
    def words(self) -> str:
        """ "about 3 min left", "about 40 s left"."""
        return f"about {duration(self.seconds)} left"


class Waits:
    """What is printed of waiting for a different process: at once, and again now and then."""

    def __init__(self) -> None:
        self.now = False  # whether a task waits
        self._named: dict[int, float] = {}  # process -> when it was named

    def line(self, holder: Holder, waited_s: float) -> str | None:
        """What is to be printed after so long a wait; None where that was printed not long ago."""
        now = time.monotonic()
        if now - self._named.get(holder.pid, -math.inf) < TELL_WAIT_S:
            return None
        self._named[holder.pid] = now
        since = f"still waiting, after {duration(waited_s)}," if waited_s >= TELL_WAIT_S else "waiting"
        return f"{since} for {holder}: one process at a time measures on this machine"


def phase_of(task: Any) -> str:
    """What a task does, in words."""
    return str((task.meta or {}).get("phase", task.name))
