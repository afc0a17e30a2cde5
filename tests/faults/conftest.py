"""How often a fault is tried, and the tally of what came of it: docs/reliability.md is made of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TypeVar

import pytest

T = TypeVar("T")

pytest.register_assert_rewrite("tests.faults.harness")


@pytest.fixture(scope="session")
def often(request) -> Callable[[T, T], T]:
    """``often(bounded, long)``: how often to try, or what, by --long-faults."""
    return lambda bounded, long: long if request.config.getoption("--long-faults") else bounded


@pytest.fixture
def tried(request) -> Callable[..., None]:
    """``tried(fault, outcome, times=1)``: note that a fault was done for real and what came of it.

    Called after what must hold was seen to hold. ``fault`` and ``outcome`` are cells of the table in
    docs/reliability.md: equal ones are added up. The group is the test file's ``FAULTS``.
    """
    log = request.config.getoption("--faults-log")
    group = request.module.FAULTS

    def note(fault: str, outcome: str, times: int = 1) -> None:
        if log is not None:
            line = json.dumps({"group": group, "fault": fault, "outcome": outcome, "times": times})
            with open(log, "a", encoding="utf-8") as stream:
                stream.write(line + "\n")

    return note
