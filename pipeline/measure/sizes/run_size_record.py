"""The size of a run, as samples and files keep it."""

from __future__ import annotations

import msgspec

from pipeline.stats.growth import Word, is_line


class RunSize(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The size of a run of a reference."""

    iterations: int
    #: All sizes are multiples of this: 1, or the number of proof.iterations if the program refuses 1.
    step: int
    #: The sizes that were compared, and the least time of each in s; empty if runs are too long for that.
    sizes: tuple[int, ...] = ()
    seconds: tuple[float, ...] = ()
    growth: Word | None = None
    calm: bool = False  # whether these runs had a processor to themselves, so that it is not asked again

    @property
    def proportional(self) -> bool:
        """Whether a different number of iterations gives the same speed."""
        return self.growth == "proportional"

    @property
    def known_line(self) -> bool:
        """Whether the time of a longer run can be predicted."""
        return self.growth is not None and is_line(self.growth)
