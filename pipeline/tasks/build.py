"""From sources to what every artifact is made with: the tasks up to the C library."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.build import artifact_inputs, compilers, flag_check, libraries, refusals
from pipeline.core import paths
from pipeline.core.host import fingerprint
from pipeline.experiment.plan import Plan
from pipeline.tasks.checks import intact, untouched
from pipeline.tasks.steps import Task, group, step
from pipeline.workloads import staging, third_party
from toolchain import wasm_opt
from toolchain.model import TARGETS, Variant


def flags_config(variant: Variant) -> dict[str, object]:
    """A variant's flags; with the machine where they ask for it (-march=native)."""
    asks = any("native" in flag for flag in variant.flags)
    return {
        "flags": list(variant.flags),
        "link": list(variant.link),
        "wasm_opt": None if variant.wasm_opt is None else list(variant.wasm_opt),
        "needs": list(variant.needs),
        "host": fingerprint() if asks else None,
    }


def optimiser(variant: Variant) -> list[str]:
    """Files that stand for the pass after linking, where a variant has one."""
    return [paths.wasm_opt_identity()] if variant.wasm_opt is not None else []


def ask_about_flags(plan: Plan) -> Iterator[Task]:
    """Ask the compiler about every flag before anything is made."""
    yield group("flags", "ask each compiler whether it takes the flags")
    others = len(plan.toolchains) > 1
    for toolchain in plan.builders():
        for variant, targets in plan.builds(toolchain).items():
            where = plan.origins.get(variant.name, "command line: flags")
            yield step(
                f"flags:{toolchain.name}:{variant.name}",
                (flag_check.check_flags, toolchain, variant, targets, where, others),
                reads=[paths.toolchain_identity(toolchain.name), *optimiser(variant)],
                code=artifact_inputs.modules(toolchain),
                makes=[paths.flags(toolchain.name, variant.name)],
                decides={**flags_config(variant), "needed": sorted(targets), "others": others},
                phase="check flags",
                seconds=0.2,
            )


def obtain_sources(plan: Plan) -> Iterator[Task]:
    """The files of each workload: obtained and verified, or copied from where the user has them."""
    yield group("sources", "obtain the sources of each workload; verify those of third parties")
    for name in _third_parties(plan):
        yield from _third_party(name, plan.checkouts.get(name))
    for workload in plan.built_workloads():
        copies = staging.copies(workload)
        if copies:
            yield step(
                f"sources:{workload.name}",
                (staging.stage, workload),
                after=["flags"],
                reads=copies.values(),
                makes=copies,
                decides={"copies": copies},
                cleans=[paths.staged(workload.name)],
                phase="copy sources",
                seconds=0.1,
            )


def _third_parties(plan: Plan) -> list[str]:
    """Of workloads, and of the C libraries that are made here."""
    names = [workload.third_party for workload in plan.built_workloads()]
    for toolchain in plan.builders():
        names += [part.third_party for target in TARGETS for part in toolchain.libc(target).own.values()]
    return list(dict.fromkeys(name for name in names if name is not None))


def _third_party(name: str, checkout: str | None) -> Iterator[Task]:
    manifest = third_party.read_manifest(name)
    files = [f"{manifest.place}/{file}" for file in manifest.files]
    yield step(
        f"sources:obtain:{name}",
        (third_party.obtain, name, checkout),
        after=["flags"],
        reads=[paths.manifest(name), *third_party.inputs(manifest, checkout)],
        makes=files,
        # Without ``intact``: an edited source is refused by name (verify), not overwritten.
        checks=[],
        decides={"checkout": checkout},
        phase="obtain sources",
        seconds=0.2,
    )
    yield step(
        f"sources:verify:{name}",
        (third_party.verify, name),
        reads=[paths.manifest(name), *files],
        phase="verify sources",
        seconds=0.1,
    )


def identify_toolchains(plan: Plan) -> Iterator[Task]:
    """What exactly each compiler is."""
    yield group("toolchain", "identify each compiler")
    for toolchain in plan.builders():
        yield step(
            f"toolchain:{toolchain.name}",
            (compilers.identify, toolchain),
            reads=toolchain.files(),
            code=artifact_inputs.modules(toolchain),
            makes=[paths.toolchain_identity(toolchain.name)],
            decides={"version": toolchain.version(), "missing": [toolchain.missing(t) for t in TARGETS]},
            checks=[intact, untouched(toolchain.headers)],
            phase="identify compiler",
            seconds=1,
        )
    if any(variant.wasm_opt is not None for variant in plan.variants):
        yield step(
            f"toolchain:{wasm_opt.NAME}",
            compilers.identify_wasm_opt,
            reads=wasm_opt.files(),
            makes=[paths.wasm_opt_identity()],
            decides={"missing": wasm_opt.missing()},
            phase="identify wasm-opt",
            seconds=0.2,
        )


def _whole(task: Any, values: Mapping[str, Any]) -> bool:
    """Whether a library was built; one that was not is tried again."""
    return not any(map(refusals.is_one, task.targets))


def build_libraries(plan: Plan) -> Iterator[Task]:
    """The C library of each target, and further libraries that workloads need: the same for all variants."""
    yield group("libc", "build the C library, and C++'s where it is asked for: all variants share them")
    for toolchain in plan.builders():
        targets = {t for ts in plan.builds(toolchain).values() for t in ts}
        present = [t for t in TARGETS if t in targets and not toolchain.missing(t)]
        if present:
            own = [source for target in present for source in toolchain.libc(target).own.values()]
            files = [
                f"{paths.libc(toolchain.name, t)}/{name}" for t in present for name in toolchain.libc(t).files
            ]
            yield step(
                f"libc:{toolchain.name}",
                (libraries.build_libcs, toolchain, present),
                after=["sources"],
                reads=[
                    paths.toolchain_identity(toolchain.name),
                    *(path for source in own for path in source.files),
                ],
                code=artifact_inputs.modules(toolchain),
                makes=files,
                checks=[intact, _whole],
                cleans=[paths.libc(toolchain.name, target) for target in present],
                phase="build libc (first time: half a minute)",
                seconds=30,
            )
        for target, name in plan.libraries(toolchain):
            yield step(
                f"libc:{toolchain.name}:{target}:{name}",
                (libraries.build_library, toolchain, target, name),
                after=["sources"],
                reads=[
                    paths.toolchain_identity(toolchain.name),
                    *toolchain.library_files(target, name),
                ],
                code=artifact_inputs.modules(toolchain),
                makes=libraries.archives(toolchain, target, [name]),
                checks=[intact, _whole],
                cleans=[paths.library(toolchain.name, target, name)],
                phase=f"build {name} (first time: up to some minutes)",
                seconds=60,
            )
