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

SCHEMA = 4
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
    #: Digest of its artifacts of all workloads, and of their machine code where all engines tell it. Trials
    #: of one module, or of one code where speed is wanted, are measured once, by the first.
    module: str | None = None
    code: str | None = None
    #: Mean over workloads of log(instructions of wasm that an iteration executes), and what that lets expect,
    #: as objective.py has it, of a trial that was not measured because it cannot be the best.
    count: float | None = None
    expected: float | None = None
    bytes: dict[str, int] = {}  # {workload: size of its module}
    #: {"workload/backend": a number for each round}, empty where an earlier trial of this module has them:
    #: mean log ratios to native (None: disturbed), and compile times in s.
    rounds: dict[str, list[float | None]] = {}
    compile_seconds: dict[str, list[float | None]] = {}
    build_seconds: float = 0.0  # little where the module existed already
    seconds: float  # that it took, this included

    @property
    def variant(self) -> Variant:
        return Variant("", self.flags, self.link, self.wasm_opt, self.needs)

    @property
    def number_of_rounds(self) -> int:
        """Of each workload under each backend."""
        return max(map(len, self.rounds.values()), default=0)


class Words(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A variant without its name."""

    flags: tuple[str, ...]
    link: tuple[str, ...] = ()
    wasm_opt: tuple[str, ...] | None = None
    needs: tuple[str, ...] = ()

    @classmethod
    def of(cls, variant: Variant) -> Words:
        return cls(flags=variant.flags, link=variant.link, wasm_opt=variant.wasm_opt, needs=variant.needs)

    def named(self, name: str) -> Variant:
        return Variant(name, self.flags, self.link, self.wasm_opt, self.needs)


class Final(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One re-measurement of a winner, for the budget of which the search ended."""

    budget_s: float
    name: str  # of the winner, as an ordinary variant
    flags: tuple[str, ...]
    link: tuple[str, ...] = ()
    wasm_opt: tuple[str, ...] | None = None
    needs: tuple[str, ...] = ()
    fastest: Words | None = None  # where the smallest may be so much slower than it
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

    def measured(self) -> dict[str, Trial]:
        """{module: the trial that measured it}, of those that could be measured."""
        return {
            t.module: t for t in self.trials if t.module is not None and t.status is Status.OK and t.rounds
        }

    def measured_as(self, trial: Trial) -> Trial:
        """The trial that was measured in place of one that has the same module or code; or that itself."""
        for other in self.trials:
            same = other.module == trial.module or (other.code is not None and other.code == trial.code)
            if same and other.module is not None and (other.rounds or other.expected is not None):
                return other
        return trial

    def first_trial(self, module: str) -> Trial:
        """The first trial of a module: the one that measured it."""
        return next(trial for trial in self.trials if trial.module == module)

    def failures(self) -> dict[str, int]:
        """{reason: number of trials}, most frequent first; of reasons that differ in details, one stands."""
        groups: dict[str, list[str]] = {}
        for trial in self.trials:
            if trial.status is not Status.OK:
                groups.setdefault(failure_kind(trial), []).append(f"{trial.status.value}: {trial.reason}")
        return {reasons[0]: len(reasons) for reasons in sorted(groups.values(), key=len, reverse=True)}


def failure_kind(trial: Trial) -> str:
    """How a trial failed, the same text for all that failed in the same way."""
    return re.sub(r"\d+", "0", f"{trial.status.value}: {trial.reason}")[:_COMPARED_CHARACTERS]


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
