"""What a search found, judged on its re-measurement: as JSON, as a table, as a line for matrix.toml."""

from __future__ import annotations

import io
import json
import math
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.core.model import Status
from pipeline.measure.sample import Sample
from pipeline.measure.stopping_rule import estimate
from pipeline.stats import estimates, verdicts
from pipeline.stats.estimates import Estimate
from toolchain.model import Variant

#: Names of searches over several backends are long, and a cut interval says nothing.
_WIDTH = 200
#: {backend: samples of all rounds}
Samples = Mapping[str, Sequence[Sample]]


def judge(variants: Mapping[str, Variant], samples: Mapping[str, Samples], winner: str) -> dict[str, Any]:
    """Compare what was re-measured, {variant: {backend: its samples}}; the last is what is to be beaten.

    ``verdict`` is of the winner beside that one, over all backends, and is the only thing that is claimed.
    """
    names = list(samples)
    base = names[-1]
    estimates = {name: {b: _estimate(found) for b, found in samples[name].items()} for name in names}
    overall = {name: together(list(found.values())) for name, found in estimates.items()}
    rows = []
    for name in names:
        v, whole = variants[name], next(iter(samples[name].values()))[0]
        rows.append(
            {
                "name": name,
                "flags": shlex.join(v.flags),
                "link": shlex.join(v.link),
                "wasm_opt": None if v.wasm_opt is None else shlex.join(v.wasm_opt),
                "bytes": whole.artifact_bytes,
                "sha256": whole.artifact_sha256,
                **_numbers(overall[name], overall[base]),
                "backends": [
                    {"backend": b, **_facts(found), **_numbers(estimates[name][b], estimates[base][b])}
                    for b, found in samples[name].items()
                ],
            }
        )
    return {"winner": winner, "base": base, "variants": rows, **_verdict(winner, base, overall)}


def _estimate(samples: Sequence[Sample]) -> Estimate | None:
    return estimate(samples) if samples and all(s.status is Status.OK for s in samples) else None


def together(backends: Sequence[Estimate | None]) -> Estimate | None:
    """The geometric mean over backends, which are independent of each other; None if one could not be had."""
    known = [e for e in backends if e is not None]
    number = len(known)
    if number < len(backends) or not known:
        return None
    if number == 1:
        return known[0]
    if any(e.disturbed for e in known):
        value, low, high = (
            math.exp(math.fsum(math.log(getattr(e, key)) for e in known) / number)
            for key in ("value", "low", "high")
        )
        rounds, pairs = min(e.rounds for e in known), sum(e.pairs for e in known)
        return Estimate(value, low, high, rounds, pairs, disturbed=True)
    return estimates.geometric_mean(known)


def _numbers(own: Estimate | None, base: Estimate | None) -> dict[str, Any]:
    found: dict[str, Any] = dict.fromkeys(("ratio", "ratio_low", "ratio_high", "disturbed", "over", "p"))
    if own is not None:
        found.update(ratio=own.value, ratio_low=own.low, ratio_high=own.high, disturbed=own.disturbed)
    if own is not None and base is not None and own is not base:
        d = estimates.compare(own, base)
        found.update(over=[d.value, d.low, d.high], p=d.p)
    return found


def _facts(samples: Sequence[Sample]) -> dict[str, Any]:
    import statistics

    wrong = next((s for s in samples if s.status is not Status.OK), None)
    times = [s.compile_seconds for s in samples if s.compile_seconds is not None]
    return {
        "status": (wrong or samples[0]).status.value,
        "reason": wrong.reason if wrong else None,
        "rounds": len(samples),
        "compile_seconds": statistics.median(times) if times else None,
    }


