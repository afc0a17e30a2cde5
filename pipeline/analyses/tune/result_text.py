"""What a search found, as text for the terminal and report/tune-NAME.txt, and as a line for matrix.toml."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pipeline.analyses.tune.search_result import BackendResult, SearchResult, VariantResult
from pipeline.core.model import Status
from pipeline.core.rich_text import Side, as_text, new_table
from toolchain.model import Variant

if TYPE_CHECKING:
    from rich.table import Table

#: Names of searches over several backends are long, and a cut interval says nothing.
_WIDTH = 200


def render(result: SearchResult) -> str:
    """The table, and below it lines that do not wrap: they are for copying."""
    compiler = f"{result.toolchain.name} {result.toolchain.version}"
    title = f"Flags for {', '.join(result.backends)}, compiled by {compiler}"
    lines = "\n".join(_lines(result)).splitlines()
    return as_text([title, _table(result)], _WIDTH) + "".join(line.rstrip() + "\n" for line in lines)


def _table(result: SearchResult) -> Table:
    columns: list[tuple[str, Side]] = [
        ("variant", "left"),
        ("backend", "left"),
        ("ratio to native", "right"),
        (f"compared with {result.baseline}", "right"),
        ("bytes", "right"),
        ("compile ms", "right"),
    ]
    rows: list[tuple[str, ...]] = []
    for variant in result.variants:
        for each in variant.backends:
            compiled = "" if each.compile_seconds is None else f"{each.compile_seconds * 1000:.1f}"
            rows.append((variant.name, each.backend, *_ratios(each), str(variant.bytes or ""), compiled))
        if len(result.backends) > 1:
            rows.append((variant.name, "geometric mean", *_ratios(variant), "", ""))
    return new_table(columns, rows)


def _ratios(measured: VariantResult | BackendResult) -> tuple[str, str]:
    ratio, other = measured.ratio, measured.ratio_to_baseline
    if ratio is None:
        return "", ""
    half = (ratio.high - ratio.low) / 2 / ratio.value
    text = f"{ratio.value:.3f} ±{half:.1%}{' ?' if ratio.disturbed else ''}"
    return text, "" if other is None else f"{other.value:.3f} ({other.low:.3f} to {other.high:.3f})"


def _lines(result: SearchResult) -> Iterator[str]:
    for variant in result.variants:
        words = [variant.flags, *(["link", variant.link] if variant.link else [])]
        words += ["wasm-opt", variant.wasm_opt] if variant.wasm_opt else []
        yield f"{variant.name}: {' '.join(words)}"
        for each in variant.backends:
            if each.status is not Status.OK:
                yield f"{variant.name} under {each.backend}: {each.status.value}: {each.reason}"
    for reason, number in result.failures.items():
        yield f"{number} of {result.trials} trials failed: {reason}"
    yield (
        f"\n{result.trials} trials, {result.modules} different modules, {result.rounds} rounds, and "
        f"{result.final_rounds} fresh ones of each variant above, in {result.spent_s:.0f} s "
        f"(budget {result.budget_s:g} s).\n\n{result.sentence}."
    )
    if result.snippet is not None:
        yield f"\nFor [variants] in matrix.toml:\n\n{result.snippet}"


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
