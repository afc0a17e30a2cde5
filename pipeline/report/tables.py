"""results.json as the shapes that all views of it share: tables, notes, orders, and how a cell is called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.core.model import PREBUILT
from pipeline.results.cells import label, parts

#: More cells with the same note than this are counted, not listed.
_MOST_NOTES = 4


def heading(results: Mapping[str, Any]) -> str:
    """What all of it is about: "TITLE under WebAssembly"."""
    workloads = results["workloads"]
    what = workloads[0]["title"] if len(workloads) == 1 else f"{len(workloads)} workloads"
    return f"{what} under WebAssembly"


def sources(workload: Mapping[str, Any]) -> str:
    """What identifies a workload's sources: their revision, or else their digest."""
    if workload["revision"] is not None:
        return f"revision {workload['revision']}"
    return f"SHA-256 {workload['sources_sha256']}"


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


def rounds(results: dict[str, Any]) -> str:
    """How many rounds the cells have, "8" or "5 to 12"."""
    numbers = sorted({cell["rounds"] for cell in results["cells"] if cell["rounds"]})
    return " to ".join(map(str, dict.fromkeys([*numbers[:1], *numbers[-1:]]))) or "0"
