"""results.json as the shapes that all views of it share: tables, notes, orders, and how a cell is called."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pipeline.core.errors import printable
from pipeline.core.model import PREBUILT, Status

#: More cells with the same note than this are counted, not listed.
_MOST_NOTES = 4


def label(cell: Mapping[str, Any]) -> str:
    """How a cell is called in text: workload/toolchain/variant/backend."""
    return f"{cell['workload']}/{cell['toolchain']}/{cell['variant']}/{cell['backend']}"


def parts(results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The same results once for each workload, with nothing of the others."""
    found = []
    for workload in results["workloads"]:
        name = workload["name"]
        cells = [cell for cell in results["cells"] if cell["workload"] == name]
        own = {label(cell) for cell in cells}
        part = {
            **results,
            "workloads": [workload],
            "cells": cells,
            "comparisons": [v for v in results["comparisons"] if v["one"] in own],
        }
        # Of another host there are none.
        if "tradeoffs" in results:
            fronts = results["tradeoffs"].items()
            part["tradeoffs"] = {key: [f for f in of if f["workload"] == name] for key, of in fronts}
        found.append(part)
    return found


def heading(results: Mapping[str, Any]) -> str:
    """What all of it is about: "TITLE under WebAssembly"."""
    workloads = results["workloads"]
    what = workloads[0]["title"] if len(workloads) == 1 else f"{len(workloads)} workloads"
    return f"{what} under WebAssembly"


def things(workload: Mapping[str, Any]) -> str:
    """What a workload's speed counts: "iterations" or "runs"."""
    return str(workload["unit"]).partition("/")[0]


def unit(workloads: Sequence[Mapping[str, Any]]) -> str:
    """The unit of the speeds of several workloads in one place."""
    units = {str(workload["unit"]) for workload in workloads}
    return units.pop() if len(units) == 1 else "per second"


def speed(value: float) -> str:
    """A speed in its unit: whole, or three digits of a small one."""
    return f"{value:.0f}" if value >= 99.95 else f"{value:.3g}"


def native_speeds(workloads: Iterable[Mapping[str, Any]]) -> str:
    """The undisturbed speeds of the native references; each with its workload's name if there are several.

    "" where none was measured.
    """
    told = [
        (workload["name"], f"{speed(workload['reference']['score'])} {workload['unit']}")
        for workload in workloads
        if workload["reference"]["score"] is not None
    ]
    return told[0][1] if len(told) == 1 else ", ".join(f"{name} {at}" for name, at in told)


def native_name(workloads: Sequence[Mapping[str, Any]]) -> str:
    """How the native reference is built, which is the same for all workloads: "zig O3"."""
    reference = workloads[0]["reference"]
    return f"{reference['toolchain']} {reference['variant']}"


def sources(workload: Mapping[str, Any]) -> str:
    """What identifies a workload's sources: their revision, or else their digest."""
    if workload["revision"] is not None:
        return f"revision {workload['revision']}"
    return f"SHA-256 {workload['sources_sha256']}"


def half_width(cell: dict[str, Any]) -> float:
    """Half of the interval, relative to the ratio."""
    return float((cell["ratio_high"] - cell["ratio_low"]) / 2 / cell["ratio"])


