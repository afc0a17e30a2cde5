"""From sources and libraries to artifacts, and what is said of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from doit.tools import config_changed

from pipeline.build import artifacts, inputs, prebuilt
from pipeline.core import own_code, paths
from pipeline.core.artifact import Artifact, BuildSpec
from pipeline.core.files import sha256
from pipeline.core.model import PREBUILT
from pipeline.experiment.plan import Plan
from pipeline.reproducibility import provenance
from pipeline.tasks.build import flags_config, optimiser
from pipeline.tasks.helpers import Task, act, clean, group, intact, meta
from toolchain.model import WASM


def _config(spec: BuildSpec) -> dict[str, object]:
    """What decides an artifact in addition to files."""
    workload = spec.workload
    return {
        **flags_config(spec.variant),
        "standards": list(workload.standards),
        "own_flags": list(workload.flags),
        "includes": list(workload.includes),
        "defines": [list(each) for each in workload.defines],
        "libraries": list(workload.libraries),
        "lacking": artifacts.missing_libraries(workload, spec.toolchain, spec.target),
    }


def compile_objects(plan: Plan) -> Iterator[Task]:
    """One object a source file, variant and target."""
    yield group("compile", "compile each source file in each variant")
    for spec in plan.artifacts():
        workload, toolchain, target = spec.workload, spec.toolchain, spec.target
        for source in workload.sources:
            output = spec.object_path(source)
            yield {
                "basename": "compile",
                "name": f"{spec.artifact.task_name}:{Path(output).stem}",
                "actions": act(artifacts.compile_object, spec, source),
                "task_dep": ["sources"],
                "file_dep": [
                    f"{workload.root}/{source}",
                    *workload.included,
                    paths.toolchain_identity(toolchain.name),
                    paths.flags(toolchain.name, spec.variant.name),
                    *(path for name in workload.libraries for path in toolchain.library_files(target, name)),
                    *inputs.code(toolchain),
                ],
                "targets": [output],
                "uptodate": [intact, config_changed(_config(spec))],
                "clean": clean(output),
                "meta": meta("compile", 0.15),
            }


def link_artifacts(plan: Plan) -> Iterator[Task]:
    """One artifact a workload, variant and target."""
    yield group("link", "link each variant, for wasm and natively")
    for spec in plan.artifacts():
        toolchain, target = spec.toolchain, spec.target
        yield {
            "basename": "link",
            "name": spec.artifact.task_name,
            "actions": act(artifacts.link, spec),
            "file_dep": [
                *spec.objects,
                *inputs.linked(spec.workload, toolchain, target),
                paths.toolchain_identity(toolchain.name),
                *(optimiser(spec.variant) if target == WASM else ()),
                *inputs.code(toolchain),
            ],
            "targets": _made(spec.artifact),
            "uptodate": [
                intact,
                # doit knows files as a set; the linker has an order.
                config_changed({**_config(spec), "sources": list(spec.workload.sources)}),
            ],
            "clean": clean(*_made(spec.artifact)),
            "meta": meta("link", 0.1),
        }


def _made(artifact: Artifact) -> list[str]:
    return [artifact.path, artifact.record_path]


def take_in_artifacts(plan: Plan) -> Iterator[Task]:
    """Modules that somebody else built, as artifacts of the workload that they are said to be."""
    yield group("prebuilt", "take in modules that somebody else built")
    for each in plan.prebuilt:
        workload = plan.workloads[0].name
        made = _made(Artifact(workload, PREBUILT, each.name, WASM))
        yield {
            "basename": "prebuilt",
            "name": f"{workload}:{each.name}",
            "actions": act(prebuilt.take_in, workload, each),
            "file_dep": [each.path, *own_code.files_of("pipeline.build.prebuilt")],
            "targets": made,
            "uptodate": [intact, config_changed({"path": each.path, "sha256": each.sha256})],
            "clean": clean(*made),
            "meta": meta("take in module", 0.2),
        }


def prove_artifacts(plan: Plan) -> Iterator[Task]:
    """A statement beside each artifact: what it was made of, and how."""
    yield group("provenance", "say of each artifact what it was made of, and how (SLSA)")
    for spec in plan.artifacts():
        workload, toolchain, target = spec.workload, spec.toolchain, spec.target
        record = spec.artifact.provenance_path
        yield {
            "basename": "provenance",
            "name": spec.artifact.task_name,
            "actions": act(provenance.write, spec),
            "file_dep": [
                *_made(spec.artifact),
                *spec.objects,
                *inputs.sources(workload),
                *inputs.linked(spec.workload, toolchain, target),
                paths.toolchain_identity(toolchain.name),
                *(optimiser(spec.variant) if target == WASM else ()),
                *inputs.code(toolchain, "pipeline.reproducibility.provenance"),
            ],
            "targets": [record],
            "uptodate": [
                intact,
                config_changed(
                    {
                        "places": sorted(toolchain.places().values()),
                        # The statement names the bytes of our own files, with their comments.
                        "code": {path: sha256(path) for path in inputs.code(toolchain)},
                        # The user may have moved it: that changes nothing.
                        "workload": repr(replace(workload, folder="")),
                    }
                ),
            ],
            "clean": clean(record),
            "meta": meta("provenance", 0.02),
        }


def build_all() -> Task:
    """The head of everything that is made of sources; cleaning it removes all that was ever built."""
    return {
        "actions": None,
        "task_dep": ["sources", "link", "prebuilt", "provenance"],
        "clean": clean(paths.BUILD),
    }
