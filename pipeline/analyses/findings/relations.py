"""Verdicts on two cells, seen from either side, and how far apart they are in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter

from pipeline.core.model import PREBUILT
from pipeline.results.model import Comparison, HostResults
from pipeline.results.model_cell import CellResult
from pipeline.stats.verdicts import FASTER, SLOWER, Word

_INVERSE: dict[Word, Word] = {FASTER: SLOWER, SLOWER: FASTER}
#: A quotient of two speeds from which on a factor is easier to read than per cent.
_FACTOR = 2.0


@dataclass(frozen=True)
class Relation:
    """One cell relative to a second one, from which it differs in one thing."""

    one: CellResult
    other: CellResult
    ratio: float
    low: float
    high: float
    word: Word
    #: The labels as in the comparison that it is made of.
    pair: tuple[str, str]

    @property
    def distance(self) -> float:
        """The quotient of the faster and the slower one."""
        return max(self.ratio, 1 / self.ratio)


@dataclass(frozen=True)
class Module:
    """What all backends of a workload run: one variant by one toolchain."""

    workload: str
    toolchain: str
    variant: str


@dataclass(frozen=True)
class Judged:
    """The cells of results that can be compared, and the verdicts on them."""

    cells: dict[str, CellResult]
    comparisons: dict[tuple[str, str], Comparison]

    @classmethod
    def of(cls, results: HostResults) -> Judged:
        return cls(
            {cell.label: cell for cell in results.cells if cell.comparable is not None},
            {(v.cell, v.compared_with): v for v in results.comparisons},
        )

    @property
    def modules(self) -> dict[Module, list[CellResult]]:
        """{module: the cells of backends that run it, fastest first}; native code is no module."""
        found: dict[Module, list[CellResult]] = {}
        for cell in self.cells.values():
            if not cell.is_native:
                module = Module(cell.workload, cell.toolchain, cell.variant)
                found.setdefault(module, []).append(cell)
        for cells in found.values():
            cells.sort(key=lambda cell: (-ratio_of(cell), cell.label))
        return found

    @property
    def several_toolchains(self) -> bool:
        return len({cell.toolchain for cell in self.cells.values()} - {PREBUILT}) > 1

    def name(self, module: Module) -> str:
        """How a module is called among the others of its workload: "O3", "clang-19 O3"."""
        return f"{module.toolchain} {module.variant}" if self.several_toolchains else module.variant

    def between(self, one: CellResult, other: CellResult) -> Relation | None:
        """How ``one`` compares with ``other``; None where they were not compared."""
        found = self.comparisons.get((one.label, other.label))
        if found is not None:
            pair = (one.label, other.label)
            return Relation(one, other, found.ratio, found.ratio_low, found.ratio_high, found.verdict, pair)
        found = self.comparisons.get((other.label, one.label))
        if found is None:
            return None
        word = _INVERSE.get(found.verdict, found.verdict)
        return Relation(
            one,
            other,
            ratio=1 / found.ratio,
            low=1 / found.ratio_high,
            high=1 / found.ratio_low,
            word=word,
            pair=(other.label, one.label),
        )


def ratio_of(cell: CellResult) -> float:
    """Of a cell that has a measurement."""
    assert cell.measurement is not None
    return cell.measurement.ratio


def by_how_much(relation: Relation) -> str:
    """How far a faster or slower cell is from the other, with its interval.

    "by 11.2 % (9.8 to 12.7 %)" of the other's speed, or "by a factor of 2.3 (2.2 to 2.4)".
    """
    ratio, low, high = relation.ratio, relation.low, relation.high
    if relation.distance >= _FACTOR:
        if ratio < 1:
            ratio, low, high = 1 / ratio, 1 / high, 1 / low
        return f"by a factor of {ratio:.2f} ({low:.2f} to {high:.2f})"
    if ratio < 1:
        # The end that is nearer to 1 comes first.
        low, high = high, low
    signed = [(end - 1) * (1 if ratio > 1 else -1) for end in (low, high)]
    return f"by {abs(ratio - 1) * 100:.1f} % ({signed[0] * 100:.1f} to {signed[1] * 100:.1f} %)"


def by_range(relations: Sequence[Relation], name: dict[str, str]) -> str:
    """The same of several that are all faster, or all slower: the least and the largest, with their names.

    "by 1.1 % (wasm3) to 8.2 % (wasmer.llvm)"; ``name``: of the label of ``one``.
    """
    distance = attrgetter("distance")
    least, most = min(relations, key=distance), max(relations, key=distance)
    if most.distance >= _FACTOR:
        texts = [f"{each.distance:.2f}" for each in (least, most)]
        words = "by a factor of {} ({}) to {} ({})"
    else:
        texts = [percent(abs(each.ratio - 1)) for each in (least, most)]
        words = "by {} % ({}) to {} % ({})"
    return words.format(texts[0], name[least.one.label], texts[1], name[most.one.label])


def percent(share: float) -> str:
    """Two digits: "0.4", "8.2", "11"."""
    value = share * 100
    return f"{value:.0f}" if abs(value) >= 9.95 else f"{value:.1f}"


def listed(names: Iterable[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    *rest, last = names
    return f"{', '.join(rest)} and {last}" if rest else last
