"""How precise a cell's ratio is after its rounds, and whether further rounds are wanted."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from pipeline.core.model import Protocol, Status
from pipeline.measure.ratio import estimate
from pipeline.measure.sample import Sample
from pipeline.stats.estimates import CONFIDENCE, Estimate

#: More rounds than this were never needed; where half_width_percent is out of reach, the budget ends it.
MOST_ROUNDS = 1000
#: In simulations of rounds that end at ±1 %, intervals at this confidence hold the truth in 94.7 % (six to
#: eight rounds that differ by 1.5 %) to 95.5 % of all cases; with four to eight rounds in 93.3 to 95.6 %.
_CONFIDENCE_WHERE_NARROW = 0.955


def reason_to_stop(protocol: Protocol, samples: Sequence[Sample]) -> str | None:
    """Why no further round is wanted after these, in words; None if one is."""
    number = len(samples)
    if number < protocol.rounds:
        return None
    target = protocol.half_width_percent
    if target is None:
        return f"{number} rounds"
    wrong = next((s for s in samples if s.status is not Status.OK), None)
    if wrong is not None:
        return f"round {wrong.round} ended with {wrong.status.value}"
    found = careful_estimate(protocol, samples)
    reached = f"±{found.half_width * 100:.2g} % after {number} rounds"
    wanted = f"at most {target:g} % were asked for"
    if found.half_width * 100 <= target and not found.disturbed:
        return f"{reached}, {wanted}"
    spent = sum(s.seconds or 0 for s in samples)
    if protocol.budget_s is not None and spent >= protocol.budget_s:
        return f"its budget of {protocol.budget_s:g} s is spent: {reached}, {wanted}"
    most = protocol.most_rounds or MOST_ROUNDS
    # The machine may be undisturbed again.
    most = min(MOST_ROUNDS, 2 * most) if found.disturbed else most
    return f"{reached}, the most there are" if number >= most else None


def careful_estimate(protocol: Protocol, samples: Sequence[Sample]) -> Estimate:
    """The ratio of a cell, with regard to what decided how many rounds it has.

    Ending when the interval is narrow ends more often where it is narrow by chance. So it is computed at a
    higher confidence, and comparisons, which look at the tails, take the degrees of freedom of the fewest
    rounds. docs/measurement.md has how often intervals held the true value, and verdicts were false.
    """
    return estimate(samples, *carefulness(protocol))


def carefulness(protocol: Protocol) -> tuple[float, float]:
    """The confidence of a cell's interval, and the most degrees of freedom of its comparisons."""
    if protocol.half_width_percent is None:
        return CONFIDENCE, math.inf
    return _CONFIDENCE_WHERE_NARROW, max(1, protocol.rounds - 1)


def collect(
    protocol: Protocol, sample: Callable[[int], Sample | None]
) -> tuple[list[Sample | None], str | None]:
    """The rounds that the protocol wants of a cell, one by one, and why there are no more.

    ``sample(i)`` gives the sample of round i = 1, 2, …, or None where there is none: fixed rounds are
    then counted as missing; of further ones, the first missing one ends the list with no reason.
    """
    rounds = [sample(number) for number in range(1, protocol.rounds + 1)]
    found = [s for s in rounds if s is not None]
    if len(found) < len(rounds):
        return rounds, None
    while (reason := reason_to_stop(protocol, found)) is None:
        following = sample(len(found) + 1)
        if following is None:
            return list(found), None
        found.append(following)
    return list(found), reason
