"""What the linker or a compiler warned of in artifacts that were built all the same.

Not in the samples: such a warning explains what a program does, whether or not it could be measured.
"""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.core.artifact import Artifact, load_record
from pipeline.core.model import Cell
from pipeline.core.text import for_terminal
from pipeline.measure.sample_key import artifact_of
from pipeline.results.model import MeasurementWarning

#: The name of such a warning: it is about modules, not about the machine.
BUILD = "build"


def find(cells: Iterable[Cell]) -> list[MeasurementWarning]:
    """One for each text, with the artifacts that it holds for."""
    artifacts: dict[str, list[Artifact]] = {}
    for artifact in dict.fromkeys(artifact_of(cell) for cell in cells):
        for text in load_record(artifact).warnings:
            artifacts.setdefault(for_terminal(text, 400), []).append(artifact)
    return [_warning(text, found) for text, found in artifacts.items()]


def _warning(text: str, artifacts: list[Artifact]) -> MeasurementWarning:
    more = f" and {len(artifacts) - 1} more" if len(artifacts) > 1 else ""
    return MeasurementWarning(
        name=BUILD,
        found=f"{text} ({artifacts[0].id}{more})",
        effect="in wasm a call or an end of a function that does not fit its type traps (unreachable)",
        remedy=f"correct the declaration or the function; {artifacts[0].log_path} has all warnings",
    )
