"""What the page's tables show: texts from results, sweeps and claims, in the order in which they are read."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping
from typing import Any

import pipeline.report.page.number_format as numbers
from pipeline.core.model import Status
from pipeline.results.cells import label

Cell = dict[str, Any]

#: (key of a cell, name) of the phases, in the order in which they happen.
PHASES = (
    ("start_seconds", "process start"),
    ("runtime_seconds", "runtime load"),
    ("compile_seconds", "module compile"),
    ("instantiate_seconds", "instantiate"),
    ("first_run_seconds", "first run"),
)
#: Groups, and cells of one, beyond which they are counted, not listed: of few rounds there are hundreds.
_MOST_GROUPS = 26
_MOST_MEMBERS = 12
#: Keys of cells by which the table can be filtered.
FILTERS = ("workload", "toolchain", "variant", "backend", "kind", "status")


def is_ok(cell: Cell) -> bool:
    """Whether a cell has a number."""
    return bool(cell["status"] == Status.OK.value)


def trouble(cell: Cell) -> str:
    """What is wrong with a cell, in words; "" where nothing is."""
    if not is_ok(cell):
        return f"{cell['status']}: {cell['reason']}"
    if cell["disturbed"]:
        return "disturbed: fewer than two undisturbed rounds, so only a range"
    return ""


def tip(cell: Cell, unit: str) -> str:
    """What is told of a cell on hover and focus: lines, the first one its name; ``unit`` is its score's."""
    lines = [label(cell)]
    if is_ok(cell):
        lines.append(f"{numbers.score(cell['score'])} {unit}")
        within = numbers.interval(cell["ratio_low"], cell["ratio_high"])
        lines.append(f"{numbers.ratio(cell['ratio'])} of native ({within}, {numbers.plus_minus(cell)})")
        if cell.get("group") and not cell["disturbed"]:
            lines.append(f"group {numbers.letters(cell)}")
        costs = [
            (numbers.milliseconds(cell["compile_seconds"]), "ms to compile"),
            (numbers.whole(cell["wasm_bytes"]), "bytes of wasm"),
            (numbers.whole(cell["code_bytes"]), "bytes of native code"),
        ]
        lines.append(", ".join(f"{number} {what}" for number, what in costs if number))
        lines.append(f"{numbers.whole(cell['rounds'])} rounds, {undisturbed(cell)} chunks undisturbed")
    lines.append(trouble(cell))
    return "\n".join(line for line in lines if line)


def undisturbed(cell: Cell) -> str:
    """On how many of its chunks a cell's ratio rests."""
    return "" if cell["chunks"] is None else f"{cell['undisturbed_chunks']} of {cell['chunks']}"


def pairs(value: Any) -> str:
    """A nested JSON value as plain text: "key: value; key: value"."""
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {pairs(inner)}" for key, inner in value.items() if inner is not None)
    if isinstance(value, (list, tuple)):
        return ", ".join(map(pairs, value))
    return "" if value is None else str(value)


def proof(cell: Cell) -> str:
    """What proves which compiler ran; in words where nothing does."""
    if cell["proof"] == {}:
        return "none: its label is what it was asked for"
    return pairs(dict(sorted((cell["proof"] or {}).items())))


def published(claim: Mapping[str, Any]) -> str:
    """The figures of a claim: each side's score, their ratio, and the tolerance that is granted."""
    figures = dict(claim["published"])
    scores, sides = figures.pop("scores", None) or [], figures.pop("runtimes", None) or []
    tolerance = figures.pop("tolerance", None)
    told = [
        f"{side} {score:g}" if score is not None else str(side)
        for side, score in itertools.zip_longest(sides, scores)
    ]
    told += [f"{key} {value:.3g}" for key, value in figures.items() if isinstance(value, (int, float))]
    told += [f"{key} {value}" for key, value in figures.items() if isinstance(value, str)]
    told += [f"tolerance {numbers.percent(tolerance)}"] if tolerance is not None else []
    return "; ".join(told)


