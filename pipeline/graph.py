"""Plan -> doit tasks. Beside dodo.py, reporter.py and state.py the only module shaped by doit.

Every task is a plain function of plain arguments; what decides its outcome is either a file in
``file_dep`` or a JSON value in ``config_changed``.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from doit import doit_cmd
from doit.dependency import MD5Checker
from doit.exceptions import TaskFailed
from doit.tools import config_changed

from pipeline import (
    build,
    coremark,
    environment,
    layout,
    measure,
    packages,
    report,
    sample,
    sources,
)
from pipeline.errors import BadInput, ProjectError
from pipeline.host import fingerprint
from pipeline.matrix import Plan, load
from pipeline.model import Runtime
from pipeline.process import machine_lock
from toolchain.model import NATIVE, TARGETS, WASM, Toolchain, Variant

Task = dict[str, Any]


def plan() -> Plan:
    """The plan of this invocation; bad input ends the process with one line and status 1."""
    sys.excepthook = _excepthook
    try:
        if Path.cwd() != layout.ROOT:
            raise BadInput(
                f"this Python environment was made for the checkout in {layout.ROOT}; "
                "make one here: python3 -m venv .venv && .venv/bin/pip install -e ."
            )
        return load(doit_cmd._CMDLINE_VARS or {})
    except ProjectError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from None


def _excepthook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Ctrl-C is no fault of ours: one line instead of a traceback."""
    if issubclass(kind, KeyboardInterrupt):
        print("interrupted; what is finished is kept; type: doit run", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


def _act(function: Callable[..., Any], *arguments: Any, alone: bool = False) -> list[Any]:
    """A doit action: a user's error fails the task with its message, without a traceback.

    With ``alone`` nothing else of ours runs on this machine while it does, in whatever process.
    """
    return [(_guarded, [alone, function, *arguments])]


def _guarded(alone: bool, function: Callable[..., Any], *arguments: Any) -> Any:
    try:
        with machine_lock(exclusive=alone):
            result = function(*arguments)
    except ProjectError as error:
        return TaskFailed(str(error))
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        return TaskFailed(f"{error.strerror or error}{where}")
    return result if isinstance(result, dict) else None


def _remove(paths: list[str], dryrun: bool) -> None:
    """A clean action: folders and files that were made, and folders that this leaves empty."""
    for path in map(Path, paths):
        if not (path.exists() or path.is_symlink()):
            continue
        print(f"remove {path}")
        if dryrun:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()
        with contextlib.suppress(OSError):
            for parent in path.parents:
                if parent not in (Path(), Path(layout.SOURCES)):
                    parent.rmdir()


def _intact(task: Any, values: dict[str, Any]) -> bool:
    """An ``uptodate`` check: the targets hold what the task made; doit itself asks only if they exist.

    Like doit's check of dependencies: the same time stamp is believed, the same bytes are no change.
    """
    checker = MD5Checker()
    task.value_savers.append(
        lambda: {"made": {target: checker.get_state(target, None) for target in task.targets}}
    )
    made = values.get("made", {})
    for target in task.targets:
        try:
            if target not in made or checker.check_modified(target, os.stat(target), made[target]):
                return False
        except OSError:
            return False
    return True


def _clean(*paths: str) -> list[Any]:
    return [(_remove, [list(paths)])]


def _group(name: str, doc: str) -> Task:
    """The head of a group of sub-tasks."""
    return {"basename": name, "name": None, "doc": doc}


def _meta(phase: str, seconds: float) -> Task:
    """What the reporter wants to know: the phase, and how long the task takes at a guess."""
    return {"phase": phase, "seconds": seconds}


def _code(toolchain: Toolchain) -> list[str]:
    """Our own files that decide what a toolchain is told to do; code is no dependency by itself."""
    module = type(toolchain).__module__.replace(".", "/") + ".py"
    return ["pipeline/build.py", "pipeline/store.py", module]


def _variants(plan: Plan, toolchain: Toolchain) -> dict[Variant, list[str]]:
    """What a toolchain must build: {variant: targets}."""
    needed: dict[Variant, list[str]] = {}
    if toolchain.name in {t.name for t in plan.toolchains}:
        targets = [NATIVE] if any(b.native for b in plan.backends) else []
        targets += [WASM] if any(not b.native for b in plan.backends) else []
        needed = {variant: list(targets) for variant in plan.variants}
    if toolchain.name == plan.reference[0].name:
        targets = needed.setdefault(plan.reference[1], [])
        if NATIVE not in targets:
            targets.append(NATIVE)
    return needed


def _toolchains(plan: Plan) -> list[Toolchain]:
    named = {t.name: t for t in (*plan.toolchains, plan.reference[0])}
    return list(named.values())


def _source_paths() -> list[str]:
    return [f"{layout.SOURCES}/{name}" for name in coremark.SOURCES]


def flags(plan: Plan) -> Iterator[Task]:
    """Ask the compiler about every flag before anything is made."""
    yield _group("flags", "ask each compiler whether it takes the flags")
    for toolchain in _toolchains(plan):
        for variant, targets in _variants(plan, toolchain).items():
            where = plan.origins.get(variant.name, "command line: flags")
            record = layout.flags(toolchain.name, variant.name)
            yield {
                "basename": "flags",
                "name": f"{toolchain.name}:{variant.name}",
                "actions": _act(build.check_flags, toolchain, variant, targets, where),
                "file_dep": _code(toolchain),
                "targets": [record],
                "uptodate": [
                    _intact,
                    config_changed(
                        {
                            "flags": list(variant.flags),
                            "targets": targets,
                            "version": toolchain.version(),
                        }
                    ),
                ],
                "clean": _clean(record),
                "meta": _meta("check flags", 0.2),
            }


def obtain_sources(plan: Plan) -> Iterator[Task]:
    """CoreMark's files, verified when they arrive and whenever one of them has been touched."""
    manifest = sources.read_manifest()
    files = [f"{layout.SOURCES}/{name}" for name in manifest.files]
    yield _group("sources", "obtain CoreMark's sources and verify every file")
    yield {
        "basename": "sources",
        "name": "obtain",
        "actions": _act(sources.obtain, plan.checkout),
        "task_dep": ["flags"],
        "file_dep": [layout.MANIFEST, *sources.inputs(manifest, plan.checkout)],
        "targets": files,
        "uptodate": [config_changed({"checkout": plan.checkout})],
        "clean": _clean(*files),
        "meta": _meta("obtain sources", 0.2),
    }
    yield {
        "basename": "sources",
        "name": "verify",
        "actions": _act(sources.verify),
        "file_dep": [layout.MANIFEST, *files],
        "meta": _meta("verify sources", 0.1),
    }


def identify_toolchains(plan: Plan) -> Iterator[Task]:
    """What exactly each compiler is."""
    yield _group("toolchain", "identify each compiler")
    for toolchain in _toolchains(plan):
        record = layout.toolchain_identity(toolchain.name)
        yield {
            "basename": "toolchain",
            "name": toolchain.name,
            "actions": _act(build.identify, toolchain),
            "file_dep": [*toolchain.files(), *_code(toolchain)],
            "targets": [record],
            "uptodate": [_intact, config_changed({"version": toolchain.version()})],
            "clean": _clean(record),
            "meta": _meta("identify compiler", 1),
        }


def build_libc(plan: Plan) -> Iterator[Task]:
    """The C library of each target, the same for all variants."""
    yield _group("libc", "build the C library that all variants share")
    for toolchain in _toolchains(plan):
        targets = {t for ts in _variants(plan, toolchain).values() for t in ts}
        for target in (t for t in TARGETS if t in targets):
            folder = layout.libc(toolchain.name, target)
            yield {
                "basename": "libc",
                "name": f"{toolchain.name}:{target}",
                "actions": _act(build.build_libc, toolchain, target),
                "task_dep": ["sources"],
                "file_dep": [layout.toolchain_identity(toolchain.name), *_code(toolchain)],
                "targets": [f"{folder}/{name}" for name in toolchain.libc(target).files],
                "uptodate": [_intact],
                "clean": _clean(folder),
                "meta": _meta("build libc (first time: up to a minute)", 40),
            }


def compile_objects(plan: Plan) -> Iterator[Task]:
    """One object a C file, variant and target."""
    yield _group("compile", "compile each C file in each variant")
    headers = [f"{layout.SOURCES}/{name}" for name in coremark.HEADERS]
    for toolchain in _toolchains(plan):
        for variant, targets in _variants(plan, toolchain).items():
            for target in targets:
                for source in _source_paths():
                    output = build.object_path(toolchain.name, variant.name, target, source)
                    yield {
                        "basename": "compile",
                        "name": f"{toolchain.name}:{variant.name}:{target}:{Path(source).stem}",
                        "actions": _act(build.compile_object, toolchain, variant, target, source),
                        "task_dep": ["sources"],
                        "file_dep": [
                            source,
                            *headers,
                            layout.toolchain_identity(toolchain.name),
                            layout.flags(toolchain.name, variant.name),
                            *_code(toolchain),
                        ],
                        "targets": [output],
                        "uptodate": [_intact, config_changed({"flags": list(variant.flags)})],
                        "clean": _clean(output),
                        "meta": _meta("compile", 0.15),
                    }


def link_artifacts(plan: Plan) -> Iterator[Task]:
    """One artifact a variant and target."""
    yield _group("link", "link each variant, for wasm and natively")
    for toolchain in _toolchains(plan):
        for variant, targets in _variants(plan, toolchain).items():
            for target in targets:
                paths = _source_paths()
                objects = [build.object_path(toolchain.name, variant.name, target, s) for s in paths]
                folder = layout.libc(toolchain.name, target)
                made = [
                    build.artifact_path(toolchain.name, variant.name, target),
                    build.artifact_record(toolchain.name, variant.name, target),
                ]
                yield {
                    "basename": "link",
                    "name": f"{toolchain.name}:{variant.name}:{target}",
                    "actions": _act(build.link, toolchain, variant, target, paths),
                    "file_dep": [
                        *objects,
                        *(f"{folder}/{name}" for name in toolchain.libc(target).files),
                        *_code(toolchain),
                    ],
                    "targets": made,
                    "uptodate": [_intact, config_changed({"flags": list(variant.flags)})],
                    "clean": _clean(*made),
                    "meta": _meta("link", 0.1),
                }


def build_all() -> Task:
    """The head of everything that is made of sources; cleaning it removes all that was ever built."""
    return {"actions": None, "task_dep": ["sources", "link"], "clean": _clean(layout.BUILD)}


def _runtimes(plan: Plan) -> list[Runtime]:
    named = {b.runtime.name: b.runtime for b in plan.backends}
    return list(named.values())


def provision_environments(plan: Plan) -> Iterator[Task]:
    """An isolated environment for each runtime that needs its own interpreter."""
    yield _group("environment", "provide isolated environments, pinned by hashes")
    for runtime in _runtimes(plan):
        name = runtime.environment
        if name is not None:
            record = layout.environment_record(name)
            yield {
                "basename": "environment",
                "name": name,
                "actions": _act(environment.provision, runtime, alone=True),
                "file_dep": [layout.environment_lock(name)],
                "targets": [record],
                # Tried again at every run until it is there: the user may have mended the cause.
                "uptodate": [_intact, (environment.present, [runtime])],
                "clean": _clean(record, layout.environment(name)),
                "meta": _meta("provide environment (downloads some 40 MB)", 15),
            }


def identify_runtimes(plan: Plan) -> Iterator[Task]:
    """What exactly each runtime is."""
    yield _group("runtime", "identify each runtime")
    for runtime in _runtimes(plan):
        record = layout.runtime_identity(runtime.name)
        if runtime.environment is not None:
            files = [layout.environment_record(runtime.environment)]
        else:
            files = packages.records(runtime.packages)
        yield {
            "basename": "runtime",
            "name": runtime.name,
            "actions": _act(environment.identify, runtime),
            "file_dep": [*files, "pipeline/packages.py"],
            "targets": [record],
            "uptodate": [
                _intact,
                config_changed({"packages": list(runtime.packages), "python": packages.python_version()}),
            ],
            "clean": _clean(record),
            "meta": _meta("identify runtime", 0.2),
        }


def measure_cells(plan: Plan) -> Iterator[Task]:
    """One sample a round and cell, rounds outermost: doit keeps the order in which they come."""
    # Cleaning the group removes every sample, also those that this plan does not have.
    yield {**_group("measure", "measure each cell, round by round"), "clean": _clean(layout.RESULTS)}
    reference = plan.reference_name
    protocol = plan.protocol
    chunk_s = protocol.chunk_ms / 1000
    seconds = 0.5 + 2 * chunk_s * (protocol.pairs + protocol.warmup_chunks)
    for round_, cell in plan.schedule():
        path = layout.sample(cell.name, round_)
        yield {
            "basename": "measure",
            "name": f"{cell.name.replace('/', ':')}:{round_}",
            "actions": _act(measure.measure, cell, protocol, reference, round_, alone=True),
            "file_dep": sample.inputs(cell, reference),
            "targets": [path],
            "uptodate": [_intact, config_changed(sample.settings(cell, protocol, reference))],
            "clean": _clean(path),
            "meta": _meta("measure", seconds),
        }


def write_report(plan: Plan) -> Task:
    """The table, from the samples."""
    cells = plan.cells()
    made = [layout.RESULTS_JSON, layout.REPORT_MD, layout.REPORT_TXT]
    numbers = range(1, plan.protocol.rounds + 1)
    return {
        "actions": _act(report.write_report, plan),
        "file_dep": [
            *(layout.sample(cell.name, number) for cell in cells for number in numbers),
            layout.TEMPLATE,
            "pipeline/report.py",
            "pipeline/results.py",
            "pipeline/stats.py",
        ],
        "targets": made,
        "uptodate": [
            _intact,
            config_changed(
                {
                    "cells": [c.name for c in cells],
                    "protocol": plan.protocol.name,
                    "host": fingerprint(),
                    "python": packages.python_version(),
                }
            ),
        ],
        "clean": _clean(layout.REPORT),
        "meta": _meta("report", 3),
    }


def check_report(plan: Plan) -> Task:
    """Fail where a cell went wrong, after everything else is done."""
    return {
        "actions": _act(report.check),
        "file_dep": [layout.RESULTS_JSON],
        "meta": _meta("check", 0.1),
    }
