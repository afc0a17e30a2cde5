"""How the time of a run grows with its number of iterations, from the times of three sizes. No I/O.

Speeds in iterations per second mean something only where the time is proportional to the number. A fixed part
(what a program does once) is allowed: a + b n. Anything else, such as n², n log n, 2ⁿ, or a number that is
ignored, is named, because a speed then holds for one size only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

#: proportional: b n, as far as it shows. fixed part: a + b n. The others are no straight line that
#: begins at 0 or above: the time grows faster or slower than the number, or hardly at all.
Word = Literal["proportional", "fixed part", "faster", "slower", "not at all"]

#: Times of whole processes, the least of some, differ by 1 % (one sigma). Of n, 2n and 4n iterations: the
#: time of an iteration may grow by this from n to 4n, and that of 2n may be off the line by this.
_GROWS = 0.06
_OFF = 0.05
#: On a busy machine both may be more, by this factor.
BUSY = 6.0
#: A fixed part of this share of the longest run or less does not matter.
_FIXED = 0.02
#: If only this share of the longest run depends on the number, it hardly does. Of n, 2n and 4n iterations,
#: the times of a run that ignores the number must differ by 7.5 % to be taken for those of one that does not.
_DEPENDS = 0.1

#: A curve shows in this share of the turns at least, each of which has a time of every size. Where a machine
#: changes its speed between two runs, it shows in some.
_IN_TURNS = 2 / 3


def fixed_share(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """The share of the longest run that does not depend on its size, by the line through first and last."""
    slope = (seconds[-1] - seconds[0]) / (sizes[-1] - sizes[0])
    return min(1.0, max(0.0, 1 - slope * sizes[-1] / seconds[-1]))


def growth(sizes: Sequence[int], seconds: Sequence[float], tolerance: float = 1.0) -> Word:
    """How the time grows, from three rising sizes and the least of some times of each.

    ``tolerance`` multiplies by how much times may be off a line.
    """
    first, middle, last = sizes
    short, medium, long = seconds
    if fixed_share(sizes, seconds) > 1 - _DEPENDS:
        return "not at all"
    if long / last > (1 + tolerance * _GROWS) * short / first:
        return "faster"
    off = medium - (short + (long - short) * (middle - first) / (last - first))
    if abs(off) > tolerance * _OFF * medium:
        return "slower" if off > 0 else "faster"
    return "fixed part" if fixed_share(sizes, seconds) > _FIXED else "proportional"


def is_line(word: Word) -> bool:
    """Whether the time of a longer run can be predicted from those of shorter ones."""
    return word in ("proportional", "fixed part")


def bent_in_turns(sizes: Sequence[int], turns: Sequence[Sequence[float]], tolerance: float = 1.0) -> bool:
    """Whether most turns, the times of three sizes one after the other, are not on a line."""
    bent = sum(not is_line(growth(sizes, turn, tolerance)) for turn in turns)
    return bent >= _IN_TURNS * len(turns)
