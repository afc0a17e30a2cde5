"""Published claims -> verdicts: reproduced, contradicted, or not testable here, each with its reason.

A verdict is about this machine, these builds and the versions that it names. It stands alone, at the
confidence of its interval (stats.CONFIDENCE), and is not in a family with the other verdicts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from msgspec import Struct

from pipeline.analyses.claims.claims_toml import EQUAL, ORDER, SCORE, UNSTATED, Claim, read
from pipeline.analyses.claims.matching import Match, absent, command, find, workload_of
from pipeline.core.text import plain
from pipeline.results.model import Results
from pipeline.results.model_cell import CellResult, Measurement
from pipeline.stats import estimates, verdicts
from pipeline.stats.estimates import CONFIDENCE, Difference, Estimate
from pipeline.stats.verdicts import FASTER, MOST_SAME, UNDECIDED

REPRODUCED, CONTRADICTED, NOT_TESTABLE = "reproduced", "contradicted", "not testable here"
#: Shown below the verdicts: what they mean.
RULES = (
    f"A measured ratio compares two cells of one run, with its {CONFIDENCE:.0%} interval. A published ratio "
    "is reproduced if it is within that interval widened by the claim's tolerance, and contradicted if it is "
    "outside; an interval wider than the tolerance reproduces nothing. An order is reproduced if it is "
    f"shown, and contradicted if the opposite is shown, or that both are the same within {MOST_SAME:.0%}. "
    "Equals are reproduced if the whole interval is within the tolerance around 1, and contradicted if all "
    "of it is outside. Scores are compared only on the machine that they were published for; a claim about a "
    "machine can be reproduced on a different one, but not contradicted. Each verdict stands alone, and is "
    "about the builds, versions and machine that were measured."
)
_WORD = re.compile(r"[a-z0-9]+")
_LONGEST_REASON = 2000


class Published(Struct, frozen=True):
    """The figures of a claim."""

    ratio: float | None  # of the first side to the second
    scores: tuple[float | None, ...]  # of each side
    runtimes: tuple[str, ...]  # each side in the words of the source
    tolerance: float | None  # a fraction
    unit: str | None  # of the scores; None where the workload was not measured


class MeasuredRatio(Struct, frozen=True):
    """Of the first side to the second; for a score, of the measured to the published one."""

    ratio: float
    low: float
    high: float


class ClaimVerdict(Struct, frozen=True, kw_only=True):
    """A claim and what was measured; the keys of report/claims.json, in their order."""

    name: str
    workload: str
    source: str
    machine: str
    statement: str
    kind: str
    published: Published
    measured: MeasuredRatio | None
    verdict: str
    reason: str
    cells: tuple[str, ...]
    versions: dict[str, str]  # {cell: name and version of what ran it}


def check_all(results: Results, sweeps: Sequence[Results]) -> list[ClaimVerdict]:
    """The verdict on every claim of claims.toml, from results.json and then from sweeps.

    Raises BadInput where claims.toml is wrong.
    """
    return [check(claim, [results, *sweeps]) for claim in read()]


def check(claim: Claim, runs: Sequence[Results]) -> ClaimVerdict:
    """The verdict on a claim; its cells are looked for in the results (one or more) in their order."""
    match = find(claim, runs)
    measured = None
    if claim.kind == SCORE and (why := _why_not_here(claim, runs[0] if match is None else match.results)):
        verdict, reason = NOT_TESTABLE, why
    elif match is None:
        verdict, reason = NOT_TESTABLE, absent(claim, runs)
    elif match.problem:
        verdict, reason = NOT_TESTABLE, match.problem
    else:
        difference = _difference(claim, match)
        measured = MeasuredRatio(difference.value, difference.low, difference.high)
        verdict, reason = _verdict(claim, match, difference)
        reason += f"; {_what_was_measured(claim, match)}"
    cells = () if match is None else match.cells
    return ClaimVerdict(
        name=claim.name,
        workload=claim.workload,
        source=claim.source,
        machine=claim.machine,
        statement=claim.statement,
        kind=claim.kind,
        published=Published(
            ratio=claim.ratio,
            scores=tuple(side.score for side in claim.sides),
            runtimes=tuple(side.published for side in claim.sides),
            tolerance=claim.tolerance,
            unit=_unit(claim, runs),
        ),
        measured=measured,
        verdict=verdict,
        reason=plain(reason, _LONGEST_REASON),
        cells=tuple(cell.label for cell in cells),
        versions={cell.label: plain(_version(cell)) for cell in cells},
    )


def _verdict(claim: Claim, match: Match, difference: Difference) -> tuple[str, str]:
    """Verdict and reason of a claim whose cells have been measured."""
    if claim.kind == ORDER:
        verdict, reason = _order(claim, match)
    elif claim.kind == EQUAL:
        verdict, reason = _equal(claim, match, difference)
    else:
        verdict, reason = _figure(claim, match, difference)
    if verdict == CONTRADICTED and claim.machine != UNSTATED and not _is_here(claim, match.results):
        # The same on a different machine reproduces a claim; a different figure there does not contradict it.
        verdict = NOT_TESTABLE
        reason += f", but it is a claim about {claim.machine}; on such a machine, run: doit run claims"
    return verdict, reason


def _figure(claim: Claim, match: Match, difference: Difference) -> tuple[str, str]:
    """Of a published ratio, or of a published score: that is 1, in the unit of the score."""
    factor, percent = _tolerance(claim)
    low, high = difference.low, difference.high
    published = 1.0 if claim.ratio is None else claim.ratio
    what = "the published score" if claim.kind == SCORE else f"the published {published:.3g}"
    if not low / factor <= published <= high * factor:
        side = "above" if published > high else "below"
        return CONTRADICTED, f"{what} is {side} the measured interval, even widened by {percent}"
    if math.sqrt(high / low) > factor:
        return NOT_TESTABLE, f"the interval is wider than the tolerance of {percent}; {_more(claim, match)}"
    return REPRODUCED, f"{what} is within the measured interval, widened by {percent}"


def _equal(claim: Claim, match: Match, difference: Difference) -> tuple[str, str]:
    factor, percent = _tolerance(claim)
    if 1 / factor <= difference.low and difference.high <= factor:
        return REPRODUCED, f"the whole interval is within {percent} of 1"
    if difference.high < 1 / factor or difference.low > factor:
        return CONTRADICTED, f"the whole interval is more than {percent} from 1"
    return NOT_TESTABLE, f"only a part of the interval is within {percent} of 1; {_more(claim, match)}"


def _tolerance(claim: Claim) -> tuple[float, str]:
    """The factor by which a figure may be off, and the tolerance in per cent."""
    assert claim.tolerance is not None
    return 1 + claim.tolerance, f"{claim.tolerance * 100:g}%"


def _order(claim: Claim, match: Match) -> tuple[str, str]:
    one, other = (cell.label for cell in match.cells)
    ratios = dict(zip((one, other), (m.estimate for m in _measurements(match)), strict=True))
    word = verdicts.compare_all(ratios)[0].word
    if word == UNDECIDED:
        return NOT_TESTABLE, f"it is undecided which of the two is faster; {_more(claim, match)}"
    shown = f"{word} {MOST_SAME:.0%} of" if word == verdicts.SAME else f"{word} than"
    return (REPRODUCED if word == FASTER else CONTRADICTED), f"{one} is shown to be {shown} {other}"


def _more(claim: Claim, match: Match) -> str:
    """The command that measures precisely enough: a quarter of the tolerance, and half of today's width."""
    wanted = (MOST_SAME if claim.tolerance is None else claim.tolerance) / 4
    wanted = min(wanted, *(m.half_width / 2 for m in _measurements(match)))
    return f"run: {command(match, f'protocol=precise half_width={max(wanted * 100, 0.01):.2g}')}"


