"""From sources and libraries to artifacts, and the provenance of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pipeline.build import artifacts, inputs, prebuilt
from pipeline.core import paths
from pipeline.core.files import sha256
from pipeline.core.model import PREBUILT, Workload
from pipeline.experiment.plan import Plan
from pipeline.reproducibility import provenance
from pipeline.tasks.build import flags_config, optimiser
from pipeline.tasks.steps import Task, clean, group, step
from toolchain.model import WASM, Toolchain, Variant


def _config(workload: Workload, toolchain: Toolchain, variant: Variant, target: str) -> dict[str, object]:
    """What decides an artifact in addition to files."""
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
            yield step(
                f"compile:{workload.name}:{toolchain.name}:{variant.name}:{target}:{Path(output).stem}",
                (artifacts.compile_object, workload, toolchain, variant, target, source),
                after=["sources"],
                reads=[
                    f"{workload.root}/{source}",
                    *workload.included,
                    paths.toolchain_identity(toolchain.name),
                    paths.flags(toolchain.name, variant.name),
                    *(path for name in workload.libraries for path in toolchain.library_files(target, name)),
                ],
                code=inputs.modules(toolchain),
                makes=[output],
                decides=_config(workload, toolchain, variant, target),
                phase="compile",
                seconds=0.15,
            )


def link_artifacts(plan: Plan) -> Iterator[Task]:
    """One artifact a workload, variant and target."""
    yield group("link", "link each variant, for wasm and natively")
    for workload, toolchain, variant, target in plan.artifacts():
        yield step(
            f"link:{workload.name}:{toolchain.name}:{variant.name}:{target}",
            (artifacts.link, workload, toolchain, variant, target),
            reads=[
                *artifacts.objects(workload, toolchain.name, variant.name, target),
                *inputs.linked(workload, toolchain, target),
                paths.toolchain_identity(toolchain.name),
                *(optimiser(variant) if target == WASM else ()),
            ],
            code=inputs.modules(toolchain),
            makes=_made(workload.name, toolchain.name, variant.name, target),
            # doit knows files as a set; the linker has an order.
            decides={**_config(workload, toolchain, variant, target), "sources": list(workload.sources)},
            phase="link",
            seconds=0.1,
        )


def _made(workload: str, toolchain: str, variant: str, target: str) -> list[str]:
    return [
        artifacts.artifact_path(workload, toolchain, variant, target),
        artifacts.artifact_record(workload, toolchain, variant, target),
    ]


def take_in_artifacts(plan: Plan) -> Iterator[Task]:
    """Prebuilt modules, as artifacts of the workload that they claim to be."""
    yield group("prebuilt", "take in prebuilt modules")
    workload = plan.workloads[0].name
    for each in plan.prebuilt:
        yield step(
            f"prebuilt:{workload}:{each.name}",
            (prebuilt.take_in, workload, each),
            reads=[each.path],
            makes=_made(workload, PREBUILT, each.name, WASM),
            decides={"path": each.path, "sha256": each.sha256},
            phase="take in module",
            seconds=0.2,
        )


def prove_artifacts(plan: Plan) -> Iterator[Task]:
    """A statement next to each artifact: what it was made of, and how."""
    yield group("provenance", "write of each artifact what it was made of, and how (SLSA)")
    for workload, toolchain, variant, target in plan.artifacts():
        yield step(
            f"provenance:{workload.name}:{toolchain.name}:{variant.name}:{target}",
            (provenance.write, workload, toolchain, variant, target),
            reads=[
                *_made(workload.name, toolchain.name, variant.name, target),
                *artifacts.objects(workload, toolchain.name, variant.name, target),
                *inputs.sources(workload),
                *inputs.linked(workload, toolchain, target),
                paths.toolchain_identity(toolchain.name),
                *(optimiser(variant) if target == WASM else ()),
            ],
            code=inputs.modules(toolchain),
            makes=[paths.provenance(workload.name, toolchain.name, variant.name, target)],
            decides={
                "places": sorted(toolchain.places().values()),
                # The statement names the bytes of our own files, with their comments.
                "code": {path: sha256(path) for path in inputs.code(toolchain)},
                # The user may have moved it: that changes nothing.
                "workload": repr(replace(workload, folder="")),
            },
            phase="provenance",
            seconds=0.02,
        )


def build_all() -> Task:
    """The head of everything that is made of sources; cleaning it removes all that was ever built."""
    return {
        "actions": None,
        "task_dep": ["sources", "link", "prebuilt", "provenance"],
        "clean": clean(paths.BUILD),
    }
