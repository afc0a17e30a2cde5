"""The results in the formats of other programs: one module an export, found by looking, listed nowhere."""

from __future__ import annotations

import importlib
import pkgutil

from pipeline.core import paths
from pipeline.core.errors import ProjectError
from pipeline.core.files import write_atomic
from pipeline.measure.sample import Sample, read
from pipeline.report.exports import github_summary
from pipeline.report.exports.model import Export, Samples
from pipeline.results.cells import measured
from pipeline.results.model import Results
from pipeline.results.results_json import read as read_results

_AGAIN = "run: doit run"


def modules() -> list[str]:
    """The names of the modules here."""
    return [f"{__name__}.{module.name}" for module in pkgutil.iter_modules(__path__)]


def discover() -> dict[str, Export]:
    """Return {file name: export} of every module here that defines ``EXPORTS``."""
    found: dict[str, Export] = {}
    for module in modules():
        for item in getattr(importlib.import_module(module), "EXPORTS", ()):
            found[item.file] = item
    return dict(sorted(found.items()))


def write_all() -> None:
    """Write every export of results.json below report/, each whole or not at all.

    Raises ProjectError if there is no results.json, or if its samples have changed.
    """
    results = read_results(paths.RESULTS_JSON)
    samples = samples_of(results)
    # All are rendered before one is written: files of two runs next to each other would contradict.
    texts = {export.path: export.render(results, samples) for export in discover().values()}
    for path, text in texts.items():
        write_atomic(path, text)
    github_summary.summarise(results)


def samples_of(results: Results) -> Samples:
    """The samples that the numbers of results.json are computed from, by the label of their cell.

    Raises ProjectError if one is missing, broken, or not from the cell's artifact.
    """
    found: dict[str, list[Sample]] = {}
    for cell, numbers in measured(results.cells):
        name = cell.label
        for path in (paths.sample(name, number) for number in range(1, numbers.rounds + 1)):
            sample = read(path)
            if sample is None or sample.cell != name or sample.artifact_sha256 != cell.artifact_sha256:
                raise ProjectError(f"{path} is not the sample that {paths.RESULTS_JSON} used; {_AGAIN}")
            found.setdefault(name, []).append(sample)
        chunks = sum(len(sample.scores) for sample in found[name])
        if chunks != numbers.chunks:
            where = f"{paths.RESULTS_JSON} has {numbers.chunks} chunks of {name}"
            raise ProjectError(f"{where}, its samples have {chunks}; {_AGAIN}")
    return found
