"""Several cases of a workload that are run one after the other, as one run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.workloads.validators.model import Run, Touched


@dataclass(frozen=True)
class Together:
    """The cases that a chunk runs."""

    cases: tuple[Any, ...]


class Results(tuple[tuple[str, Any], ...]):
    """(name, result) of each case of such a run."""

    __slots__ = ()


def in_one(names: Iterable[str], runs: Sequence[Run]) -> Run:
    """The run whose times are the sums of these."""
    clocks = [run.clock_s for run in runs if run.clock_s is not None]
    touched = [run.touched for run in runs]
    return Run(
        iterations=runs[0].iterations,
        seconds=sum(run.seconds for run in runs),
        result=Results(zip(names, (run.result for run in runs), strict=True)),
        tick_s=sum(run.tick_s for run in runs),
        clock_s=sum(clocks) if clocks else None,
        touched=Touched(sum(each.seconds for each in touched), sum(each.page_faults for each in touched)),
    )
