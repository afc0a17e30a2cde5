"""Which cells stand for the sides of a claim; if there are none, why, and which command measures them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from pipeline.analyses.claims.claims_toml import Claim, Side
from pipeline.core.model import Backend
from pipeline.results.model import Results, WorkloadResult
from pipeline.results.model_cell import CellResult
from pipeline.runtimes import backends
from pipeline.runtimes.backends import engines
from pipeline.workloads import workload_toml


@dataclass(frozen=True)
class Match:
    """Cells of one run that stand for a claim's sides, in the order of the sides."""

    cells: tuple[CellResult, ...]
    results: Results

    @property
    def problem(self) -> str:
        """Why the cells cannot be compared, and what to run; "" if they can."""
        for cell in self.cells:
            if not cell.is_ok:
                return f"{cell.label} is {cell.status.value}: {cell.reason}"
        for cell in self.cells:
            if cell.measurement is not None and cell.comparable is None:
                again = command(self, f"rounds={max(3, 2 * cell.measurement.rounds)}")
                one = cell.measurement.rounds == 1
                found = "1 round, which has no interval" if one else "fewer than two undisturbed rounds"
                return f"{cell.label} had {found}; run: {again}"
        return ""


def find(claim: Claim, runs: Sequence[Results]) -> Match | None:
    """The best cells for a claim: from one run, one toolchain and the claim's variant; comparable ones first.

    Earlier runs, the reference's toolchain, earlier patterns of the first side and then of the second are
    preferred. None where a side has no cell at all; ``absent`` says what to do then.
    """
    matches = [Match(cells, results) for results in runs for cells in _choices(claim, results)]
    usable = [match for match in matches if not match.problem]
    return next(iter(usable or matches), None)


def _choices(claim: Claim, results: Results) -> Iterator[tuple[CellResult, ...]]:
    cells = _of_variant(claim, results)
    workload = workload_of(claim, results)
    reference = [] if workload is None else [workload.reference.toolchain]
    for toolchain in dict.fromkeys([*reference, *(cell.toolchain for cell in cells)]):
        same = [cell for cell in cells if cell.toolchain == toolchain]
        for chosen in itertools.product(*(_candidates(side, same) for side in claim.sides)):
            if _fit_together(claim, chosen):
                yield chosen


def workload_of(claim: Claim, results: Results) -> WorkloadResult | None:
    """The claim's workload in the results; None where it was not measured."""
    return next((each for each in results.workloads if each.name == claim.workload), None)


def _variant(claim: Claim, runs: Sequence[Results]) -> str | None:
    """The claim's variant; else that of its workload's native reference, if the workload was measured."""
    if claim.variant is not None:
        return claim.variant
    workloads = (workload_of(claim, results) for results in runs)
    return next((workload.reference.variant for workload in workloads if workload is not None), None)


def _of_variant(claim: Claim, results: Results) -> list[CellResult]:
    variant = _variant(claim, [results])
    cells = [cell for cell in results.cells if (cell.workload, cell.variant) == (claim.workload, variant)]
    # A prebuilt module may be anything.
    return [cell for cell in cells if cell.prebuilt is None]


def _candidates(side: Side, cells: Sequence[CellResult]) -> list[CellResult]:
    """Cells that may stand for a side, best first."""
    candidates: dict[str, CellResult] = {}
    for pattern in side.backends:
        exact = [] if "@" in pattern or side.version is None else _versions(pattern, side.version)
        for each in (*exact, pattern):
            for cell in cells:
                # "wasmtime.*" means the project's own release, not every release that was measured.
                named = "@" in each or "@" not in cell.backend
                if named and fnmatchcase(cell.backend, each):
                    candidates.setdefault(cell.backend, cell)
    return list(candidates.values())


def _versions(pattern: str, version: str) -> list[str]:
    return [f"{pattern}@{version}", f"{pattern}@{version}.*"]


