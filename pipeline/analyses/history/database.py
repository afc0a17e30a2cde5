"""Finished runs in one SQLite file: one transaction a run, so that a run is in it whole or not at all.

With a rollback journal, not WAL: what is committed is in one file that can be copied; after a SIGKILL, a
power failure or a full disk the next one who opens it rolls back; and hosts may share the folder, which WAL's
shared memory rules out.
"""

from __future__ import annotations

import contextlib
import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from pipeline.analyses.history.run_record import Cell, Run
from pipeline.core.errors import BadInput, ProjectError
from pipeline.core.files import digest_of

if TYPE_CHECKING:
    import sqlite3

#: Marks the file as ours (pragma application_id): "cmwh".
_APPLICATION = 0x636D7768
#: How long another process's transaction is waited for, s.
_PATIENCE = 30.0
#: Step i brings a file from version i (pragma user_version) to i + 1. Only ever appended to.
_MIGRATIONS: list[tuple[str, ...]] = [
    (
        "create table hosts (fingerprint text primary key, description text not null) without rowid",
        """create table runs (
            id integer primary key, digest text not null unique, created text not null,
            host text not null references hosts, protocol text not null, coremark text not null,
            toolchains text not null, reference text not null)""",
        """create table identities (
            digest text primary key, version text, identity text not null) without rowid""",
        """create table cells (
            run integer not null references runs, place integer not null,
            toolchain text not null, variant text not null, backend text not null,
            status text not null, reason text, native integer not null, artifact text,
            identity text not null references identities, score real, ratio real, ratio_low real,
            ratio_high real, log_error real, freedom real, disturbed integer, rounds integer,
            compile_seconds real, code_bytes integer, wasm_bytes integer, peak_rss_bytes integer,
            primary key (run, toolchain, variant, backend)) without rowid""",
        "create index runs_of_host on runs (host, id)",
        "create index cells_of_what on cells (artifact, identity)",
    ),
    # Tables are made anew and copied: SQLite changes no primary key, and drops columns only since 3.35.
    (
        """create table new_runs (
            id integer primary key, digest text not null unique, created text not null,
            host text not null references hosts, protocol text not null, workloads text not null,
            toolchains text not null)""",
        """insert into new_runs select id, digest, created, host, protocol, json_array(json_object(
            'name', 'coremark', 'unit', 'iterations/s', 'revision', json_extract(coremark, '$.commit'),
            'sources_sha256', null, 'reference', json(reference))), toolchains from runs""",
        """create table new_cells (
            run integer not null references new_runs, place integer not null, workload text not null,
            toolchain text not null, variant text not null, backend text not null,
            status text not null, reason text, native integer not null, artifact text,
            identity text not null references identities, score real, ratio real, ratio_low real,
            ratio_high real, log_error real, freedom real, disturbed integer, rounds integer,
            compile_seconds real, code_bytes integer, wasm_bytes integer, peak_rss_bytes integer,
            primary key (run, workload, toolchain, variant, backend)) without rowid""",
        """insert into new_cells select run, place, 'coremark', toolchain, variant, backend, status, reason,
            native, artifact, identity, score, ratio, ratio_low, ratio_high, log_error, freedom, disturbed,
            rounds, compile_seconds, code_bytes, wasm_bytes, peak_rss_bytes from cells""",
        "drop table cells",
        "drop table runs",
        "alter table new_runs rename to runs",
        "alter table new_cells rename to cells",
        "create index runs_of_host on runs (host, id)",
        "create index cells_of_what on cells (artifact, identity)",
    ),
]
#: Keys of a cell that are columns as they are.
_COLUMNS = tuple(
    key for key in Cell.__struct_fields__ if key not in ("wasm_sha256", "native_sha256", "identity")
)
#: Keys of a run that are columns of JSON.
_PARTS = ("protocol", "workloads", "toolchains")
#: Signs of a damaged file in SQLite's messages; busy, read-only or full is not damaged.
_DAMAGE = ("not a database", "malformed", "Could not decode", "no such table", "no such column")
_CURES = {
    "full": "make room, then type: doit run",
    "locked": "another process is writing to it; type it again",
    "readonly": "make it and its folder writable",
    "unable to open": "make it and its folder readable and writable",
}


@dataclass(frozen=True)
class Entry:
    """A remembered run; ``id`` counts from 1 in the order of recording."""

    id: int
    digest: str
    run: Run


def add(path: str, run: Run) -> int:
    """Remember a run; returns its number, of one that is remembered already the one it has."""
    digest = run.digest
    content = msgspec.to_builtins(run)
    with _opened(path) as connection, _transaction(connection):
        known = connection.execute("select id from runs where digest = ?", (digest,)).fetchone()
        if known is not None:
            return int(known[0])
        connection.execute(
            "insert into hosts values (?, ?) on conflict (fingerprint) do update set description = "
            "excluded.description",
            (run.host.fingerprint, json.dumps(content["host"])),
        )
        parts = (json.dumps(content[key]) for key in _PARTS)
        number = connection.execute(
            f"insert into runs (digest, created, host, {', '.join(_PARTS)}) values (?, ?, ?, ?, ?, ?)",
            (digest, run.created, run.host.fingerprint, *parts),
        ).lastrowid
        assert number is not None
        for place, cell in enumerate(content["cells"]):
            _add_cell(connection, number, place, cell)
        return number


