"""Published claims -> verdicts: reproduced, contradicted, or not testable here, each with its reason.

A verdict speaks of this machine, these builds and the versions that it names; it stands alone, at the
confidence of its interval (stats.CONFIDENCE), and not in a family with the others.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.analyses.claims.claims_toml import EQUAL, ORDER, SCORE, UNSTATED, Claim, read
from pipeline.analyses.claims.matching import Cell, Found, Results, absent, command, find, workload_of
from pipeline.core.errors import ProjectError
from pipeline.results.cells import half_width, label
from pipeline.stats import estimates, verdicts
from pipeline.stats.estimates import CONFIDENCE, Difference, Estimate
from pipeline.stats.verdicts import FASTER, MOST_SAME, UNDECIDED

REPRODUCED, CONTRADICTED, NOT_TESTABLE = "reproduced", "contradicted", "not testable here"
#: Shown below the verdicts: what they mean.
RULES = (
    f"A measured ratio is of two cells of one run, with its {CONFIDENCE:.0%} interval. A published ratio is "
    "reproduced where it lies within that interval widened by the claim's tolerance, and contradicted where "
    "it lies outside; an interval wider than the tolerance reproduces nothing. An order is reproduced where "
    "it is shown, and contradicted where the opposite is shown, or that both are the same within "
    f"{MOST_SAME:.0%}. Equals are reproduced where the whole interval lies within the tolerance around 1, "
    "and contradicted where all of it lies outside. Scores are compared only on the machine they were "
    "published of; a claim about a machine can be reproduced on another, but not contradicted. Each verdict "
    "stands alone, and is of the builds, versions and machine that were measured."
)
_NEEDED = ("workload", "log_error", "freedom")
_WORD = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True)
class Outcome:
    """A claim beside what was measured; the keys of report/claims.json, in their order."""

    name: str
    workload: str
    source: str
    machine: str
    statement: str
    kind: str
    #: "ratio" (None where no figures were published), "scores" and "runtimes" of the sides, "tolerance",
    #: "unit" of the scores (None where the workload was not measured).
    published: dict[str, Any]
    #: "ratio", "low", "high": of the first side to the second; of a score, of the measured to the published.
    measured: dict[str, float] | None
    verdict: str
    reason: str
    cells: list[str]
    #: {cell: name and version of what ran it}
    versions: dict[str, str]


def judge_all(results: Results, sweeps: Sequence[Results]) -> list[dict[str, Any]]:
    """Every claim of claims.toml as a plain dict (see Outcome), judged by results.json and then by sweeps.

    Raises BadInput where claims.toml is wrong, ProjectError where results are of an older version.
    """
    return [asdict(outcome) for outcome in judge(read(), [results, *sweeps])]


def judge(claims: Sequence[Claim], several: Sequence[Results]) -> list[Outcome]:
    """One verdict a claim; its cells are looked for in the results (one or more) in their order."""
    if not all(map(fit, several)):
        raise ProjectError(
            f"the cells of a report lack one of {', '.join(_NEEDED)}: an older version wrote it; "
            "type: doit run report, and doit run sweep runtime=NAME for each report/sweep-NAME.json"
        )
    return [_judge(claim, several) for claim in claims]


def fit(results: Results) -> bool:
    """Whether its cells have what a comparison needs; those of reports of an older version have not."""
    return all(key in cell for cell in results["cells"] for key in _NEEDED)


def _judge(claim: Claim, several: Sequence[Results]) -> Outcome:
    found = find(claim, several)
    measured = None
    if claim.kind == SCORE and (why := _elsewhere(claim, several[0] if found is None else found.results)):
        verdict, reason = NOT_TESTABLE, why
    elif found is None:
        verdict, reason = NOT_TESTABLE, absent(claim, several)
    elif found.trouble:
        verdict, reason = NOT_TESTABLE, found.trouble
    else:
        difference = _difference(claim, found)
        measured = {"ratio": difference.value, "low": difference.low, "high": difference.high}
        verdict, reason = _verdict(claim, found, difference)
        if verdict == CONTRADICTED and claim.machine != UNSTATED and not _here(claim, found.results):
            # The same on another machine reproduces a claim; another figure there is no contradiction.
            verdict = NOT_TESTABLE
            reason += f", but it is a claim about {claim.machine}; on such a machine type: doit run claims"
        reason += f"; {_stand_ins(claim, found)}"
    cells = () if found is None else found.cells
    return Outcome(
        name=claim.name,
        workload=claim.workload,
        source=claim.source,
        machine=claim.machine,
        statement=claim.statement,
        kind=claim.kind,
        published={
            "ratio": claim.ratio,
            "scores": [side.score for side in claim.sides],
            "runtimes": [side.published for side in claim.sides],
            "tolerance": claim.tolerance,
            "unit": _unit(claim, several),
        },
        measured=measured,
        verdict=verdict,
        reason=_line(reason),
        cells=[label(cell) for cell in cells],
        versions={label(cell): _line(_version(cell)) for cell in cells},
    )


def _verdict(claim: Claim, found: Found, difference: Difference) -> tuple[str, str]:
    """Verdict and reason of a claim whose cells have been measured."""
    if claim.kind == ORDER:
        return _order(claim, found)
    assert claim.tolerance is not None
    factor, percent = 1 + claim.tolerance, f"{claim.tolerance * 100:g}%"
    low, high = difference.low, difference.high
    if claim.kind == EQUAL:
        if 1 / factor <= low and high <= factor:
            return REPRODUCED, f"the whole interval lies within {percent} of 1"
        if high < 1 / factor or low > factor:
            return CONTRADICTED, f"the whole interval lies more than {percent} from 1"
        return NOT_TESTABLE, f"only a part of the interval lies within {percent} of 1; {_more(claim, found)}"
    # Of a score, the measured over the published one, which is to be 1.
    published = 1.0 if claim.ratio is None else claim.ratio
    what = "the published score" if claim.kind == SCORE else f"the published {published:.3g}"
    if not low / factor <= published <= high * factor:
        side = "above" if published > high else "below"
        return CONTRADICTED, f"{what} lies {side} the measured interval, even widened by {percent}"
    if math.sqrt(high / low) > factor:
        return NOT_TESTABLE, f"the interval is wider than the tolerance of {percent}; {_more(claim, found)}"
    return REPRODUCED, f"{what} lies within the measured interval, widened by {percent}"


def _order(claim: Claim, found: Found) -> tuple[str, str]:
    one, other = map(label, found.cells)
    estimates = dict(zip((one, other), map(_estimate, found.cells), strict=True))
    word = verdicts.judge(estimates)[0].word
    if word == UNDECIDED:
        return NOT_TESTABLE, f"which of the two is faster could not be told; {_more(claim, found)}"
    said = f"{word} {MOST_SAME:.0%} of" if word == verdicts.SAME else f"{word} than"
    return (REPRODUCED if word == FASTER else CONTRADICTED), f"{one} is shown to be {said} {other}"


def _more(claim: Claim, found: Found) -> str:
    """What makes the cells precise enough: a quarter of what must be told, and half of what they are."""
    wanted = (MOST_SAME if claim.tolerance is None else claim.tolerance) / 4
    wanted = min(wanted, *(half_width(cell) / 2 for cell in found.cells))
    return f"type: {command(found, f'protocol=precise half_width={max(wanted * 100, 0.01):.2g}')}"


def _difference(claim: Claim, found: Found) -> Difference:
    known = [_estimate(cell) for cell in found.cells]
    if claim.kind != SCORE:
        return estimates.compare(*known)
    # The reference's undisturbed speed is taken as known: it makes scores of ratios, in results.json too.
    scale = found.cells[0]["score"] / found.cells[0]["ratio"]
    return estimates.compare(known[0], _exactly(_published_score(claim) / scale))


def _published_score(claim: Claim) -> float:
    score = claim.sides[0].score
    assert score is not None  # claims_file has seen to it
    return score


def _unit(claim: Claim, several: Sequence[Results]) -> str | None:
    units = (each["unit"] for results in several for each in workload_of(claim, results))
    return next(map(_line, units), None)


def _exactly(value: float) -> Estimate:
    return Estimate(value, value, value, rounds=0, pairs=0, error=0.0, freedom=math.inf)


def _estimate(cell: Cell) -> Estimate:
    return Estimate(
        cell["ratio"],
        cell["ratio_low"],
        cell["ratio_high"],
        rounds=cell["undisturbed_rounds"],
        pairs=cell["undisturbed_chunks"],
        disturbed=cell["disturbed"],
        error=cell["log_error"],
        freedom=cell["freedom"],
    )


def _elsewhere(claim: Claim, results: Results) -> str:
    """Why an absolute score cannot be compared here; "" where this is the machine it was published of."""
    if claim.machine == UNSTATED:
        return "a score without its machine: none could test it; its ratios to other scores may be testable"
    if _here(claim, results):
        return ""
    return (
        f"a score holds for its machine only: it is of {claim.machine}, this is {results['host']['cpu']}; "
        "on such a machine type: doit run claims"
    )


def _here(claim: Claim, results: Results) -> bool:
    """Whether every word of the published machine is in the name that this processor gives itself."""
    mine, published = (set(_WORD.findall(x.casefold())) for x in (results["host"]["cpu"], claim.machine))
    return published <= mine


def _stand_ins(claim: Claim, found: Found) -> str:
    """What was measured for what was published, and where."""
    pairs = zip(claim.sides, found.cells, strict=True)
    stand = " and ".join(f"{_version(cell)} for {side.published}" for side, cell in pairs)
    where = f"published of {'an unstated machine' if claim.machine == UNSTATED else claim.machine}"
    where = "as published" if _here(claim, found.results) else where
    return f"measured: {stand}; on {found.results['host']['cpu']}, {where}"


def _version(cell: Cell) -> str:
    # A runtime of a chosen version is named wasmtime@46.0.1.
    name, version = cell["identity"]["name"].partition("@")[0], cell["identity"]["version"]
    return f"{name} {version or 'of unknown version'}"


def _line(text: str) -> str:
    """Foreign text (reasons, names of processors) as one line without control characters."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in " ".join(text.split()))
