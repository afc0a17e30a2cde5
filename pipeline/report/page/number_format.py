"""How numbers are written on the page: one function for each kind, "" for one that is absent."""

from __future__ import annotations

from typing import Protocol

from pipeline.results.cells import speed_text, steady_text
from pipeline.results.model_cell import Measurement

_MIB = 1 << 20
_GIB = 1 << 30


class HasRatio(Protocol):
    """A ratio with its interval."""

    @property
    def ratio(self) -> float: ...
    @property
    def ratio_low(self) -> float: ...
    @property
    def ratio_high(self) -> float: ...


def score(value: float | None) -> str:
    """A speed in its workload's unit."""
    return "" if value is None else speed_text(value)


def ratio(value: float | None) -> str:
    """A quotient of two speeds."""
    return "" if value is None else f"{value:.3f}"


def plus_minus(entry: HasRatio) -> str:
    """Half of an interval, in per cent of the ratio."""
    return f"±{(entry.ratio_high - entry.ratio_low) / 2 / entry.ratio * 100:.1f} %"


def interval(low: float | None, high: float | None) -> str:
    """Both ends of an interval of ratios."""
    return "" if low is None or high is None else f"{low:.3f} – {high:.3f}"


def percent(fraction: float) -> str:
    """A share without decimals."""
    return f"{fraction * 100:.0f} %"


def milliseconds(seconds: float | None) -> str:
    """Three significant digits or more, from seconds."""
    if seconds is None:
        return ""
    value = seconds * 1000
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}" if value < 1 else f"{value:.1f}"


def steady_after(numbers: Measurement) -> str:
    """How long a cell ran until its speed was steady, s."""
    return steady_text(numbers)


def whole(number: int | None) -> str:
    """A count: bytes, rounds, chunks."""
    return "" if number is None else str(number)


def mebibytes(number: int | None) -> str:
    """Memory, from bytes."""
    return "" if not number else f"{number / _MIB:.1f}"


def gibibytes(number: int | None) -> str:
    """A machine's memory, from bytes."""
    return "unknown" if not number else f"{number / _GIB:.1f} GiB"
