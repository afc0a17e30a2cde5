"""Options of an engine that change nothing: its machine code is the same with and without them."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.measure.sample import Sample
from pipeline.results.model import MeasurementWarning

#: The name of such a warning: it is about what was asked for, not about the machine.
OPTIONS = "options"


def find(samples: Sequence[Sample]) -> list[MeasurementWarning]:
    """One for each backend with options whose code is that of the same backend without, for all artifacts.

    Of artifacts that were run under both, by an engine that shows its code.
    """
    codes = {s.cell: s.code_sha256 for s in samples if s.code_sha256 is not None}
    same: dict[tuple[str, str], list[bool]] = {}
    for cell, code in codes.items():
        backend = cell.rpartition("/")[2]
        base, bracket, _ = backend.partition("[")
        plain = codes.get(cell.partition("[")[0])
        if bracket and plain is not None:
            same.setdefault((backend, base), []).append(plain == code)
    return [_warning(backend, base) for (backend, base), each in same.items() if all(each)]


def _warning(backend: str, base: str) -> MeasurementWarning:
    return MeasurementWarning(
        name=OPTIONS,
        found=f"{backend} makes the same machine code as {base}",
        effect="a difference between the two can only come from what the engine does around the code",
        remedy="see if the option is spelled as the engine's documentation has it, or leave it out",
    )
