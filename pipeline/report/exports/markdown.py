"""results.md: a compact table for an issue or a pull request, in GitHub's Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pipeline.core import paths
from pipeline.core.model import Status
from pipeline.core.text import markdown_code, markdown_text
from pipeline.report.exports.model import Export, Results, Samples
from pipeline.report.exports.text import machine, one_line, versioned
from pipeline.report.tables import grid, heading, notes, sources
from pipeline.results.cells import foreign, half_width, native_speeds, speed, unfit

#: What GitHub makes mentions, references, formulas and links of, which no backslash stops: inside an
#: element of its own, the character no longer touches what follows it.
_LIVELY = {c: f"<span>{c}</span>" for c in ("@", "#", "$", "://", "www.")}


def text(value: object) -> str:
    """Foreign text as plain text in a table or a list, where nothing of it is markup or a mention."""
    shown = markdown_text(one_line(value).replace("&", "&amp;")).replace("~", "\\~")
    for character, element in _LIVELY.items():
        shown = shown.replace(character, element)
    return shown


def code(value: object) -> str:
    """A foreign name as code in a table or a list; nothing where it is empty, which code cannot be."""
    line = one_line(value)
    return markdown_code(line) if line else ""


def render(results: Results, samples: Samples) -> str:
    """Scores and ratios, what could not be measured, what disturbed it, and on what all of it rests."""
    shown = dict(results)
    lines = [_heading(results), ""]
    for one in grid(shown):
        lines += [*_table(one), ""]
    lines += [*_reading(results), ""]
    for title, items in (
        ("Without a number", [f"{text(why)} ({', '.join(map(code, cells))})" for why, cells in unfit(shown)]),
        ("Notes", [text(note) for note in notes(shown)]),
        ("Warnings", [_warning(warning) for warning in results["warnings"]]),
    ):
        if items:
            lines += [f"{title}:", "", *(f"- {item}" for item in items), ""]
    rows = map(_row, _ground(results))
    summary = "<details><summary>Machine, versions, digests</summary>"
    lines += [summary, "", "| | |", "|---|---|", *rows, "", "</details>"]
    return "\n".join(lines) + "\n"


def brief(results: Results) -> str:
    """The same where there is no room: how many cells there are of which status."""
    counts = Counter(cell["status"] for cell in results["cells"])
    said = ", ".join(f"{number} {text(status)}" for status, number in counts.items())
    return f"{_heading(results)}\n\nCells: {said}. The table is too long for this place: {paths.REPORT_MD}\n"


def _heading(results: Results) -> str:
    return f"### {text(heading(results))} on {text(results['host']['cpu'])}"


def _table(one: Mapping[str, Any]) -> Iterator[str]:
    yield f"{text(one['title'])}, {text(one['unit'])}:"
    yield ""
    yield _row([one["of"], *map(code, one["variants"])])
    yield "|---|" + "---:|" * len(one["variants"])
    for name, cells in one["rows"]:
        yield _row([code(name), *map(_entry, cells)])


def _row(fields: Iterable[str]) -> str:
    return f"| {' | '.join(fields)} |"


def _entry(cell: dict[str, Any]) -> str:
    """As many digits of a ratio as report.md has; a score's are those of its whole part, or three."""
    if cell["status"] != Status.OK.value:
        return text(cell["status"])
    doubt = " ?" if cell["disturbed"] else ""
    return f"{speed(cell['score'])}<br>{cell['ratio']:.4f} ± {half_width(cell) * 100:.2f} %{doubt}"


def _reading(results: Results) -> Iterator[str]:
    native, confidence = native_speeds(results["workloads"]), results["protocol"]["confidence"]
    if not native:
        yield "Nothing could be measured."
        return
    reference = results["workloads"][0]["reference"]
    name = f"{code(reference['toolchain'])} {code(reference['variant'])}"
    interval = f"± half of its {confidence * 100:.0f} % interval"
    yield f"Speed and the ratio to native ({name}, {text(native)}), {interval}."
    for workload in results["workloads"]:
        if workload["note"]:
            yield text(workload["note"])
    if any(cell["disturbed"] for cell in results["cells"]):
        yield "`?`: the machine was too disturbed, ± is only a range."


def _warning(warning: Mapping[str, Any]) -> str:
    return f"{text(warning['name'])}: {text(warning['found'])}; {text(warning['effect'])}"


def _ground(results: Results) -> Iterator[tuple[str, str]]:
    """(name, value) of what the numbers rest on."""
    protocol = results["protocol"]
    yield "host", text(machine(results["host"]))
    yield "protocol", f"{code(protocol['name'])}, at least {protocol['rounds']} rounds a cell"
    for workload in results["workloads"]:
        built = f"native reference: SHA-256 {code(workload['reference']['sha256'])}"
        yield (
            f"workload {code(workload['name'])}",
            f"{text(sources(workload))}; {built}; proof: {text(workload['proof'])}",
        )
    for tool in results["toolchains"]:
        known = f"{code(tool['version'])}, SHA-256 {code(tool['sha256'])}"
        yield f"toolchain {code(tool['name'])}", known if tool["present"] else text(tool["reason"])
    runtimes = [versioned(c["identity"]) for c in results["cells"] if "packages" in c["identity"]]
    others = [cell for cell in results["cells"] if cell.get("prebuilt") is not None]
    for cell in foreign({"cells": others}):
        module, digest = cell["prebuilt"], code(cell["wasm_sha256"])
        checked = text(module["validated"] or "nothing")
        yield (
            f"module {code(cell['variant'])}",
            f"{code(module['file'])}, SHA-256 {digest}, validated: {checked}",
        )
    yield "runtimes", ", ".join(map(code, sorted(set(runtimes))))
    yield "last sample", text(results["created"] or "none")


EXPORTS = (Export("results.md", "a compact table for an issue or a pull request", render),)
