"""The findings of a run, the most important first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipeline.analyses.claims.claim_verdicts import CONTRADICTED, REPRODUCED, ClaimVerdict
from pipeline.analyses.findings.costs import compile_time
from pipeline.analyses.findings.fastest import fastest, fastest_of_several, reversal
from pipeline.analyses.findings.relations import Judged, listed, percent
from pipeline.analyses.findings.variants import gains
from pipeline.results.model import Finding, Results
from pipeline.results.problems.failures import cells_in_words

MOST = 10
#: Of conclusions from the first workload that are certainly the other way round on a second one.
_MOST_REVERSED = 2


def find_findings(results: Results, claims: Sequence[ClaimVerdict]) -> tuple[Finding, ...]:
    """What the verdicts of these results show, and the claims that they contradict: at most MOST."""
    judged = Judged.of(results)
    found: list[Finding] = []
    reference = results.workloads[0].reference.variant
    if len(results.workloads) == 1:
        found += fastest(results, judged)
        found += gains(judged, reference)
        found += reversal(judged)
        found += compile_time(results)
    else:
        variants = dict.fromkeys(module.variant for module in judged.modules)
        if variants:
            chosen = reference if reference in variants else list(variants)[-1]
            found += fastest_of_several(judged, chosen)
        found += gains(judged, reference)
        found += _reversed_workloads(results)
    last = [*_contradicted(claims), *_disturbed(results)]
    return (*found[: MOST - len(last)], *last)


def _reversed_workloads(results: Results) -> Iterator[Finding]:
    if results.across_workloads is None:
        return
    conclusions = results.across_workloads.conclusions
    certain = [each for each in conclusions if any(one.certain for one in each.reversed)]
    for each in certain[:_MOST_REVERSED]:
        turned = [
            f"on {one.workload} it is the other way round, by {percent(1 / one.ratio - 1)} %"
            for one in each.reversed
            if one.certain
        ]
        text = f"{each.statement.rstrip('.')}; {listed(turned)}."
        yield Finding(about="workloads", text=text, comparisons=())


def _contradicted(claims: Sequence[ClaimVerdict]) -> Iterator[Finding]:
    wrong = [claim for claim in claims if claim.verdict == CONTRADICTED]
    if not wrong:
        return
    first, measured = wrong[0], wrong[0].measured
    figures = ""
    if measured is not None and first.published.ratio is not None:
        figures = (
            f": the published ratio is {first.published.ratio:.2f}, here it is {measured.ratio:.2f} "
            f"({measured.low:.2f} to {measured.high:.2f})"
        )
    right = sum(claim.verdict == REPRODUCED for claim in claims)
    are = "is" if len(wrong) == 1 else "are"
    text = (
        f"Of the published claims that could be tested, {len(wrong)} {are} contradicted and {right} "
        f"reproduced. For one: \u201c{first.statement.rstrip('.')}\u201d ({first.source}){figures}."
    )
    yield Finding(about="claim", text=text, comparisons=())


def _disturbed(results: Results) -> Iterator[Finding]:
    """Cells that the machine disturbed, and that no other finding is about; not those of a first round."""
    cells = [cell for cell in results.cells if (m := cell.measurement) and m.disturbed and m.rounds > 1]
    if not cells:
        return
    where = cells_in_words(cells, results.cells)
    text = (
        f"{len(cells)} of {len(results.cells)} cells are too disturbed to say how fast they are: {where}; "
        "more rounds help: doit run protocol=precise."
    )
    yield Finding(about="disturbed", text=text, comparisons=())
