"""Which backend runs a module fastest, how surely, and where that changes from one module to the next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from operator import attrgetter

from pipeline.analyses.findings.relations import (
    Judged,
    Module,
    Relation,
    by_how_much,
    listed,
    ratio_of,
)
from pipeline.results.model import Finding, HostResults
from pipeline.results.model_cell import CellResult
from pipeline.stats.verdicts import FASTER, MOST_SAME, SAME, SLOWER
from toolchain.model import NATIVE

#: More backends than this that may be the fastest are no answer.
_MOST_NAMED = 3
_MOST_FINDINGS = 3


def fastest(results: HostResults, judged: Judged) -> list[Finding]:
    """The fastest backend of each module of the only workload; modules with one answer are one finding."""
    groups: dict[tuple[str, ...], list[Module]] = {}
    modules = {module: cells for module, cells in judged.modules.items() if len(cells) > 1}
    for module, cells in modules.items():
        first = tuple(sorted(cell.backend for cell in _first(cells)))
        if len(first) <= _MOST_NAMED and len(first) < len(cells):
            groups.setdefault(first, []).append(module)
    chosen = sorted(groups.values(), key=lambda some: -len(some))[:_MOST_FINDINGS]
    to = results.workloads[0].ratio_to
    return [_answer(judged, some, modules, to) for some in chosen]


def _first(cells: Sequence[CellResult]) -> list[CellResult]:
    """Those that no other backend is shown to be faster than: the truly fastest is among them."""
    return [cell for cell in cells if cell.measurement is not None and cell.measurement.may_be_fastest]


def _answer(
    judged: Judged, some: Sequence[Module], modules: dict[Module, list[CellResult]], to: str
) -> Finding:
    # The module that runs fastest is the one that figures are given for.
    best = max(some, key=lambda module: ratio_of(modules[module][0]))
    cells, first = modules[best], _first(modules[best])
    pairs = _pairs([judged.between(*two) for module in some for two in _decisive(modules[module])])
    where = _at(judged, some)
    among = _among([len(modules[module]) for module in some])
    if len(first) > 1:
        names = listed(sorted(cell.backend for cell in first))
        ties = [judged.between(*two) for module in some for two in combinations(_first(modules[module]), 2)]
        equal = all(tie is not None and tie.word == SAME for tie in ties)
        text = f"{where}, the fastest of {among} is one of {names}: which of them is undecided."
        if equal:
            text = f"{where}, {names} are the fastest of {among}, and the same within {MOST_SAME * 100:g} %."
        return Finding(about="fastest", text=text, comparisons=pairs)
    nearest = judged.between(cells[0], cells[1])
    assert nearest is not None
    at = f"at {judged.name(best)} it" if len(some) > 1 else "it"
    # Ratios of programs without a native form are relative to one of these cells.
    has = f"has {_interval(cells[0])} of the speed of {to} and " if to == NATIVE else ""
    text = (
        f"{where}, {cells[0].backend} is the fastest of {among}: {at} {has}is faster than all others, "
        f"than {nearest.other.backend} {by_how_much(nearest)}."
    )
    return Finding(about="fastest", text=text, comparisons=pairs)


def _decisive(cells: Sequence[CellResult]) -> list[tuple[CellResult, CellResult]]:
    """Pairs of a module's cells that decide which is the fastest."""
    return [(one, other) for one in _first(cells) for other in cells if other is not one]


def _interval(cell: CellResult) -> str:
    m = cell.measurement
    assert m is not None
    return f"{m.ratio:.3f} ({m.ratio_low:.3f} to {m.ratio_high:.3f})"


def _at(judged: Judged, some: Sequence[Module]) -> str:
    return f"At {listed(judged.name(module) for module in some)}"


def _among(numbers: Sequence[int]) -> str:
    low, high = min(numbers), max(numbers)
    return f"{low} backends" if low == high else f"{low} to {high} backends"


def _pairs(relations: Sequence[Relation | None]) -> tuple[tuple[str, str], ...]:
    return tuple(relation.pair for relation in relations if relation is not None)


def reversal(judged: Judged) -> Iterator[Finding]:
    """The two backends whose order changes most between modules of the only workload."""
    found: dict[tuple[str, str, str], list[Relation]] = {}
    modules = judged.modules
    # Code that was not optimised turns many orders round, and is not what users run.
    optimised = [module for module in modules if module.variant != "O0"]
    for cells in (modules[module] for module in optimised):
        for one, other in combinations(sorted(cells, key=lambda cell: cell.backend), 2):
            relation = judged.between(one, other)
            if relation is not None and relation.word in (FASTER, SLOWER):
                key = (one.toolchain, one.backend, other.backend)
                found.setdefault(key, []).append(relation)
    ratio = attrgetter("ratio")
    most = 1.0
    chosen: tuple[Relation, Relation] | None = None
    for relations in found.values():
        ahead, behind = max(relations, key=ratio), min(relations, key=ratio)
        least = min(ahead.ratio, 1 / behind.ratio)
        if least > most:
            most, chosen = least, (ahead, behind)
    if chosen is None:
        return
    ahead, behind = chosen
    first, second = ahead.one.backend, ahead.other.backend
    names = [judged.name(Module(r.one.workload, r.one.toolchain, r.one.variant)) for r in (ahead, behind)]
    back = judged.between(behind.other, behind.one)
    assert back is not None
    text = (
        f"Which is faster, {first} or {second}, depends on the module: at {names[0]} {first} is, "
        f"{by_how_much(ahead)}; at {names[1]} {second} is, {by_how_much(back)}."
    )
    yield Finding(about="reversal", text=text, comparisons=(ahead.pair, behind.pair))


def fastest_of_several(judged: Judged, variant: str) -> Iterator[Finding]:
    """On how many workloads which backend is the fastest, at one variant by each toolchain."""
    modules = {module: cells for module, cells in judged.modules.items() if module.variant == variant}
    for toolchain in dict.fromkeys(module.toolchain for module in modules):
        own = {module: cells for module, cells in modules.items() if module.toolchain == toolchain}
        yield from _counted(judged, {module: cells for module, cells in own.items() if len(cells) > 1})


def _counted(judged: Judged, modules: dict[Module, list[CellResult]]) -> Iterator[Finding]:
    """``modules``: one for each workload."""
    winners: dict[str, list[str]] = {}
    pairs: list[tuple[str, str]] = []
    for module, cells in modules.items():
        first = _first(cells)
        if len(first) == 1:
            winners.setdefault(first[0].backend, []).append(module.workload)
            pairs += _pairs([judged.between(*two) for two in _decisive(cells)])
    if not winners:
        return
    undecided = len(modules) - sum(map(len, winners.values()))
    ordered = sorted(winners.items(), key=lambda entry: (-len(entry[1]), entry[0]))
    parts = [f"{backend} on {len(on)} of {len(modules)} ({', '.join(on)})" for backend, on in ordered]
    rest = f"; on {undecided} it is undecided" if undecided else ""
    name = judged.name(next(iter(modules)))
    among = _among([len(cells) for cells in modules.values()])
    text = f"At {name} the fastest of {among} is {'; '.join(parts)}{rest}."
    yield Finding(about="fastest", text=text, comparisons=tuple(pairs))
