"""From sources to what every artifact is made with: the tasks up to the C library."""

from __future__ import annotations

from collections.abc import Iterator

from doit.tools import config_changed

from pipeline.build import compilers, flag_check, inputs, libraries
from pipeline.core import own_code, paths
from pipeline.core.host import fingerprint
from pipeline.experiment.plan import Plan
from pipeline.tasks.helpers import Task, act, clean, group, intact, meta, untouched
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
    for toolchain in plan.builders():
        for variant, targets in plan.builds(toolchain).items():
            where = plan.origins.get(variant.name, "command line: flags")
            record = paths.flags(toolchain.name, variant.name)
            yield {
                "basename": "flags",
                "name": f"{toolchain.name}:{variant.name}",
                "actions": act(flag_check.check_flags, toolchain, variant, targets, where),
                "file_dep": [
                    paths.toolchain_identity(toolchain.name),
                    *optimiser(variant),
                    *inputs.code(toolchain, "pipeline.build.flag_check"),
                ],
                "targets": [record],
                "uptodate": [intact, config_changed({**flags_config(variant), "needed": sorted(targets)})],
                "clean": clean(record),
                "meta": meta("check flags", 0.2),
            }


def obtain_sources(plan: Plan) -> Iterator[Task]:
    """The files of each workload: obtained and verified, or copied from where the user has them."""
    yield group("sources", "obtain the sources of each workload; verify those of third parties")
    for name in dict.fromkeys(w.third_party for w in plan.workloads if w.third_party is not None):
        yield from _third_party(name, plan.checkouts.get(name))
    for workload in plan.workloads:
        made = staging.copies(workload)
        if made:
            yield {
                "basename": "sources",
                "name": workload.name,
                "actions": act(staging.stage, workload),
                "task_dep": ["flags"],
                "file_dep": [*made.values(), *own_code.files_of("pipeline.workloads.staging")],
                "targets": list(made),
                "uptodate": [intact, config_changed({"copies": made})],
                "clean": clean(paths.staged(workload.name)),
                "meta": meta("copy sources", 0.1),
            }


def _third_party(name: str, checkout: str | None) -> Iterator[Task]:
    manifest = third_party.read_manifest(name)
    files = [f"{manifest.place}/{file}" for file in manifest.files]
    yield {
        "basename": "sources",
        "name": f"obtain:{name}",
        "actions": act(third_party.obtain, name, checkout),
        "task_dep": ["flags"],
        "file_dep": [
            paths.manifest(name),
            *third_party.inputs(manifest, checkout),
            *own_code.files_of("pipeline.workloads.third_party"),
        ],
        "targets": files,
        "uptodate": [config_changed({"checkout": checkout})],
        "clean": clean(*files),
        "meta": meta("obtain sources", 0.2),
    }
    yield {
        "basename": "sources",
        "name": f"verify:{name}",
        "actions": act(third_party.verify, name),
        "file_dep": [paths.manifest(name), *files, *own_code.files_of("pipeline.workloads.third_party")],
        "meta": meta("verify sources", 0.1),
    }


def identify_toolchains(plan: Plan) -> Iterator[Task]:
    """What exactly each compiler is."""
    yield group("toolchain", "identify each compiler")
    for toolchain in plan.builders():
        record = paths.toolchain_identity(toolchain.name)
        yield {
            "basename": "toolchain",
            "name": toolchain.name,
            "actions": act(compilers.identify, toolchain),
            "file_dep": [*toolchain.files(), *inputs.code(toolchain)],
            "targets": [record],
            "uptodate": [
                intact,
                config_changed(
                    {"version": toolchain.version(), "missing": [toolchain.missing(t) for t in TARGETS]}
                ),
                untouched(toolchain.headers),
            ],
            "clean": clean(record),
            "meta": meta("identify compiler", 1),
        }
    if any(variant.wasm_opt is not None for variant in plan.variants):
        record = paths.wasm_opt_identity()
        yield {
            "basename": "toolchain",
            "name": wasm_opt.NAME,
            "actions": act(compilers.identify_wasm_opt),
            "file_dep": [*wasm_opt.files(), *own_code.files_of("pipeline.build.compilers")],
            "targets": [record],
            "uptodate": [intact, config_changed({"missing": wasm_opt.missing()})],
            "clean": clean(record),
            "meta": meta("identify wasm-opt", 0.2),
        }


def build_libraries(plan: Plan) -> Iterator[Task]:
    """The C library of each target, and what workloads ask for beside it: the same for all variants."""
    yield group("libc", "build the C library, and C++'s where it is asked for: all variants share them")
    for toolchain in plan.builders():
        targets = {t for ts in plan.builds(toolchain).values() for t in ts}
        for target in (t for t in TARGETS if t in targets and not toolchain.missing(t)):
            folder = paths.libc(toolchain.name, target)
            yield {
                "basename": "libc",
                "name": f"{toolchain.name}:{target}",
                "actions": act(libraries.build_libc, toolchain, target),
                "task_dep": ["sources"],
                "file_dep": [paths.toolchain_identity(toolchain.name), *inputs.code(toolchain)],
                "targets": [f"{folder}/{name}" for name in toolchain.libc(target).files],
                "uptodate": [intact],
                "clean": clean(folder),
                "meta": meta("build libc (first time: up to a minute)", 40),
            }
        for target, name in plan.libraries(toolchain):
            yield {
                "basename": "libc",
                "name": f"{toolchain.name}:{target}:{name}",
                "actions": act(libraries.build_library, toolchain, target, name),
                "task_dep": ["sources"],
                "file_dep": [
                    paths.toolchain_identity(toolchain.name),
                    *toolchain.library_files(target, name),
                    *inputs.code(toolchain),
                ],
                "targets": libraries.archives(toolchain, target, [name]),
                "uptodate": [intact],
                "clean": clean(paths.library(toolchain.name, target, name)),
                "meta": meta(f"build {name} (first time: up to some minutes)", 60),
            }
