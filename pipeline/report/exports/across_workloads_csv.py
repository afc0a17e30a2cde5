"""across.csv: what several workloads together say of each toolchain, variant and backend. RFC 4180, UTF-8."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pipeline.report.exports.csv_table as csv_table
from pipeline.core.model import Status
from pipeline.report.exports.model import Export, Results, Samples

#: Of "means"; each workload's own ratio follows, as ratios.NAME.
_COLUMNS = (
    "toolchain",
    "variant",
    "backend",
    "ratio",
    "ratio_low",
    "ratio_high",
    "spread",
    "number",
    "partial",
)
_ENDS = ("lowest", "highest")


def render(results: Results, samples: Samples) -> str:
    """A row each of the section "across", written as results.csv is: the mean, its interval, its ends.

    Each workload's ratio is empty where it was not measured or is only a range. Without a
    mean, as of one workload, a header and no rows.
    """
    across = results["across"]
    if across is None or not across["means"]:
        ends = (f"{end}.{key}" for end in _ENDS for key in ("workload", "ratio"))
        blank = dict.fromkeys((*_COLUMNS, *ends))
        return csv_table.render({"cells": [blank]}, samples).partition("\r\n")[0] + "\r\n"
    own: dict[tuple[str, ...], float] = {
        (c["toolchain"], c["variant"], c["backend"], c["workload"]): c["ratio"]
        for c in results["cells"]
        if c["status"] == Status.OK.value and not c["disturbed"]
    }
    rows = [_row(mean, across["workloads"], own) for mean in across["means"]]
    return csv_table.render({"cells": rows}, samples)


def _row(
    mean: Mapping[str, Any], workloads: list[str], own: Mapping[tuple[str, ...], float]
) -> dict[str, Any]:
    place = mean["toolchain"], mean["variant"], mean["backend"]
    return {
        **{key: mean[key] for key in _COLUMNS},
        **{end: mean[end] for end in _ENDS},
        "ratios": {name: own.get((*place, name)) for name in workloads},
    }


EXPORTS = (Export("across.csv", "means over several workloads, one row a variant and backend", render),)
