"""What doit 0.37 has no public interface for. Nothing else of ours uses its private parts; the database's are
in ``doit_db``, which builds on the names below.

tests/unit/test_doit_internals.py names each: a different version of doit fails there and not in a run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from doit import doit_cmd

#: The database's key of what the checks of a task saved (Dependency.get_values).
VALUES_KEY = "_values_:"
#: The database's key that is written last when a task's success is saved (Dependency.save_success).
LAST_KEY = "deps:"


def variables() -> dict[str, str]:
    """The name=value of the command line; ``doit.get_var`` gives one whose name is known, and no list."""
    return dict(doit_cmd._CMDLINE_VARS or {})


def options_given(params: Any) -> set[str]:
    """The names of options that were given on the command line or by environment variables."""
    return set(params._non_default_keys)


def save_with(task: Any, values: Callable[[], Mapping[str, Any]]) -> None:
    """Have an ``uptodate`` check's values saved when the task has succeeded."""
    task.value_savers.append(values)
