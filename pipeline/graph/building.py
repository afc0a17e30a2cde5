"""From sources to artifacts: the tasks up to ``link``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from doit.tools import config_changed

from pipeline import build, coremark, layout, prebuilt, provenance, sources
from pipeline.graph.tasks import Task, act, clean, group, intact, meta, untouched
from pipeline.host import fingerprint
from pipeline.model import PREBUILT
from pipeline.plan import Plan
from toolchain import wasm_opt
from toolchain.model import TARGETS, WASM, Variant

#: What says of a module which features it uses.
_PARSING = ("wasm", "wasm_code", "wasm_features", "wasm_module", "wasm_opcodes")


def _flags_config(variant: Variant) -> dict[str, object]:
    """A variant's flags; with the machine where they ask for it (-march=native)."""
    asks = any("native" in flag for flag in variant.flags)
    return {
        "flags": list(variant.flags),
        "link": list(variant.link),
        "wasm_opt": None if variant.wasm_opt is None else list(variant.wasm_opt),
        "needs": list(variant.needs),
        "host": fingerprint() if asks else None,
    }


def _optimiser(variant: Variant) -> list[str]:
    """Files that stand for the pass after linking, where a variant has one."""
    return [layout.wasm_opt_identity()] if variant.wasm_opt is not None else []


def _source_paths() -> list[str]:
    return [f"{layout.SOURCES}/{name}" for name in coremark.SOURCES]


def flags(plan: Plan) -> Iterator[Task]:
    """Ask the compiler about every flag before anything is made."""
    yield group("flags", "ask each compiler whether it takes the flags")
    for toolchain in plan.builders():
        for variant, targets in plan.builds(toolchain).items():
            where = plan.origins.get(variant.name, "command line: flags")
            record = layout.flags(toolchain.name, variant.name)
            yield {
                "basename": "flags",
                "name": f"{toolchain.name}:{variant.name}",
                "actions": act(build.check_flags, toolchain, variant, targets, where),
                "file_dep": [
                    layout.toolchain_identity(toolchain.name),
                    *_optimiser(variant),
                    *provenance.code(toolchain),
                ],
                "targets": [record],
                "uptodate": [intact, config_changed({**_flags_config(variant), "needed": sorted(targets)})],
                "clean": clean(record),
                "meta": meta("check flags", 0.2),
            }


def obtain_sources(plan: Plan) -> Iterator[Task]:
    """CoreMark's files, verified when they arrive and whenever one of them has been touched."""
    manifest = sources.read_manifest()
    files = [f"{layout.SOURCES}/{name}" for name in manifest.files]
    yield group("sources", "obtain CoreMark's sources and verify every file")
    yield {
        "basename": "sources",
        "name": "obtain",
        "actions": act(sources.obtain, plan.checkout),
        "task_dep": ["flags"],
        "file_dep": [layout.MANIFEST, *sources.inputs(manifest, plan.checkout)],
        "targets": files,
        "uptodate": [config_changed({"checkout": plan.checkout})],
        "clean": clean(*files),
        "meta": meta("obtain sources", 0.2),
    }
    yield {
        "basename": "sources",
        "name": "verify",
        "actions": act(sources.verify),
        "file_dep": [layout.MANIFEST, *files],
        "meta": meta("verify sources", 0.1),
    }


