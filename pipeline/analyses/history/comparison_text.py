"""A comparison of two runs -> the table on the terminal, and compare.json for programs."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from pipeline.analyses.history.changes import RATIO, Change, Pair
from pipeline.analyses.history.comparison import Comparison, Side, host_words
from pipeline.analyses.history.run_record import Cell, finite
from pipeline.core.text import plain
from pipeline.stats.estimates import CONFIDENCE

SCHEMA = 2
_WIDTH = 120


def render(found: Comparison) -> str:
    """Tables: a row a cell that is in both runs and has a number in both; then what is to be said."""
    from rich.console import Console
    from rich.text import Text

    stream = io.StringIO()
    # Wide enough that no name is cut, as in report.py.
    longest = max((len(change.pair.name) for change in found.changes), default=0)
    console = Console(file=stream, width=_WIDTH + longest, color_system=None, highlight=False)

    def say(line: str) -> None:
        console.print(Text(line), soft_wrap=True)

    say(f"old: {_told(found.old)}")
    say(f"new: {_told(found.new)}")
    for note in found.notes:
        say(note)
    told = [change for change in found.changes if change.verdict is not None]
    for what in dict.fromkeys(unit(change.pair) for change in told):
        console.print(_table(found, what, [change for change in told if unit(change.pair) == what]))
    for line in _unmeasured(found):
        say(line)
    say(_summary(found))
    return "".join(line.rstrip() + "\n" for line in stream.getvalue().splitlines())


def _table(found: Comparison, what: str, changes: Sequence[Change]) -> object:
    """Cells whose numbers are of one unit."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(Text(what), no_wrap=True)
    for column in ("old", "new"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("new beside old", no_wrap=True)
    table.add_column("what else is another", no_wrap=True)
    for change in changes:
        p = change.pair
        old, new = (number(cell, p.key) for cell in (p.old, p.new))
        mark = "  REGRESSION" if found.regressed(change) else ""
        words = (plain(p.name), old, new, change.words() + mark, ", ".join(p.causes))
        table.add_row(*map(Text, words))
    return table


def unit(p: Pair) -> str:
    """What a pair's numbers are: "ratio to native", or the unit of its workload's scores."""
    return "ratio to native" if p.key == RATIO else plain(p.unit, 40)


def number(cell: Cell, key: str) -> str:
    """A cell's ratio or score as it is printed; "?" behind one that the machine disturbed."""
    value = cell.ratio if key == RATIO else cell.score
    if value is None:
        return cell.status.value
    if key == RATIO:
        return f"{value:.3f}{'?' if cell.disturbed else ''}"
    return f"{value:.0f}" if value >= 99.95 else f"{value:.3g}"


def _told(side: Side) -> str:
    run = side.run
    protocol = plain(str(run.protocol.get("name")), 40)
    return f"{side.name}, {run.created}, protocol {protocol}, on {host_words(run.host)}"


def _unmeasured(found: Comparison) -> list[str]:
    """Cells without a verdict: changed statuses, then what only one of the runs has."""
    lines = []
    still = [change.pair for change in found.changes if change.verdict is None]
    for p in still:
        if p.old.status is not p.new.status:
            one = p.new if p.old.ok else p.old
            reason = f": {plain(one.reason)}" if one.reason else ""
            lines.append(f"{plain(p.name)}: {p.old.status.value} -> {p.new.status.value}{reason}")
    same = [p for p in still if p.old.status is p.new.status]
    if same:
        lines.append(f"without a number in both, as before: {_names([p.name for p in same])}")
    for which, names in (("old", found.only_old), ("new", found.only_new)):
        if names:
            lines.append(f"only in {which}: {_names(names)}")
    return lines


def _names(names: Sequence[str]) -> str:
    return ", ".join(map(plain, names))


def _summary(found: Comparison) -> str:
    counts: dict[str, int] = {}
    for change in found.changes:
        word = "same samples" if change.pair.same_samples else change.word
        if word:
            counts[word] = counts.get(word, 0) + 1
    told = ", ".join(f"{count} {word}" for word, count in counts.items()) or "none"
    return (
        f"Cells with a verdict: {told}. Regressions (slower by more than {found.threshold:g} %, or gone "
        f"wrong): {len(found.regressions)}. ± is half of a {CONFIDENCE:.0%} interval of one difference; all "
        f"verdicts together are right with {CONFIDENCE:.0%} confidence."
    )


def data(found: Comparison) -> dict[str, Any]:
    """The content of compare.json."""
    return {
        "schema": SCHEMA,
        "old": _side(found.old),
        "new": _side(found.new),
        "threshold_percent": found.threshold,
        "confidence": CONFIDENCE,
        "notes": list(found.notes),
        "cells": [{**_change(change), "regression": found.regressed(change)} for change in found.changes],
        "only_old": found.only_old,
        "only_new": found.only_new,
        "regressions": [change.pair.name for change in found.regressions],
    }


def _side(side: Side) -> dict[str, Any]:
    run = side.run
    return {
        "name": side.name,
        "created": run.created,
        "fingerprint": run.host.fingerprint,
        "cpu": run.host.cpu,
        "protocol": run.protocol.get("name"),
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
            "within": finite(verdict.bound),
        }
    return {**result, **numbers}


def _cell(cell: Cell) -> dict[str, Any]:
    return {
        "status": cell.status.value,
        "reason": cell.reason,
        "score": cell.score,
        "ratio": cell.ratio,
        "sha256": cell.artifact,
        "version": cell.version,
        "compile_seconds": cell.compile_seconds,
        "code_bytes": cell.code_bytes,
        "wasm_bytes": cell.wasm_bytes,
        "peak_rss_bytes": cell.peak_rss_bytes,
    }
