"""The comparison of two runs: which cells changed, what a reader must keep in mind, what is a regression."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import structs

from pipeline.analyses.history.cell_changes import Change, compare, pair
from pipeline.core.errors import BadInput, near_miss
from pipeline.core.model import Status
from pipeline.core.text import for_terminal
from pipeline.results.model import HostRecord, Results, WorkloadResult
from pipeline.stats.verdicts import SLOWER

ANY_HOST = "any"
#: Keys of a protocol that decide how many rounds there are and their order, not what a sample is.
_NO_SETTINGS = ("name", "rounds", "half_width_percent", "most_rounds", "budget_s", "seed", "confidence")
_NO_REGRESSION = (Status.OK, Status.UNAVAILABLE)


@dataclass(frozen=True)
class Side:
    """A run and its name for the user."""

    name: str  # "run 4" or a path
    run: Results


@dataclass(frozen=True)
class Comparison:
    """The cells of two runs, compared."""

    old: Side
    new: Side
    threshold: float  # per cent
    changes: tuple[Change, ...]  # of cells in both
    notes: tuple[str, ...]  # what a reader must keep in mind

    @property
    def only_old(self) -> list[str]:
        """Labels of cells that the new run does not have."""
        return self._not_compared(self.old.run)

    @property
    def only_new(self) -> list[str]:
        """Labels of cells that the old run does not have."""
        return self._not_compared(self.new.run)

    def _not_compared(self, run: Results) -> list[str]:
        compared = {change.pair.name for change in self.changes}
        return [cell.label for cell in run.cells if cell.label not in compared]

    @property
    def regressions(self) -> list[Change]:
        """Cells that went wrong, or whose verdict is slower, by an estimate of more than the threshold."""
        return [change for change in self.changes if self.regressed(change)]

    def regressed(self, change: Change) -> bool:
        """Whether this cell is a regression. A runtime that is no longer installed is not one."""
        if change.pair.old.is_ok and change.pair.new.status not in _NO_REGRESSION:
            return True
        if change.verdict is None or change.word != SLOWER:
            return False
        return change.verdict.difference.value < 1 - self.threshold / 100


def compare_runs(old: Side, new: Side, hosts: str | None, threshold: float) -> Comparison:
    """Compare all cells that are in both runs as one family (see verdicts.py).

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
            f"{old.name} was measured on {host_words(one)}, {new.name} on {host_words(other)}; scores of two "
            "machines cannot be compared; to compare the ratios to native nevertheless, add: hosts=any"
        )
    pairs = pair(old.run, new.run)
    if not pairs:
        raise BadInput(f"{old.name} and {new.name} have no cell in common; expected runs of the same cells")
    names = list(dict.fromkeys(p.new.workload for p in pairs))
    return Comparison(old, new, threshold, tuple(compare(pairs)), tuple(_notes(old.run, new.run, names)))


def host_words(host: HostRecord) -> str:
    """A machine by its CPU, and by what distinguishes it from others with that CPU."""
    kind = f" ({for_terminal(host.microarchitecture)})" if host.microarchitecture else ""
    cores = f"{host.cores} cores, " if host.cores is not None else ""
    kernel = for_terminal(host.kernel or "unknown kernel")
    return f"{for_terminal(host.cpu or 'unknown CPU')}{kind}, {cores}{kernel} [{host.fingerprint[:8]}]"


def _notes(old: Results, new: Results, workloads: list[str]) -> list[str]:
    """What a reader must know of two runs and of the ``workloads`` that have cells in both."""
    notes = []
    both = [(old.workload(name), new.workload(name)) for name in workloads]
    others = ", ".join(for_terminal(a.name) for a, b in both if a.reference.sha256 != b.reference.sha256)
    if old.host.fingerprint != new.host.fingerprint:
        notes.append(
            "Two machines (hosts=any): only ratios to native are compared, on each machine to its own "
            f"reference{f', which is a different executable for {others}' if others else ''}."
        )
    elif others:
        notes.append(
            f"The native reference of {others} is a different executable, so the ratios have different "
            "denominators: scores are compared. The speed that the machine had in each run is part of each "
            "difference and not of its ±."
        )
    if settings := _changed_settings(old, new):
        notes.append(f"Warning: they were measured with different settings: {', '.join(settings)}.")
    for before, after in both:
        if change := _sources_change(before, after):
            notes.append(
                f"Warning: sources of {for_terminal(after.name)} have different revisions: {change}."
            )
    return notes


def _changed_settings(old: Results, new: Results) -> list[str]:
    before, after = structs.asdict(old.protocol), structs.asdict(new.protocol)
    return [
        f"{name} {_shown(before[name])} -> {_shown(after[name])}"
        for name in before
        if name not in _NO_SETTINGS and before[name] != after[name]
    ]


def _shown(value: object) -> str:
    return "none" if value is None else str(value)


def _sources_change(old: WorkloadResult, new: WorkloadResult) -> str:
    """ "0c91314d -> d5fad6bd": revisions, or digests if the revisions are equal; "" for the same sources."""
    pairs = [(old.revision, new.revision), (old.sources_sha256, new.sources_sha256)]
    for one, other in pairs:
        if one is not None and other is not None and one != other:
            return f"{for_terminal(one, 12)} -> {for_terminal(other, 12)}"
    return ""
