"""The A/A test: every backend is measured against itself under two labels, so any difference is noise."""

from __future__ import annotations

import io
import random
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from pipeline.core import host, paths
from pipeline.core.errors import ProjectError
from pipeline.core.files import write_atomic, write_json
from pipeline.core.model import Backend, Cell, Kind, Status
from pipeline.experiment.plan import Plan
from pipeline.measure.measure_round import take
from pipeline.measure.sample import Sample, cell_key
from pipeline.measure.stopping_rule import enough, estimate
from pipeline.results import warnings
from pipeline.results.model import MeasurementWarning
from pipeline.stats import estimates

SCHEMA = 2
#: Above these limits a machine is too disturbed to measure on: the share of comparisons that are not usable,
#: and the median half-width of the comparisons of optimising compilers.
MAX_UNUSABLE = 0.5
MAX_HALF_WIDTH = 0.05
_LABELS = ("A", "B")


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


def selftest(plan: Plan) -> None:
    """Measure, print and write selftest.json; raises ProjectError if the machine is too disturbed.

    Every repeat is measured again, because the question is what the machine is like now.
    """
    comparisons: list[Comparison] = []
    samples: list[Sample] = []
    unavailable: dict[str, str] = {}
    for repeat in range(1, plan.repeats + 1):
        taken = _measure(plan, repeat, unavailable)
        samples += [s for rounds in taken.values() for s in rounds]
        comparisons += _compare(plan, repeat, taken)
        # After each repeat, so that an interrupt loses no finished repeat.
        summary = summarise(comparisons, samples, unavailable)
        _write(plan, repeat, summary)
        print(f"repeat {repeat} of {plan.repeats}: {_sentence(summary)}", flush=True)
    if not comparisons:
        raise ProjectError(f"no backend could be measured: {next(iter(unavailable.values()), 'none chosen')}")
    text = render(summary)
    write_atomic(paths.SELFTEST_TXT, text)
    print(text, end="")
    if summary.refused is not None:
        raise ProjectError(f"this machine cannot be measured on: {summary.refused}")


def _write(plan: Plan, repeats: int, summary: Summary) -> None:
    head = {
        "schema": SCHEMA,
        "host": host.describe(),
        "protocol": {"rounds": plan.protocol.rounds, **plan.protocol.settings()},
        "repeats": repeats,
    }
    write_json(paths.SELFTEST_JSON, {**head, **msgspec.to_builtins(summary)})


def _cell(plan: Plan, backend: Backend) -> Cell:
    """The reference's variant where it is in the plan, under a backend."""
    chosen = plan.reference[1] if plan.reference[1] in plan.variants else plan.variants[0]
    return Cell(plan.workloads[0], plan.toolchains[0].name, chosen, backend)


def _measure(plan: Plan, repeat: int, unavailable: dict[str, str]) -> dict[tuple[str, str], list[Sample]]:
    """One repeat: every backend under both labels until each has enough, rounds outermost, shuffled."""
    keys = {b.name: cell_key(_cell(plan, b), plan.protocol, plan.reference_name) for b in plan.backends}
    backends = {b.name: b for b in plan.backends if b.name not in unavailable}
    taken: dict[tuple[str, str], list[Sample]] = {(name, x): [] for name in backends for x in _LABELS}
    open_ = list(taken)
    round_ = 0
    while open_:
        round_ += 1
        random.Random(f"{plan.protocol.seed}/{repeat}/{round_}").shuffle(open_)
        for name, label in open_:
            if name not in unavailable:
                cell = _cell(plan, backends[name])
                sample = take(cell, plan.protocol, plan.reference_name, round_, keys[name])
                taken[name, label].append(sample)
                if sample.status is not Status.OK:
                    unavailable[name] = f"{sample.status.value}: {sample.reason}"
        open_ = [(n, x) for n, x in open_ if n not in unavailable and not enough(plan.protocol, taken[n, x])]
    return {key: samples for key, samples in taken.items() if key[0] not in unavailable}


def _compare(plan: Plan, repeat: int, taken: Mapping[tuple[str, str], list[Sample]]) -> list[Comparison]:
    comparisons = []
    for backend in (b for b in plan.backends if (b.name, _LABELS[0]) in taken):
        one, other = (estimate(taken[backend.name, label]) for label in _LABELS)
        usable = not (one.disturbed or other.disturbed)
        difference = estimates.compare(one, other)
        comparisons.append(Comparison(backend.name, backend.kind, repeat, difference, usable))
    return comparisons


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
        warnings=tuple(warnings.find(samples)),
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


def _sentence(summary: Summary) -> str:
    if not summary.usable:
        return f"none of {summary.comparisons} comparisons has enough undisturbed rounds"
    return (
        f"{summary.containing_one} of {summary.usable} intervals contain 1; noise floor "
        f"{summary.noise_floor:.2%}; {summary.undisturbed_pairs:.0%} of the pairs undisturbed"
    )


def render(summary: Summary) -> str:
    """The table for the terminal, and the conclusion."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    stream = io.StringIO()
    console = Console(file=stream, width=110, color_system=None, highlight=False)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("backend against itself", "comparisons", "contain 1", "median ±", "largest difference"):
        table.add_column(name, justify="left" if name.startswith("backend") else "right")
    for b in summary.backends:
        numbers = [b.median_half_width, b.largest_difference]
        table.add_row(
            Text(b.backend),
            str(b.comparisons),
            f"{b.containing_one} of {b.usable}",
            *("n/a" if x is None else f"{x:.2%}" for x in numbers),
        )
    console.print(table)
    for name, reason in summary.unavailable.items():
        console.print(Text(f"{name}: {reason}"))
    for w in summary.warnings:
        console.print(Text(f"{w.name}: {w.found}\n    remedy: {w.remedy}"))
    console.print(Text(f"In all: {_sentence(summary)}."))
    if summary.noise_floor is not None:
        console.print(Text(f"Differences under {summary.noise_floor:.2%} are noise on this machine, now."))
    return "".join(line.rstrip() + "\n" for line in stream.getvalue().splitlines())
