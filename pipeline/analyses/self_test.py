"""A/A: every backend measured against itself under two labels. What differs is noise by definition."""

from __future__ import annotations

import io
import random
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from pipeline.core import host, paths
from pipeline.core.errors import ProjectError
from pipeline.core.files import write_atomic, write_json
from pipeline.core.model import Backend, Cell, Kind, Status
from pipeline.experiment.plan import Plan
from pipeline.measure.measure_round import take
from pipeline.measure.sample import Sample
from pipeline.measure.sample_key import MeasurementSpec
from pipeline.measure.stopping_rule import enough, estimate
from pipeline.results import warnings
from pipeline.stats import estimates

#: Beyond these, nothing can be said: share of comparisons without enough undisturbed rounds, and the
#: median half-width of optimising compilers' comparisons.
MOST_UNTOLD = 0.5
MOST_HALF_WIDTH = 0.05
_LABELS = ("A", "B")


@dataclass(frozen=True)
class Comparison:
    """One backend against itself."""

    backend: str
    kind: Kind
    repeat: int
    difference: estimates.Difference
    told: bool  # False where the machine was too disturbed

    @property
    def holds(self) -> bool:
        """Whether the interval contains the truth, which is 1."""
        return self.difference.low <= 1 <= self.difference.high

    @property
    def half_width(self) -> float:
        """Half of the interval, relative to the ratio."""
        return (self.difference.high - self.difference.low) / 2 / self.difference.value


def selftest(plan: Plan) -> None:
    """Measure, print and write selftest.json; raises ProjectError if the machine is too disturbed.

    Every repeat is measured afresh: this asks what the machine is like now.
    """
    comparisons: list[Comparison] = []
    samples: list[Sample] = []
    unavailable: dict[str, str] = {}
    for repeat in range(1, plan.repeats + 1):
        taken = _measure(plan, repeat, unavailable)
        samples += [s for rounds in taken.values() for s in rounds]
        comparisons += _compare(plan, repeat, taken)
        # After each repeat, so that an interrupt loses nothing that was found.
        summary = summarise(comparisons, samples, unavailable)
        write_json(paths.SELFTEST_JSON, {**_head(plan, repeat), **summary})
        print(f"repeat {repeat} of {plan.repeats}: {_sentence(summary)}", flush=True)
    if not comparisons:
        raise ProjectError(f"no backend could be measured: {next(iter(unavailable.values()), 'none chosen')}")
    write_atomic(paths.SELFTEST_TXT, render(summary))
    print(render(summary), end="")
    if summary["refused"] is not None:
        raise ProjectError(f"this machine cannot be measured on: {summary['refused']}")


def _cell(plan: Plan, backend: Backend) -> Cell:
    """The reference's variant where it is in the plan, under a backend."""
    chosen = plan.reference[1] if plan.reference[1] in plan.variants else plan.variants[0]
    return Cell(plan.workloads[0], plan.toolchains[0].name, chosen, backend)


def _measure(plan: Plan, repeat: int, unavailable: dict[str, str]) -> dict[tuple[str, str], list[Sample]]:
    """One repeat: every backend under both labels until each has enough, rounds outermost, shuffled."""
    specs = {
        b.name: MeasurementSpec(_cell(plan, b), plan.protocol, plan.reference_name) for b in plan.backends
    }
    inputs = {name: spec.read_inputs() for name, spec in specs.items()}
    taken: dict[tuple[str, str], list[Sample]] = {
        (name, x): [] for name in specs if name not in unavailable for x in _LABELS
    }
    open_ = list(taken)
    round_ = 0
    while open_:
        round_ += 1
        random.Random(f"{plan.protocol.seed}/{repeat}/{round_}").shuffle(open_)
        for name, label in open_:
            if name not in unavailable:
                sample = take(replace(specs[name], round=round_), inputs[name])
                taken[name, label].append(sample)
                if sample.status is not Status.OK:
                    unavailable[name] = f"{sample.status.value}: {sample.reason}"
        open_ = [(n, x) for n, x in open_ if n not in unavailable and not enough(plan.protocol, taken[n, x])]
    return {key: samples for key, samples in taken.items() if key[0] not in unavailable}


def _compare(plan: Plan, repeat: int, taken: dict[tuple[str, str], list[Sample]]) -> list[Comparison]:
    found = []
    for backend in (b for b in plan.backends if (b.name, _LABELS[0]) in taken):
        one, other = (estimate(taken[backend.name, label]) for label in _LABELS)
        told = not (one.disturbed or other.disturbed)
        found.append(Comparison(backend.name, backend.kind, repeat, estimates.compare(one, other), told))
    return found