def identify_toolchains(plan: Plan) -> Iterator[Task]:
    """What exactly each compiler is."""
    yield group("toolchain", "identify each compiler")
    for toolchain in plan.builders():
        record = layout.toolchain_identity(toolchain.name)
        yield {
            "basename": "toolchain",
            "name": toolchain.name,
            "actions": act(build.identify, toolchain),
            "file_dep": [*toolchain.files(), *provenance.code(toolchain)],
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
        record = layout.wasm_opt_identity()
        yield {
            "basename": "toolchain",
            "name": wasm_opt.NAME,
            "actions": act(build.identify_wasm_opt),
            "file_dep": [*wasm_opt.files(), "toolchain/wasm_opt.py"],
            "targets": [record],
            "uptodate": [intact, config_changed({"missing": wasm_opt.missing()})],
            "clean": clean(record),
            "meta": meta("identify wasm-opt", 0.2),
        }


def build_libc(plan: Plan) -> Iterator[Task]:
    """The C library of each target, the same for all variants."""
    yield group("libc", "build the C library that all variants share")
    for toolchain in plan.builders():
        targets = {t for ts in plan.builds(toolchain).values() for t in ts}
        for target in (t for t in TARGETS if t in targets and not toolchain.missing(t)):
            folder = layout.libc(toolchain.name, target)
            yield {
                "basename": "libc",
                "name": f"{toolchain.name}:{target}",
                "actions": act(build.build_libc, toolchain, target),
                "task_dep": ["sources"],
                "file_dep": [layout.toolchain_identity(toolchain.name), *provenance.code(toolchain)],
                "targets": [f"{folder}/{name}" for name in toolchain.libc(target).files],
                "uptodate": [intact],
                "clean": clean(folder),
                "meta": meta("build libc (first time: up to a minute)", 40),
            }


def compile_objects(plan: Plan) -> Iterator[Task]:
    """One object a C file, variant and target."""
    yield group("compile", "compile each C file in each variant")
    headers = [f"{layout.SOURCES}/{name}" for name in coremark.HEADERS]
    for toolchain in plan.builders():
        for variant, targets in plan.builds(toolchain).items():
            for target in targets:
                for source in _source_paths():
                    output = build.object_path(toolchain.name, variant.name, target, source)
                    yield {
                        "basename": "compile",
                        "name": f"{toolchain.name}:{variant.name}:{target}:{Path(source).stem}",
                        "actions": act(build.compile_object, toolchain, variant, target, source),
                        "task_dep": ["sources"],
                        "file_dep": [
                            source,
                            *headers,
                            layout.toolchain_identity(toolchain.name),
                            layout.flags(toolchain.name, variant.name),
                            *provenance.code(toolchain),
                        ],
                        "targets": [output],
                        "uptodate": [intact, config_changed(_flags_config(variant))],
                        "clean": clean(output),
                        "meta": meta("compile", 0.15),
                    }


def link_artifacts(plan: Plan) -> Iterator[Task]:
    """One artifact a variant and target."""
    yield group("link", "link each variant, for wasm and natively")
    for toolchain in plan.builders():
        for variant, targets in plan.builds(toolchain).items():
            for target in targets:
                paths = _source_paths()
                objects = [build.object_path(toolchain.name, variant.name, target, s) for s in paths]
                made = [
                    build.artifact_path(toolchain.name, variant.name, target),
                    build.artifact_record(toolchain.name, variant.name, target),
                ]
                yield {
                    "basename": "link",
                    "name": f"{toolchain.name}:{variant.name}:{target}",
                    "actions": act(build.link, toolchain, variant, target, paths),
                    "file_dep": [
                        *objects,
                        *provenance.libc(toolchain, target),
                        layout.toolchain_identity(toolchain.name),
                        *(_optimiser(variant) if target == WASM else ()),
                        *provenance.code(toolchain),
                    ],
                    "targets": made,
                    "uptodate": [intact, config_changed(_flags_config(variant))],
                    "clean": clean(*made),
                    "meta": meta("link", 0.1),
                }


def take_in_artifacts(plan: Plan) -> Iterator[Task]:
    """Modules that somebody else built, as artifacts."""
    yield group("prebuilt", "take in modules that somebody else built")
    for each in plan.prebuilt:
        made = [
            build.artifact_path(PREBUILT, each.name, WASM),
            build.artifact_record(PREBUILT, each.name, WASM),
        ]
        yield {
            "basename": "prebuilt",
            "name": each.name,
            "actions": act(prebuilt.take_in, each),
            "file_dep": [each.path, "pipeline/prebuilt.py", *map("pipeline/{}.py".format, _PARSING)],
            "targets": made,
            "uptodate": [intact, config_changed({"path": each.path, "sha256": each.sha256})],
            "clean": clean(*made),
            "meta": meta("take in module", 0.2),
        }


def prove_artifacts(plan: Plan) -> Iterator[Task]:
    """A statement beside each artifact: what it was made of, and how."""
    yield group("provenance", "say of each artifact what it was made of, and how (SLSA)")
    for toolchain, variant, target in plan.artifacts():
        record = layout.provenance(toolchain.name, variant.name, target)
        objects = [build.object_path(toolchain.name, variant.name, target, s) for s in _source_paths()]
        yield {
            "basename": "provenance",
            "name": f"{toolchain.name}:{variant.name}:{target}",
            "actions": act(provenance.write, toolchain, variant, target),
            "file_dep": [
                build.artifact_path(toolchain.name, variant.name, target),
                build.artifact_record(toolchain.name, variant.name, target),
                *objects,
                *provenance.sources(),
                *provenance.libc(toolchain, target),
                layout.toolchain_identity(toolchain.name),
                *(_optimiser(variant) if target == WASM else ()),
                *provenance.code(toolchain),
                "pipeline/provenance.py",
            ],
            "targets": [record],
            "uptodate": [intact, config_changed({"places": sorted(toolchain.places().values())})],
            "clean": clean(record),
            "meta": meta("provenance", 0.02),
        }


def build_all() -> Task:
    """The head of everything that is made of sources; cleaning it removes all that was ever built."""
    return {
        "actions": None,
        "task_dep": ["sources", "link", "prebuilt", "provenance"],
        "clean": clean(layout.BUILD),
    }
