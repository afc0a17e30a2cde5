"""What several workloads together say: means over them, and which conclusions of the first hold for others.

Speeds of different programs are never compared. What is, is a ratio of two cells of one workload, over the
workloads: to native (means), between variants under a backend (steps), between backends at a variant (duels).

A mean's interval is of these workloads: it has the errors of measuring and nothing else. What another one may
give is another question, and workloads that somebody chose are no random sample from which an interval could
answer it; so the lowest, the highest and the spread of those that are there are told instead.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.core.model import Status
from pipeline.results import workload_pairs
from pipeline.results.reversals import conclusions, numbers
from pipeline.results.workload_pairs import MOST_DUELS, MOST_VARIANTS, Measured, Pair, Place
from pipeline.stats.estimates import Estimate, geometric_mean

_DISTURBED, _ABSENT = "disturbed", "absent"

_Cell = Mapping[str, Any]
#: {workload: why it was not measured}
_Missing = Mapping[str, str]


def find(cells: Sequence[_Cell], workloads: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The section "across", ready for JSON, of the ``cells`` and ``workloads`` of results.json.

    None where fewer than two workloads have a cell that is ok and not disturbed; only such cells count. A
    "ratio" comes with its interval at CONFIDENCE, "ratio_low" and "ratio_high", each by itself.

    - "workloads": names of those that have such a cell; conclusions are drawn from the first.
    - "means", of each toolchain, variant and backend that has at least two of them: the geometric mean over
      workloads of the "ratio" to native; "spread", the geometric standard deviation over workloads, >= 1;
      "lowest" and "highest" {"workload", "ratio"}; "number" of workloads; "missing" [{"workload", "why"}],
      why being a status, "disturbed", or "absent" where no such cell was asked for; "partial" if any is
      missing: over other workloads it is another mean, to be compared with none.
    - "steps": {"toolchain", "backend", "one", "other"}, two variants, the matrix's later over the earlier.
    - "duels": {"toolchain", "variant", "one", "other"}, two backends that have all workloads, the one of the
      higher mean over the other.
    - Both have "partial", the geometric mean "ratio" of one over other, and "each": [{"workload", "ratio",
      "within" (the bound of verdicts.py, or None), "verdict"}]. A pair's verdicts are right together.
    - "conclusions", of each step and duel that is decided on the first workload: the "claim" in words, "of"
      ("steps" or "duels"), "faster" and "slower" (toolchain/variant/backend), the "ratio" of these on the
      first workload; and what the others say: "turned" [{"workload", "ratio", "certain"}], and by name:
      "holds", "same", "undecided", "missing". Certain turns are right all together, with every pair of the
      section allowed for. What turned round comes first, certain turns before others, the furthest first.
    - "left_out": [{"what", "number", "why"}].
    """
    variants = list(dict.fromkeys(cell["variant"] for cell in cells))
    chosen = [workload["name"] for workload in workloads]
    known, missing = _by_place(cells, chosen)
    names = [name for name in chosen if any(name in measured for measured in known.values())]
    if len(names) < 2:
        return None
    found = {place: measured for place, measured in known.items() if len(measured) > 1}
    means = {place: geometric_mean(list(measured.values())) for place, measured in found.items()}
    full = {place: means[place] for place, measured in found.items() if len(measured) == len(names)}
    steps, unlike = workload_pairs.compared(found, workload_pairs.steps(found, variants))
    duels, _ = workload_pairs.compared(found, workload_pairs.duels(full))
    possible = workload_pairs.number_of_steps(found), workload_pairs.number_of_duels(found)
    ranked = workload_pairs.number_of_duels(full)
    only = f"of more than {MOST_VARIANTS} variants: only neighbours, and each with the first"
    ranks = f"of more than {MOST_DUELS} pairs: only neighbours in the order of their means"
    left_out = (
        ("workloads", len(chosen) - len(names), "without an undisturbed cell"),
        ("means", len(known) - len(found), "of fewer than two workloads"),
        ("steps", unlike, "of fewer than two workloads in common"),
        ("steps", possible[0] - unlike - len(steps), only),
        ("duels", possible[1] - ranked, "with a backend that lacks a workload"),
        ("duels", ranked - len(duels), ranks),
    )
    return {
        "workloads": names,
        "means": [_mean(place, found[place], means[place], missing[place], names) for place in found],
        "steps": [_step(pair, names) for pair in steps],
        "duels": [_duel(pair, names) for pair in duels],
        "conclusions": conclusions({"steps": steps, "duels": duels}, names),
        "left_out": [{"what": what, "number": n, "why": why} for what, n, why in left_out if n > 0],
    }


