"""Reading cells of results.json: labels, units, speeds, orders."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pipeline.core.model import Status


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


def half_width(cell: dict[str, Any]) -> float:
    """Half of the interval, relative to the ratio."""
    return float((cell["ratio_high"] - cell["ratio_low"]) / 2 / cell["ratio"])


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
