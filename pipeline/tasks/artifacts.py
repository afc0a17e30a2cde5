"""From sources and libraries to artifacts, and what is said of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from doit.tools import config_changed

from pipeline.build import artifacts, inputs, prebuilt
from pipeline.core import own_code, paths
from pipeline.core.files import sha256
from pipeline.core.model import PREBUILT, Workload
from pipeline.experiment.plan import Plan
from pipeline.reproducibility import provenance
from pipeline.tasks.build import flags_config, optimiser
from pipeline.tasks.helpers import Task, act, clean, group, intact, meta
from toolchain.model import WASM, Toolchain, Variant


def _config(workload: Workload, toolchain: Toolchain, variant: Variant, target: str) -> dict[str, object]:
    """What decides an artifact beside files."""
    return {
        **flags_config(variant),
        "standards": list(workload.standards),
        "own_flags": list(workload.flags),
        "includes": list(workload.includes),
        "defines": [list(each) for each in workload.defines],
        "libraries": list(workload.libraries),
        "lacking": artifacts.lacking(workload, toolchain, target),
    }


def compile_objects(plan: Plan) -> Iterator[Task]:
    """One object a source file, variant and target."""
    yield group("compile", "compile each source file in each variant")
    for workload, toolchain, variant, target in plan.artifacts():
        for source in workload.sources:
            output = artifacts.object_path(workload, toolchain.name, variant.name, target, source)
            yield {
                "basename": "compile",
                "name": f"{workload.name}:{toolchain.name}:{variant.name}:{target}:{Path(output).stem}",
                "actions": act(artifacts.compile_object, workload, toolchain, variant, target, source),
                "task_dep": ["sources"],
                "file_dep": [
                    f"{workload.root}/{source}",
                    *workload.included,
                    paths.toolchain_identity(toolchain.name),
                    paths.flags(toolchain.name, variant.name),
                    *(path for name in workload.libraries for path in toolchain.library_files(target, name)),
                    *inputs.code(toolchain),
                ],
                "targets": [output],
                "uptodate": [intact, config_changed(_config(workload, toolchain, variant, target))],
                "clean": clean(output),
                "meta": meta("compile", 0.15),
            }


def link_artifacts(plan: Plan) -> Iterator[Task]:
    """One artifact a workload, variant and target."""
    yield group("link", "link each variant, for wasm and natively")
    for workload, toolchain, variant, target in plan.artifacts():
        yield {
            "basename": "link",
            "name": f"{workload.name}:{toolchain.name}:{variant.name}:{target}",
            "actions": act(artifacts.link, workload, toolchain, variant, target),
            "file_dep": [
                *artifacts.objects(workload, toolchain.name, variant.name, target),
                *inputs.linked(workload, toolchain, target),
                paths.toolchain_identity(toolchain.name),
                *(optimiser(variant) if target == WASM else ()),
                *inputs.code(toolchain),
            ],
            "targets": _made(workload, toolchain, variant, target),
            "uptodate": [
                intact,
                # doit knows files as a set; the linker has an order.
                config_changed(
                    {**_config(workload, toolchain, variant, target), "sources": list(workload.sources)}
                ),
            ],
            "clean": clean(*_made(workload, toolchain, variant, target)),
            "meta": meta("link", 0.1),
        }


def _made(workload: Workload, toolchain: Toolchain, variant: Variant, target: str) -> list[str]:
    return [
        artifacts.artifact_path(workload.name, toolchain.name, variant.name, target),
        artifacts.artifact_record(workload.name, toolchain.name, variant.name, target),
    ]


def take_in_artifacts(plan: Plan) -> Iterator[Task]:
    """Modules that somebody else built, as artifacts of the workload that they are said to be."""
    yield group("prebuilt", "take in modules that somebody else built")
    for each in plan.prebuilt:
        workload = plan.workloads[0].name
        made = [
            artifacts.artifact_path(workload, PREBUILT, each.name, WASM),
            artifacts.artifact_record(workload, PREBUILT, each.name, WASM),
        ]
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
    for workload, toolchain, variant, target in plan.artifacts():
        record = paths.provenance(workload.name, toolchain.name, variant.name, target)
        yield {
            "basename": "provenance",
            "name": f"{workload.name}:{toolchain.name}:{variant.name}:{target}",
            "actions": act(provenance.write, workload, toolchain, variant, target),
            "file_dep": [
                *_made(workload, toolchain, variant, target),
                *artifacts.objects(workload, toolchain.name, variant.name, target),
                *inputs.sources(workload),
                *inputs.linked(workload, toolchain, target),
                paths.toolchain_identity(toolchain.name),
                *(optimiser(variant) if target == WASM else ()),
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