def _by_place(
    cells: Sequence[_Cell], workloads: Sequence[str]
) -> tuple[dict[Place, Measured], dict[Place, _Missing]]:
    """What was measured at each place, and why the rest was not."""
    by_place: dict[Place, dict[str, _Cell]] = {}
    for cell in cells:
        place = Place(cell["toolchain"], cell["variant"], cell["backend"])
        by_place.setdefault(place, {})[cell["workload"]] = cell
    found: dict[Place, Measured] = {}
    missing: dict[Place, _Missing] = {}
    for place, of in by_place.items():
        why = {name: _unfit(of.get(name)) for name in workloads}
        found[place] = {name: _estimate(of[name]) for name, reason in why.items() if reason is None}
        missing[place] = {name: reason for name, reason in why.items() if reason is not None}
    return found, missing


def _unfit(cell: _Cell | None) -> str | None:
    """Why there is no ratio to be compared; None if there is."""
    if cell is None:
        return _ABSENT
    if cell["status"] != Status.OK.value:
        return str(cell["status"])
    return _DISTURBED if cell["disturbed"] else None


def _estimate(cell: _Cell) -> Estimate:
    return Estimate(
        cell["ratio"],
        cell["ratio_low"],
        cell["ratio_high"],
        rounds=cell["rounds"],
        pairs=0,  # nothing here rests on their number
        error=cell["log_error"],
        freedom=cell["freedom"],
    )


def _mean(
    place: Place, measured: Measured, whole: Estimate, missing: _Missing, workloads: Sequence[str]
) -> dict[str, Any]:
    rising = sorted(measured, key=lambda name: measured[name].value)
    lacking = [{"workload": name, "why": why} for name, why in missing.items() if name in workloads]
    return {
        **place._asdict(),
        "partial": bool(lacking),
        "number": len(measured),
        "missing": lacking,
        **numbers(whole),
        "spread": math.exp(statistics.stdev(math.log(e.value) for e in measured.values())),
        "lowest": {"workload": rising[0], "ratio": measured[rising[0]].value},
        "highest": {"workload": rising[-1], "ratio": measured[rising[-1]].value},
    }


def _step(pair: Pair, workloads: Sequence[str]) -> dict[str, Any]:
    same = {"toolchain": pair.one.toolchain, "backend": pair.one.backend}
    return {**same, "one": pair.one.variant, "other": pair.other.variant, **_each(pair, workloads)}


def _duel(pair: Pair, workloads: Sequence[str]) -> dict[str, Any]:
    same = {"toolchain": pair.one.toolchain, "variant": pair.one.variant}
    return {**same, "one": pair.one.backend, "other": pair.other.backend, **_each(pair, workloads)}


def _each(pair: Pair, workloads: Sequence[str]) -> dict[str, Any]:
    return {
        "partial": len(pair.each) < len(workloads),
        **numbers(pair.mean),
        "each": [
            {
                "workload": name,
                **numbers(verdict.difference),
                "within": verdict.bound if math.isfinite(verdict.bound) else None,
                "verdict": verdict.word,
            }
            for name, verdict in pair.each.items()
        ],
    }
