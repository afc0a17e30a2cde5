"""results.json -> what people read: report.md by a Jinja2 template, and the table on the terminal."""

from __future__ import annotations

import io
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline import layout
from pipeline.errors import ProjectError, printable
from pipeline.model import PREBUILT, Status
from pipeline.plan import Plan
from pipeline.store import read_json, write_atomic, write_json
from pipeline.tradeoffs_text import tables

_WIDTH = 130
_MOST_LETTERS = 4
#: More cells with the same note than this are counted, not listed.
_MOST_NOTES = 4
_GROUPED = "Cells that share a letter could not be told apart"
_UNGROUPED = "Cells that differ in one thing only are compared in report.md"
_DISTURBED = "; ? has none: the machine was too disturbed"


def write_report(plan: Plan) -> None:
    """Judge the plan's samples and write results.json, report.md and report.txt."""
    from pipeline.results import assemble  # numpy: not for a run that has nothing to judge

    results = assemble(plan)
    write_json(layout.RESULTS_JSON, results)
    write_atomic(layout.REPORT_MD, render_markdown(results))
    write_atomic(layout.REPORT_TXT, render_table(results))


def check(after: Sequence[str]) -> None:
    """Fail with the list of cells that are neither ok nor merely unavailable here, or if none is ok.

    And with what went wrong in the tasks ``after`` the report.
    """
    said = [trouble.read_text("utf-8") for name in after if (trouble := Path(layout.trouble(name))).exists()]
    try:
        check_cells(read_json(layout.RESULTS_JSON)["cells"], layout.REPORT_MD)
    except ProjectError as error:
        said.insert(0, str(error))
    if said:
        raise ProjectError("\n".join(said))


def check_cells(cells: list[dict[str, Any]], where: str) -> None:
    """The same of any cells, whose report is ``where``."""
    fine = (Status.OK.value, Status.UNAVAILABLE.value)
    wrong = [cell for cell in cells if cell["status"] not in fine]
    if not wrong and all(cell["status"] != Status.OK.value for cell in cells):
        raise ProjectError(f"no cell could be measured: {cells[0]['reason']}")
    if wrong:
        lines = [f"  {label(cell)}: {cell['status']}: {cell['reason']}" for cell in wrong]
        count = f"{len(wrong)} of {len(cells)} cells have no number"
        again = f"to measure one again: rm -r {layout.samples(label(wrong[0]))}"
        raise ProjectError("\n".join([f"{count}, see {where}; {again}", *lines]))


def label(cell: dict[str, Any]) -> str:
    """How a cell is called in text: toolchain/variant/backend."""
    return f"{cell['toolchain']}/{cell['variant']}/{cell['backend']}"


def half_width(cell: dict[str, Any]) -> float:
    """Half of the interval, relative to the ratio."""
    return float((cell["ratio_high"] - cell["ratio_low"]) / 2 / cell["ratio"])


def grid(results: dict[str, Any]) -> list[dict[str, Any]]:
    """Tables of cells: {"title", "of", "variants": [names], "rows": [(name, [cells or None])]}.

    One a toolchain, its backends below each other; of several toolchains one a backend, so that what is to
    be compared stands in one table.
    """
    built = [c for c in results["cells"] if c["toolchain"] != PREBUILT]
    others = [c for c in results["cells"] if c["toolchain"] == PREBUILT]
    several = len({c["toolchain"] for c in built}) > 1
    fixed, row = ("backend", "toolchain") if several else ("toolchain", "backend")
    grids = []
    for name in dict.fromkeys(c[fixed] for c in built):
        title = f"under {name}" if several else f"compiled by {name}"
        grids.append(_grid(title, row, [c for c in built if c[fixed] == name]))
    if others:
        grids.append(_grid("of modules that others built", "backend", others))
    return grids


def _grid(title: str, row: str, cells: list[dict[str, Any]]) -> dict[str, Any]:
    variants = list(dict.fromkeys(c["variant"] for c in cells))
    by_place = {(c[row], c["variant"]): c for c in cells}
    # Of another host there may be only some.
    rows = [(x, [by_place.get((x, v)) for v in variants]) for x in dict.fromkeys(c[row] for c in cells)]
    return {"title": title, "of": row, "variants": variants, "rows": rows}


