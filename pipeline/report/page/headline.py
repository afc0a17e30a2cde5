"""What a reader should know first: what is shown to be fastest, how much could be measured, and on what."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pipeline.report.page.number_format as numbers
from pipeline.core.model import Kind
from pipeline.report.page.cell_texts import Cell, is_ok
from pipeline.results.cells import label, native_name, native_speeds, parts
from pipeline.stats.verdicts import FASTER, SLOWER

#: Backends that may be named beside the first one.
_MOST_NAMED = 3


def facts(results: dict[str, Any]) -> list[dict[str, str]]:
    """{"name", "value", "says"}: the figures at the head of the page."""
    cells = results["cells"]
    workloads, protocol, host = results["workloads"], results["protocol"], results["host"]
    counts = Counter(cell["status"] for cell in cells if not is_ok(cell))
    disturbed = sum(bool(cell["disturbed"]) for cell in cells)
    told = [f"{number} {status}" for status, number in sorted(counts.items())]
    told += [f"{disturbed} disturbed (?)"] if disturbed else []
    measured = sum(map(is_ok, cells))
    return [
        *_fastest(results),
        {
            "name": "Native reference",
            "value": native_name(workloads),
            "says": f"{native_speeds(workloads)} undisturbed" if native_speeds(workloads) else "not measured",
        },
        {
            "name": "Cells with a number",
            "value": f"{measured} of {len(cells)}",
            "says": ", ".join(told) or "all of them",
        },
        {
            "name": "Protocol",
            "value": str(protocol["name"]),
            "says": f"{rounds(cells)} a cell, {numbers.percent(protocol['confidence'])} intervals",
        },
        {
            "name": "Machine",
            "value": str(host["microarchitecture"] or "unknown"),
            "says": processor({**host, "microarchitecture": None}),
        },
    ]


def processor(host: dict[str, Any]) -> str:
    """A host's processor, with what is known of it: of another host that may be little."""
    known = [f"({host['microarchitecture']})"] if host["microarchitecture"] else []
    cores = [f"{host['cores']} cores"] if host["cores"] else []
    return ", ".join([" ".join([str(host["cpu"]), *known]), *cores])


def rounds(cells: list[Cell]) -> str:
    """How many rounds the cells have: "1 round", "8 to 24 rounds"."""
    found = sorted({cell["rounds"] for cell in cells if cell["rounds"]})
    between = " to ".join(map(str, dict.fromkeys([*found[:1], *found[-1:]]))) or "0"
    return f"{between} round{'' if between == '1' else 's'}"


def _fastest(results: dict[str, Any]) -> list[dict[str, str]]:
    """One a workload, each by its name where there are several."""
    found = [fastest(part["cells"], part["comparisons"]) for part in parts(results)]
    if len(found) == 1:
        return found
    names = [workload["name"] for workload in results["workloads"]]
    return [{**one, "name": f"{name}: {one['name'].lower()}"} for name, one in zip(names, found, strict=True)]


def fastest(cells: list[Cell], comparisons: list[dict[str, Any]]) -> dict[str, str]:
    """A workload's fastest backend that runs wasm, and whether it is shown to be that.

    By the groups' letters (cells that share none were told apart); of so many cells that there are no
    letters, by the comparisons with other backends that ran the same module.
    """
    fit = [c for c in cells if is_ok(c) and not c["disturbed"] and c["kind"] != Kind.NATIVE.value]
    if not fit:
        return {"name": "Fastest", "value": "undecided", "says": "no undisturbed cell that runs wasm"}
    first = min(fit, key=lambda c: (-c["ratio"], label(c)))
    alike = [c for c in fit if c is first or not _told_apart(first, c, comparisons)]
    alike.sort(key=lambda c: (-c["ratio"], label(c)))
    others = list(dict.fromkeys(c["backend"] for c in alike if c["backend"] != first["backend"]))
    at = f"{numbers.ratio(first['ratio'])} {numbers.plus_minus(first)} of native, {first['variant']}"
    if not others:
        return {
            "name": "Shown to be fastest",
            "value": first["backend"],
            "says": f"{at}; told apart from every other backend"
            + ("" if first.get("group") else " with the same module"),
        }
    more = f" and {len(others) - _MOST_NAMED} more" if len(others) > _MOST_NAMED else ""
    return {
        "name": "Fastest so far",
        "value": first["backend"],
        "says": f"{at}; not told apart from {', '.join(others[:_MOST_NAMED])}{more}",
    }


def _told_apart(one: Cell, other: Cell, comparisons: list[dict[str, Any]]) -> bool:
    if one.get("group") and other.get("group"):
        mine, theirs = (set(re.findall(r"[a-z]\d*", cell["group"])) for cell in (one, other))
        return not mine & theirs
    if any(one[part] != other[part] for part in ("toolchain", "variant")):
        return True
    names = {label(one), label(other)}
    return any({v["one"], v["other"]} == names and v["verdict"] in (FASTER, SLOWER) for v in comparisons)
