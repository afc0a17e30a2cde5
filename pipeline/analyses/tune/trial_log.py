"""What a search for flags has found so far: one file, written whole after each step, read by the next run."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import msgspec

from pipeline.core import paths
from pipeline.core.files import digest_of, write_atomic
from pipeline.core.model import Status
from toolchain.model import Variant

SCHEMA = 2
#: Reasons that start with so many equal characters, but for numbers, are one.
_ALIKE = 90


class Trial(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One point of the space that was tried."""

    params: dict[str, str | int]  # see space.Params
    flags: tuple[str, ...]
    link: tuple[str, ...] = ()
    wasm_opt: tuple[str, ...] | None = None
    needs: tuple[str, ...] = ()
    status: Status  # UNAVAILABLE where there is no module
    reason: str | None = None
    module: str | None = None  # its digest; equal ones are measured once, by the first
    rounds: list[float | None] = []  # see race.py; empty where another trial has them
    build_seconds: float = 0.0  # little where the module was there
    seconds: float  # that it took, this included

    @property
    def variant(self) -> Variant:
        return Variant("", self.flags, self.link, self.wasm_opt, self.needs)


class Final(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One re-measurement of a winner, for the budget of which the search ended."""

    budget_s: float
    name: str  # of the winner, as an ordinary variant
    flags: tuple[str, ...]
    link: tuple[str, ...] = ()
    wasm_opt: tuple[str, ...] | None = None
    needs: tuple[str, ...] = ()
    rounds: int  # that it takes, of each variant and backend
    result: dict[str, Any] | None = None  # see tuned.py; None while it is under way

    @property
    def variant(self) -> Variant:
        return Variant(self.name, self.flags, self.link, self.wasm_opt, self.needs)


class Journal(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A search, identified by the digest of all that its results depend on."""

    schema: int = SCHEMA
    key: str
    digest: str = ""  # of all other fields: an edited journal is no journal
    spent_s: float = 0.0  # working time of all runs together
    trials: list[Trial] = []
    finals: list[Final] = []

    def measured(self) -> dict[str, list[float | None]]:
        """{module: its rounds}, of those that could be measured."""
        return {
            t.module: t.rounds
            for t in self.trials
            if t.module is not None and t.status is Status.OK and t.rounds
        }

    def of(self, module: str) -> Trial:
        """The first trial of a module: what others found of it is this one's."""
        return next(trial for trial in self.trials if trial.module == module)

    def failures(self) -> dict[str, int]:
        """{reason: number of trials}, most frequent first; of reasons that differ in details, one stands."""
        alike: dict[str, list[str]] = {}
        for trial in self.trials:
            if trial.status is not Status.OK:
                reason = f"{trial.status.value}: {trial.reason}"
                alike.setdefault(re.sub(r"\d+", "0", reason)[:_ALIKE], []).append(reason)
        return {found[0]: len(found) for found in sorted(alike.values(), key=len, reverse=True)}


def path(name: str, key: str) -> str:
    return f"{paths.search(name, key)}.json"


def load(name: str, key: str) -> Journal:
    """The journal of a search; a new one where there is none. One that cannot be believed is put aside."""
    where = path(name, key)
    try:
        found = msgspec.json.decode(Path(where).read_bytes(), type=Journal)
        if (found.schema, found.key, found.digest) == (SCHEMA, key, _digest(found)):
            return found
        why = f"of schema {found.schema}" if found.schema != SCHEMA else "changed after it was written"
    except FileNotFoundError:
        return Journal(key=key)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        why = str(error)
    aside = f"{where}.damaged"
    os.replace(where, aside)
    print(f"{where}: {why}; put aside as {aside}, the search begins anew", flush=True)
    return Journal(key=key)


def save(name: str, journal: Journal) -> None:
    """Write it whole or not at all."""
    # As it will be read: a whole number given as seconds is another text then.
    journal.digest = _digest(msgspec.json.decode(msgspec.json.encode(journal), type=Journal))
    raw = msgspec.json.format(msgspec.json.encode(journal), indent=1)
    write_atomic(path(name, journal.key), raw + b"\n")


def _digest(journal: Journal) -> str:
    return digest_of(msgspec.to_builtins(msgspec.structs.replace(journal, digest="")))
