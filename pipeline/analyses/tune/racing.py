"""Who goes on: rounds are given to candidates that may still beat the best one, not to all. Pure.

A round's result is one number, the mean over backends of the log of the ratio to native; None stands for
a round in which the machine was too disturbed to tell. Higher is better.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean

Rounds = Sequence[float | None]

#: How rounds of one module differ (standard deviation of logs) before enough have been seen, and how many
#: degrees of freedom that guess is worth.
USUAL_SPREAD = 0.005
_WORTH = 8
#: In standard errors of the difference: a candidate so far behind the best is given up, and one so far ahead
#: is the new best, without more ado.
_BEHIND, _AHEAD = 0.7, 1.5
#: Standard error of the difference under which it does not matter which of the two is the better one.
_CLOSE = 0.0025
#: So many disturbed rounds, and no other, are enough to give a candidate up.
_PATIENCE = 3


def told(rounds: Rounds) -> list[float]:
    """The rounds that say something."""
    return [x for x in rounds if x is not None]


def mean(rounds: Rounds) -> float | None:
    """What a candidate is worth so far; None if nothing is known."""
    values = told(rounds)
    return fmean(values) if values else None


def spread(candidates: Iterable[Rounds]) -> float:
    """Standard deviation of one round, pooled over all candidates, and with what is usual."""
    squares, freedom = _WORTH * USUAL_SPREAD**2, float(_WORTH)
    for values in map(told, candidates):
        if len(values) > 1:
            middle = fmean(values)
            squares += math.fsum((x - middle) ** 2 for x in values)
            freedom += len(values) - 1
    return math.sqrt(squares / freedom)


def goes_on(rounds: Rounds, best: Rounds, sd: float, most: int) -> bool:
    """Whether a candidate gets another round: it is undecided whether it is better than the best so far."""
    if len(rounds) >= most:
        return False
    values, champion = told(rounds), told(best)
    if not values:
        return len(rounds) < _PATIENCE
    # Beside a best one of few rounds, many of the candidate tell little more.
    if len(values) > len(champion):
        return not champion and len(values) < 2
    error = sd * math.sqrt(1 / len(values) + 1 / len(champion))
    ahead = fmean(values) - fmean(champion)
    return error > _CLOSE and -_BEHIND * error < ahead < _AHEAD * error


def best(candidates: Mapping[str, Rounds], sd: float) -> str | None:
    """The candidate whose worth is highest after subtracting its standard error; None where none is told.

    One lucky round is no merit: of two with the same mean the one that was measured more often wins.
    """
    worths = {name: told(rounds) for name, rounds in candidates.items()}
    worths = {name: values for name, values in worths.items() if values}
    return max(worths, key=lambda n: fmean(worths[n]) - sd / math.sqrt(len(worths[n])), default=None)
