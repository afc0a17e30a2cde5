"""A comparison of two runs -> the table on the terminal, and compare.json for programs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from pipeline.analyses.history import comparison as runs
from pipeline.analyses.history.cell_changes import RATIO, Change, Pair
from pipeline.analyses.history.comparison import Comparison, host_words
from pipeline.core.rich_text import Side, as_text, new_table
from pipeline.core.text import for_terminal
from pipeline.results.cells import speed_text
from pipeline.results.model_cell import CellResult
from pipeline.results.problems.failures import kind_of
from pipeline.stats.estimates import CONFIDENCE

if TYPE_CHECKING:
    from rich.table import Table

SCHEMA = 2
_WIDTH = 120


def render(comparison: Comparison) -> str:
    """A table for each unit: a row for each cell that has a number in both runs; then the conclusions."""
    # Wide enough that no name is cut.
    longest = max((len(change.pair.name) for change in comparison.changes), default=0)
    compared = [change for change in comparison.changes if change.verdict is not None]
    tables = [
        _table(comparison, what, [change for change in compared if unit(change.pair) == what])
        for what in dict.fromkeys(unit(change.pair) for change in compared)
    ]
    head = [f"old: {_side_words(comparison.old)}", f"new: {_side_words(comparison.new)}", *comparison.notes]
    foot = [*_without_verdict(comparison), _summary(comparison)]
    return f"{_lines(head)}{as_text(tables, _WIDTH + longest)}{_lines(foot)}"


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _table(comparison: Comparison, what: str, changes: Sequence[Change]) -> Table:
    """Cells whose numbers have one unit."""
    columns: list[tuple[str, Side]] = [
        (what, "left"),
        ("old", "right"),
        ("new", "right"),
        ("new / old", "left"),
        ("other changes", "left"),
    ]
    rows = []
    for change in changes:
        p = change.pair
        mark = "  REGRESSION" if comparison.regressed(change) else ""
        old, new = (number(cell, p.key) for cell in (p.old, p.new))
        rows.append((for_terminal(p.name), old, new, change.words() + mark, ", ".join(p.causes)))
    return new_table(columns, rows)


def unit(p: Pair) -> str:
    """What a pair's numbers are: "ratio to native", or the unit of its workload's scores."""
    return "ratio to native" if p.key == RATIO else for_terminal(p.unit, 40)


def number(cell: CellResult, key: str) -> str:
    """A cell's ratio or score as it is printed, "?" behind a disturbed ratio; else its status."""
    measured = cell.measurement
    if measured is None:
        return cell.status.value
    if key == RATIO:
        return f"{measured.ratio:.3f}{'?' if measured.disturbed else ''}"
    return speed_text(measured.score)


def _side_words(side: runs.Side) -> str:
    run = side.run
    protocol = for_terminal(run.protocol.name, 40)
    return f"{side.name}, {run.created or 'no sample'}, protocol {protocol}, on {host_words(run.host)}"


def _without_verdict(comparison: Comparison) -> list[str]:
    """Cells without a verdict: changed statuses, then cells that only one of the runs has."""
    unchanged: list[str] = []
    turned: dict[str, list[str]] = {}  # what happened, in words -> cells
    kinds: dict[str, str] = {}
    for p in (change.pair for change in comparison.changes if change.verdict is None):
        if p.old.status is p.new.status:
            unchanged.append(p.name)
            continue
        failed = p.new if p.old.is_ok else p.old
        reason = f": {for_terminal(failed.reason)}" if failed.reason else ""
        text = f"{p.old.status.value} -> {p.new.status.value}{reason}"
        parts = (failed.workload, failed.toolchain, failed.variant, failed.backend)
        kind = f"{p.old.status.value} {kind_of(p.new.status, str(failed.reason), parts)}"
        turned.setdefault(kinds.setdefault(kind, text), []).append(for_terminal(p.name))
    lines = [f"{', '.join(names)}: {text}" for text, names in turned.items()]
    for what, names in (
        ("without a number in both, as before", unchanged),
        ("only in old", comparison.only_old),
        ("only in new", comparison.only_new),
    ):
        if names:
            lines.append(f"{what}: {', '.join(map(for_terminal, names))}")
    return lines


def _summary(comparison: Comparison) -> str:
    counts: dict[str, int] = {}
    for change in comparison.changes:
        word = "same samples" if change.pair.same_samples else change.word
        if word:
            counts[word] = counts.get(word, 0) + 1
    verdicts = ", ".join(f"{count} {word}" for word, count in counts.items()) or "none"
    return (
        f"Cells with a verdict: {verdicts}. Regressions (slower by more than {comparison.threshold:g} %, or "
        f"gone wrong): {len(comparison.regressions)}. ± is half of a {CONFIDENCE:.0%} interval of one "
        f"difference; all verdicts together are right with {CONFIDENCE:.0%} confidence."
    )


def data(comparison: Comparison) -> dict[str, Any]:
    """The content of compare.json."""
    return {
        "schema": SCHEMA,
        "old": _side(comparison.old),
        "new": _side(comparison.new),
        "threshold_percent": comparison.threshold,
        "confidence": CONFIDENCE,
        "notes": list(comparison.notes),
        "cells": [
            {**_change(change), "regression": comparison.regressed(change)} for change in comparison.changes
        ],
        "only_old": comparison.only_old,
        "only_new": comparison.only_new,
        "regressions": [change.pair.name for change in comparison.regressions],
    }


def _side(side: runs.Side) -> dict[str, Any]:
    run = side.run
    return {
        "name": side.name,
        "created": run.created,
        "fingerprint": run.host.fingerprint,
        "cpu": run.host.cpu,
        "protocol": run.protocol.name,
        "references": {workload.name: workload.reference.sha256 for workload in run.workloads},
    }


def _change(change: Change) -> dict[str, Any]:
    p, verdict = change.pair, change.verdict
    result: dict[str, Any] = {
        "workload": p.new.workload,
        "toolchain": p.new.toolchain,
        "variant": p.new.variant,
        "backend": p.new.backend,
        "compared": p.key,
        "old": _cell(p.old),
        "new": _cell(p.new),
        "same_samples": p.same_samples,
        "other_module": p.other_module,
        "other_runtime": p.other_runtime,
        "causes": p.causes,
        "verdict": change.word or None,
    }
    numbers: dict[str, Any] = dict.fromkeys(
        ("ratio", "ratio_low", "ratio_high", "p", "p_adjusted", "within"), None
    )
    if verdict is not None:
        d = verdict.difference
        numbers = {
            "ratio": d.value,
            "ratio_low": d.low,
            "ratio_high": d.high,
            "p": d.p,
            "p_adjusted": verdict.p_adjusted,
            "within": verdict.bound if math.isfinite(verdict.bound) else None,
        }
    return {**result, **numbers}


def _cell(cell: CellResult) -> dict[str, Any]:
    numbers = ("score", "ratio", "compile_seconds", "code_bytes", "wasm_bytes", "peak_rss_bytes")
    return {
        "status": cell.status.value,
        "reason": cell.reason,
        "sha256": cell.artifact_sha256,
        "version": cell.identity.version,
        **{key: getattr(cell.measurement, key, None) for key in numbers},
    }
