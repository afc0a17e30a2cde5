"""Which cells stand for the sides of a claim; where there are none, why, and what to type."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from pipeline.analyses.claims.claims_toml import Claim, Side
from pipeline.core.model import Status
from pipeline.results.cells import label
from pipeline.runtimes import backends
from pipeline.workloads import workload_toml

Cell = dict[str, Any]
Results = dict[str, Any]


@dataclass(frozen=True)
class Found:
    """Cells of one run that stand for a claim's sides, in their order."""

    cells: tuple[Cell, ...]
    results: Results
    #: Why they cannot be judged and what to type; "" where they can.
    trouble: str = ""


def find(claim: Claim, several: Sequence[Results]) -> Found | None:
    """The best cells for a claim: of one run, one toolchain and the claim's variant; measured before others.

    Earlier results, the reference's toolchain, earlier patterns of the first side and then of the second are
    preferred. None where a side has no cell at all; ``absent`` says what to do then.
    """
    every = [Found(cells, results) for results in several for cells in _choices(claim, results)]
    told = [Found(found.cells, found.results, _trouble(claim, found)) for found in every]
    return next((found for found in told if not found.trouble), next(iter(told), None))


def _choices(claim: Claim, results: Results) -> Iterator[tuple[Cell, ...]]:
    cells = _of_variant(claim, results)
    reference = [each["reference"]["toolchain"] for each in workload_of(claim, results)]
    names = [*reference, *(cell["toolchain"] for cell in cells)]
    for toolchain in dict.fromkeys(names):
        same = [cell for cell in cells if cell["toolchain"] == toolchain]
        for chosen in itertools.product(*(_candidates(side, same) for side in claim.sides)):
            if _alike(claim, chosen):
                yield chosen


def workload_of(claim: Claim, results: Results) -> list[dict[str, Any]]:
    """What results say of the claim's workload: one object, or none where it was not measured."""
    return [each for each in results["workloads"] if each["name"] == claim.workload]


def _variants(claim: Claim, several: Sequence[Results]) -> list[str]:
    """The claim's variant; else that of its workload's native reference, where there is one."""
    if claim.variant is not None:
        return [claim.variant]
    found = [each["reference"]["variant"] for results in several for each in workload_of(claim, results)]
    return found[:1]


def _of_variant(claim: Claim, results: Results) -> list[Cell]:
    variants = _variants(claim, [results])
    cells = [cell for cell in results["cells"] if cell["workload"] == claim.workload]
    # A module that somebody else built may be anything.
    return [cell for cell in cells if cell["variant"] in variants and cell.get("prebuilt") is None]


def _candidates(side: Side, cells: Sequence[Cell]) -> list[Cell]:
    """Cells that may stand for a side, best first."""
    found: dict[str, Cell] = {}
    for pattern in side.backends:
        exact = [] if "@" in pattern or side.version is None else _versions(pattern, side.version)
        for each in (*exact, pattern):
            matching = [cell for cell in cells if fnmatchcase(cell["backend"], each)]
            # "wasmtime.*" means what comes with the project, not every release that was measured.
            if "@" not in each:
                matching = [cell for cell in matching if "@" not in cell["backend"]]
            found.update({cell["backend"]: cell for cell in matching if cell["backend"] not in found})
    return list(found.values())


def _versions(pattern: str, version: str) -> list[str]:
    return [f"{pattern}@{version}", f"{pattern}@{version}.*"]


def _alike(claim: Claim, chosen: Sequence[Cell]) -> bool:
    """Two different cells; and where one release was published, not of two releases."""
    if len(chosen) < 2:
        return True
    (one, other), (mine, theirs) = chosen, claim.sides
    runtimes = {cell["backend"].partition(".")[0] for cell in chosen}
    versions = {cell["identity"]["version"] for cell in chosen}
    mixed = len(runtimes) == 1 and len(versions) == 2 and mine.version == theirs.version
    return one["backend"] != other["backend"] and not mixed


def _trouble(claim: Claim, found: Found) -> str:
    for cell in found.cells:
        if cell["status"] != Status.OK.value:
            return f"{label(cell)} is {cell['status']}: {cell['reason']}"
    for cell in found.cells:
        if cell["disturbed"] or cell["log_error"] is None:
            again = command(found, f"rounds={2 * cell['rounds']}")
            return f"{label(cell)} had fewer than two undisturbed rounds; type: {again}"
    return ""


def command(found: Found, how: str) -> str:
    """What measures the same cells again in another way, and judges the claims."""
    names = [cell["backend"] for cell in found.cells]
    first = found.cells[0]
    choice = f"{_named(first['workload'])} {how} variants={first['variant']}"
    if (sweep := _sweep(names)) is not None:
        return f"{sweep} {choice}, then: doit run claims"
    return f"doit run claims {choice} backends='{','.join(names)}'"


def _named(workload: str) -> str:
    """What chooses a workload on the command line."""
    return f"workloads={workload}" if workload in workload_toml.ready() else f"workload=FOLDER/{workload}"


def absent(claim: Claim, several: Sequence[Results]) -> str:
    """Why no results have cells for all sides, and what to type to get them."""
    known = backends.discover()
    cells = [cell for results in several for cell in _of_variant(claim, results)]
    missing = [side for side in claim.sides if not _candidates(side, cells)]
    wanted = [_nearest(side, known) for side in claim.sides]
    for side in missing:
        name = _nearest(side, known)
        base = name.partition("@")[0]
        if not any(fnmatchcase(each, name) or fnmatchcase(each, base) for each in known):
            return (
                f"no backend for {side.published} comes with this project; "
                f"describe it as [runtimes.{base}] in matrix.toml, then type: doit run claims"
            )
    what = " and ".join(side.published for side in missing)
    why = f"nothing was measured for {what}" if missing else "its sides were not measured together"
    if not any(workload_of(claim, results) for results in several):
        why = f"nothing was measured of the workload {claim.workload}"
    choice = " ".join([_named(claim.workload), *(f"variants={each}" for each in _variants(claim, several))])
    if (sweep := _sweep(wanted)) is not None:
        return f"{why}; type: {sweep} {choice}, then: doit run claims"
    extras = sorted({extra for name in wanted if (extra := _extra(name, known)) is not None})
    install = f"where missing, pip install -e '.[{','.join(extras)}]'; then " if extras else ""
    return f"{why}; {install}type: doit run claims {choice} backends='{','.join(dict.fromkeys(wanted))}'"


def _sweep(wanted: Sequence[str]) -> str | None:
    """What measures releases of one runtime beside the report, which it leaves as it is."""
    parts = [name.partition("@") for name in wanted]
    runtimes = {base.partition(".")[0] for base, _, _ in parts}
    versions = [version for _, _, version in parts]
    if len(runtimes) > 1 or not all(versions) or any("*" in v or "?" in v for v in versions):
        return None
    return f"doit run sweep runtime={runtimes.pop()} versions='{','.join(dict.fromkeys(versions))}'"


def _nearest(side: Side, known: dict[str, Any]) -> str:
    """The first of a side's patterns that this project has a backend for; else the last."""
    bases = [(pattern, pattern.partition("@")[0]) for pattern in side.backends]
    return next((p for p, base in bases if any(fnmatchcase(k, base) for k in known)), side.backends[-1])


def _extra(pattern: str, known: dict[str, Any]) -> str | None:
    """The extra that brings a backend's packages; a version's environment brings its own."""
    matching = [b for name, b in known.items() if "@" not in pattern and fnmatchcase(name, pattern)]
    return next((b.runtime.extra for b in matching), None)
