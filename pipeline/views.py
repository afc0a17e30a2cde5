"""results.json as the shapes that all views of it share: tables, notes, orders, and how a cell is called."""

from __future__ import annotations

import itertools
from typing import Any

from pipeline.errors import printable
from pipeline.model import PREBUILT, Status

#: More cells with the same note than this are counted, not listed.
_MOST_NOTES = 4


def label(cell: dict[str, Any]) -> str:
    """How a cell is called in text: toolchain/variant/backend."""
    return f"{cell['toolchain']}/{cell['variant']}/{cell['backend']}"


def half_width(cell: dict[str, Any]) -> float:
    """Half of the interval, relative to the ratio."""
    return float((cell["ratio_high"] - cell["ratio_low"]) / 2 / cell["ratio"])


def grid(results: dict[str, Any]) -> list[dict[str, Any]]:
    """Tables of cells: {"title", "of", "variants": [names], "rows": [(name, [cells or None])]}.

    One a toolchain, its backends below each other; of several toolchains one a backend, so that what is to
    be compared stands in one table.
    """
    built = [c for c in results["cells"] if c["toolchain"] != PREBUILT]
    others = [c for c in results["cells"] if c["toolchain"] == PREBUILT]
    several = len({c["toolchain"] for c in built}) > 1
    fixed, row = ("backend", "toolchain") if several else ("toolchain", "backend")
    grids = []
    for name in dict.fromkeys(c[fixed] for c in built):
        title = f"under {name}" if several else f"compiled by {name}"
        grids.append(_grid(title, row, [c for c in built if c[fixed] == name]))
    if others:
        grids.append(_grid("of modules that others built", "backend", others))
    return grids


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


def orders(results: dict[str, Any]) -> list[tuple[str, str]]:
    """(what is the same, cells that differ in one thing, fastest first, with the verdicts between them)."""
    verdicts = {frozenset((v["one"], v["other"])): v for v in results["comparisons"]}
    parts = ("toolchain", "variant", "backend")
    measured = [c for c in results["cells"] if c["ratio"] is not None]
    found = []
    for part in parts:
        fixed = [p for p in parts if p != part]
        for names in dict.fromkeys(tuple(c[p] for p in fixed) for c in measured):
            cells = [c for c in measured if tuple(c[p] for p in fixed) == names]
            cells.sort(key=lambda c: c["ratio"], reverse=True)
            chain = cells[0][part]
            for one, other in itertools.pairwise(cells):
                verdict = verdicts[frozenset((label(one), label(other)))]
                chain += f" {_SIGNS[verdict['verdict']]} {other[part]}"
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
