"""Student's t: its tail and its quantiles, for any positive number of degrees of freedom.

Not scipy's: importing it takes four tenths of a second in each run that reports, and brings numpy. Tests
compare with it.
"""

from __future__ import annotations

import math

#: From so many degrees of freedom on, the normal distribution: a quantile t then differs by some t^3 / 4e7.
_NORMAL = 1e7
#: With fewer, intervals have no end.
_LEAST_FREEDOM = 1e-3
#: Its square is still a number.
_LARGEST = 1e150
#: Of a fraction, relative.
_EXACT = 1e-15
#: Of a quantile, relative: each of Newton's steps leaves about the square of the one before.
_CLOSE = 1e-6
#: Larger than the root of _NORMAL: so many terms are enough.
_MOST_TERMS = 10_000


def quantile(probability: float, freedom: float) -> float:
    """The t that T is below with this probability, in (0, 1)."""
    if probability < 0.5:
        return -quantile(1 - probability, freedom)
    freedom, above = max(freedom, _LEAST_FREEDOM), 1 - probability
    t = _approximate(probability, freedom)
    step = math.inf
    while t < _LARGEST and abs(step) > _CLOSE * t:
        # The tail is convex: from wherever it begins, all steps but the first go up.
        step = (tail(t, freedom) - above) / _density(t, freedom)
        t = max(0.0, t + step)
    return t


def _approximate(probability: float, freedom: float) -> float:
    """The first terms of the expansion of Cornish and Fisher: Abramowitz and Stegun 26.7.5."""
    from statistics import NormalDist  # 10 ms, which "nothing to do" does not take

    z = NormalDist().inv_cdf(probability)
    first, second = (z**3 + z) / 4, (5 * z**5 + 16 * z**3 + 3 * z) / 96
    return z if freedom < 1 else z + first / freedom + second / freedom**2


def tail(t: float, freedom: float) -> float:
    """P(T >= t)."""
    if t < 0:
        return 1 - tail(-t, freedom)
    if freedom >= _NORMAL:
        return math.erfc(t / math.sqrt(2)) / 2
    t, freedom = min(t, _LARGEST), max(freedom, _LEAST_FREEDOM)
    # Both shares of freedom and t^2: their difference from 1 would be rounded.
    inner, outer = t**2 / (freedom + t**2), freedom / (freedom + t**2)
    # Each form where its fraction converges: DLMF 8.17.4 and 8.17.22.
    if outer < (freedom + 2) / (freedom + 5):
        return _beta(outer, inner, freedom / 2, 0.5) / 2
    return (1 - _beta(inner, outer, 0.5, freedom / 2)) / 2


def _density(t: float, freedom: float) -> float:
    if freedom >= _NORMAL:
        return math.exp(-(t**2) / 2) / math.sqrt(2 * math.pi)
    scale = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)
    power = (freedom + 1) / 2 * math.log1p(t**2 / freedom)
    return math.exp(scale - power) / math.sqrt(freedom * math.pi)


def _beta(x: float, rest: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b), with ``rest`` = 1 - x.

    The continued fraction of DLMF 8.17.22, evaluated by Lentz' method (DLMF 3.10.7).
    """
    if x == 0:
        return 0.0
    value, numerator, denominator = 1.0, 1.0, 0.0
    for n in range(1, _MOST_TERMS):
        m = n // 2
        factor = -(a + m) * (a + b + m) if n % 2 else m * (b - m)
        term = factor * x / ((a + n - 1) * (a + n))
        denominator = 1 / (1 + term * denominator)
        numerator = 1 + term / numerator
        value *= numerator * denominator
        if abs(numerator * denominator - 1) < _EXACT:
            break
    log = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log(rest)
    return math.exp(log) / (a * value)
