"""What an export is: results.json and its samples in the format of a different program."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pipeline.core import paths
from pipeline.measure.sample import Sample
from pipeline.results.model import Results

#: {label of a cell that is ok: the samples of its rounds, in their order}.
Samples = Mapping[str, Sequence[Sample]]


@dataclass(frozen=True)
class Export:
    """A file below report/ that is made from the results and the samples alone; same input, same bytes."""

    file: str
    #: What it is, in one line.
    says: str
    #: (results, samples) -> the file's text.
    render: Callable[[Results, Samples], str]

    @property
    def path(self) -> str:
        """Its path, relative to the project's root."""
        return f"{paths.REPORT}/{self.file}"