def _verdict(winner: str, base: str, overall: Mapping[str, Estimate | None]) -> dict[str, Any]:
    nothing = f"nothing in this space was shown to beat {base}"
    one, other = overall[winner], overall[base]
    if winner == base:
        return {"verdict": None, "sentence": f"{nothing}: it won the search itself"}
    if one is None or other is None:
        gone = winner if one is None else base
        return {"verdict": None, "sentence": f"{nothing}: {gone} could not be measured again"}
    (found,) = verdicts.compare_all({winner: one, base: other})
    d = found.difference
    word = found.word + (f" {found.bound:.1%}" if found.word == verdicts.SAME else "")
    if found.word == verdicts.FASTER:
        by = f"{_percent(d.value)} ({_percent(d.low)} to {_percent(d.high)})"
        return {"verdict": word, "sentence": f"{winner} is faster than {base} by {by}"}
    if one.disturbed or other.disturbed:
        return {"verdict": word, "sentence": f"{nothing}: the machine was too disturbed to tell"}
    range_ = f"{d.value:.4f} of {base}, {d.low:.4f} to {d.high:.4f}"
    return {"verdict": word, "sentence": f"{nothing}: the best of it, {winner}, is {word} ({range_})"}


def _percent(ratio: float) -> str:
    return f"{(ratio - 1) * 100:.1f} %"


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


def render(found: Mapping[str, Any]) -> str:
    """For the terminal and report/tune-….txt."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    stream = io.StringIO()
    console = Console(file=stream, width=_WIDTH, color_system=None, highlight=False)
    several = len(found["backends"]) > 1
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    columns = ("variant", "backend", "ratio to native", f"beside {found['base']}", "bytes", "compile ms")
    for name in columns:
        table.add_column(name, justify="left" if name in columns[:2] else "right", no_wrap=True)
    for row in found["variants"]:
        for b in row["backends"]:
            compiled = "" if b["compile_seconds"] is None else f"{b['compile_seconds'] * 1000:.1f}"
            size = str(row["bytes"] or "")
            table.add_row(Text(row["name"]), Text(b["backend"]), *_cells(b), size, compiled)
        if several:
            table.add_row(Text(row["name"]), "geometric mean", *_cells(row), "", "")
    compiler = f"{found['toolchain']['name']} {found['toolchain']['version']}"
    console.print(Text(f"Flags for {', '.join(found['backends'])}, compiled by {compiler}"))
    console.print(table)
    for row in found["variants"]:
        words = [row["flags"], *(["link", row["link"]] if row["link"] else [])]
        words += ["wasm-opt", row["wasm_opt"]] if row["wasm_opt"] else []
        stream.write(f"{row['name']}: {' '.join(words)}\n")
        wrong = [b for b in row["backends"] if b["status"] != Status.OK.value]
        for b in wrong:
            stream.write(f"{row['name']} under {b['backend']}: {b['status']}: {b['reason']}\n")
    for reason, number in found["failures"].items():
        stream.write(f"{number} of {found['trials']} trials failed: {reason}\n")
    stream.write(
        f"\n{found['trials']} trials, {found['modules']} different modules, {found['rounds']} rounds, and "
        f"{found['final_rounds']} fresh ones of each variant above, in {found['spent_s']:.0f} s "
        f"(budget {found['budget_s']:g} s).\n\n{found['sentence']}.\n"
    )
    if found["snippet"] is not None:
        stream.write(f"\nFor [variants] in matrix.toml:\n\n{found['snippet']}\n")
    return "".join(line.rstrip() + "\n" for line in stream.getvalue().splitlines())


def _cells(numbers: Mapping[str, Any]) -> tuple[str, str]:
    if numbers["ratio"] is None:
        return "", ""
    half = (numbers["ratio_high"] - numbers["ratio_low"]) / 2 / numbers["ratio"]
    ratio = f"{numbers['ratio']:.3f} ±{half:.1%}{' ?' if numbers['disturbed'] else ''}"
    if numbers["over"] is None:
        return ratio, ""
    value, low, high = numbers["over"]
    return ratio, f"{value:.3f} ({low:.3f} to {high:.3f})"
