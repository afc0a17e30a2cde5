"""Rounds beyond the first ones, for protocols that ask for precision: as many as each cell needs."""

from __future__ import annotations

import random

import msgspec

from pipeline.core import paths
from pipeline.core.files import read_record, sha256, write_record
from pipeline.core.model import Cell
from pipeline.experiment.plan import Plan
from pipeline.measure.measure_round import ensure_sample
from pipeline.measure.sample import Sample
from pipeline.measure.sample_key import MeasurementSpec
from pipeline.measure.stopping_rule import reason_to_stop


class RefinedCell(msgspec.Struct, frozen=True):
    """Why no further round of a cell was wanted, and the samples that it has: {path: SHA-256}."""

    reason: str
    samples: dict[str, str]


class Refinement(msgspec.Struct, frozen=True):
    """The file refined.json, {name of the cell: what it got}."""

    cells: dict[str, RefinedCell]


def refine(plan: Plan) -> None:
    """Add rounds, one per cell in turn, until each has what the protocol asks for; note what was used.

    Existing samples count: a more demanding run only adds to them, an interrupted one goes on.
    """
    protocol = plan.protocol
    samples: dict[str, list[Sample]] = {}
    open_: list[Cell] = plan.cells()
    reasons: dict[str, str] = {}
    round_ = 0
    while open_:
        round_ += 1
        random.Random(f"{protocol.seed}/{round_}").shuffle(open_)
        for cell in open_:
            rounds = samples.setdefault(cell.name, [])
            rounds.append(ensure_sample(MeasurementSpec(cell, protocol, plan.reference_name, round_)))
            reason = reason_to_stop(protocol, rounds)
            if reason is not None:
                reasons[cell.name] = reason
                print(f"{cell.name}: {reason}", flush=True)
        open_ = [cell for cell in open_ if cell.name not in reasons]
    records = {name: _record(samples[name], reasons[name]) for name in sorted(samples)}
    write_record(paths.refined(), Refinement(records))


def unchanged() -> bool:
    """Whether every sample that the last refinement used is still what it was."""
    try:
        cells = read_record(paths.refined(), Refinement).cells
        return all(sha256(p) == digest for c in cells.values() for p, digest in c.samples.items())
    except (OSError, ValueError):
        return False


def _record(samples: list[Sample], reason: str) -> RefinedCell:
    files = [paths.sample(s.cell, s.round) for s in samples]
    return RefinedCell(reason, {path: sha256(path) for path in files})
