"""doit's memory, written down after every task instead of once at the end.

doit's own backends flush when the run ends, so that a SIGKILL forgets every finished compile. This
one commits each task as it is done, and starts afresh where the file is damaged: what lies on the
disk is adopted by its own digests or made again.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import sys
from typing import Any

from doit.dependency import DatabaseException, SqliteDB

#: The key that doit writes last when it saves a task's success (Dependency.save_success).
_LAST_KEY = "deps:"


class JournalDB(SqliteDB):  # type: ignore[misc]
    """A doit backend on SQLite with one transaction a task."""

    _dirty: set[str]  # the base class's: tasks whose values are not on the disk yet

    def __init__(self, name: str, codec: Any, *, module_name: str | None = None) -> None:
        try:
            super().__init__(name, codec, module_name=module_name)
            self._conn.execute("select count(task_data) from doit").fetchone()
        except (DatabaseException, sqlite3.DatabaseError, ValueError):
            with contextlib.suppress(AttributeError, sqlite3.Error):
                self._conn.close()
            os.replace(name, f"{name}.damaged")
            print(f"{name} was damaged: put aside as {name}.damaged", file=sys.stderr)
            super().__init__(name, codec, module_name=module_name)
        # A crash of the machine may cost the last tasks, never the file.
        self._conn.execute("pragma journal_mode = wal")
        self._conn.execute("pragma synchronous = normal")

    def get(self, task_id: str, dependency: str) -> Any:
        """As in the base class; an entry that cannot be read is one that is not there."""
        try:
            return super().get(task_id, dependency)
        except (ValueError, sqlite3.DatabaseError):
            self._cache[task_id] = {}
            return None

    def set(self, task_id: str, dependency: str, value: Any) -> None:
        """Remember a value; with the last one of a task, commit the task."""
        super().set(task_id, dependency, value)
        if dependency == _LAST_KEY:
            self._flush()

    def remove(self, task_id: str) -> None:
        """Forget a task, also on the disk."""
        super().remove(task_id)
        self._conn.commit()

    def _flush(self) -> None:
        for task_id in self._dirty:
            self._conn.execute(
                "insert or replace into doit values (?,?)",
                (task_id, self.codec.encode(self._cache[task_id])),
            )
        self._conn.commit()
        self._dirty = set()