def summarise(
    comparisons: list[Comparison], samples: list[Sample], unavailable: dict[str, str]
) -> dict[str, Any]:
    """The content of selftest.json: shares and widths are fractions, null where nothing was told."""
    import statistics

    told = [c for c in comparisons if c.told]
    jits = [c.half_width for c in told if c.kind is Kind.OPTIMIZING]
    pairs = sum(len(s.scores) for s in samples)
    calm = sum(len(s.steady()) for s in samples)
    summary: dict[str, Any] = {
        "comparisons": len(comparisons),
        "told": len(told),
        "containing_one": sum(c.holds for c in told),
        "noise_floor": _quantile([_away(c) for c in told], 0.95),
        "median_half_width_optimizing": statistics.median(jits) if jits else None,
        "undisturbed_pairs": calm / pairs if pairs else None,
        "refused": None,
        "backends": [
            _of_backend(name, comparisons) for name in dict.fromkeys(c.backend for c in comparisons)
        ],
        "unavailable": unavailable,
        "warnings": [vars(d) for d in warnings.find(samples)],
        "each": [_each(c) for c in comparisons],
    }
    summary["refused"] = _refusal(summary)
    return summary


def _refusal(summary: dict[str, Any]) -> str | None:
    untold = summary["comparisons"] - summary["told"]
    if untold > MOST_UNTOLD * summary["comparisons"]:
        return (
            f"in {untold} of {summary['comparisons']} comparisons fewer than two rounds were undisturbed "
            f"({summary['undisturbed_pairs']:.0%} of all chunk pairs were); "
            "end what else runs, or use another machine"
        )
    width = summary["median_half_width_optimizing"]
    if width is not None and width > MOST_HALF_WIDTH:
        return f"intervals are ±{width:.1%} for optimising compilers; end what else runs, or add rounds=N"
    return None


def _of_backend(name: str, comparisons: list[Comparison]) -> dict[str, Any]:
    import statistics

    told = [c for c in comparisons if c.backend == name and c.told]
    return {
        "backend": name,
        "comparisons": sum(c.backend == name for c in comparisons),
        "told": len(told),
        "containing_one": sum(c.holds for c in told),
        "median_half_width": statistics.median(c.half_width for c in told) if told else None,
        "largest_difference": max((_away(c) for c in told), default=None),
    }


def _each(c: Comparison) -> dict[str, Any]:
    d = c.difference
    shown = {"ratio": d.value, "ratio_low": d.low, "ratio_high": d.high, "p": d.p}
    return {"backend": c.backend, "repeat": c.repeat, "told": c.told, **shown}


def _away(c: Comparison) -> float:
    """How far the ratio is from 1, either way."""
    return max(c.difference.value, 1 / c.difference.value) - 1


def _quantile(values: list[float], q: float) -> float | None:
    return sorted(values)[min(len(values) - 1, int(q * len(values)))] if values else None


def _head(plan: Plan, repeats: int) -> dict[str, Any]:
    return {
        "schema": 1,
        "host": msgspec.to_builtins(host.describe()),
        "protocol": {"rounds": plan.protocol.rounds, **plan.protocol.settings()},
        "repeats": repeats,
    }


def _sentence(summary: dict[str, Any]) -> str:
    if not summary["told"]:
        return f"nothing can be told from {summary['comparisons']} comparisons"
    return (
        f"{summary['containing_one']} of {summary['told']} intervals contain 1; noise floor "
        f"{summary['noise_floor']:.2%}; {summary['undisturbed_pairs']:.0%} of the pairs undisturbed"
    )


def render(summary: dict[str, Any]) -> str:
    """The table for the terminal, and what is to be learnt from it."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    stream = io.StringIO()
    console = Console(file=stream, width=110, color_system=None, highlight=False)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("backend against itself", "comparisons", "contain 1", "median ±", "largest difference"):
        table.add_column(name, justify="left" if name.startswith("backend") else "right")
    for b in summary["backends"]:
        numbers = [b["median_half_width"], b["largest_difference"]]
        table.add_row(
            Text(b["backend"]),
            str(b["comparisons"]),
            f"{b['containing_one']} of {b['told']}",
            *("untold" if x is None else f"{x:.2%}" for x in numbers),
        )
    console.print(table)
    for name, reason in summary["unavailable"].items():
        console.print(Text(f"{name}: {reason}"))
    for w in summary["warnings"]:
        console.print(Text(f"{w['name']}: {w['found']}\n    cure: {w['remedy']}"))
    console.print(Text(f"In all: {_sentence(summary)}."))
    if summary["noise_floor"] is not None:
        console.print(Text(f"Differences under {summary['noise_floor']:.2%} are noise on this machine, now."))
    return "".join(line.rstrip() + "\n" for line in stream.getvalue().splitlines())
