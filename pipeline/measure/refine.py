"""Rounds beyond the first ones, for protocols that ask for precision: as many as each cell needs."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from typing import Protocol

import msgspec

from pipeline.core import paths
from pipeline.core.files import read_record, sha256, write_record
from pipeline.core.model import Cell
from pipeline.experiment.plan import Plan
from pipeline.measure.measure_round import ensure_sample
from pipeline.measure.sample import Sample
from pipeline.measure.sample_key import MeasurementSpec
from pipeline.measure.stopping_rule import reason_to_stop

#: Least time between two reports on what there is so far, s.
_PASS_S = 30.0


class RefinedCell(msgspec.Struct, frozen=True):
    """Why no further round of a cell was wanted, and the samples that it has: {path: SHA-256}."""

    reason: str
    samples: dict[str, str]


class Refinement(msgspec.Struct, frozen=True):
    """The file refined.json, {name of the cell: what it got}."""

    cells: dict[str, RefinedCell]


class OnRound(Protocol):
    """Is called with each further sample that was measured."""

    def __call__(self, cell: str, path: str, open_: int) -> None:
        """``cell`` is the cell's name, ``path`` its sample, ``open_`` how many cells are not done yet."""


def _silent(cell: str, path: str, open_: int) -> None:
    """The default: nothing is shown."""


def refine(plan: Plan, on_round: OnRound = _silent, on_pass: Callable[[Plan], object] | None = None) -> None:
    """Add rounds, one per cell in turn, until each has what the protocol asks for; note what was used.

    Existing samples count: a more demanding run only adds to them, an interrupted one goes on. ``on_pass`` is
    called with the plan before further rounds of all cells that want them, at most every _PASS_S seconds.
    """
    protocol = plan.protocol
    samples: dict[str, list[Sample]] = {}
    open_: list[Cell] = plan.cells()
    reasons: dict[str, str] = {}
    round_, shown = 0, time.monotonic()
    while open_:
        round_ += 1
        if on_pass is not None and round_ > protocol.rounds and time.monotonic() - shown >= _PASS_S:
            on_pass(plan)
            shown = time.monotonic()
        random.Random(f"{protocol.seed}/{round_}").shuffle(open_)
        for cell in open_:
            rounds = samples.setdefault(cell.name, [])
            spec = MeasurementSpec(cell, protocol, plan.reference_name, round_)
            known = os.path.exists(spec.sample_path)
            rounds.append(ensure_sample(spec))
            reason = reason_to_stop(protocol, rounds)
            if reason is not None:
                reasons[cell.name] = reason
            if round_ > protocol.rounds and not known:
                on_round(cell.name, spec.sample_path, len(plan.cells()) - len(reasons))
        open_ = [cell for cell in open_ if cell.name not in reasons]
    records = {name: _record(samples[name], reasons[name]) for name in sorted(samples)}
    write_record(paths.refined(), Refinement(records))


def used() -> list[str]:
    """The paths of the samples that the last refinement used."""
    try:
        cells = read_record(paths.refined(), Refinement).cells
    except (OSError, ValueError):
        return []
    return [path for cell in cells.values() for path in cell.samples]


def _record(samples: list[Sample], reason: str) -> RefinedCell:
    files = [paths.sample(s.cell, s.round) for s in samples]
    return RefinedCell(reason, {path: sha256(path) for path in files})
