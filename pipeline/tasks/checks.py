"""``uptodate`` checks: what doit itself does not look at."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from typing import Any

from pipeline.core import paths
from pipeline.measure import sample
from pipeline.tasks import invocation
from pipeline.tasks.doit_internals import save_with
from pipeline.tasks.file_checker import Checker


def accept(path: str) -> None:
    """The default ``objection``: accepts every file."""


def intact(
    task: Any,
    values: dict[str, Any],
    objection: Callable[[str], str | None] = accept,
    report: bool = True,
) -> bool:
    """Whether the targets are what the task made; doit itself checks only that they exist.

    As doit does with dependencies: the same time is believed, the same bytes are no change. Files that fail
    the check are reported where ``report`` is true, with the reason that ``objection(path)`` returns.
    """
    checker = Checker()
    existing = (target for target in task.targets if os.path.exists(target))  # evaluated when it is saved
    save_with(task, lambda: {"made": {target: checker.get_state(target, None) for target in existing}})
    made = values.get("made", {})
    for target in task.targets:
        try:
            status = os.stat(target)
            if target in made and not checker.check_modified(target, status, made[target]):
                continue
        except OSError:
            return False
        reason = objection(target)
        if report and (reason or target in made):
            # A sample with a valid digest of its own may be kept.
            then = "made again" if reason or objection is accept else "checked again"
            invocation.note(f"{target}: {reason or 'not what was made'}; {then}")
        return False
    return True


def untouched(files: Callable[..., list[str]], *arguments: Any, report: bool = False) -> Callable[..., bool]:
    """A check of files that are known only once they are made; with ``report`` a changed one is reported."""

    def state() -> dict[str, list[int]]:
        states = {}
        for path in files(*arguments):
            with contextlib.suppress(OSError):
                status = os.stat(path)
                states[path] = [status.st_mtime_ns, status.st_size]
        return states

    def check(task: Any, values: dict[str, Any]) -> bool:
        save_with(task, lambda: {"untouched": state()})
        before, now = values.get("untouched"), state()
        if report and isinstance(before, dict):
            changed = [path for path in before if before[path] != now.get(path)]
            for path in changed[:1]:
                invocation.note(f"{path}: not what was made; checked again")
        return bool(before == now)

    return check


def untroubled(*names: str) -> Callable[..., bool]:
    """Whether these tasks ended without trouble."""
    return lambda task, values: not any(os.path.exists(paths.trouble(name)) for name in names)


def same_limits(task: Any, values: dict[str, Any]) -> bool:
    """Whether a sample that went wrong did so under the limits (ulimit) that hold today."""
    save_with(task, lambda: {"limits": sample.limits_of_failure(task.targets[0])})
    return sample.are_todays_limits(values.get("limits"))