def _fit_together(claim: Claim, chosen: Sequence[CellResult]) -> bool:
    """Two different cells; and where one release was published, not cells of two releases."""
    if len(chosen) < 2:
        return True
    (one, other), (first, second) = chosen, claim.sides
    runtimes = {cell.backend.partition(".")[0] for cell in chosen}
    versions = {cell.identity.version for cell in chosen}
    mixed = len(runtimes) == 1 and len(versions) == 2 and first.version == second.version
    return one.backend != other.backend and not mixed


def command(match: Match, how: str) -> str:
    """What measures the same cells again in a different way, and checks the claims."""
    names = [cell.backend for cell in match.cells]
    first = match.cells[0]
    choice = f"{_chosen(first.workload)} {how} variants={first.variant}"
    if (sweep := _sweep(names)) is not None:
        return f"{sweep} {choice}, then: doit run claims"
    return f"doit run claims {choice} backends='{','.join(names)}'"


def _chosen(workload: str) -> str:
    """What chooses a workload on the command line."""
    if workload in workload_toml.project_workloads():
        return f"workloads={workload}"
    return f"workload={'' if workload in workload_toml.user_workloads() else 'FOLDER/'}{workload}"


def absent(claim: Claim, runs: Sequence[Results]) -> str:
    """Why no results have cells for all sides, and what to run to get them."""
    known = backends.discover()
    cells = [cell for results in runs for cell in _of_variant(claim, results)]
    missing = [side for side in claim.sides if not _candidates(side, cells)]
    for side in missing:
        name = _nearest(side, known)
        base = name.partition("@")[0]
        if not any(fnmatchcase(each, name) or fnmatchcase(each, base) for each in known):
            return (
                f"no backend for {side.published} comes with this project; "
                f"describe it as [runtimes.{base}] in matrix.toml, then run: doit run claims"
            )
    return f"{_why_absent(claim, runs, missing)}; {_how_to_measure(claim, runs, known)}"


def _why_absent(claim: Claim, runs: Sequence[Results], missing: Sequence[Side]) -> str:
    if all(workload_of(claim, results) is None for results in runs):
        return f"nothing was measured of the workload {claim.workload}"
    if missing:
        return f"nothing was measured for {' and '.join(side.published for side in missing)}"
    return "its sides were not measured together"


def _how_to_measure(claim: Claim, runs: Sequence[Results], known: Mapping[str, Backend]) -> str:
    wanted = list(dict.fromkeys(_nearest(side, known) for side in claim.sides))
    variant = _variant(claim, runs)
    choice = _chosen(claim.workload) + ("" if variant is None else f" variants={variant}")
    if (sweep := _sweep(wanted)) is not None:
        return f"run: {sweep} {choice}, then: doit run claims"
    extras = sorted({extra for name in wanted if (extra := _extra(name, known)) is not None})
    install = f"where missing, pip install -e '.[{','.join(extras)}]'; then " if extras else ""
    return f"{install}run: doit run claims {choice} backends='{','.join(wanted)}'"


def _sweep(wanted: Sequence[str]) -> str | None:
    """What measures releases of one runtime without a change to the report; None for other backends."""
    parts = [name.partition("@") for name in wanted]
    runtimes = {base.partition(".")[0] for base, _, _ in parts}
    versions = [version for _, _, version in parts]
    if len(runtimes) > 1 or not all(versions) or any("*" in v or "?" in v for v in versions):
        return None
    return f"doit run sweep runtime={runtimes.pop()} versions='{','.join(dict.fromkeys(versions))}'"


def _nearest(side: Side, known: Mapping[str, Backend]) -> str:
    """The first of a side's patterns that this project has a backend for, in its release; else the last."""
    for pattern in side.backends:
        base, at, _ = pattern.partition("@")
        matching = [backend for name, backend in known.items() if fnmatchcase(name, base)]
        if not matching:
            continue
        release = None if at or side.version is None else engines.release_like(matching[0], side.version)
        return pattern if release is None else f"{pattern}@{release}"
    return side.backends[-1]


def _extra(pattern: str, known: Mapping[str, Backend]) -> str | None:
    """The extra that installs a backend's packages; the environment of a version installs its own."""
    matching = [b for name, b in known.items() if "@" not in pattern and fnmatchcase(name, pattern)]
    return next((b.runtime.extra for b in matching), None)
