"""What a search found, as text for the terminal and report/tune-NAME.txt, and as a line for matrix.toml."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from pipeline.analyses.tune import line_effects, racing
from pipeline.analyses.tune.objective import SPEED, Objective
from pipeline.analyses.tune.search_result import (
    CellBest,
    CellResult,
    Fault,
    FrontPoint,
    LineEffect,
    SearchResult,
    VariantResult,
)
from pipeline.analyses.tune.trial_log import Trial
from pipeline.core.model import Status
from pipeline.core.rich_text import Side, as_text, new_table
from pipeline.experiment.search_space import Wanted
from toolchain.model import Variant

if TYPE_CHECKING:
    from rich.table import Table

#: Names of searches over several backends are long, and a cut interval says nothing.
_WIDTH = 200
#: Lines whose effects are shown; results of a search have all.
_MOST_LINES = 12
#: What a factor above 1 means for what is wanted.
_BETTER = {
    Wanted.SPEED: "speed",
    Wanted.WORST: "least gain in speed",
    Wanted.SIZE: "smallness (1 / size)",
    Wanted.COMPILE: "1 / compile time",
}


def progress(objective: Objective, best: Trial, base: Trial | None) -> str:
    """How good the best trial is so far, in a line."""
    wanted = objective.goal.wanted
    value = racing.mean(objective.rounds(best)) or 0.0
    base_value = None if base is None else racing.mean(objective.rounds(base))
    if wanted is Wanted.SIZE:
        state = f"best {' and '.join(str(number) for number in best.bytes.values())} bytes"
    elif wanted is Wanted.COMPILE:
        state = f"best {math.exp(-value) * 1000:.1f} ms of compile time"
    else:
        speed = racing.mean(SPEED.rounds(best)) or 0.0
        state = f"best {math.exp(speed):.3f} of native"
    if base is not None and base_value is not None and base is not best:
        change = math.expm1(value - base_value)
        if wanted is Wanted.SIZE:  # the value may have a penalty in it
            change = 1 - math.exp(
                sum(math.log(best.bytes[w] / base.bytes[w]) for w in best.bytes) / len(best.bytes)
            )
        elif wanted is Wanted.COMPILE:
            change = -math.expm1(base_value - value)
        words = {Wanted.SIZE: "smaller than", Wanted.COMPILE: "less than"}.get(wanted, "compared with")
        sign = "+" if words == "compared with" else ""
        state += f", {change:{sign}.1%} {words} {shlex.join(base.flags) or 'no flags'}"
    return state


def render(result: SearchResult) -> str:
    """The table, and below it lines that do not wrap: they are for copying."""
    compiler = f"{result.toolchain.name} {result.toolchain.version}"
    programs = "" if result.workloads == ("coremark",) else f" of {', '.join(result.workloads)}"
    wanted = "" if result.objective == Wanted.SPEED else f", objective {result.objective}"
    if result.slowdown is not None:
        wanted += f" at most {result.slowdown * 100:g} % slower than the fastest"
    title = f"Flags{programs} for {', '.join(result.backends)}, compiled by {compiler}{wanted}"
    lines = "\n".join(_lines(result)).splitlines()
    return as_text([title, _table(result)], _WIDTH) + "".join(line.rstrip() + "\n" for line in lines)


def _table(result: SearchResult) -> Table:
    several = len(result.workloads) > 1
    workload: list[tuple[str, Side]] = [("workload", "left")] if several else []
    columns: list[tuple[str, Side]] = [
        ("variant", "left"),
        *workload,
        ("backend", "left"),
        ("ratio to native", "right"),
        (f"compared with {result.baseline}", "right"),
        ("bytes", "right"),
        ("compile ms", "right"),
    ]
    rows: list[tuple[str, ...]] = []
    for variant in result.variants:
        for each in variant.cells:
            compiled = "" if each.compile_seconds is None else f"{each.compile_seconds * 1000:.1f}"
            name = [each.workload, each.backend] if several else [each.backend]
            size = "" if several else str(variant.bytes or "")
            rows.append((variant.name, *name, *_ratios(each), size, compiled))
        if len(variant.cells) > 1:
            name = ["geometric mean", ""] if several else ["geometric mean"]
            rows.append((variant.name, *name, *_ratios(variant), str(variant.bytes or ""), ""))
    return new_table(columns, rows)


def _ratios(measured: VariantResult | CellResult) -> tuple[str, str]:
    ratio, other = measured.ratio, measured.ratio_to_baseline
    if ratio is None:
        return "", ""
    half = (ratio.high - ratio.low) / 2 / ratio.value
    text = f"{ratio.value:.3f} ±{half:.1%}{' ?' if ratio.disturbed else ''}"
    return text, "" if other is None else f"{other.value:.3f} ({other.low:.3f} to {other.high:.3f})"


def _lines(result: SearchResult) -> Iterator[str]:
    for variant in result.variants:
        yield f"{variant.name}: {_words(variant)}"
        for each in variant.cells:
            if each.status is not Status.OK:
                cell = f"{variant.name}, {each.workload} under {each.backend}"
                yield f"{cell}: {each.status.value}: {each.reason}"
    for reason, number in result.failures.items():
        yield f"{number} of {result.trials} trials failed: {reason}"
    for fault in result.faults:
        yield from _fault(fault)
    yield from _effects(result)
    yield from _front(result.front)
    yield from _each(result)
    yield (
        f"\n{result.trials} trials, {result.modules} different modules, {result.rounds} rounds, and "
        f"{result.final_rounds} fresh ones of each variant above, in {result.spent_s:.0f} s "
        f"(budget {result.budget_s:g} s).\n\n{result.sentence}."
    )
    if result.snippet is not None:
        yield f"\nFor [variants] in matrix.toml:\n\n{result.snippet}"


def _fault(fault: Fault) -> Iterator[str]:
    yield f"\nThe fewest flags that fail so: {_words(fault)}"
    yield f"  {fault.status.value}: {fault.reason}"
    right = ", ".join(fault.right_under) or "none"
    yield f"  fails under {', '.join(fault.fails_under)}; right under {right}"
    yield f"  whose fault: {fault.whose}"


def _effects(result: SearchResult) -> Iterator[str]:
    """What each line does; by how much it changes what is wanted."""
    found = line_effects.shown(result.effects)
    better = _BETTER[Wanted(result.objective)]
    yield f"\nWhat lines do to {better}, compared with {result.baseline} (95 % intervals):"
    for each in found[:_MOST_LINES]:
        yield f"  {_effect(each)}"
    if len(found) > _MOST_LINES:
        yield f"  … and {len(found) - _MOST_LINES} more in the JSON file"
    if not found:
        yield "  none of them shows an effect"


def _effect(each: LineEffect) -> str:
    numbers = [f"{(x - 1) * 100:+.1f}" for x in (each.factor, each.low, each.high)]
    line = each.line or "the compiler's default"
    return f"{numbers[0]} % ({numbers[1]} to {numbers[2]})  {each.dimension}: {line}, in {each.trials} trials"


def _front(points: Sequence[FrontPoint]) -> Iterator[str]:
    """By the rounds of the search, which chose them: for orientation."""
    if len(points) < 2:
        return
    yield "\nWhat speed costs, by the search's own rounds, for orientation (only the table is re-measured):"
    for point in points:
        compiled = (
            "" if point.compile_seconds is None else f", compiled in {point.compile_seconds * 1000:.1f} ms"
        )
        yield f"  {point.ratio:.3f} of native, {point.bytes} bytes{compiled}: {_words(point)}"


def _each(result: SearchResult) -> Iterator[str]:
    """By the rounds of the search, which chose them: for orientation."""
    if result.best_of_cells:
        yield "\nThe fastest for each alone, by the search's own rounds, for orientation:"
    for best in result.best_of_cells:
        ratio = f"{best.ratio:.3f} of native"
        if best.winner_ratio is not None:
            ratio += f", where the best for all has {best.winner_ratio:.3f}"
        yield f"  {best.workload} under {best.backend}: {ratio}: {_words(best)}"


def _words(flags: VariantResult | Fault | FrontPoint | CellBest) -> str:
    """The flags as they are typed, those of the linker and of wasm-opt named."""
    words = [flags.flags, *(["link", flags.link] if flags.link else [])]
    words += ["wasm-opt", flags.wasm_opt] if flags.wasm_opt else []
    return " ".join(filter(None, words)) or "no flags"


def snippet(variant: Variant) -> str:
    """The line of [variants] that this variant is: what experiment/variants.py reads back as the same."""
    fields = [f"flags = {_string(shlex.join(variant.flags))}"]
    fields += [f"link = {_string(shlex.join(variant.link))}"] if variant.link else []
    fields += [f"wasm_opt = {_string(shlex.join(variant.wasm_opt))}"] if variant.wasm_opt else []
    fields += [f"needs = [{', '.join(map(_string, variant.needs))}]"] if variant.needs else []
    bare = variant.name.replace("-", "").replace("_", "").isalnum() and variant.name.isascii()
    return f"{variant.name if bare else _string(variant.name)} = {{ {', '.join(fields)} }}"


def _string(text: str) -> str:
    """A basic string of TOML: its escapes are JSON's, but that it wants DEL escaped too."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