def grid(results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Tables of cells: {"title", "unit", "of", "variants": [names], "rows": [(name, [cells or None])]}.

    Of each workload one a toolchain, its backends below each other; of several toolchains one a backend, so
    that what is to be compared stands in one table.
    """
    return [table for part in parts(results) for table in _grids(part)]


def _grids(part: Mapping[str, Any]) -> list[dict[str, Any]]:
    (workload,) = part["workloads"]
    built = [c for c in part["cells"] if c["toolchain"] != PREBUILT]
    others = [c for c in part["cells"] if c["toolchain"] == PREBUILT]
    several = len({c["toolchain"] for c in built}) > 1
    fixed, row = ("backend", "toolchain") if several else ("toolchain", "backend")
    grids = []
    for name in dict.fromkeys(c[fixed] for c in built):
        title = f"under {name}" if several else f"compiled by {name}"
        grids.append(_grid(title, row, [c for c in built if c[fixed] == name]))
    if others:
        grids.append(_grid("modules that others built", "backend", others))
    return [
        {**one, "title": f"{workload['title']}, {one['title']}", "unit": workload["unit"]} for one in grids
    ]


def _grid(title: str, row: str, cells: list[dict[str, Any]]) -> dict[str, Any]:
    variants = list(dict.fromkeys(c["variant"] for c in cells))
    by_place = {(c[row], c["variant"]): c for c in cells}
    # Of another host there may be only some.
    rows = [(x, [by_place.get((x, v)) for v in variants]) for x in dict.fromkeys(c[row] for c in cells)]
    return {"title": title, "of": row, "variants": variants, "rows": rows}


def foreign(results: dict[str, Any]) -> list[dict[str, Any]]:
    """One cell of each module that somebody else built, one that was measured where there is any."""
    found: dict[str, dict[str, Any]] = {}
    for cell in results["cells"]:
        if cell["prebuilt"] is not None:
            known = found.setdefault(cell["variant"], cell)
            if known["prebuilt"]["validated"] is None:
                found[cell["variant"]] = cell
    return list(found.values())


_SIGNS = {"faster": ">", "slower": ">", "same within": "=", "undecided": "~"}


def orders(results: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(what is the same, cells that differ in one thing, fastest first, with the verdicts between them).

    Never of several workloads; which one it is of is said where there are several.
    """
    several = len(results["workloads"]) > 1
    return [
        (f"{part['workloads'][0]['name']}, {same}" if several else same, chain)
        for part in parts(results)
        for same, chain in _orders(part)
    ]


def _orders(part: Mapping[str, Any]) -> list[tuple[str, str]]:
    verdicts = {frozenset((v["one"], v["other"])): v for v in part["comparisons"]}
    places = ("toolchain", "variant", "backend")
    measured = [c for c in part["cells"] if c["ratio"] is not None]
    found = []
    for place in places:
        fixed = [p for p in places if p != place]
        for names in dict.fromkeys(tuple(c[p] for p in fixed) for c in measured):
            cells = [c for c in measured if tuple(c[p] for p in fixed) == names]
            cells.sort(key=lambda c: c["ratio"], reverse=True)
            chain = cells[0][place]
            for one, other in itertools.pairwise(cells):
                verdict = verdicts[frozenset((label(one), label(other)))]
                chain += f" {_SIGNS[verdict['verdict']]} {other[place]}"
            if len(cells) > 1:
                found.append((", ".join(names), chain))
    return found


def notes(results: dict[str, Any]) -> list[str]:
    """What a reader must know of single cells that have a number."""
    told: dict[str, list[str]] = {}
    for cell in results["cells"]:
        name = label(cell)
        if cell["warmup_chunks"]:
            what = "got faster while they ran and were warmed for longer"
            told.setdefault(what, []).append(f"{name} ({cell['warmup_chunks']} chunks)")
        if cell["trend"] in ("rising", "falling"):
            what = f"are {cell['trend']}: their speed still changes within their rounds"
            told.setdefault(what, []).append(name)
        if cell["disturbed"]:
            what = "had fewer than two undisturbed rounds: their ratios are only ranges (?)"
            told.setdefault(what, []).append(name)
        if cell["proof"] == {}:
            what = "have no proof of their compiler: their labels are what they were asked for"
            told.setdefault(what, []).append(name)
    found = []
    for what, names in told.items():
        more = f" and {len(names) - _MOST_NOTES} more" if len(names) > _MOST_NOTES else ""
        found.append(
            f"{len(names)} of {len(results['cells'])} cells {what}: {', '.join(names[:_MOST_NOTES])}{more}"
        )
    return found


def unfit(results: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """(status and reason, cells) of everything that has no number."""
    reasons: dict[str, list[str]] = {}
    for cell in results["cells"]:
        if cell["status"] != Status.OK.value:
            reasons.setdefault(f"{cell['status']}: {cell['reason']}", []).append(label(cell))
    return list(reasons.items())


def mark(cell: dict[str, Any]) -> str:
    """The letters of a cell's groups; "?" where the machine was too disturbed to say."""
    return "?" if cell["disturbed"] else cell["group"] or ""


def rounds(results: dict[str, Any]) -> str:
    """How many rounds the cells have, "8" or "5 to 12"."""
    numbers = sorted({cell["rounds"] for cell in results["cells"] if cell["rounds"]})
    return " to ".join(map(str, dict.fromkeys([*numbers[:1], *numbers[-1:]]))) or "0"


def markdown_text(value: object) -> str:
    """Foreign text (flags, CPU names, reasons) as plain text inside a Markdown table."""
    text = " ".join(printable(str(value)).split())
    for character in "\\`*_[]<>|":
        text = text.replace(character, "\\" + character)
    return text


def markdown_code(value: str) -> str:
    """Foreign text as code inside a Markdown table, where only these two characters act."""
    return "`" + value.replace("`", "'").replace("|", "/") + "`"
