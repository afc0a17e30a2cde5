"""What the page's tables show: texts from results, sweeps and claims, in the order of the page."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from pipeline.analyses.claims.claim_verdicts import ClaimVerdict
from pipeline.report.page.number_format import (
    interval,
    milliseconds,
    percent,
    plus_minus,
    ratio,
    score,
    whole,
)
from pipeline.results.model import WorkloadResult
from pipeline.results.model_cell import ONE_ROUND, CellResult, InstalledPart, Measurement

#: (key of a measurement, name) of the phases, in the order in which they happen.
PHASES = (
    ("start_seconds", "process start"),
    ("runtime_seconds", "runtime load"),
    ("compile_seconds", "module compile"),
    ("instantiate_seconds", "instantiate"),
    ("first_run_seconds", "first run"),
)
#: Keys of cells by which the table can be filtered.
FILTERS = ("workload", "toolchain", "variant", "backend", "kind", "status")


def trouble(cell: CellResult) -> str:
    """What is wrong with a cell, in words; "" if nothing is."""
    if cell.measurement is None:
        return f"{cell.status.value}: {cell.reason}"
    if cell.measurement.disturbed:
        return (
            ONE_ROUND
            if cell.measurement.rounds == 1
            else "disturbed: fewer than two undisturbed rounds, so only a range"
        )
    return ""


def tip(cell: CellResult, workload: WorkloadResult) -> str:
    """What is shown for a cell on hover and focus: lines, the first one its name."""
    numbers = [] if cell.measurement is None else _numbers(cell.measurement, workload)
    return "\n".join(line for line in (cell.label, *numbers, trouble(cell)) if line)


def _numbers(m: Measurement, workload: WorkloadResult) -> list[str]:
    costs = [
        (milliseconds(m.compile_seconds), "ms to compile"),
        (whole(m.wasm_bytes), "bytes of wasm"),
        (whole(m.code_bytes), "bytes of native code"),
    ]
    return [
        f"{score(m.score)} {workload.unit}",
        f"{ratio(m.ratio)} of {workload.ratio_to} ({interval(m.ratio_low, m.ratio_high)}, {plus_minus(m)})",
        f"rank {m.rank} of the backends that run this module" if m.rank else "",
        ", ".join(f"{number} {what}" for number, what in costs if number),
        f"{m.rounds} rounds, {pairs_used(m)} chunks undisturbed",
    ]


def pairs_used(m: Measurement) -> str:
    """From how many of its chunks a cell's ratio is computed."""
    return f"{m.pairs_used} of {m.chunks}"


def nested(value: Any) -> str:
    """A nested JSON value as plain text: "key: value; key: value"."""
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {nested(inner)}" for key, inner in value.items() if inner is not None)
    if isinstance(value, (list, tuple)):
        return ", ".join(map(nested, value))
    return "" if value is None else str(value)


def evidence(m: Measurement) -> str:
    """What proves which compiler ran; in words where nothing does."""
    if not m.compiler_evidence:
        return "none: its label is what was requested"
    return nested(dict(sorted(m.compiler_evidence.items())))


def published(claim: ClaimVerdict) -> str:
    """The figures of a claim: each side's score, their ratio, the unit, and the tolerance."""
    figures = claim.published
    texts = [
        f"{side} {score:g}" if score is not None else str(side)
        for side, score in itertools.zip_longest(figures.runtimes, figures.scores)
    ]
    texts += [f"ratio {figures.ratio:.3g}"] if figures.ratio is not None else []
    texts += [f"unit {figures.unit}"] if figures.unit is not None else []
    texts += [f"tolerance {percent(figures.tolerance)}"] if figures.tolerance is not None else []
    return "; ".join(texts)


def prebuilt(cell: CellResult) -> str:
    """Where a module that was not built here came from; "" for one that was."""
    return nested(msgspec.to_builtins(cell.prebuilt))


def built(cells: Iterable[CellResult]) -> list[dict[str, str]]:
    """Artifacts of the cells, each once: {"artifact", "flags", "bytes", "sha256"}."""
    found: dict[tuple[str, ...], dict[str, str]] = {}
    for cell in cells:
        digest = cell.artifact_sha256
        if digest:
            target = "native" if cell.native_sha256 else "wasm"
            place = (cell.workload, cell.toolchain, cell.variant, target, digest)
            made = found.setdefault(
                place, {"artifact": "/".join(place[:4]), "flags": "", "bytes": "", "sha256": digest}
            )
            made["flags"] = prebuilt(cell) or " ".join(cell.flags)
            if cell.measurement is not None:
                made["bytes"] = made["bytes"] or whole(cell.measurement.wasm_bytes)
    return [found[place] for place in sorted(found)]


def runtimes(cells: Iterable[CellResult]) -> list[dict[str, Any]]:
    """What ran the artifacts, each once: {"name", "version", "parts": [(name, version, digest)]}."""
    found: dict[str, dict[str, Any]] = {}
    for cell in cells:
        identity = cell.identity
        parts = [*(identity.packages or {}).items(), *(identity.programs or {}).items()]
        shown = {
            "name": identity.name,
            "version": identity.version or "unknown",
            "python": identity.python or "",
            "parts": [_part(name, part) for name, part in sorted(parts, key=lambda p: p[0])],
        }
        found.setdefault(nested(shown), shown)
    return [found[key] for key in sorted(found)]


def _part(name: str, part: InstalledPart) -> tuple[str, str, str]:
    version = part.version or ""
    return name, version if part.says is None else f"version: {version}; says: {part.says}", part.sha256


def choices(cells: Sequence[CellResult]) -> list[tuple[str, list[str]]]:
    """(key, values) by which the table of all cells can be filtered: keys that have several values."""
    plain = msgspec.to_builtins([{key: getattr(cell, key) for key in FILTERS} for cell in cells])
    found = [(key, list(dict.fromkeys(str(row[key]) for row in plain))) for key in FILTERS]
    return [(key, values) for key, values in found if len(values) > 1]
