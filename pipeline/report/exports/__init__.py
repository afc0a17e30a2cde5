"""The results in the formats of other programs: one module an export, found by looking, listed nowhere."""

from __future__ import annotations

import importlib
import pkgutil

from pipeline.core import paths
from pipeline.core.errors import ProjectError
from pipeline.core.files import read_json, write_atomic
from pipeline.core.model import Status
from pipeline.measure.sample import Sample, read
from pipeline.report.exports import github_summary
from pipeline.report.exports.model import Export, Results, Samples
from pipeline.report.exports.text import artifact_sha256
from pipeline.results.cells import label

_AGAIN = "type: doit run"


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

    Raises ProjectError where there is no results.json, or where its samples are others now.
    """
    try:
        results = read_json(paths.RESULTS_JSON)
    except (OSError, ValueError):
        raise ProjectError(f"{paths.RESULTS_JSON} is missing or is no JSON; {_AGAIN}") from None
    samples = samples_of(results)
    # All are rendered before one is written: files of two runs beside each other would contradict.
    texts = {export.path: export.render(results, samples) for export in discover().values()}
    for path, text in texts.items():
        write_atomic(path, text)
    github_summary.summarise(results)


def samples_of(results: Results) -> Samples:
    """The samples that the numbers of results.json rest on, by the label of their cell.

    Raises ProjectError where one is missing, broken, or not of the cell's artifact.
    """
    ok = [cell for cell in results["cells"] if cell["status"] == Status.OK.value]
    found: dict[str, list[Sample]] = {}
    for cell in ok:
        name = label(cell)
        places = [paths.sample(name, number) for number in range(1, cell["rounds"] + 1)]
        for path in places:
            sample = read(path)
            if sample is None or sample.cell != name or sample.artifact_sha256 != artifact_sha256(cell):
                raise ProjectError(f"{path} is not the sample that {paths.RESULTS_JSON} rests on; {_AGAIN}")
            found.setdefault(name, []).append(sample)
        chunks = sum(len(sample.scores) for sample in found[name])
        if chunks != cell["chunks"]:
            where = f"{paths.RESULTS_JSON} has {cell['chunks']} chunks of {name}"
            raise ProjectError(f"{where}, its samples have {chunks}; {_AGAIN}")
    return found
