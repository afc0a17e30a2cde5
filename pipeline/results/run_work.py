"""How the work of a cell's runs depends on the number of iterations."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

from pipeline.core.model import ITERATIONS
from pipeline.measure.sample import Sample
from pipeline.measure.sizes.run_size_record import RunSize
from pipeline.stats.growth import fixed_share

#: How near to 1 a ratio is if a clock decides, and of how many pairs it can be seen.
_AS_LONG, _LEAST_PAIRS = 0.003, 10
#: A share of a run that does not depend on the number of iterations is reported from here on.
_MUCH_FIXED = 0.1


def chunk_iterations(samples: Sequence[Sample]) -> int | None:
    """The iterations of the reference's chunks, if all rounds have the same."""
    numbers = {s.size.iterations if s.size is not None else None for s in samples}
    return numbers.pop() if len(numbers) == 1 else None


def median_of(values: Iterable[float | None]) -> float | None:
    """Of those that are known; None if none is."""
    known = [x for x in values if x is not None]
    return statistics.median(known) if known else None


def work_text(samples: Sequence[Sample]) -> str | None:
    """How the work of the newest round that tells depends on the number; None if it is proportional."""
    sizes = [s.size for s in samples if s.size is not None and s.size.growth is not None]
    chosen = [size for size in sizes if size.calm] or sizes
    return _text(chosen[-1]) if chosen else None


def runs_by_clock(samples: Sequence[Sample]) -> bool:
    """Whether nearly every chunk took as long as that of the reference: as if a clock decided when it ends.

    Chunks of one native program already differ by 1 to 2 %.
    """
    ratios = [
        score / reference
        for s in samples
        if s.iterations == s.reference_iterations
        for score, reference in zip(s.scores, s.reference_scores, strict=True)
    ]
    near = [ratio for ratio in ratios if abs(ratio - 1) < _AS_LONG]
    return len(ratios) >= _LEAST_PAIRS and len(near) >= 0.9 * len(ratios)


def _text(size: RunSize) -> str | None:
    if size.growth == "proportional":
        return None
    if size.growth == "fixed part":
        share = fixed_share(size.sizes, size.seconds)
        if share < _MUCH_FIXED:
            return None
        return f"{share:.0%} of a run of {size.iterations} iterations does not depend on {ITERATIONS}"
    what = "does not depend on" if size.growth == "not at all" else "is not proportional to"
    times = [f"{n} take {s * 1000:.3g} ms" for n, s in zip(size.sizes, size.seconds, strict=True)]
    return f"work {what} {ITERATIONS}: {', '.join(times)}"


def sizes_differ(samples: Sequence[Sample]) -> bool:
    """Whether rounds have different sizes of work that is not proportional to the number of iterations."""
    sizes = [s.size for s in samples if s.size is not None]
    line = all(size.growth in ("proportional", None) for size in sizes)
    return not line and len({size.iterations for size in sizes}) > 1
