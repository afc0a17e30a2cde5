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
from collections.abc import Iterator
from typing import Any

from doit.dependency import DatabaseException, SqliteDB

from pipeline.core import paths

#: The key that doit writes last when it saves a task's success (Dependency.save_success).
_LAST_KEY = "deps:"
#: The key of what its checks saved (Dependency.get_values).
_VALUES = "_values_:"
#: Of SQLite's files, bytes: what is shorter is an empty one to it.
_SMALLEST = 512
_AFRESH = "results are adopted by their own digests, the rest is made again"


class _Damaged(Exception):
    """The file is no database of ours."""


class JournalDB(SqliteDB):  # type: ignore[misc]
    """A doit backend on SQLite with one transaction a task."""

    #: The one that this process has open: reporters are not given it.
    current: JournalDB | None = None
    _warned = False
    _entries: dict[str, str] | None = None  # as they are on the disk, those that nobody has asked for yet
    _dirty: set[str]  # the base class's: tasks whose values are not on the disk yet

    def __init__(self, name: str, codec: Any, *, module_name: str | None = None) -> None:
        try:
            absent = not os.path.exists(name) or os.path.getsize(name) < _SMALLEST
            if absent and os.path.isdir(paths.ARTIFACTS):
                print(f"{name}: doit's memory is gone; {_AFRESH}", file=sys.stderr)
            try:
                self._open(name, codec)
            except _Damaged:
                for suffix in ("", "-wal", "-shm"):
                    with contextlib.suppress(FileNotFoundError):
                        os.replace(f"{name}{suffix}", f"{name}.damaged{suffix}")
                print(f"{name} was damaged: put aside as {name}.damaged; {_AFRESH}", file=sys.stderr)
                self._open(name, codec)
        except (sqlite3.Error, DatabaseException, OSError) as error:
            # doit says in two lines more to delete the file.
            said = str(error).rpartition("Original error: ")[2]
            # "disk I/O error" is what SQLite says where there is no room for its index of the log.
            full = any(sign in said for sign in ("full", "disk I/O error"))
            cure = "is the disk full? make room" if full else "expected a file to write to"
            print(f"error: {name}: {said}; {cure}", file=sys.stderr)
            raise SystemExit(1) from None
        JournalDB.current = self

    def _open(self, name: str, codec: Any) -> None:
        try:
            super().__init__(name, codec)
            # A crash of the machine may cost the last tasks, never the file.
            self._conn.execute("pragma journal_mode = wal")
            self._conn.execute("pragma synchronous = normal")
            self._conn.execute("select count(task_data) from doit").fetchone()
            if self._conn.execute("pragma quick_check(1)").fetchone() != {"quick_check": "ok"}:
                raise DatabaseException("malformed")
        except (DatabaseException, sqlite3.DatabaseError) as error:
            # Locked, read-only or full is not damaged.
            if any(sign in str(error) for sign in ("not a database", "malformed", "no such column")):
                with contextlib.suppress(AttributeError, sqlite3.Error):
                    self._conn.close()
                raise _Damaged from None
            raise

    def get(self, task_id: str, dependency: str) -> Any:
        """As in the base class; an entry that cannot be read is one that is not there."""
        try:
            return super().get(task_id, dependency)
        except (ValueError, sqlite3.DatabaseError):
            self._cache[task_id] = {}
            return None

    def _get_task_data(self, task_id: str) -> Any:
        """The task's entry, of all that are read at once: a query for each takes a third of a no-op run."""
        if self._entries is None:
            query = "select task_id, cast(task_data as text) as entry from doit"
            try:
                self._entries = {row["task_id"]: row["entry"] for row in self._conn.execute(query)}
            except sqlite3.DatabaseError:  # some of it may be readable
                return super()._get_task_data(task_id)
        entry = self._entries.pop(task_id, None)
        found = {} if entry is None else self.codec.decode(entry)
        sound = isinstance(found, dict) and isinstance(found.get(_VALUES, {}), dict)
        return found if sound else {}

    def set(self, task_id: str, dependency: str, value: Any) -> None:
        """Remember a value; with the last one of a task, commit the task."""
        super().set(task_id, dependency, value)
        if dependency == _LAST_KEY:
            with self._trouble_is_no_end():
                self._flush()

    def remove(self, task_id: str) -> None:
        """Forget a task, also on the disk."""
        if self._entries is not None:
            self._entries.pop(task_id, None)
        with self._trouble_is_no_end():
            super().remove(task_id)
            self._conn.commit()

    def dump(self) -> None:
        """Write what is not written yet, and close."""
        with self._trouble_is_no_end():
            super().dump()

    def _flush(self) -> None:
        for task_id in self._dirty:
            self._conn.execute(
                "insert or replace into doit values (?,?)",
                (task_id, self.codec.encode(self._cache[task_id])),
            )
        self._conn.commit()
        self._dirty = set()

    @contextlib.contextmanager
    def _trouble_is_no_end(self) -> Iterator[None]:
        """A disk that is full costs doit's memory of a task, not the run: results carry their own digests."""
        try:
            yield
        except sqlite3.Error as error:
            if not self._warned:
                print(f"warning: {self.name}: {error}; what is done may be done again", file=sys.stderr)
            self._warned = True
