"""A cell in an earlier and in a later run: what of it is another, and is it faster, slower or the same?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.analyses.history.run_record import Cell, Run, Tool
from pipeline.core.text import plain
from pipeline.stats import verdicts
from pipeline.stats.estimates import Difference, Estimate
from pipeline.stats.verdicts import FASTER, SAME, SLOWER, Verdict

RATIO, SCORE = "ratio", "score"

#: What two equal cells with equal artifacts and runtimes share only if they share their samples.
_MEASURED = ("ratio", "ratio_low", "ratio_high", "log_error", "freedom", "rounds")
#: Half of an interval that says nothing.
_MOST_SHOWN = 10


@dataclass(frozen=True)
class Pair:
    """A cell of two runs, and which of its numbers may be compared."""

    old: Cell
    new: Cell
    key: str  # RATIO or SCORE
    unit: str  # of a score
    compilers: str = ""  # what the toolchain has become, "" if it is the same

    @property
    def name(self) -> str:
        return self.new.name

    @property
    def other_module(self) -> bool:
        """Whether another artifact ran."""
        return self.old.artifact != self.new.artifact

    @property
    def other_runtime(self) -> bool:
        """Whether something else ran it."""
        return self.old.identity != self.new.identity

    @property
    def same_samples(self) -> bool:
        """Whether both runs show the very same measurement, which doit did not repeat."""
        alike = all(getattr(self.old, key) == getattr(self.new, key) for key in _MEASURED)
        changed = self.key == SCORE or self.other_module or self.other_runtime
        return self.old.ok and self.new.ok and alike and not changed

    @property
    def causes(self) -> list[str]:
        """What is another about it, in words: compiler, module, runtime."""
        found = [self.compilers] if self.other_module and self.compilers else []
        if self.other_module and not found:
            found.append("other module")
        if self.other_runtime:
            change = runtime_change(self.old.identity, self.new.identity)
            found += [change] if change not in found else []
        return found


@dataclass(frozen=True)
class Change:
    """A pair and the verdict on ``new`` beside ``old``; None where one of them has no number."""

    pair: Pair
    verdict: Verdict | None

    @property
    def word(self) -> str:
        """faster, slower, same within, undecided; "" without a verdict."""
        return "" if self.verdict is None else self.verdict.word

    @property
    def notable(self) -> bool:
        """Whether anything about the cell is not as it was."""
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
            return f"{self.word} (? the machine was too disturbed)"
        half = (difference.high - difference.low) / 2
        width = f"±{half * 100:.1f}" if half < _MOST_SHOWN else f"±{_MOST_SHOWN * 100:g} and more"
        number = f"({(difference.value - 1) * 100:+.1f} % {width})"
        return f"{self.word} {bound * 100:.1f} % {number}" if self.word == SAME else f"{self.word} {number}"


def comparable(old: Run, new: Run, workload: str) -> str:
    """Which number of a workload that is in both runs may be compared.

    Ratios, as long as they are ratios to the same program: cell and reference are slowed down together, so
    what the machine did in between does not matter. If the reference is another executable, a ratio would
    move by its change too: then scores, speeds on the same machine; the speed that the machine had in
    each run is part of the difference and not of its interval. On two machines a score says nothing, and a
    ratio is to each machine's own reference.
    """
    same = old.workload(workload).reference.sha256 == new.workload(workload).reference.sha256
    return RATIO if same or old.host.fingerprint != new.host.fingerprint else SCORE


def pair(old: Run, new: Run) -> list[Pair]:
    """The cells that are in both runs, in the order of the new one."""
    known = {cell.name: cell for cell in old.cells}
    return [pair_of(old, known[cell.name], new, cell) for cell in new.cells if cell.name in known]


def pair_of(old: Run, before: Cell, new: Run, after: Cell) -> Pair:
    """A cell of an old run and the same one of a new run."""
    return Pair(
        before,
        after,
        comparable(old, new, after.workload),
        new.workload(after.workload).unit,
        _compiler_change(old, new, after.toolchain),
    )


def judge(pairs: Sequence[Pair]) -> list[Change]:
    """The verdicts on pairs that are one family: all of them together are right with verdicts' confidence.

    The same samples are the same speed by definition: they are in no family. Rounds that only some of two
    cells' samples share make an interval too wide, never too narrow.
    """
    asked = [p for p in pairs if p.old.ok and p.new.ok and not p.same_samples]
    estimates = {}
    for number, p in enumerate(asked):
        estimates[f"new {number}"] = _estimate(p.new, p.key)
        estimates[f"old {number}"] = _estimate(p.old, p.key)
    family = [(f"new {number}", f"old {number}") for number in range(len(asked))]
    found = {id(p): v for p, v in zip(asked, verdicts.judge(estimates, family), strict=True)}
    return [Change(p, _NOTHING_NEW if p.same_samples else found.get(id(p))) for p in pairs]


_NOTHING_NEW = Verdict("new", "old", Difference(1.0, 1.0, 1.0, 1.0, 0.0, math.inf), 1.0, 0.0)


def _estimate(cell: Cell, key: str) -> Estimate:
    """An ok cell's "ratio", or its "score" in its workload's unit, with what is known of its error.

    A score is the ratio times the reference's undisturbed speed in that run, so its relative error is taken
    to be the ratio's: how that speed moves from run to run is in no sample of one run.
    """
    assert cell.ratio is not None
    assert cell.ratio_low is not None
    assert cell.ratio_high is not None
    value = cell.ratio if key == RATIO else cell.score
    assert value is not None
    scale = value / cell.ratio
    low, high = min(value, cell.ratio_low * scale), max(value, cell.ratio_high * scale)
    if cell.disturbed or cell.log_error is None or not cell.freedom:
        return Estimate(value, low, high, cell.rounds or 0, 0, disturbed=True)
    return Estimate(value, low, high, cell.rounds or 0, 0, error=cell.log_error, freedom=cell.freedom)


def runtime_change(old: Mapping[str, object], new: Mapping[str, object]) -> str:
    """ "wasmtime 50.0.1 -> 51.0.0": of two identity objects of results.json, what differs, in words."""
    found = []
    if (old.get("name"), old.get("version")) != (new.get("name"), new.get("version")):
        found.append(_arrow(str(new.get("name")), old.get("version"), new.get("version")))
    main = (old.get("version"), new.get("version"))
    if old.get("python") != new.get("python"):
        found.append(_arrow("Python", old.get("python"), new.get("python")))
    for kind in ("packages", "programs"):
        one, other = _parts(old, kind), _parts(new, kind)
        for name in dict.fromkeys([*one, *other]):
            before, after = one.get(name, {}), other.get(name, {})
            versions = before.get("version"), after.get("version")
            if before == after or (found and versions == main and versions[0] != versions[1]):
                continue
            found.append(
                f"{plain(name)} {_word(versions[0])}, other files"
                if versions[0] == versions[1]
                else _arrow(name, *versions)
            )
    return ", ".join(found) or ("" if old == new else "other runtime")


def _parts(identity: Mapping[str, object], kind: str) -> dict[str, dict[str, object]]:
    found = identity.get(kind)
    return found if isinstance(found, dict) else {}


def _compiler_change(old: Run, new: Run, toolchain: str) -> str:
    """ "zig 0.17.1 -> 0.18.0" where the toolchain is another in the new run."""
    one, other = _tool(old, toolchain), _tool(new, toolchain)
    if one is None or other is None or (one.version, one.sha256) == (other.version, other.sha256):
        return ""
    if one.version == other.version:
        return f"{plain(toolchain)} {_word(one.version)}, other files"
    return _arrow(toolchain, one.version, other.version)


def _tool(run: Run, name: str) -> Tool | None:
    return next((tool for tool in run.toolchains if tool.name == name), None)


def _arrow(name: str, old: object, new: object) -> str:
    return f"{plain(name)} {_word(old)} -> {_word(new)}"


def _word(version: object) -> str:
    return "none" if version is None else plain(str(version), 60)
