"""doit run claims: the verdicts as a table for the terminal, and report/claims.json."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from pipeline.analyses.claims.claim_verdicts import (
    CONTRADICTED,
    NOT_TESTABLE,
    REPRODUCED,
    RULES,
    ClaimVerdict,
    check_all,
)
from pipeline.analyses.claims.claims_toml import EQUAL, ORDER, SCORE, UNSTATED
from pipeline.analyses.sweep_results import read_sweeps
from pipeline.core import paths
from pipeline.core.files import write_json
from pipeline.core.rich_text import Side, as_text, new_table
from pipeline.results import results_json
from pipeline.stats.estimates import CONFIDENCE

if TYPE_CHECKING:
    from rich.console import RenderableType

SCHEMA = 2
_WIDTH = 120


def show() -> None:
    """Check the claims with the last report and the sweeps in report/; write claims.json, print the table."""
    results = results_json.read(paths.RESULTS_JSON)
    claims = check_all(results, read_sweeps(results))
    content = {"schema": SCHEMA, "created": results.created, "claims": msgspec.to_builtins(claims)}
    write_json(paths.CLAIMS_JSON, content)
    print(render(claims), end="", flush=True)


def published(claim: ClaimVerdict) -> str:
    """What was published, in figures: "2.59", "faster (2.61)", "30088.5 iterations/s"."""
    figures = claim.published
    if claim.kind == SCORE:
        return f"{figures.scores[0]:g}{f' {figures.unit}' if figures.unit else ''}"
    figure = "" if figures.ratio is None else f"{figures.ratio:.3g}"
    word = {ORDER: "faster", EQUAL: "equal"}.get(claim.kind)
    return figure if word is None else f"{word} ({figure})" if figure else word


def measured(claim: ClaimVerdict) -> str:
    """The measured ratio and its interval, "1.27 (1.25 – 1.29)"; "" where there is none."""
    found = claim.measured
    if found is None:
        return ""
    digits = max(2, 2 - _exponent(found.ratio))
    return f"{found.ratio:.{digits}f} ({found.low:.{digits}f} – {found.high:.{digits}f})"


def _exponent(ratio: float) -> int:
    return int(f"{ratio:e}".partition("e")[2])


def render(claims: Sequence[ClaimVerdict]) -> str:
    """A row for each claim, then its statement, its source and the reason of the verdict; without colours."""
    from rich.padding import Padding
    from rich.text import Text

    columns: list[tuple[str, Side]] = [
        ("claim", "left"),
        ("published", "right"),
        (f"measured ({CONFIDENCE:.0%} interval)", "right"),
        ("verdict", "left"),
    ]
    rows = [(claim.name, published(claim), measured(claim), claim.verdict) for claim in claims]
    parts: list[RenderableType] = ["Published claims, and what this machine shows", new_table(columns, rows)]
    for claim in claims:
        machine = "machine unstated" if claim.machine == UNSTATED else claim.machine
        parts.append(f"{claim.name}: {claim.statement} ({claim.source}; {machine})")
        parts.append(Padding(Text(f"{claim.verdict}: {claim.reason}"), (0, 0, 0, 4)))
    counts = Counter(claim.verdict for claim in claims)
    total = ", ".join(f"{counts[verdict]} {verdict}" for verdict in (REPRODUCED, CONTRADICTED, NOT_TESTABLE))
    return as_text([*parts, f"\n{total}.", RULES, f"As data: {paths.CLAIMS_JSON}"], _WIDTH)
