"""Rounds beyond the first ones, for protocols that ask for precision: as many as each cell needs."""

from __future__ import annotations

import random
from typing import Any

from pipeline.core import paths
from pipeline.core.files import read_json, sha256, write_json
from pipeline.core.model import Cell
from pipeline.experiment.plan import Plan
from pipeline.measure.measure_round import measure
from pipeline.measure.sample import Sample
from pipeline.measure.stopping_rule import enough


def refine(plan: Plan) -> None:
    """Add rounds, one a cell in turn, until each has what the protocol asks for; note what was used.

    Samples that lie there count: a more demanding run only adds to them, an interrupted one goes on.
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
            found = samples.setdefault(cell.name, [])
            found.append(measure(cell, protocol, plan.reference_name, round_))
            reason = enough(protocol, found)
            if reason is not None:
                reasons[cell.name] = reason
                print(f"{cell.name}: {reason}", flush=True)
        open_ = [cell for cell in open_ if cell.name not in reasons]
    write_json(paths.refined(), {name: _record(samples[name], reasons[name]) for name in sorted(samples)})


def kept() -> bool:
    """Whether every sample that the last refinement rests on is still what it was."""
    try:
        cells = read_json(paths.refined())
        return all(sha256(p) == digest for c in cells.values() for p, digest in c["samples"].items())
    except (OSError, ValueError, AttributeError, KeyError, TypeError):
        return False


def _record(samples: list[Sample], reason: str) -> dict[str, Any]:
    paths = [paths.sample(s.cell, s.round) for s in samples]
    return {"reason": reason, "samples": {path: sha256(path) for path in paths}}
