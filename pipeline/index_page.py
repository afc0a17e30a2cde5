"""What the page shows is read here: the last report, the sweeps beside it, and the verdicts on claims."""

from __future__ import annotations

from pipeline import layout, page
from pipeline.claims import judge_all
from pipeline.claims_text import read_sweeps
from pipeline.store import read_json


def draw() -> None:
    """Write index.html and its charts from what lies in report/; raises BadInput for a bad claims.toml."""
    results = read_json(layout.RESULTS_JSON)
    sweeps = read_sweeps(results)
    page.write(results, sweeps, judge_all(results, sweeps))
