"""What a variant gains or loses relative to a second one, over all backends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipeline.analyses.findings.relations import (
    Judged,
    Module,
    Relation,
    by_how_much,
    by_range,
    listed,
    percent,
)
from pipeline.core.model import PREBUILT
from pipeline.results.model import Finding
from pipeline.results.model_cell import CellResult
from pipeline.stats.verdicts import FASTER, MOST_SAME, SAME, SLOWER, UNDECIDED

#: Levels to compare, the first of a pair with the second; the most interesting pairs come first.
_LEVELS = (("O3", "O2"), ("Oz", "O3"), ("Oz", "O2"), ("Os", "O3"), ("Os", "O2"), ("O2", "O1"))
_OF_SIZE = ("Oz", "Os")
#: Names of backends in one sentence.
_MOST_NAMED = 3
_MOST_FINDINGS = 4
_WITHIN = f"the same within {MOST_SAME * 100:g} %"


def pairs_of(variants: Sequence[str], levels: Mapping[str, str], reference: str) -> list[tuple[str, str]]:
    """Pairs of variants to compare: (variant, what it is compared with).

    One that is named after a second one (O3-lto) with that; others with the level in their flags, ``levels``,
    or else with that of the native reference. Code that was not optimised is compared with nothing.
    """
    found: list[tuple[str, str]] = []
    for one, other in _LEVELS:
        known = {one, other} <= set(variants)
        # One level that is for size, with one that is for speed, shows what size costs.
        if known and not (one in _OF_SIZE and any(each in _OF_SIZE for each, _ in found)):
            found.append((one, other))
    plain = {"O0", "O1", *(name for pair in _LEVELS for name in pair)}
    for name in variants:
        if name in plain:
            continue
        named = [each for each in variants if each != name and name.startswith(f"{each}-")]
        others = [max(named, key=len, default=""), levels.get(name, ""), reference]
        base = next((each for each in others if each in variants and each != name), "O0")
        if base != "O0":
            found.append((name, base))
    return found


def gains(judged: Judged, reference: str) -> list[Finding]:
    """One finding for each pair of variants on which there are verdicts, and for each toolchain.

    ``reference`` is the variant of the native reference.
    """
    levels = {c.variant: flag[1:] for c in judged.cells.values() for flag in c.flags if flag.startswith("-O")}
    modules = judged.modules
    variants = list(dict.fromkeys(module.variant for module in modules if module.toolchain != PREBUILT))
    toolchains = list(dict.fromkeys(module.toolchain for module in modules if module.toolchain != PREBUILT))
    wanted = [
        (one, other, toolchain, toolchain)
        for one, other in pairs_of(variants, levels, reference)
        for toolchain in toolchains
    ]
    if variants:
        best = "O3" if "O3" in variants else variants[-1]
        wanted += [(best, best, toolchain, toolchains[0]) for toolchain in toolchains[1:]]
    found = (_gain(judged, modules, *each) for each in wanted)
    return [finding for finding in found if finding is not None][:_MOST_FINDINGS]


def _gain(
    judged: Judged,
    modules: dict[Module, list[CellResult]],
    variant: str,
    than: str,
    toolchain: str,
    by_toolchain: str,
) -> Finding | None:
    sides: list[tuple[CellResult, CellResult]] = []
    for module, cells in modules.items():
        if (module.variant, module.toolchain) != (variant, toolchain):
            continue
        others = {c.backend: c for c in modules.get(Module(module.workload, by_toolchain, than), ())}
        for cell in cells:
            if cell.backend in others:
                sides.append((cell, others[cell.backend]))
    relations = [relation for pair in sides if (relation := judged.between(*pair)) is not None]
    if not any(relation.word != UNDECIDED for relation in relations):
        return None
    workload = relations[0].one.workload
    names = [judged.name(Module(workload, *each)) for each in ((toolchain, variant), (by_toolchain, than))]
    pairs = tuple(relation.pair for relation in relations)
    if all(one.wasm_sha256 == other.wasm_sha256 for one, other in sides):
        text = f"{names[0]} changes nothing: its module is that of {names[1]}, byte for byte."
        return Finding(about="variants", text=text, comparisons=pairs)
    several = len({relation.one.workload for relation in relations}) > 1
    text = (
        f"{_sentence(names[0], names[1], relations, several)}{_size(sides) if variant in _OF_SIZE else ''}."
    )
    return Finding(about="variants", text=text, comparisons=pairs)


def _sentence(one: str, other: str, relations: Sequence[Relation], several: bool) -> str:
    name = {
        r.one.label: f"{r.one.backend} on {r.one.workload}" if several else r.one.backend for r in relations
    }
    words = {FASTER: FASTER, SLOWER: SLOWER, SAME: _WITHIN, UNDECIDED: "no difference is shown"}
    parts: list[str] = []
    for word, text in words.items():
        some = [relation for relation in relations if relation.word == word]
        if not some:
            continue
        names = [name[relation.one.label] for relation in some]
        ranged = word in (FASTER, SLOWER) and len(some) > 1
        where = str(len(some)) if ranged or len(some) > _MOST_NAMED or several else listed(names)
        parts.append(f"{text} {'in' if several else 'under'} {where}{_how(word, some, name)}")
    cells = "cells" if several else "backends"
    whole = f"{len(relations)} {cells}" if len(relations) > 1 else f"{len(relations)} {cells[:-1]}"
    return f"{one} against {other}, {'in' if several else 'under'} {whole}: {'; '.join(parts)}"


def _how(word: str, some: Sequence[Relation], name: dict[str, str]) -> str:
    if word not in (FASTER, SLOWER):
        return ""
    return f", {by_how_much(some[0]) if len(some) == 1 else by_range(some, name)}"


def _size(sides: Sequence[tuple[CellResult, CellResult]]) -> str:
    """How much smaller its module is, of the only workload."""
    if len({one.workload for one, _ in sides}) > 1:
        return ""
    sizes = [(m.wasm_bytes, n.wasm_bytes) for a, b in sides if (m := a.measurement) and (n := b.measurement)]
    one, other = sizes[0]
    if not one or not other or one >= other:
        return ""
    return f"; its module is {percent(1 - one / other)} % smaller ({one} and {other} bytes)"
