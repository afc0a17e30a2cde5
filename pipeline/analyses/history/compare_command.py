"""doit run compare: a later run compared with an earlier one, and an error if a cell got slower."""

from __future__ import annotations

import os
from collections.abc import Sequence

from pipeline.analyses.history import run_files
from pipeline.analyses.history.cell_changes import pair
from pipeline.analyses.history.comparison import Comparison, Side, compare_runs
from pipeline.analyses.history.run_files import Entry
from pipeline.core import paths
from pipeline.core.errors import BadInput, Regression
from pipeline.core.files import write_atomic, write_json
from pipeline.core.host import fingerprint
from pipeline.core.text import for_terminal
from pipeline.experiment.plan import DEFAULT_THRESHOLD_PERCENT
from pipeline.results import results_json
from pipeline.results.model import Results

#: Names of regressions in an error's line; the table has all.
_MOST_NAMES = 3


def run(
    old: str | None, new: str | None, hosts: str | None, threshold: float = DEFAULT_THRESHOLD_PERCENT
) -> None:
    """Compare two runs, each a path of a results.json, a number of the history, "last" or "previous".

    Default of ``new``: report/results.json, or the last run where there is none; of ``old``: the newest
    earlier run of that machine with different measurements. Prints the table and writes compare.json;
    raises Regression, and BadInput for runs that cannot be read or compared.
    """
    history = run_files.read(paths.HISTORY)
    history.refuse_damaged()
    entries = history.entries
    later = _new(new, entries, fingerprint())
    earlier = _old(old, later, entries, fingerprint())
    _conclude(compare_runs(earlier, later, hosts, threshold))


def choose(name: str, entries: Sequence[Entry], host: str) -> Side:
    """The run that a user names; "last" and "previous" mean the machine with this fingerprint."""
    if name in ("last", "previous"):
        back = 1 if name == "last" else 2
        own = [entry for entry in entries if entry.run.host.fingerprint == host]
        if len(own) < back:
            raise BadInput(
                f"{name}: the history has {len(own)} runs of this machine; expected {back} or more; "
                "to measure one, run: doit run"
            )
        return _side(own[-back])
    if name.isascii() and name.isdigit():
        named = next((entry for entry in entries if str(entry.number) == name), None)
        if named is None:
            raise BadInput(
                f"run {for_terminal(name, 20)}: not in the history; to list its runs: doit run history"
            )
        return _side(named)
    if not os.path.isfile(name):
        raise BadInput(
            f"{for_terminal(name)}: no such file; expected the path of a results.json, last, previous, or "
            "the number of a run; to list the runs: doit run history"
        )
    results = results_json.read(name)
    if results.preliminary is not None:
        raise BadInput(
            f"{for_terminal(name)} is preliminary; expected a finished run; to end it, run: doit run"
        )
    return Side(for_terminal(name), results)


def _side(entry: Entry) -> Side:
    return Side(f"run {entry.number}", entry.run)


def _new(name: str | None, entries: Sequence[Entry], host: str) -> Side:
    if name is None:
        name = paths.RESULTS_JSON if os.path.exists(paths.RESULTS_JSON) else "last"
    return choose(name, entries, host)


def _old(name: str | None, new: Side, entries: Sequence[Entry], host: str) -> Side:
    if name not in (None, "previous"):
        return choose(str(name), entries, host)
    entry = earlier(new.run, entries)
    if entry is None:
        raise BadInput(
            f"the history has no earlier run of {new.name}'s machine with other samples of its cells; name "
            "one, e.g.: doit run compare old=PATH/results.json"
        )
    return _side(entry)


def earlier(new: Results, entries: Sequence[Entry]) -> Entry | None:
    """The newest run before this one, on its machine, in which a cell of it has other samples.

    A run with a filter, or with cells added, shows the samples of an earlier one again: no comparison.
    """
    run = run_files.measured(new)
    place = next((at for at, entry in enumerate(entries) if run_files.same(entry.run, run)), len(entries))
    for entry in reversed(entries[:place]):
        same_host = entry.run.host.fingerprint == new.host.fingerprint
        if same_host and any(
            not p.same_samples and (p.old.is_ok or p.new.is_ok) for p in pair(entry.run, new)
        ):
            return entry
    return None


def _conclude(comparison: Comparison) -> None:
    """Print, write, and raise Regression if there is one."""
    from pipeline.analyses.history.comparison_text import data, render

    text = render(comparison)
    write_json(paths.COMPARE_JSON, data(comparison))
    write_atomic(paths.COMPARE_TXT, text)
    print(text, end="", flush=True)
    if comparison.regressions:
        names = [
            f"{for_terminal(change.pair.name)} {change.words() or change.pair.new.status.value}"
            for change in comparison.regressions
        ]
        more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
        raise Regression(
            f"{len(names)} of {len(comparison.changes)} cells regressed between {comparison.old.name} and "
            f"{comparison.new.name}: {', '.join(names[:_MOST_NAMES])}{more}; see {paths.COMPARE_TXT}"
        )
