"""doit's database, written after every task instead of once at the end.

doit's own backends write when the run ends, so that a SIGKILL forgets every finished compile. This one
commits each task as it is done, and starts empty where the file is damaged: results are adopted by their
own digests or made again. The file is opened when it is first used: ``doit list`` does without it.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from doit.dependency import DatabaseException, SqliteDB

from pipeline.core import paths
from pipeline.tasks import invocation
from pipeline.tasks.doit_internals import LAST_KEY, VALUES_KEY

if TYPE_CHECKING:
    import sqlite3

#: Bytes: SQLite takes a shorter file for an empty one.
_SMALLEST = 512
_WHAT_FOLLOWS = "results are adopted by their own digests, the rest is made again"


def _sqlite_error() -> type[sqlite3.Error]:
    """Imported late: where everything is up to date SQLite is not needed."""
    import sqlite3

    return sqlite3.Error


class _Damaged(Exception):
    """The file is not a database of this project."""


class JournalDB(SqliteDB):  # type: ignore[misc]
    """A doit backend on SQLite with one transaction a task."""

    _warned = False
    #: What is on the disk and was not read yet: {task: JSON}.
    _entries: dict[str, str] | None = None
    _cache: dict[str, dict[str, Any]]
    #: Tasks whose values are not on the disk yet.
    _dirty: set[str]

    def __init__(self, name: str, codec: Any, *, module_name: str | None = None) -> None:
        # Without the base class's, which opens the file.
        self.name = name
        self.codec = codec
        self._cache = {}
        self._dirty = set()

    @functools.cached_property
    def _conn(self) -> sqlite3.Connection:
        """The base class's name for the open database."""
        absent = not os.path.exists(self.name) or os.path.getsize(self.name) < _SMALLEST
        if absent and invocation.only_reads():
            return self._open(":memory:")
        try:
            if absent and os.path.isdir(paths.ARTIFACTS):
                print(f"{self.name}: doit's memory is gone; {_WHAT_FOLLOWS}", file=sys.stderr)
            try:
                return self._open(self.name)
            except _Damaged:
                for suffix in ("", "-wal", "-shm"):
                    with contextlib.suppress(FileNotFoundError):
                        os.replace(f"{self.name}{suffix}", f"{self.name}.damaged{suffix}")
                print(
                    f"{self.name} was damaged: kept as {self.name}.damaged; {_WHAT_FOLLOWS}", file=sys.stderr
                )
                return self._open(self.name)
        except (_sqlite_error(), DatabaseException, OSError) as error:
            # doit would advise to delete the file.
            message = str(error).rpartition("Original error: ")[2]
            # SQLite reports "disk I/O error" where there is no room for the index of its log.
            full = any(sign in message for sign in ("full", "disk I/O error"))
            remedy = "is the disk full? make room" if full else "expected a file that can be written"
            print(f"error: {self.name}: {message}; {remedy}", file=sys.stderr)
            raise SystemExit(1) from None

    def _open(self, name: str) -> sqlite3.Connection:
        """The database, checked; raises _Damaged, and other errors of SQLite where it is locked or full."""
        connection: sqlite3.Connection | None = None
        try:
            connection = self._sqlite3(name)
            # A crash of the machine may cost the last tasks, never the file.
            connection.execute("pragma journal_mode = wal")
            connection.execute("pragma synchronous = normal")
            connection.execute("select count(task_data) from doit").fetchone()
            if connection.execute("pragma quick_check(1)").fetchone() != {"quick_check": "ok"}:
                raise DatabaseException("malformed")
        except (DatabaseException, _sqlite_error()) as error:
            # Locked, read-only or full is not damaged.
            if any(sign in str(error) for sign in ("not a database", "malformed", "no such column")):
                with contextlib.suppress(AttributeError, _sqlite_error()):
                    connection.close()  # type: ignore[union-attr]
                raise _Damaged from None
            raise
        return connection

    def get(self, task_id: str, dependency: str) -> Any:
        """As in the base class; an entry that cannot be read counts as missing."""
        try:
            return super().get(task_id, dependency)
        except (ValueError, _sqlite_error()):
            self._cache[task_id] = {}
            return None

    def values(self, task_id: str) -> dict[str, Any]:
        """What the checks of a task saved when it last succeeded."""
        return self.get(task_id, VALUES_KEY) or {}

    def _get_task_data(self, task_id: str) -> Any:
        """The task's entry, from one query for all tasks: one for each takes a third of a no-op run."""
        if self._entries is None:
            query = "select task_id, cast(task_data as text) as entry from doit"
            try:
                self._entries = {row["task_id"]: row["entry"] for row in self._conn.execute(query)}
            except _sqlite_error():  # some of it may be readable
                return super()._get_task_data(task_id)
        entry = self._entries.pop(task_id, None)
        data = {} if entry is None else self.codec.decode(entry)
        sound = isinstance(data, dict) and isinstance(data.get(VALUES_KEY, {}), dict)
        return data if sound else {}

    def set(self, task_id: str, dependency: str, value: Any) -> None:
        """Remember a value; with the last one of a task, commit the task."""
        super().set(task_id, dependency, value)
        if dependency == LAST_KEY:
            with self._errors_end_no_run():
                self._flush()

    def remove(self, task_id: str) -> None:
        """Forget a task, also on the disk."""
        if self._entries is not None:
            self._entries.pop(task_id, None)
        with self._errors_end_no_run():
            super().remove(task_id)
            self._conn.commit()

    def dump(self) -> None:
        """Write what is not written yet, and close."""
        if self._dirty or "_conn" in self.__dict__:
            with self._errors_end_no_run():
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
    def _errors_end_no_run(self) -> Iterator[None]:
        """A full disk costs doit's memory of a task, not the run: results carry their own digests."""
        try:
            yield
        except _sqlite_error() as error:
            if not self._warned:
                print(f"warning: {self.name}: {error}; what is done may be done again", file=sys.stderr)
            self._warned = True
