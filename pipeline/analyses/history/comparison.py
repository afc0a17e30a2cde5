"""Two runs beside each other: which cells changed, what is to be kept in mind, and what is a regression."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.analyses.history.changes import Change, judge, pair
from pipeline.analyses.history.run_record import Host, Run, Workload
from pipeline.core.errors import BadInput, near_miss
from pipeline.core.model import Status
from pipeline.core.text import plain
from pipeline.stats.verdicts import SLOWER

ANY_HOST = "any"
#: Keys of a protocol that decide how many rounds there are and in which order, not what a sample is.
_NO_SETTINGS = ("name", "rounds", "half_width_percent", "budget_s", "seed", "confidence")
_NO_REGRESSION = (Status.OK, Status.UNAVAILABLE)


@dataclass(frozen=True)
class Side:
    """A run and how the user would call it."""

    name: str  # "run 4" or a path
    run: Run


@dataclass(frozen=True)
class Comparison:
    """What became of the old run's cells in the new one."""

    old: Side
    new: Side
    threshold: float  # per cent
    changes: tuple[Change, ...]  # of cells in both
    notes: tuple[str, ...]  # what a reader must keep in mind

    @property
    def only_old(self) -> list[str]:
        """Names of cells that the new run does not have."""
        here = {change.pair.name for change in self.changes}
        return [cell.name for cell in self.old.run.cells if cell.name not in here]

    @property
    def only_new(self) -> list[str]:
        """Names of cells that the old run does not have."""
        here = {change.pair.name for change in self.changes}
        return [cell.name for cell in self.new.run.cells if cell.name not in here]

    @property
    def regressions(self) -> list[Change]:
        """Cells that went wrong, or whose verdict is slower, by an estimate of more than the threshold."""
        return [change for change in self.changes if self.regressed(change)]

    def regressed(self, change: Change) -> bool:
        """Whether this cell is a regression. A runtime that is not here any more is none."""
        if change.pair.old.ok and change.pair.new.status not in _NO_REGRESSION:
            return True
        if change.verdict is None or change.word != SLOWER:
            return False
        return change.verdict.difference.value < 1 - self.threshold / 100


def compare_runs(old: Side, new: Side, hosts: str | None, threshold: float) -> Comparison:
    """Judge all cells that are in both runs as one family (see verdicts.py).

    Raises BadInput for runs of two machines unless ``hosts`` is "any", and where no cell is in both.
    """
    if hosts not in (None, ANY_HOST):
        raise BadInput(f"command line: hosts: unknown value {hosts!r}{near_miss(str(hosts), [ANY_HOST])}")
    if not 0 <= threshold < 100:
        raise BadInput(
            f"command line: threshold: expected per cent from 0 to less than 100, found {threshold:g}"
        )
    one, other = old.run.host, new.run.host
    if one.fingerprint != other.fingerprint and hosts is None:
        raise BadInput(
            f"{old.name} is of another machine, {host_words(one)}, than {new.name}, {host_words(other)}; "
            "their scores do not compare; to compare their ratios to native all the same, add: hosts=any"
        )
    pairs = pair(old.run, new.run)
    if not pairs:
        raise BadInput(f"{old.name} and {new.name} have no cell in common; expected runs of the same cells")
    names = list(dict.fromkeys(p.new.workload for p in pairs))
    return Comparison(old, new, threshold, tuple(judge(pairs)), tuple(_notes(old.run, new.run, names)))


def host_words(host: Host) -> str:
    """A machine by its CPU, and by what else tells it from another of that CPU."""
    kind = f" ({plain(host.microarchitecture)})" if host.microarchitecture else ""
    cores = f"{host.cores} cores, " if host.cores is not None else ""
    return f"{plain(host.cpu)}{kind}, {cores}{plain(host.kernel)} [{host.fingerprint[:8]}]"


def _notes(old: Run, new: Run, workloads: list[str]) -> list[str]:
    """What is to be said of two runs and of the ``workloads`` that have cells in both."""
    found = []
    both = [(old.workload(name), new.workload(name)) for name in workloads]
    others = ", ".join(plain(a.name) for a, b in both if a.reference.sha256 != b.reference.sha256)
    if old.host.fingerprint != new.host.fingerprint:
        found.append(
            "Two machines (hosts=any): only ratios to native are compared, on each machine to its own "
            f"reference{f', not even the same executable of {others}' if others else ''}."
        )
    elif others:
        found.append(
            f"The native reference of {others} is another executable, so ratios are to different "
            "programs: scores are compared. How fast the machine was in either run is part of each "
            "difference and not of its ±."
        )
    settings = [
        f"{plain(name)} {_shown(old, name)} -> {_shown(new, name)}"
        for name in dict.fromkeys([*old.protocol, *new.protocol])
        if name not in _NO_SETTINGS and old.protocol.get(name) != new.protocol.get(name)
    ]
    if settings:
        found.append(f"Warning: they were measured with different settings: {', '.join(settings)}.")
    for before, after in both:
        if change := _sources_change(before, after):
            found.append(f"Warning: sources of {plain(after.name)} are of different revisions: {change}.")
    return found


def _sources_change(old: Workload, new: Workload) -> str:
    """ "0c91314d -> d5fad6bd": revisions, or digests where those do not tell; "" for the same sources."""
    pairs = [(old.revision, new.revision), (old.sources_sha256, new.sources_sha256)]
    known = [(one, other) for one, other in pairs if one is not None and other is not None]
    told = next(((one, other) for one, other in known if one != other), None)
    return "" if told is None else " -> ".join(plain(each, 12) for each in told)


def _shown(run: Run, name: str) -> str:
    value = run.protocol.get(name)
    return "none" if value is None else plain(str(value), 40)
