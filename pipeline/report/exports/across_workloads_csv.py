"""across.csv: what several workloads together say of each toolchain, variant and backend. RFC 4180, UTF-8."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import structs

from pipeline.report.exports.csv_table import Value, csv_text
from pipeline.report.exports.model import Export, Samples
from pipeline.results.model import Results
from pipeline.results.model_across import MeanOfWorkloads

#: Of a mean; each workload's own ratio follows, as ratios.NAME.
_COLUMNS = (
    "toolchain",
    "variant",
    "backend",
    "ratio",
    "ratio_low",
    "ratio_high",
    "geometric_sd",
    "workload_count",
    "partial",
)


def render(results: Results, samples: Samples) -> str:
    """A row for each mean, written as results.csv is: the mean, its interval, its ends.

    A workload's ratio is empty where it was not measured or is only a range. Without a mean, as for one
    workload, a header and no rows.
    """
    across = results.across_workloads
    workloads = across.workloads if across is not None and across.means else ()
    ends = [f"{end}.{key}" for end in ("lowest", "highest") for key in ("workload", "ratio")]
    own = {(cell.place, cell.workload): m.ratio for cell in results.cells if (m := cell.comparable)}
    return csv_text(
        [*_COLUMNS, *ends, *(f"ratios.{name}" for name in workloads)],
        (list(_row(mean, workloads, own)) for mean in (across.means if across is not None else ())),
    )


def _row(
    mean: MeanOfWorkloads, workloads: tuple[str, ...], own: dict[tuple[str, str], float]
) -> Iterator[Value]:
    values = structs.asdict(mean)
    yield from (values[key] for key in _COLUMNS)
    for end in (mean.lowest, mean.highest):
        yield from (end.workload, end.ratio)
    place = f"{mean.toolchain}/{mean.variant}/{mean.backend}"
    yield from (own.get((place, name)) for name in workloads)


EXPORTS = (Export("across.csv", "means over several workloads, one row a variant and backend", render),)
