"""What a self-test shows: how often an interval contains the true ratio 1, and how large the noise is."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from pipeline.core.model import Kind
from pipeline.core.rich_text import Side, as_text, new_table
from pipeline.measure.sample import Sample
from pipeline.results.model import MeasurementWarning
from pipeline.results.problems import warnings
from pipeline.stats import estimates

#: Above these limits a machine is too disturbed to measure on: the share of comparisons that are not usable,
#: and the median half-width of the comparisons of optimising compilers.
MAX_UNUSABLE = 0.5
MAX_HALF_WIDTH = 0.05
_WIDTH = 110


@dataclass(frozen=True)
class Comparison:
    """One backend against itself."""

    backend: str
    kind: Kind
    repeat: int
    difference: estimates.Difference
    usable: bool  # False where one of the labels has too few undisturbed rounds

    @property
    def contains_one(self) -> bool:
        """Whether the interval contains the true ratio, which is 1."""
        return self.difference.low <= 1 <= self.difference.high

    @property
    def half_width(self) -> float:
        """Half of the interval, relative to the ratio."""
        return (self.difference.high - self.difference.low) / 2 / self.difference.value

    @property
    def away(self) -> float:
        """How far the ratio is from 1, in either direction, as a fraction."""
        return max(self.difference.value, 1 / self.difference.value) - 1


class BackendSummary(msgspec.Struct, frozen=True):
    """The comparisons of one backend; widths and differences are fractions, None without a usable one."""

    backend: str
    comparisons: int
    usable: int
    containing_one: int
    median_half_width: float | None
    largest_difference: float | None


class ComparisonRecord(msgspec.Struct, frozen=True):
    """One comparison, as it is in selftest.json."""

    backend: str
    repeat: int
    usable: bool
    ratio: float
    ratio_low: float
    ratio_high: float
    p: float


class Summary(msgspec.Struct, frozen=True):
    """The result of a self-test; shares and widths are fractions, None without a usable comparison."""

    comparisons: int
    usable: int
    containing_one: int
    #: 95 % of the differences are below it.
    noise_floor: float | None
    median_half_width_optimizing: float | None
    undisturbed_pairs: float | None
    #: Why the machine is too disturbed to measure on; None if it is not.
    refused: str | None
    backends: tuple[BackendSummary, ...]
    unavailable: dict[str, str]  # {backend: status and reason}
    warnings: tuple[MeasurementWarning, ...]
    each: tuple[ComparisonRecord, ...]


def summarise(
    comparisons: Sequence[Comparison], samples: Sequence[Sample], unavailable: Mapping[str, str]
) -> Summary:
    """What the comparisons and their samples show."""
    usable = [c for c in comparisons if c.usable]
    optimizing = [c.half_width for c in usable if c.kind is Kind.OPTIMIZING]
    pairs = sum(len(s.scores) for s in samples)
    summary = Summary(
        comparisons=len(comparisons),
        usable=len(usable),
        containing_one=sum(c.contains_one for c in usable),
        noise_floor=_quantile([c.away for c in usable], 0.95),
        median_half_width_optimizing=statistics.median(optimizing) if optimizing else None,
        undisturbed_pairs=sum(len(s.steady()) for s in samples) / pairs if pairs else None,
        refused=None,
        backends=tuple(_of_backend(n, comparisons) for n in dict.fromkeys(c.backend for c in comparisons)),
        unavailable=dict(unavailable),
        warnings=tuple(warnings.find_warnings(samples)),
        each=tuple(_record(c) for c in comparisons),
    )
    return msgspec.structs.replace(summary, refused=_refusal(summary))


def _refusal(summary: Summary) -> str | None:
    unusable = summary.comparisons - summary.usable
    if unusable > MAX_UNUSABLE * summary.comparisons:
        return (
            f"in {unusable} of {summary.comparisons} comparisons fewer than two rounds were undisturbed "
            f"({summary.undisturbed_pairs:.0%} of all chunk pairs were); "
            "end what else runs, or use a different machine"
        )
    width = summary.median_half_width_optimizing
    if width is not None and width > MAX_HALF_WIDTH:
        return f"intervals are ±{width:.1%} for optimising compilers; end what else runs, or add rounds=N"
    return None


def _of_backend(name: str, comparisons: Sequence[Comparison]) -> BackendSummary:
    usable = [c for c in comparisons if c.backend == name and c.usable]
    return BackendSummary(
        backend=name,
        comparisons=sum(c.backend == name for c in comparisons),
        usable=len(usable),
        containing_one=sum(c.contains_one for c in usable),
        median_half_width=statistics.median(c.half_width for c in usable) if usable else None,
        largest_difference=max((c.away for c in usable), default=None),
    )


def _record(c: Comparison) -> ComparisonRecord:
    d = c.difference
    return ComparisonRecord(c.backend, c.repeat, c.usable, d.value, d.low, d.high, d.p)


def _quantile(values: list[float], q: float) -> float | None:
    return sorted(values)[min(len(values) - 1, int(q * len(values)))] if values else None


def sentence(summary: Summary) -> str:
    """The summary in one line."""
    if not summary.usable:
        return f"none of {summary.comparisons} comparisons has enough undisturbed rounds"
    return (
        f"{summary.containing_one} of {summary.usable} intervals contain 1; noise floor "
        f"{summary.noise_floor:.2%}; {summary.undisturbed_pairs:.0%} of the pairs undisturbed"
    )


def render(summary: Summary) -> str:
    """The table for the terminal, and the conclusion."""
    columns: list[tuple[str, Side]] = [
        ("backend against itself", "left"),
        ("comparisons", "right"),
        ("contain 1", "right"),
        ("median ±", "right"),
        ("largest difference", "right"),
    ]
    rows = [
        (
            b.backend,
            str(b.comparisons),
            f"{b.containing_one} of {b.usable}",
            *("n/a" if x is None else f"{x:.2%}" for x in (b.median_half_width, b.largest_difference)),
        )
        for b in summary.backends
    ]
    lines = [f"{name}: {reason}" for name, reason in summary.unavailable.items()]
    lines += [f"{w.name}: {w.found}\n    remedy: {w.remedy}" for w in summary.warnings]
    lines.append(f"In all: {sentence(summary)}.")
    if summary.noise_floor is not None:
        lines.append(f"Differences under {summary.noise_floor:.2%} are noise on this machine, now.")
    return as_text([new_table(columns, rows), *lines], _WIDTH)
