"""A cell in an earlier and in a later run: what is different, and is it faster, slower or the same?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pipeline.core.text import for_terminal
from pipeline.results.model import Results, ToolchainResult
from pipeline.results.model_cell import CellIdentity, CellResult, InstalledPart
from pipeline.stats import verdicts
from pipeline.stats.estimates import Difference, Estimate
from pipeline.stats.verdicts import FASTER, SAME, SLOWER, Verdict

RATIO, SCORE = "ratio", "score"

#: What two equal cells with equal artifacts and runtimes share only if they share their samples.
_MEASURED = ("ratio", "ratio_low", "ratio_high", "log_standard_error", "degrees_of_freedom", "rounds")
#: A half-width above this is shown as "and more".
_MOST_SHOWN = 10


@dataclass(frozen=True)
class Pair:
    """A cell of two runs, and which of its numbers may be compared."""

    old: CellResult
    new: CellResult
    key: str  # RATIO or SCORE
    unit: str  # of a score
    compilers: str = ""  # how the toolchain changed, "" if it is the same

    @property
    def name(self) -> str:
        return self.new.label

    @property
    def other_module(self) -> bool:
        """Whether a different artifact ran."""
        return self.old.artifact_sha256 != self.new.artifact_sha256

    @property
    def other_runtime(self) -> bool:
        """Whether a different runtime ran it."""
        return self.old.identity != self.new.identity

    @property
    def same_samples(self) -> bool:
        """Whether both runs show the very same measurement, which doit did not repeat."""
        one, other = self.old.measurement, self.new.measurement
        if one is None or other is None or self.key == SCORE or self.other_module or self.other_runtime:
            return False
        return all(getattr(one, key) == getattr(other, key) for key in _MEASURED)

    @property
    def causes(self) -> list[str]:
        """What is different, in words: compiler, module, runtime."""
        causes = [self.compilers or "other module"] if self.other_module else []
        if self.other_runtime:
            change = runtime_change(self.old.identity, self.new.identity)
            causes += [change] if change not in causes else []
        return causes


@dataclass(frozen=True)
class Change:
    """A pair and the verdict on ``new`` relative to ``old``; None where one of them has no number."""

    pair: Pair
    verdict: Verdict | None

    @property
    def word(self) -> str:
        """faster, slower, same within, undecided; "" without a verdict."""
        return "" if self.verdict is None else self.verdict.word

    @property
    def notable(self) -> bool:
        """Whether anything about the cell changed."""
        pair = self.pair
        other = pair.other_module or pair.other_runtime or pair.old.status is not pair.new.status
        return other or self.word in (FASTER, SLOWER)

    def words(self) -> str:
        """The verdict with its number: "faster (+2.3 % ±0.4)"."""
        if self.verdict is None:
            return ""
        if self.pair.same_samples:
            return "same (same samples)"
        difference, bound = self.verdict.difference, self.verdict.bound
        if difference.freedom <= 0:
            cells = (self.pair.old, self.pair.new)
            doubts = [cell.measurement.doubt for cell in cells if cell.measurement and cell.measurement.doubt]
            return f"{self.word} (? {doubts[0] if doubts else 'the machine was too disturbed'})"
        half = (difference.high - difference.low) / 2
        width = f"±{half * 100:.1f}" if half < _MOST_SHOWN else f"±{_MOST_SHOWN * 100:g} and more"
        number = f"({(difference.value - 1) * 100:+.1f} % {width})"
        return f"{self.word} {bound * 100:.1f} % {number}" if self.word == SAME else f"{self.word} {number}"


def comparable(old: Results, new: Results, workload: str) -> str:
    """Which number of a workload that is in both runs may be compared.

    Ratios, as long as they are ratios to the same program: cell and reference are slowed down together, so
    what the machine did in between does not matter. If the reference is a different executable, a ratio would
    move by its change too: then scores, speeds on the same machine; the speed that the machine had in
    each run is part of the difference and not of its interval. On two machines a score says nothing, and a
    ratio is to each machine's own reference.
    """
    same = old.workload(workload).reference.sha256 == new.workload(workload).reference.sha256
    return RATIO if same or old.host.fingerprint != new.host.fingerprint else SCORE


def pair(old: Results, new: Results) -> list[Pair]:
    """The cells that are in both runs, in the order of the new one."""
    before = {cell.label: cell for cell in old.cells}
    return [pair_of(old, before[cell.label], new, cell) for cell in new.cells if cell.label in before]


def pair_of(old: Results, before: CellResult, new: Results, after: CellResult) -> Pair:
    """A cell of an old run and the same one of a new run."""
    return Pair(
        before,
        after,
        comparable(old, new, after.workload),
        new.workload(after.workload).unit,
        _compiler_change(old, new, after.toolchain),
    )


def compare(pairs: Sequence[Pair]) -> list[Change]:
    """The verdicts on pairs that are one family: all of them together are right with verdicts' confidence.

    The same samples are the same speed by definition: they are in no family. Rounds that only some of two
    cells' samples share make an interval too wide, never too narrow.
    """
    compared = [p for p in pairs if p.old.is_ok and p.new.is_ok and not p.same_samples]
    ratios = {}
    for number, p in enumerate(compared):
        ratios[f"new {number}"] = _estimate(p.new, p.key)
        ratios[f"old {number}"] = _estimate(p.old, p.key)
    family = [(f"new {number}", f"old {number}") for number in range(len(compared))]
    by_pair = {id(p): v for p, v in zip(compared, verdicts.compare_all(ratios, family), strict=True)}
    return [Change(p, _SAME_SAMPLES if p.same_samples else by_pair.get(id(p))) for p in pairs]


_SAME_SAMPLES = Verdict("new", "old", Difference(1.0, 1.0, 1.0, 1.0, 0.0, math.inf), 1.0, 0.0)


def _estimate(cell: CellResult, key: str) -> Estimate:
    """An ok cell's ratio, or its score in its workload's unit, with its error.

    A score is the ratio times the reference's undisturbed speed in that run, so its relative error is taken
    to be the ratio's: how that speed moves from run to run is in no sample of one run.
    """
    measured = cell.measurement
    assert measured is not None
    if key == RATIO:
        return measured.estimate
    score, scale = measured.score, measured.score / measured.ratio
    low, high = min(score, measured.ratio_low * scale), max(score, measured.ratio_high * scale)
    return replace(measured.estimate, value=score, low=low, high=high)


def runtime_change(old: CellIdentity, new: CellIdentity) -> str:
    """ "wasmtime 50.0.1 -> 51.0.0": how two identities differ, in words; "" if they do not."""
    changes = []
    version_changed = old.version != new.version
    if version_changed or old.name != new.name:
        changes.append(_arrow(new.name, old.version, new.version))
    if old.python != new.python:
        changes.append(_arrow("Python", old.python, new.python))
    for one, other in ((old.packages, new.packages), (old.programs, new.programs)):
        for name, before, after in _changed_parts(one or {}, other or {}):
            was = None if before is None else before.version
            now = None if after is None else after.version
            if version_changed and (was, now) == (old.version, new.version):
                continue  # the runtime's main package
            changes.append(_version_change(name, was, now))
    return ", ".join(changes) or ("" if old == new else "other runtime")


def _changed_parts(
    old: Mapping[str, InstalledPart], new: Mapping[str, InstalledPart]
) -> list[tuple[str, InstalledPart | None, InstalledPart | None]]:
    """(name, before, after) of the packages or programs that are not the same."""
    names = dict.fromkeys([*old, *new])
    return [(name, old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)]


def _compiler_change(old: Results, new: Results, toolchain: str) -> str:
    """ "zig 0.17.1 -> 0.18.0" where the toolchain of the new run is a different one."""
    one, other = _toolchain(old, toolchain), _toolchain(new, toolchain)
    if one is None or other is None or (one.version, one.sha256) == (other.version, other.sha256):
        return ""
    return _version_change(toolchain, one.version, other.version)


def _toolchain(run: Results, name: str) -> ToolchainResult | None:
    return next((toolchain for toolchain in run.toolchains if toolchain.name == name), None)


def _version_change(name: str, old: str | None, new: str | None) -> str:
    return f"{for_terminal(name)} {_word(old)}, other files" if old == new else _arrow(name, old, new)


def _arrow(name: str, old: str | None, new: str | None) -> str:
    return f"{for_terminal(name)} {_word(old)} -> {_word(new)}"


def _word(version: str | None) -> str:
    return "none" if version is None else for_terminal(version, 60)
