"""Which of the known toolchains and runtimes are installed, where, or how to install them. Read-only."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.core.model import Backend, Runtime
from pipeline.core.rich_text import new_table
from pipeline.experiment.plan import Plan
from pipeline.runtimes import environments, identity, packages, program_version
from pipeline.runtimes.backends import engines, troubles
from pipeline.runtimes.engines import provision
from pipeline.runtimes.interpreters import candidates
from toolchain import wasm_opt
from toolchain.model import Toolchain

#: In a log file: no line of the table is folded.
_WIDTH = 200


PRESENT, MISSING = "present", "missing"


@dataclass(frozen=True)
class Finding:
    """One toolchain or one runtime with its backends."""

    names: tuple[str, ...]
    state: str  # "present", "missing", or of an engine "can be built"
    version: str
    where: str  # its location; or why it is missing, and how to install it


def toolchains(known: Iterable[Toolchain]) -> list[Finding]:
    """Every known toolchain, and wasm-opt."""
    identities = [toolchain.identify() for toolchain in known]
    return [
        Finding((i.name,), PRESENT if i.present else MISSING, i.version, i.where if i.present else i.reason)
        for i in (*identities, wasm_opt.identify())
    ]


def backends(known: list[Backend]) -> list[Finding]:
    """Every known backend, those of one runtime together."""
    named: dict[str, list[Backend]] = {}
    for backend in known:
        if backend.runtime.engine is not None:
            continue
        named.setdefault(backend.runtime.name, []).append(backend)
    return [_examine(group[0].runtime, tuple(b.name for b in group)) for group in named.values()]


def _examine(runtime: Runtime, names: tuple[str, ...]) -> Finding:
    for program in runtime.programs:
        if shutil.which(program.command) is None:
            remedy = f"; {program.remedy}" if program.remedy else ""
            return Finding(names, MISSING, "", f"there is no {program.command} on PATH{remedy}")
    if runtime.environment is not None:
        return _isolated(runtime, names)
    missing = [name for name in runtime.packages if packages.find(name) is None]
    if missing:
        return Finding(names, MISSING, "", identity.absence(runtime, missing[0]))
    versions = packages.versions(runtime.packages)[:1]
    programs = [os.path.abspath(path) for path in identity.found_programs(runtime)]
    versions += [_version(path, runtime) for path in programs]
    where = ["in this Python environment"] if runtime.packages else []
    return Finding(
        names, PRESENT, ", ".join(versions), ", ".join(where + programs) or "made with the artifacts"
    )


def _version(path: str, runtime: Runtime) -> str:
    """The first line that a program prints for its version."""
    program = next(p for p in runtime.programs if os.path.basename(p.command) == os.path.basename(path))
    try:
        answer = program_version.ask(path, program)
    except program_version.Unknown:
        answer = None
    silent = f"{os.path.basename(path)} (does not print its version)"
    return (answer and (answer.line or answer.number)) or silent


def _isolated(runtime: Runtime, names: tuple[str, ...]) -> Finding:
    assert runtime.environment is not None
    record = environments.load_environment(runtime.environment)
    if record is not None and environments.present(runtime):
        found = packages.versions(runtime.packages, identity.site_of(runtime))
        where = f"isolated environment {runtime.environment}, CPython {record.python}"
        return Finding(names, PRESENT, ", ".join(found[:1]), where)
    if record is not None and record.reason:
        return Finding(names, MISSING, "", record.reason)
    if not identity.installed(runtime):
        return Finding(names, MISSING, "", identity.absence(runtime, runtime.packages[-1]))
    install = f"run: doit run environment:{runtime.environment}"
    if runtime.pythons and next(candidates(runtime.pythons), None) is None:
        pythons = " or ".join(runtime.pythons)
        why = f"needs CPython {pythons}, and none is on PATH or in pyenv; to let uv download one, {install}"
    else:
        why = f"not installed yet; {install} (every run does)"
    return Finding(names, MISSING, "", why)


def built_engines() -> list[Finding]:
    """Every engine that can be built from source here, in each release whose lock comes with the project."""
    named: dict[str, list[Backend]] = {}
    for backend in engines.shipped():
        named.setdefault(backend.runtime.name, []).append(backend)
    found = []
    for group in named.values():
        runtime, names = group[0].runtime, tuple(backend.name for backend in group)
        state, where = provision.state(runtime)
        found.append(Finding(names, state, str(runtime.version), where))
    return found


def doctor(plan: Plan) -> None:
    """Print tables of toolchains, of backends, of engines to build, and which backends a run takes."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _WIDTH
    for title, findings in (
        ("toolchains", toolchains(plan.known_toolchains.values())),
        ("backends", backends(list(plan.known.values()))),
        ("engines from source", built_engines()),
    ):
        table = new_table()
        for column in (title, "", "version"):
            table.add_column(column)
        table.add_column("location, or how to install it", overflow="fold")
        for finding in findings:
            table.add_row(
                Text("\n".join(finding.names)), finding.state, Text(finding.version), Text(finding.where)
            )
        console.print(table)
    for why in troubles():
        console.print(f"left out: {why}", soft_wrap=True)
    chosen = {backend.name for backend in plan.backends}
    console.print(f"doit run takes {len(chosen)} backends: {', '.join(sorted(chosen))}", soft_wrap=True)
