"""What each line of the space does, for the report of a search."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pipeline.analyses.tune.lines import Line
from pipeline.analyses.tune.search_result import LineEffect
from pipeline.stats.sparse_effects import Effect


def line_effects(lines: Sequence[Line], effects: Sequence[Effect]) -> tuple[LineEffect, ...]:
    """Of all lines that were tried."""
    return tuple(
        LineEffect(
            dimension=line.dimension,
            line=line.text,
            factor=math.exp(effect.value),
            low=math.exp(effect.low),
            high=math.exp(effect.high),
            active=effect.active,
            trials=effect.observations,
        )
        for line, effect in zip(lines, effects, strict=True)
        if effect.observations
    )


def shown(effects: Sequence[LineEffect]) -> list[LineEffect]:
    """Those that are not 1 with 95 %, the largest first."""
    found = [each for each in effects if each.low > 1 or each.high < 1]
    return sorted(found, key=lambda each: -abs(math.log(each.factor)))
