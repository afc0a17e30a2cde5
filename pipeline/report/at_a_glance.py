"""What a reader needs before the table: whether it is finished, what disturbed it, what it shows."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.core.text import duration, for_line
from pipeline.results.cells import measured
from pipeline.results.model import HostResults, MeasurementWarning, Results
from pipeline.results.problems.build_warnings import BUILD
from pipeline.results.problems.same_code import OPTIONS
from pipeline.results.time_to_precision import HALF_WIDTH, time_to_precision


def state(results: Results) -> str:
    """Whether the results are preliminary, in a sentence; "" if they are not."""
    unfinished = results.preliminary
    if unfinished is None:
        return ""
    rounds = "1 round" if unfinished.rounds == 1 else f"{unfinished.rounds} rounds"
    return (
        f"Preliminary, after {rounds} of each cell or more: {unfinished.cells} of {len(results.cells)} cells "
        "get further ones. If the run has ended, go on with: doit run"
    )


def of_machine(results: HostResults) -> list[MeasurementWarning]:
    """The warnings that are about numbers, not about how modules were built or what was asked for."""
    return [warning for warning in results.warnings if warning.name not in (BUILD, OPTIONS)]


def machine(results: HostResults) -> str:
    """What disturbed the numbers first, with its effect and a cure, in a line; "" if nothing was measured."""
    if results.created is None:
        return ""
    warnings = of_machine(results)
    if not warnings:
        return "The machine was quiet: nothing was found that disturbed the numbers."
    first, *others = warnings
    rest = [warning.name for warning in others]
    more = f" Also found: {', '.join(rest)}." if rest else ""
    found, effect, cure = map(for_line, (first.found, first.effect, first.remedy))
    return f"Disturbed ({first.name}): {found}. Effect: {effect}. Cure: {cure}.{more}"


def precision(results: Results) -> str:
    """The least exact number, and how long exact ones would take here, in a sentence; "" if all are exact."""
    asked = results.protocol.half_width_percent
    if results.preliminary is not None or (asked is not None and asked <= HALF_WIDTH * 100):
        return ""
    left = time_to_precision(results.cells)
    sure = [(m.half_width, cell) for cell, m in measured(results.cells) if not m.disturbed]
    if not left.cells or not sure:
        return ""
    width, widest = max(sure, key=lambda entry: entry[0])
    name = f"{widest.backend} {widest.variant}" if len(results.workloads) == 1 else widest.label
    return (
        f"Least exact: {name}, ±{width * 100:.1f} %. {left.cells} of {len(results.cells)} cells are not "
        f"within ±{HALF_WIDTH * 100:g} % yet; to measure each until it is, or for a minute, about "
        f"{duration(left.seconds)}, run: doit run protocol=precise"
    )


def lines(results: Results) -> Iterator[str]:
    """All of it, a line each, without the findings."""
    yield from filter(None, (state(results), machine(results), precision(results)))
