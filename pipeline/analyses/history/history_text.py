"""The history -> text: the runs of each machine, and what changed when, and with which version."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.analyses.history.cell_changes import SCORE, Change, Pair, compare, pair_of
from pipeline.analyses.history.comparison import host_words
from pipeline.analyses.history.comparison_text import number, unit
from pipeline.analyses.history.run_files import Entry
from pipeline.core.rich_text import as_text, new_table
from pipeline.core.text import for_terminal
from pipeline.results.model import Results
from pipeline.results.model_cell import CellResult
from pipeline.stats.estimates import CONFIDENCE

if TYPE_CHECKING:
    from rich.table import Table

_WIDTH = 120


def by_host(entries: Sequence[Entry]) -> list[list[Entry]]:
    """Runs of one machine each, never mixed; in the order of the entries."""
    hosts: dict[str, list[Entry]] = {}
    for entry in entries:
        hosts.setdefault(entry.run.host.fingerprint, []).append(entry)
    return list(hosts.values())


def changes(entries: Sequence[Entry]) -> list[tuple[Entry, list[Change]]]:
    """Each run of one machine, with the changes of its cells since the last run that had the cell.

    The cells of a run are one family of verdicts, so that its verdicts do not change with the runs that
    follow.
    """
    before: dict[str, tuple[Results, CellResult]] = {}
    by_run = []
    for entry in entries:
        pairs: list[Pair] = []
        for cell in entry.run.cells:
            if cell.label in before:
                pairs.append(pair_of(*before[cell.label], entry.run, cell))
            before[cell.label] = entry.run, cell
        by_run.append((entry, compare(pairs)))
    return by_run


def render(entries: Sequence[Entry]) -> str:
    """For each machine its runs as a table, then a line for each change; lines are not broken."""
    return "".join(map(_render_host, by_host(entries)))


def _render_host(runs: Sequence[Entry]) -> str:
    by_run = changes(runs)
    notable = [line(entry, change) for entry, steps in by_run for change in steps if change.notable]
    count = sum(len(steps) for _, steps in by_run)
    summary = (
        f"{count - len(notable)} of {count} times that a cell was in a run again, no change was seen. "
        "± is half of an interval of one difference; all verdicts on one run together are right with "
        f"{CONFIDENCE:.0%} confidence."
    )
    head = f"On {host_words(runs[-1].run.host)}\n"
    return head + as_text([_table(runs)], _WIDTH) + "".join(f"{text}\n" for text in (*notable, summary, ""))


def _table(runs: Sequence[Entry]) -> Table:
    from rich.text import Text

    table = new_table([("run", "right"), ("newest sample", "left"), ("protocol", "left")])
    table.add_column("toolchains")
    table.add_column("cells ok", justify="right", no_wrap=True)
    for entry in runs:
        run = entry.run
        toolchains = ", ".join(
            f"{for_terminal(t.name, 40)} {for_terminal(t.version, 40)}" for t in run.toolchains if t.present
        )
        ok = f"{sum(cell.is_ok for cell in run.cells)}/{len(run.cells)}"
        row = (str(entry.number), run.created or "", for_terminal(run.protocol.name, 30), toolchains, ok)
        table.add_row(*map(Text, row))
    return table


def line(entry: Entry, change: Change) -> str:
    """ "json/zig/O3/wasm3: run 4 (time): wasm3 0.5.1 -> 0.5.2: 0.042 -> 0.043, faster (…)"."""
    p = change.pair
    causes = ", ".join(p.causes) or "same module, same runtime"
    numbers = f"{number(p.old, p.key)} -> {number(p.new, p.key)}"
    if change.verdict is not None:
        what = f" {unit(p)} (other reference)" if p.key == SCORE else ""
        conclusion = f"{what}, {change.words()}"
    else:
        reason = p.new.reason or p.old.reason
        conclusion = f" ({for_terminal(reason)})" if reason else ""
    return (
        f"{for_terminal(p.name)}: run {entry.number} ({entry.run.created}): {causes}: {numbers}{conclusion}"
    )