def foreign(results: dict[str, Any]) -> list[dict[str, Any]]:
    """One cell of each module that somebody else built, one that was measured where there is any."""
    found: dict[str, dict[str, Any]] = {}
    for cell in results["cells"]:
        if cell["prebuilt"] is not None:
            known = found.setdefault(cell["variant"], cell)
            if known["prebuilt"]["validated"] is None:
                found[cell["variant"]] = cell
    return list(found.values())


_SIGNS = {"faster": ">", "slower": ">", "same within": "=", "undecided": "~"}


def orders(results: dict[str, Any]) -> list[tuple[str, str]]:
    """(what is the same, cells that differ in one thing, fastest first, with the verdicts between them)."""
    verdicts = {frozenset((v["one"], v["other"])): v for v in results["comparisons"]}
    parts = ("toolchain", "variant", "backend")
    measured = [c for c in results["cells"] if c["ratio"] is not None]
    found = []
    for part in parts:
        fixed = [p for p in parts if p != part]
        for names in dict.fromkeys(tuple(c[p] for p in fixed) for c in measured):
            cells = [c for c in measured if tuple(c[p] for p in fixed) == names]
            cells.sort(key=lambda c: c["ratio"], reverse=True)
            chain = cells[0][part]
            for one, other in itertools.pairwise(cells):
                verdict = verdicts[frozenset((label(one), label(other)))]
                chain += f" {_SIGNS[verdict['verdict']]} {other[part]}"
            if len(cells) > 1:
                found.append((", ".join(names), chain))
    return found


def notes(results: dict[str, Any]) -> list[str]:
    """What a reader must know of single cells that have a number."""
    told: dict[str, list[str]] = {}
    for cell in results["cells"]:
        name = label(cell)
        if cell["warmup_chunks"]:
            what = "got faster while they ran and were warmed for longer"
            told.setdefault(what, []).append(f"{name} ({cell['warmup_chunks']} chunks)")
        if cell["trend"] in ("rising", "falling"):
            what = f"are {cell['trend']}: their speed still changes within their rounds"
            told.setdefault(what, []).append(name)
        if cell["disturbed"]:
            what = "had fewer than two undisturbed rounds: their ratios are only ranges (?)"
            told.setdefault(what, []).append(name)
        if cell["proof"] == {}:
            what = "have no proof of their compiler: their labels are what they were asked for"
            told.setdefault(what, []).append(name)
    found = []
    for what, names in told.items():
        more = f" and {len(names) - _MOST_NOTES} more" if len(names) > _MOST_NOTES else ""
        found.append(
            f"{len(names)} of {len(results['cells'])} cells {what}: {', '.join(names[:_MOST_NOTES])}{more}"
        )
    return found


def unfit(results: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """(status and reason, cells) of everything that has no number."""
    reasons: dict[str, list[str]] = {}
    for cell in results["cells"]:
        if cell["status"] != Status.OK.value:
            reasons.setdefault(f"{cell['status']}: {cell['reason']}", []).append(label(cell))
    return list(reasons.items())


def render_markdown(results: dict[str, Any]) -> str:
    """The text of report.md."""
    import jinja2

    from pipeline.verdicts import MOST_SAME

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(layout.ROOT),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown; `text` below defuses what could act as markup
    )
    environment.filters["text"] = markdown_text
    environment.filters["mark"] = mark
    environment.filters["code"] = markdown_code
    environment.filters["ms"] = lambda seconds: "" if seconds is None else f"{seconds * 1000:.2f}"
    environment.filters["pct"] = lambda cell: f"{half_width(cell) * 100:.1f} %"
    template = environment.get_template(layout.TEMPLATE)
    return template.render(
        results=results,
        grids=grid(results),
        elsewhere=[{**there, "grids": grid(there)} for there in results["elsewhere"]],
        foreign=foreign(results),
        unfit=unfit(results),
        orders=orders(results),
        notes=notes(results),
        tradeoffs=tables(results["tradeoffs"]),
        same_percent=f"{MOST_SAME * 100:g}",
        rounds=_rounds(results),
    )


def markdown_text(value: object) -> str:
    """Foreign text (flags, CPU names, reasons) as plain text inside a Markdown table."""
    text = " ".join(printable(str(value)).split())
    for character in "\\`*_[]<>|":
        text = text.replace(character, "\\" + character)
    return text


