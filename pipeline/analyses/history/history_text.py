"""The history -> text: the runs of each machine, and what changed when, and with which version."""

from __future__ import annotations

import io
from collections.abc import Sequence

from pipeline.analyses.history.changes import SCORE, Change, Pair, judge, pair_of
from pipeline.analyses.history.comparison import host_words
from pipeline.analyses.history.comparison_text import number, unit
from pipeline.analyses.history.run_files import Entry
from pipeline.analyses.history.run_record import Cell, Run
from pipeline.core.text import plain
from pipeline.stats.estimates import CONFIDENCE

_WIDTH = 120


def by_host(entries: Sequence[Entry]) -> list[list[Entry]]:
    """Runs of one machine each, never mixed; in the order of the entries."""
    hosts: dict[str, list[Entry]] = {}
    for entry in entries:
        hosts.setdefault(entry.run.host.fingerprint, []).append(entry)
    return list(hosts.values())


def changes(entries: Sequence[Entry]) -> list[tuple[Entry, list[Change]]]:
    """Each run of one machine with its cells' changes since the run before that had the cell.

    The cells of a run are one family of verdicts, so that what is said of a run does not change with the
    runs that follow.
    """
    before: dict[str, tuple[Run, Cell]] = {}
    found = []
    for entry in entries:
        pairs: list[Pair] = []
        for cell in entry.run.cells:
            if cell.name in before:
                pairs.append(pair_of(*before[cell.name], entry.run, cell))
            before[cell.name] = entry.run, cell
        found.append((entry, judge(pairs)))
    return found


def render(entries: Sequence[Entry]) -> str:
    """All of it, at a fixed width; lines of changes are not broken."""
    from rich.console import Console
    from rich.text import Text

    stream = io.StringIO()
    console = Console(file=stream, width=_WIDTH, color_system=None, highlight=False)
    for runs in by_host(entries):
        console.print(Text(f"On {host_words(runs[-1].run.host)}"), soft_wrap=True)
        console.print(_table(runs))
        found = changes(runs)
        steps = [change for _, all_ in found for change in all_]
        notable = [(entry, change) for entry, all_ in found for change in all_ if change.notable]
        for entry, change in notable:
            console.print(Text(line(entry, change)), soft_wrap=True)
        console.print(
            Text(
                f"{len(steps) - len(notable)} of {len(steps)} times that a cell was in a run again, nothing "
                "was seen to change. ± is half of an interval of one difference; all verdicts on one run "
                f"together are right with {CONFIDENCE:.0%} confidence.\n"
            )
        )
    return "".join(text.rstrip() + "\n" for text in stream.getvalue().splitlines())


def _table(runs: Sequence[Entry]) -> object:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("run", justify="right", no_wrap=True)
    table.add_column("newest sample", no_wrap=True)
    table.add_column("protocol", no_wrap=True)
    table.add_column("toolchains")
    table.add_column("cells ok", justify="right", no_wrap=True)
    for entry in runs:
        run = entry.run
        tools = [f"{plain(t.name, 40)} {plain(t.version or '', 40)}" for t in run.toolchains if t.present]
        table.add_row(
            str(entry.number),
            run.created,
            Text(plain(str(run.protocol.get("name")), 30)),
            Text(", ".join(tools)),
            f"{sum(cell.ok for cell in run.cells)}/{len(run.cells)}",
        )
    return table


def line(entry: Entry, change: Change) -> str:
    """ "json/zig/O3/wasm3: run 4 (time): wasm3 0.5.1 -> 0.5.2: 0.042 -> 0.043, faster (…)"."""
    p = change.pair
    causes = ", ".join(p.causes) or "same module, same runtime"
    numbers = f"{number(p.old, p.key)} -> {number(p.new, p.key)}"
    what = f" {unit(p)} (other reference)" if p.key == SCORE and change.verdict is not None else ""
    if change.verdict is not None:
        told = f", {change.words()}"
    else:
        reason = next((cell.reason for cell in (p.new, p.old) if not cell.ok and cell.reason), None)
        told = f" ({plain(reason)})" if reason else ""
    return f"{plain(p.name)}: run {entry.number} ({entry.run.created}): {causes}: {numbers}{what}{told}"
