"""Racing: give further rounds only to candidates that may still beat the best. No I/O.

A round's result is one number, the mean over backends of the log of the ratio to native; None stands for
a round in which the machine was too disturbed to tell. Higher is better.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean

Rounds = Sequence[float | None]

#: How rounds of one module differ (standard deviation of logs) before enough have been seen, and how many
#: degrees of freedom that guess counts for.
USUAL_SPREAD = 0.005
_USUAL_SPREAD_FREEDOM = 8
#: In standard errors of the difference: a candidate so far behind the best is given up, and one so far ahead
#: is the new best, without further rounds.
_HOPELESS, _CLEARLY_AHEAD = 0.7, 1.5
#: Standard error of the difference under which it does not matter which of the two is the better one.
_CLOSE_ENOUGH = 0.0025
#: After so many rounds, all of them disturbed, a candidate is given up.
_MOST_DISTURBED_ROUNDS = 3


def undisturbed(rounds: Rounds) -> list[float]:
    """The rounds that have a result."""
    return [x for x in rounds if x is not None]


def mean(rounds: Rounds) -> float | None:
    """The mean of a candidate's undisturbed rounds; None without any."""
    values = undisturbed(rounds)
    return fmean(values) if values else None


def spread(candidates: Iterable[Rounds]) -> float:
    """Standard deviation of one round, pooled over all candidates, and with what is usual."""
    squares, freedom = _USUAL_SPREAD_FREEDOM * USUAL_SPREAD**2, float(_USUAL_SPREAD_FREEDOM)
    for values in map(undisturbed, candidates):
        if len(values) > 1:
            middle = fmean(values)
            squares += math.fsum((x - middle) ** 2 for x in values)
            freedom += len(values) - 1
    return math.sqrt(squares / freedom)


def needs_round(rounds: Rounds, best: Rounds, sd: float, most: int) -> bool:
    """Whether a candidate gets one more round: it is undecided whether it beats the best so far.

    ``sd`` is the standard deviation of one round, ``most`` the largest number of rounds.
    """
    if len(rounds) >= most:
        return False
    values, best_values = undisturbed(rounds), undisturbed(best)
    if not values:
        return len(rounds) < _MOST_DISTURBED_ROUNDS
    # If the best has few rounds, more rounds of the candidate hardly improve the comparison.
    if len(values) > len(best_values):
        return not best_values and len(values) < 2
    error = sd * math.sqrt(1 / len(values) + 1 / len(best_values))
    ahead = fmean(values) - fmean(best_values)
    return error > _CLOSE_ENOUGH and -_HOPELESS * error < ahead < _CLEARLY_AHEAD * error


def best(candidates: Mapping[str, Rounds], sd: float) -> str | None:
    """The candidate whose mean minus its standard error is highest; None without an undisturbed round.

    One lucky round is no merit: of two with the same mean the one that was measured more often wins.
    """
    values = {name: undisturbed(rounds) for name, rounds in candidates.items()}
    values = {name: own for name, own in values.items() if own}
    return max(values, key=lambda n: fmean(values[n]) - sd / math.sqrt(len(values[n])), default=None)
