"""Ratios that code alone cannot give: they are not shown unless their cause was found.

A guest that does the same work as the native reference is not twice as fast, and an interpreter is not half
as fast. Where a ratio says so, something else was measured: memory that one of the two does not touch, a
process that waits, a clock that is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipeline.core.model import Cell, Kind
from pipeline.measure.sample import Sample
from pipeline.results.problems.warnings import KERNEL_SHARE
from pipeline.results.run_work import median_of
from pipeline.stats.estimates import Estimate
from toolchain.model import Variant

#: Most of native speed: wabt's wasm2c, the fastest, was seen at 1.3, and the fastest interpreter at 0.2.
MOST, MOST_OF_INTERPRETER = 2.0, 0.5

#: Seen of a program that uses a byte of each page of 96 MiB: 0.55, where JITs have 0.8 to 1.0.
_HIDDEN = (
    "no cause was found in what was measured; a program that mostly waits for memory hides what an "
    "interpreter costs, and then its ratios are not about code"
)


def bound(kind: Kind) -> float:
    """The largest plausible ratio to a native build at a high level of optimisation."""
    return MOST_OF_INTERPRETER if kind is Kind.INTERPRETER else MOST


def doubt(
    cell: Cell,
    ratios: Mapping[str, Estimate],
    samples: Sequence[Sample],
    reference: Variant,
) -> str | None:
    """Why the ratio of a cell is not to be believed; None if it is plausible, or the cause is known.

    ``ratios`` are those of the cell's workload; ``reference`` is the variant of the native reference.
    """
    # The low end: on a busy machine the reference alone may have had to wait.
    found, most = ratios[cell.name].low, bound(cell.backend.kind)
    if cell.backend.native or found <= most or _unoptimised(reference) or _disturbed(samples):
        return None
    # The host's time of a run includes starting it, and natively that is a process.
    if cell.workload.figure.time != "guest":
        return None
    # The same flags may make native code as fast, as -ffast-math does.
    own = f"{cell.workload.name}/{cell.toolchain}/{cell.variant.name}/native"
    if own in ratios and found <= most * ratios[own].value:
        return None
    kernel = median_of(s.reference_system_share for s in samples) or 0.0
    if found * (1 - kernel) <= most:
        return None
    reason = (
        f"{ratios[cell.name].value:.2f} x native is more than is plausible ({most:g}"
        f"{' for an interpreter' if cell.backend.kind is Kind.INTERPRETER else ''}), so it is not shown"
    )
    if kernel >= KERNEL_SHARE:
        return f"{reason}: the native reference spends {kernel:.0%} of its time in the kernel"
    if cell.backend.kind is Kind.INTERPRETER:
        return f"{reason}: {_HIDDEN}"
    remedy = "" if own in ratios else "; to see whether native code gains as much, add backends=native"
    return f"{reason}: no cause was found{remedy}"


def _disturbed(samples: Sequence[Sample]) -> bool:
    """Whether most pairs of every round were disturbed: that is a cause, and the report marks such cells."""
    return all(2 * len(sample.steady()) < len(sample.scores) for sample in samples)


def _unoptimised(variant: Variant) -> bool:
    levels = [flag for flag in variant.flags if flag.startswith("-O")]
    return not levels or levels[-1] == "-O0"
