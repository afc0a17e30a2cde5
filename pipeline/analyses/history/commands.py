"""What was measured on this machine before: every finished run is remembered in one file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.analyses.history import database
from pipeline.analyses.history.database import Entry
from pipeline.analyses.history.run_record import of_results
from pipeline.core import paths
from pipeline.core.files import read_json


def record(results: Mapping[str, Any], path: str = paths.HISTORY) -> int:
    """Remember the content of a results.json; returns the run's number, of a known run the one it has.

    Raises BadInput for what is no content of a results.json, ProjectError where the file cannot be written.
    """
    return database.add(path, of_results(results))


def record_last(path: str = paths.HISTORY) -> None:
    """Remember report/results.json; a report without any sample is nothing to remember."""
    results = read_json(paths.RESULTS_JSON)
    if results["created"] is not None:
        record(results, path)


def entries(path: str = paths.HISTORY) -> list[Entry]:
    """All remembered runs, oldest first (as they were remembered); raises ProjectError."""
    return database.read(path)


def show(path: str = paths.HISTORY) -> None:
    """Print the runs of each machine and what changed when; or what to type where there are none."""
    from pipeline.analyses.history.history_text import render

    found = entries(path)
    text = render(found) if found else "no run is remembered yet; to measure one type: doit run\n"
    print(text, end="", flush=True)
