"""What a search for flags has found so far: one file, written whole after each step, read by the next run."""

from __future__ import annotations

import os
import re
from pathlib import Path

import msgspec

from pipeline.analyses.tune.search_result import SearchResult
from pipeline.core import paths
from pipeline.core.files import digest_of, write_atomic
from pipeline.core.model import Status
from toolchain.model import Variant

SCHEMA = 3
#: Reasons whose first characters, so many, differ in numbers only are counted as one.
_COMPARED_CHARACTERS = 90


class _Head(msgspec.Struct):
    """What a log of any schema has."""

    schema: int


class Trial(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One point of the space that was tried."""

    params: dict[str, str | int]  # see search_space.Params
    flags: tuple[str, ...]
    link: tuple[str, ...] = ()
    wasm_opt: tuple[str, ...] | None = None
    needs: tuple[str, ...] = ()
    status: Status  # UNAVAILABLE where there is no module
    reason: str | None = None
    module: str | None = None  # its digest; equal ones are measured once, by the first
    rounds: list[float | None] = []  # see racing.py; empty where an earlier trial of this module has them
    build_seconds: float = 0.0  # little where the module existed already
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
    result: SearchResult | None = None  # None while it is under way

    @property
    def variant(self) -> Variant:
        return Variant(self.name, self.flags, self.link, self.wasm_opt, self.needs)


class TrialLog(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A search, identified by the digest of all that its results depend on."""

    schema: int = SCHEMA
    key: str
    digest: str = ""  # of all other fields: an edited log is not used
    spent_s: float = 0.0  # working time of all runs together
    trials: list[Trial] = []
    finals: list[Final] = []

    def rounds_by_module(self) -> dict[str, list[float | None]]:
        """{module: its rounds}, of those that could be measured."""
        return {
            t.module: t.rounds
            for t in self.trials
            if t.module is not None and t.status is Status.OK and t.rounds
        }

    def first_trial(self, module: str) -> Trial:
        """The first trial of a module: the one that measured it."""
        return next(trial for trial in self.trials if trial.module == module)

    def failures(self) -> dict[str, int]:
        """{reason: number of trials}, most frequent first; of reasons that differ in details, one stands."""
        groups: dict[str, list[str]] = {}
        for trial in self.trials:
            if trial.status is not Status.OK:
                reason = f"{trial.status.value}: {trial.reason}"
                groups.setdefault(re.sub(r"\d+", "0", reason)[:_COMPARED_CHARACTERS], []).append(reason)
        return {reasons[0]: len(reasons) for reasons in sorted(groups.values(), key=len, reverse=True)}


def path(name: str, key: str) -> str:
    return f"{paths.search(name, key)}.json"


def load(name: str, key: str) -> TrialLog:
    """The log of a search; a new one where there is none. One that is damaged or outdated is put aside."""
    where = path(name, key)
    try:
        raw = Path(where).read_bytes()
        schema = msgspec.json.decode(raw, type=_Head).schema
        if schema == SCHEMA:
            log = msgspec.json.decode(raw, type=TrialLog)
            if (log.key, log.digest) == (key, _digest(log)):
                return log
        why = f"of schema {schema}" if schema != SCHEMA else "changed after it was written"
    except FileNotFoundError:
        return TrialLog(key=key)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        why = str(error)
    aside = f"{where}.damaged"
    os.replace(where, aside)
    print(f"{where}: {why}; put aside as {aside}, the search starts again", flush=True)
    return TrialLog(key=key)


def save(name: str, log: TrialLog) -> None:
    """Write it whole or not at all."""
    # As it will be read: a whole number given as seconds has a different text then.
    log.digest = _digest(msgspec.json.decode(msgspec.json.encode(log), type=TrialLog))
    raw = msgspec.json.format(msgspec.json.encode(log), indent=1)
    write_atomic(path(name, log.key), raw + b"\n")


def _digest(log: TrialLog) -> str:
    return digest_of(msgspec.to_builtins(msgspec.structs.replace(log, digest="")))
