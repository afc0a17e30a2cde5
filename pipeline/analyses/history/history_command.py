"""doit run history, and the recording of a finished run."""

from __future__ import annotations

from pipeline.analyses.history import run_files
from pipeline.core import paths
from pipeline.results import results_json


def record_last() -> None:
    """Record report/results.json, unless it has no sample.

    Raises BadInput if it is no results.json, ProjectError if the history cannot be written or is damaged.
    """
    results = results_json.read(paths.RESULTS_JSON)
    if results.created is not None:
        _, others = run_files.add(paths.HISTORY, results)
        others.refuse_damaged()


def show() -> None:
    """Print the runs of each machine and what changed when; raises ProjectError for what cannot be read."""
    from pipeline.analyses.history.history_text import render

    history = run_files.read(paths.HISTORY)
    if history.entries or not history.damaged:
        none = "no run is recorded yet; to measure one, run: doit run\n"
        print(render(history.entries) if history.entries else none, end="", flush=True)
    history.refuse_damaged()