def _measurements(match: Match) -> list[Measurement]:
    """Of the cells of a match without a problem: all of them."""
    return [cell.measurement for cell in match.cells if cell.measurement is not None]


def _difference(claim: Claim, match: Match) -> Difference:
    first, *second = _measurements(match)
    if claim.kind != SCORE:
        return estimates.compare(first.estimate, second[0].estimate)
    # The reference's undisturbed speed is taken as exact: it makes scores of ratios, in results.json too.
    score = claim.sides[0].score
    assert score is not None  # claims_toml requires it
    return estimates.compare(first.estimate, _exactly(score / (first.score / first.ratio)))


def _exactly(value: float) -> Estimate:
    return Estimate(value, value, value, rounds=0, pairs=0, error=0.0, freedom=math.inf)


def _unit(claim: Claim, runs: Sequence[Results]) -> str | None:
    workloads = (workload_of(claim, results) for results in runs)
    return next((workload.unit for workload in workloads if workload is not None), None)


def _why_not_here(claim: Claim, results: Results) -> str:
    """Why a score cannot be compared here; "" where this is the machine that it was published for."""
    if claim.machine == UNSTATED:
        return (
            "a score without its machine: no machine can test it; its ratios to other scores may be testable"
        )
    if _is_here(claim, results):
        return ""
    return (
        f"a score holds for one machine only: it was published for {claim.machine}, this is "
        f"{results.host.cpu}; on such a machine, run: doit run claims"
    )


def _is_here(claim: Claim, results: Results) -> bool:
    """Whether every word of the published machine is in the name that this processor gives itself."""
    mine, published = (set(_WORD.findall(x.casefold())) for x in (results.host.cpu or "", claim.machine))
    return published <= mine


def _what_was_measured(claim: Claim, match: Match) -> str:
    """What was measured for what was published, and where."""
    pairs = zip(claim.sides, match.cells, strict=True)
    measured = " and ".join(f"{_version(cell)} for {side.published}" for side, cell in pairs)
    machine = "an unstated machine" if claim.machine == UNSTATED else claim.machine
    where = "as published" if _is_here(claim, match.results) else f"published for {machine}"
    return f"measured: {measured}; on {match.results.host.cpu}, {where}"


def _version(cell: CellResult) -> str:
    # A runtime of a chosen version is named wasmtime@46.0.1.
    name = cell.identity.name.partition("@")[0]
    return f"{name} {cell.identity.version or 'of unknown version'}"
