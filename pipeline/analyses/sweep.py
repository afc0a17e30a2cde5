"""One backend over many releases of its package: which of them changed the score?"""

from __future__ import annotations

import contextlib
import io
import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.analyses.history.run_record import of_results
from pipeline.core import paths
from pipeline.core.errors import BadInput
from pipeline.core.files import read_json, write_atomic, write_json
from pipeline.core.model import Status
from pipeline.experiment.plan import Plan
from pipeline.results.cells import half_width, label, mark, speed, unit
from pipeline.results.check import check_cells

_WIDTH = 120


def sweep(plan: Plan, known: list[str]) -> None:
    """Judge the samples of all versions; write the table and the chart's data, and print the table."""
    if plan.sweep is None:
        raise BadInput(
            f"which runtime? Type e.g. doit run sweep runtime={known[0] if known else 'wasmtime'}; "
            f"matrix.toml has sweeps of: {', '.join(known) or 'none'}"
        )
    from pipeline.results.assemble import assemble  # scipy: not for a run that has nothing to judge

    results = assemble(plan)
    found = {**results, "chart": points(results)}
    text = render(plan.sweep_name, found)
    write_json(paths.sweep(plan.sweep_name, "json"), found)
    write_atomic(paths.sweep(plan.sweep_name, "txt"), text)
    print(text, end="", flush=True)
    check_cells(found["cells"], paths.sweep(plan.sweep_name, "txt"))


def points(results: dict[str, Any]) -> list[dict[str, Any]]:
    """The chart's data, a point a cell: versions on one axis, ratios with intervals on the other."""
    keys = ("ratio", "ratio_low", "ratio_high", "compile_seconds", "code_bytes", "status", "reason")
    found = []
    for cell in results["cells"]:
        backend, _, version = cell["backend"].rpartition("@")
        series = f"{cell['workload']}/{cell['toolchain']}/{cell['variant']}/{backend}"
        found.append({"series": series, "version": version, **{key: cell[key] for key in keys}})
    return found


def changes(results: dict[str, Any]) -> list[tuple[str, str]]:
    """(earlier version, later version) whose scores differ, of versions that follow each other."""
    verdicts = {frozenset((v["one"], v["other"])): v for v in results["comparisons"]}
    found = []
    for cells in _series(results).values():
        measured = [c for c in cells if c["ratio"] is not None]
        for one, other in itertools.pairwise(measured):
            verdict = verdicts.get(frozenset((label(one), label(other))))
            if verdict is not None and verdict["verdict"] in ("faster", "slower"):
                found.append((label(one), label(other)))
    return found


def _series(results: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    series: dict[str, list[dict[str, Any]]] = {}
    for cell in results["cells"]:
        name = label(cell).rpartition("@")[0]
        series.setdefault(name, []).append(cell)
    return series


def render(runtime: str, results: dict[str, Any]) -> str:
    """The table: a row a version, with the change to the version before it where there is one."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    stream = io.StringIO()
    console = Console(file=stream, width=_WIDTH, color_system=None, highlight=False)
    changed = set(changes(results))
    for name, cells in _series(results).items():
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for column, side in (
            ("version", "left"),
            (unit(results["workloads"]), "right"),
            ("ratio to native", "right"),
            ("group", "left"),
            ("change", "right"),
            ("compile ms", "right"),
            ("code bytes", "right"),
        ):
            table.add_column(column, justify="right" if side == "right" else "left", no_wrap=True)
        before: dict[str, Any] | None = None
        for cell in cells:
            version = Text(cell["backend"].rpartition("@")[2])
            if cell["status"] != Status.OK.value:
                table.add_row(version, cell["status"])
                continue
            change = ""
            if before is not None and (label(before), label(cell)) in changed:
                change = f"{cell['ratio'] / before['ratio'] - 1:+.1%}"
            table.add_row(
                version,
                speed(cell["score"]),
                f"{cell['ratio']:.3f} ±{half_width(cell) * 100:.1f}%",
                Text(mark(cell)),
                change,
                f"{cell['compile_seconds'] * 1000:.1f}" if cell["compile_seconds"] is not None else "",
                str(cell["code_bytes"] or ""),
            )
            before = cell
        console.print(Text(f"{name} over releases of {runtime}"))
        console.print(table)
        for cell in cells:
            if cell["status"] != Status.OK.value:
                console.print(Text(f"{cell['backend']}: {cell['status']}: {cell['reason']}"))
    console.print(
        Text(
            "Versions that share a letter could not be told apart. A change stands where a version is faster "
            f"or slower than the one before it; all verdicts together are right with "
            f"{results['protocol']['confidence']:.0%} confidence. Chart data: "
            f"{paths.sweep(runtime, 'json')}"
        )
    )
    return "".join(line.rstrip() + "\n" for line in stream.getvalue().splitlines())


def read_sweeps(results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What sweeps of this folder found on the host of these results, by the names of their files.

    Files that are broken, of an older version or of another host are left out: what asks for them says what
    to type.
    """
    found = []
    for path in sorted(Path().glob(paths.sweep("*", "json"))):
        with contextlib.suppress(OSError, ValueError, TypeError, AttributeError, KeyError, BadInput):
            sweep = read_json(path)
            same_host = of_results(sweep).host.fingerprint == results["host"]["fingerprint"]
            if same_host and _whole(sweep, results):
                found.append(sweep)
    return found


def _whole(sweep: Mapping[str, Any], results: Mapping[str, Any]) -> bool:
    """Whether a sweep has all that results have, and its chart."""
    keys = results["cells"][0].keys()
    cells = bool(sweep["cells"]) and all(cell.keys() == keys for cell in sweep["cells"])
    return cells and results.keys() <= sweep.keys() and len(sweep["chart"]) == len(sweep["cells"])
