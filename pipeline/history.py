"""What was measured on this machine before: every finished run is remembered in one file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline import history_store, layout
from pipeline.history_run import of_results
from pipeline.history_store import Entry
from pipeline.store import read_json


def record(results: Mapping[str, Any], path: str = layout.HISTORY) -> int:
    """Remember the content of a results.json; returns the run's number, of a known run the one it has.

    Raises BadInput for what is no content of a results.json, ProjectError where the file cannot be written.
    """
    return history_store.add(path, of_results(results))


def record_last(path: str = layout.HISTORY) -> None:
    """Remember report/results.json; a report without any sample is nothing to remember."""
    results = read_json(layout.RESULTS_JSON)
    if results["created"] is not None:
        record(results, path)


def entries(path: str = layout.HISTORY) -> list[Entry]:
    """All remembered runs, oldest first (as they were remembered); raises ProjectError."""
    return history_store.read(path)


def show(path: str = layout.HISTORY) -> None:
    """Print the runs of each machine and what changed when; or what to type where there are none."""
    from pipeline.history_text import render

    found = entries(path)
    text = render(found) if found else "no run is remembered yet; to measure one type: doit run\n"
    print(text, end="", flush=True)