def prebuilt(cell: Cell) -> str:
    """Where a module came from that was not built here; "" for one that was."""
    return pairs(cell.get("prebuilt"))


def built(cells: Iterable[Cell]) -> list[dict[str, str]]:
    """Artifacts of the cells, each once: {"artifact", "flags", "bytes", "sha256"}."""
    found: dict[tuple[str, ...], dict[str, str]] = {}
    for cell in cells:
        kind = "native" if cell["native_sha256"] else "wasm"
        digest = cell["native_sha256"] or cell["wasm_sha256"]
        if digest:
            place = (cell["workload"], cell["toolchain"], cell["variant"], kind, digest)
            made = found.setdefault(
                place, {"artifact": "/".join(place[:4]), "flags": "", "bytes": "", "sha256": digest}
            )
            made["flags"] = prebuilt(cell) or " ".join(cell["flags"] or [])
            made["bytes"] = made["bytes"] or numbers.whole(cell["wasm_bytes"])
    return [found[place] for place in sorted(found)]


def runtimes(cells: Iterable[Cell]) -> list[dict[str, Any]]:
    """What ran the artifacts, each once: {"name", "version", "parts": [(name, version, digest)]}."""
    found: dict[str, dict[str, Any]] = {}
    for cell in cells:
        identity = cell["identity"]
        parts = [
            (name, part) for kind in ("packages", "programs") for name, part in identity.get(kind, {}).items()
        ]
        shown = {
            "name": identity["name"],
            "version": identity.get("version") or "unknown",
            "python": identity.get("python") or "",
            "parts": [_part(name, part) for name, part in sorted(parts, key=lambda p: p[0])],
        }
        found.setdefault(pairs(shown), shown)
    return [found[key] for key in sorted(found)]


def _part(name: str, part: Any) -> tuple[str, str, str]:
    if not isinstance(part, Mapping):
        return name, pairs(part), ""
    rest = {key: value for key, value in part.items() if key != "sha256"}
    version = pairs(rest["version"]) if set(rest) == {"version"} else pairs(rest)
    return name, version, pairs(part.get("sha256"))


def groups(cells: Iterable[Cell]) -> tuple[list[dict[str, Any]], int]:
    """Groups of cells that could not be told apart, fastest first, and how many more there are.

    A group: {"letter", "low", "high" (ratios), "cells": [labels, fastest first], "more"}.
    """
    members: dict[str, list[Cell]] = {}
    for cell in cells:
        for letter in re.findall(r"[a-z]\d*", cell.get("group") or ""):
            members.setdefault(letter, []).append(cell)
    found = []
    for letter in sorted(members, key=lambda text: (int(text[1:] or 0), text[0])):
        of = sorted(members[letter], key=lambda c: (-c["ratio"], label(c)))
        names = [label(cell) for cell in of]
        found.append(
            {
                "letter": letter,
                "high": numbers.ratio(of[0]["ratio"]),
                "low": numbers.ratio(of[-1]["ratio"]),
                "cells": names[:_MOST_MEMBERS],
                "more": max(0, len(names) - _MOST_MEMBERS),
            }
        )
    return found[:_MOST_GROUPS], max(0, len(found) - _MOST_GROUPS)


def crowded(cells: list[Cell]) -> bool:
    """Whether most cells with groups are in so many that there is no room for their letters."""
    letters = [numbers.letters(cell) for cell in cells if is_ok(cell) and not cell["disturbed"]]
    return sum(text in ("", "…") for text in letters) * 2 > len(letters)


def choices(cells: list[Cell]) -> list[tuple[str, list[str]]]:
    """(key, values) by which the table of all cells can be filtered: keys that have several values."""
    found = [(key, list(dict.fromkeys(str(cell[key]) for cell in cells))) for key in FILTERS]
    return [(key, values) for key, values in found if len(values) > 1]
