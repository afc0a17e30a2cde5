"""Who is wrong: the cells that ran one module compared with each other, where native ended differently.

The native build has been found to print the same each time (measure/reference_check.py). So where all of wasm
agrees against it, the program differs there; where one runtime stands alone, it is that one; where they
disagree, nothing is called right.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from pipeline.core.model import Cell, Status
from pipeline.measure.sample import Sample
from pipeline.results import cell_result
from pipeline.results.blame.outputs import RanCell, alone, engines, judge_outputs, names
from pipeline.results.cell_result import Rounds
from pipeline.workloads.output_causes import of_native_flags

#: With the reason why it is not ok.
_Status = tuple[Status, str | None]

#: What is not evidence of how the guest would have ended.
_NOT_ENDED = (Status.UNAVAILABLE, Status.TIMEOUT, Status.CRASH)


def judged_statuses(cells: Sequence[Cell], collected: Mapping[str, Rounds]) -> dict[str, _Status]:
    """The status of each cell; its reason says who is wrong, as far as the other cells show it."""
    statuses = {cell.name: cell_result.status_of(collected[cell.name]) for cell in cells}
    unsteady = [s for cell in cells for s in collected[cell.name].present if s.wrong_reference == "unsteady"]
    if unsteady:
        # Also of cells that were measured before this was seen, and had the same output by chance.
        return {name: _of_unsteady(status, unsteady[0]) for name, status in statuses.items()}
    modules: dict[str, list[RanCell]] = {}
    for cell in cells:
        samples = collected[cell.name].present
        # Of one whose rounds ended in different ways, its own reason says so.
        equal_ends = len({_end(sample) for sample in samples}) == 1
        if not equal_ends or samples[0].wrong_reference:
            continue
        if cell.backend.native:
            if (difference := samples[0].difference) is not None:
                reason = of_native_flags(difference.lines[0], cell.variant.flags)
                statuses[cell.name] = statuses[cell.name][0], f"native: {reason}"
        elif (digest := samples[0].artifact_sha256) is not None:
            modules.setdefault(digest, []).append(RanCell(cell, samples[0]))
    for ran in modules.values():
        for name, reason in judge(ran).items():
            statuses[name] = statuses[name][0], reason
    return statuses


def _of_unsteady(status: _Status, found: Sample) -> _Status:
    """The status of a cell where the reference contradicts itself: no output is right or wrong."""
    return (found.status, found.reason) if status[0] in (Status.OK, Status.INVALID) else status


def _end(sample: Sample) -> tuple[object, ...]:
    digest = sample.difference.sha256 if sample.difference is not None else None
    return sample.status, sample.exit_code, digest


def judge(cells: Sequence[RanCell]) -> dict[str, str]:
    """{cell: reason}, of the cells of one module of which more is known than what they say themselves."""
    right = [cell for cell in cells if cell.sample.status is Status.OK]
    ended = [cell for cell in cells if cell.sample.status not in (Status.OK, *_NOT_ENDED)]
    differing = [cell for cell in ended if cell.sample.difference is not None]
    others = [cell for cell in ended if cell.sample.difference is None]
    if differing:
        return judge_outputs(right, differing, others)
    return _judge_ends(right, others)


def _judge_ends(right: Sequence[RanCell], wrong: Sequence[RanCell]) -> dict[str, str]:
    """Of guests that trapped, exited with a status other than 0, or ended wrongly in a different way."""
    if right and engines(wrong) == 1 and any(map(_is_guests, wrong)):
        well = f"under {names(right)} it ends well, as natively"
        return {c.name: f"{c.backend.name}: {_words(c)}; {well}, {alone(wrong)}" for c in wrong}
    if right or engines(wrong) < 2:
        return {}
    where = f"natively it ends well, but under all {len(wrong)} wasm backends"
    trapped = [cell for cell in wrong if cell.sample.status is Status.TRAP]
    exited = [cell for cell in wrong if cell.sample.exit_code is not None]
    # Commands make an exit status of a trap.
    if trapped and all(cell in trapped or (cell in exited and cell.backend.forks) for cell in wrong):
        reason = f"{where} it traps, so no runtime is at fault: {_words(trapped[0])}"
    elif len({(cell.sample.status, cell.sample.exit_code or _words(cell)) for cell in wrong}) == 1:
        lacks = ", so no runtime is at fault; WASI may lack what it needs" if exited else ""
        reason = f"{where}: {_words(wrong[0])}{lacks}"
    else:
        return {}
    return dict.fromkeys((cell.name for cell in wrong), reason)


def _is_guests(cell: RanCell) -> bool:
    """Whether it is the guest that ended so, and not a check of ours."""
    return cell.sample.status is Status.TRAP or cell.sample.exit_code is not None


def _words(cell: RanCell) -> str:
    """Its own reason, without who says it."""
    return re.sub(rf"^{re.escape(cell.backend.name)}(, [^:]*)?: ", "", cell.sample.reason or "")