def _add_cell(connection: sqlite3.Connection, run: int, place: int, cell: dict[str, Any]) -> None:
    identity = digest_of(cell["identity"])
    connection.execute(
        "insert or ignore into identities values (?, ?, ?)",
        (identity, cell["identity"].get("version"), json.dumps(cell["identity"])),
    )
    native = cell["native_sha256"] is not None
    values = {
        "run": run,
        "place": place,
        "native": native,
        "artifact": cell["native_sha256"] if native else cell["wasm_sha256"],
        "identity": identity,
        **{key: cell[key] for key in _COLUMNS},
    }
    marks = ", ".join("?" * len(values))
    connection.execute(f"insert into cells ({', '.join(values)}) values ({marks})", tuple(values.values()))


def read(path: str) -> list[Entry]:
    """Every run, oldest first (as they were remembered); none where there is no file."""
    if not Path(path).exists():
        return []
    with _opened(path) as connection:
        connection.execute("begin")
        cells: dict[int, list[dict[str, Any]]] = {}
        for row in connection.execute(
            "select cells.*, identities.identity as identity_json from cells "
            "join identities on identities.digest = cells.identity order by run, place"
        ):
            cells.setdefault(row["run"], []).append(_cell(row))
        rows = connection.execute(
            "select runs.*, hosts.description from runs join hosts on hosts.fingerprint = runs.host "
            "order by id"
        ).fetchall()
        return [_entry(row, cells.get(row["id"], [])) for row in rows]


def _cell(row: sqlite3.Row) -> dict[str, Any]:
    found = {key: row[key] for key in _COLUMNS}
    found["disturbed"] = None if row["disturbed"] is None else bool(row["disturbed"])
    found["native_sha256" if row["native"] else "wasm_sha256"] = row["artifact"]
    return {**found, "identity": json.loads(row["identity_json"])}


def _entry(row: sqlite3.Row, cells: list[dict[str, Any]]) -> Entry:
    parts = {key: json.loads(row[key]) for key in _PARTS}
    host = json.loads(row["description"])
    content = {"schema": 2, "created": row["created"], "host": host, **parts, "cells": cells}
    return Entry(row["id"], row["digest"], msgspec.convert(content, Run))


@contextlib.contextmanager
def _opened(path: str) -> Iterator[sqlite3.Connection]:
    """The file, checked and brought to today's version; raises ProjectError with one line."""
    import sqlite3

    quoted = shlex.quote(path)
    damaged = f"it is damaged; to start a new one and keep this: mv {quoted} {shlex.quote(f'{path}.damaged')}"
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)) as connection:
            connection.row_factory = sqlite3.Row
            connection.execute("pragma synchronous = extra")
            connection.execute("pragma foreign_keys = on")
            _migrate(connection, path)
            if connection.execute("pragma quick_check(1)").fetchone()[0] != "ok":
                raise ProjectError(f"{path}: {damaged}")
            yield connection
    except sqlite3.Error as error:
        said = str(error)
        if any(sign in said for sign in _DAMAGE):
            raise ProjectError(f"{path}: {said}: {damaged}") from None
        cure = next((cure for sign, cure in _CURES.items() if sign in said), "then type: doit run")
        raise ProjectError(f"{path}: {said}; {cure}") from None
    except OSError as error:
        raise ProjectError(f"{path}: {error.strerror}; expected a folder that can be written to") from None
    except ValueError:  # JSON in it is none, or not what was written
        raise ProjectError(f"{path}: {damaged}") from None


def _migrate(connection: sqlite3.Connection, path: str) -> None:
    """Bring an older file, or an empty one, to today's version in one transaction."""
    # In one transaction: between two looks another process may make it.
    with _transaction(connection, kind="deferred"):
        version = _version(connection, path)
    if version == len(_MIGRATIONS):
        return
    with _transaction(connection):
        # Asked again: another process may have done it meanwhile.
        for step in _MIGRATIONS[_version(connection, path) :]:
            for statement in step:
                connection.execute(statement)
        connection.execute(f"pragma application_id = {_APPLICATION}")
        connection.execute(f"pragma user_version = {len(_MIGRATIONS)}")


def _version(connection: sqlite3.Connection, path: str) -> int:
    """The file's version, 0 if it is empty; raises BadInput if it is no history or one of a later version."""
    application = connection.execute("pragma application_id").fetchone()[0]
    if application != _APPLICATION and connection.execute("select 1 from sqlite_master").fetchone():
        raise BadInput(
            f"{path}: a database of another program; expected this project's history; move it away"
        )
    version = int(connection.execute("pragma user_version").fetchone()[0])
    if version > len(_MIGRATIONS):
        raise BadInput(
            f"{path}: of a newer version of this project (history version {version}, known up to "
            f"{len(_MIGRATIONS)}); bring this checkout up to date with: git pull"
        )
    return version


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection, kind: str = "immediate") -> Iterator[None]:
    """All or nothing; takes the writer's lock at once, so that what was read stays true.

    "deferred" only reads, of one state of the file.
    """
    connection.execute(f"begin {kind}")
    try:
        yield
        connection.execute("commit")
    except BaseException:
        if connection.in_transaction:  # a full disk has ended it already
            connection.execute("rollback")
        raise