def markdown_code(value: str) -> str:
    """Foreign text as code inside a Markdown table, where only these two characters act."""
    return "`" + value.replace("`", "'").replace("|", "/") + "`"


def render_table(results: dict[str, Any]) -> str:
    """The table for the terminal, without colours, at a fixed width."""
    from rich.console import Console
    from rich.text import Text

    stream = io.StringIO()
    # Wide enough that no name and no number is cut: a terminal may wrap lines, a table must not lose cells.
    grids = [g for each in (results, *results["elsewhere"]) for g in grid(each)]
    width = max([_WIDTH, *(40 + 24 * len(g["variants"]) for g in grids)])
    console = Console(file=stream, width=width, color_system=None, highlight=False)
    for one in grid(results):
        console.print(Text(f"CoreMark chunks {one['title']}"))
        console.print(_table(one))
    for there in results["elsewhere"]:
        where = f"{there['host']['cpu']}, {there['host']['kernel'] or 'unknown kernel'}"
        for one in grid(there):
            console.print(Text(f"On another host, {where}: CoreMark chunks {one['title']}"))
            console.print(_table(one))
    for cell in foreign(results):
        of = cell["prebuilt"]
        what = f"{cell['variant']}: {of['file']}, SHA-256 {cell['wasm_sha256']}, {of['interface']}"
        console.print(Text(f"{what}; validated: {of['validated'] or 'nothing'}"))
    for reason, cells in unfit(results):
        console.print(Text(f"{reason}\n    {', '.join(cells)}"))
    for note in notes(results):
        console.print(Text(note))
    for warning in results["warnings"]:
        console.print(Text(f"{warning['name']}: {warning['found']}\n    cure: {warning['remedy']}"))
    reference, protocol = results["reference"], results["protocol"]
    if reference["score"] is not None:
        console.print(
            Text(
                f"Native = {reference['toolchain']} {reference['variant']}, "
                f"{reference['score']:.0f} iterations/s undisturbed. ± is half of a "
                f"{protocol['confidence']:.0%} interval. "
                f"{_GROUPED if any(c['group'] for c in results['cells']) else _UNGROUPED}"
                f"{_DISTURBED if any(c['disturbed'] for c in results['cells']) else ''}. "
                f"Protocol {protocol['name']}, {_rounds(results)} rounds a cell."
            )
        )
    cpu = results["host"]
    console.print(Text(f"On {cpu['cpu']} ({cpu['microarchitecture']}), {cpu['cores']} cores."))
    console.print(Text(f"More in {layout.REPORT_MD} and {layout.RESULTS_JSON}."))
    return "".join(line.rstrip() + "\n" for line in printable(stream.getvalue()).splitlines())


def _table(one: dict[str, Any]) -> Any:
    """One of ``grid``'s tables, as rich's."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_lines=False, pad_edge=False)
    names = [len(backend) for backend, _ in one["rows"]]
    table.add_column("iterations/s\nratio to native", no_wrap=True, min_width=max([16, *names]))
    for variant in one["variants"]:
        table.add_column(Text(variant), justify="right", no_wrap=True)
    for backend, cells in one["rows"]:
        table.add_row(Text(backend), *(Text(_entry(cell)) for cell in cells))
    return table


def _entry(cell: dict[str, Any] | None) -> str:
    if cell is None:
        return ""
    if cell["status"] != Status.OK.value:
        return f"{cell['status']}\n"
    letters = mark(cell)
    # In many groups at once: few rounds, and the list in report.md says more than a word of letters.
    letters = letters if len(letters) <= _MOST_LETTERS else "…"
    return f"{cell['score']:.0f}\n{cell['ratio']:.3f} ±{half_width(cell) * 100:.1f}% {letters}"


def mark(cell: dict[str, Any]) -> str:
    """The letters of a cell's groups; "?" where the machine was too disturbed to say."""
    return "?" if cell["disturbed"] else cell["group"] or ""


def _rounds(results: dict[str, Any]) -> str:
    numbers = sorted({cell["rounds"] for cell in results["cells"] if cell["rounds"]})
    return " to ".join(map(str, dict.fromkeys([*numbers[:1], *numbers[-1:]]))) or "0"
