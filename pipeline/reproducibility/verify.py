"""Rebuild, and compare with artifacts.lock or a stranger's bundle; say what a difference comes from.

What was made in this checkout is compared with a rebuild elsewhere too: a file that was touched since, in
whatever way, is not what its inputs give.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.core import paths
from pipeline.core.errors import BadInput, ProjectError
from pipeline.core.files import new_folder, read_json, sha256
from pipeline.experiment.plan import Plan
from pipeline.reproducibility import bundle, lock, rebuild
from pipeline.reproducibility.binary_parts import differences
from pipeline.reproducibility.lock import Lock


def verify(plan: Plan) -> None:
    """Print one line an artifact, of the lock or of the bundle that was named.

    Raises ProjectError where one is not what it must be. Nothing of a bundle is run or written.
    """
    stranger = None if plan.bundle is None else bundle.read(plan.bundle)
    where = lock.place(plan) if plan.bundle is None else plan.bundle
    expected = lock.read(where) if stranger is None else stranger.lock
    with new_folder(paths.ELSEWHERE) as folder:
        rebuild.copy(Path(folder), warm=True)
        rebuild.build(Path(folder), rebuild.arguments(plan))
        made = lock.describe(plan, Path(folder))
        absent = lock.absent(plan, Path(folder))
        wrong = list(changed_here(plan, Path(folder)))
        if stranger is not None:
            wrong += other_statements(stranger, plan, Path(folder))
    for line in wrong:
        print(line, flush=True)
    names = [name for name in expected["artifacts"] if name not in absent]
    compared = [judge(name, expected, made, where) for name in names]
    compared += [
        (name not in expected["artifacts"], f"{name}: not built: {why}") for name, why in absent.items()
    ]
    unknown = [name for name in made["artifacts"] if name not in expected["artifacts"] and stranger is None]
    compared += [(False, f"{name}: not in {where}; type: doit run lock") for name in unknown]
    for _, line in compared:
        print(line, flush=True)
    failed = sum(same is False for same, _ in compared) + len(wrong)
    if failed:
        raise ProjectError(f"verify: {failed} of these lines name what is not as {where} says")
    if not any(same for same, _ in compared):
        raise BadInput(f"{where} has nothing that this matrix builds; nothing was compared")


def judge(name: str, expected: Lock, made: Lock, where: str) -> tuple[bool | None, str]:
    """(whether an artifact is the same, the line that says so); None where it was not built."""
    theirs, mine = expected["artifacts"][name], made["artifacts"].get(name)
    if mine is None:
        if not lock.is_wasm(name) and expected["machine"] != made["machine"]:
            return None, f"{name}: not compared: it is of {expected['machine']}, this is {platform.machine()}"
        return None, f"{name}: not compared: this matrix, as filtered, does not build it"
    causes = list(_inputs(name, expected, made))
    if theirs["sha256"] == mine["sha256"]:
        if causes:
            # Equal bytes of unequal inputs: the lock does not describe what made them.
            return False, f"{name}: the same bytes, but of other inputs: {'; '.join(causes)}"
        return True, f"{name}: ok, {mine['sha256']}"
    if not lock.is_wasm(name) and expected["machine"] != made["machine"]:
        return None, f"{name}: not compared: it is of {expected['machine']}, this is {platform.machine()}"
    what = differences(mine["parts"], theirs["parts"]) or "no part that is known here differs"
    if not causes:
        causes = ["no input differs"]
    return False, f"{name}: not what {where} says: {'; '.join(causes)}; in it: {what}"


def _inputs(name: str, expected: Lock, made: Lock) -> Iterator[str]:
    """Which inputs of an artifact are others than the lock says, from the first cause to the last."""
    theirs, mine = expected["artifacts"][name], made["artifacts"][name]
    yield from _changed("", made["sources"], expected["sources"])
    for key in ("flags", "link", "wasm_opt", "target"):
        if theirs[key] != mine[key]:
            yield f"{key} {_said(mine[key])} in place of {_said(theirs[key])}"
    _, toolchain, _, target = name.split("/")
    programs = [toolchain, *(["wasm-opt"] if mine["wasm_opt"] is not None else [])]
    for program in programs:
        known, found = expected["toolchains"].get(program), made["toolchains"].get(program)
        if known is None or found is None:
            yield f"{program} is not in the lock"
            continue
        # Another machine has other programs, which must make the same modules.
        if known["sha256"] != found["sha256"] and expected["machine"] == made["machine"]:
            versions = f" (version {found['version']}, expected {known['version']})"
            yield f"the compiler {program} is another{versions}: {_digests(found['sha256'], known['sha256'])}"
        library = (record["libc"].get(target, {}) for record in (found, known))
        yield from _changed(f"{program}'s C library ", *library)
    if theirs["sha256"] != mine["sha256"]:
        yield from _changed("object ", mine["objects"], theirs["objects"])


def _changed(what: str, mine: Mapping[str, str], theirs: Mapping[str, str]) -> Iterator[str]:
    for name in dict.fromkeys([*theirs, *mine]):
        if mine.get(name) != theirs.get(name):
            yield f"{what}{name} is another: {_digests(mine.get(name), theirs.get(name))}"


def _digests(found: str | None, expected: str | None) -> str:
    return f"SHA-256 {(found or 'none')[:16]}, expected {(expected or 'none')[:16]}"


def _said(value: Any) -> str:
    return repr(" ".join(value) if isinstance(value, list) else value)


def changed_here(plan: Plan, folder: Path) -> Iterator[str]:
    """Files of this checkout's build/ that are not what a rebuild in a folder gave."""
    for workload, toolchain, variant, target in plan.artifacts():
        here = Path(paths.artifact_dir(workload.name, toolchain.name, variant.name, target))
        yield from _unlike(folder, here)
    for toolchain in plan.builders():
        for target in dict.fromkeys(t for ts in plan.builds(toolchain).values() for t in ts):
            yield from _unlike(folder, Path(paths.libc(toolchain.name, target)))


def _unlike(folder: Path, here: Path) -> Iterator[str]:
    for rebuilt in sorted((folder / here).iterdir()):
        own = here / rebuilt.name
        if not rebuilt.is_file() or rebuilt.name.startswith("probe"):
            continue
        remedy = f"type: rm '{own}' && doit run build"
        if not own.exists():
            yield f"{own}: missing; type: doit run build"
        elif sha256(own) != sha256(rebuilt):
            yield f"{own}: not what its inputs give: {_digests(sha256(own), sha256(rebuilt))}; {remedy}"


def other_statements(stranger: bundle.Bundle, plan: Plan, folder: Path) -> Iterator[str]:
    """Provenance in a bundle that says something else than that of a rebuild in a folder."""
    for workload, toolchain, variant, target in plan.artifacts():
        name = lock.name_of(workload, toolchain, variant, target)
        if name not in stranger.provenance:
            continue
        mine = read_json(folder / paths.provenance(workload.name, toolchain.name, variant.name, target))
        if stranger.provenance[name] != mine:
            theirs = stranger.provenance[name]["predicate"]
            parts = [part for part, said in mine.get("predicate", {}).items() if theirs.get(part) != said]
            said = ", ".join(parts) or "something"
            yield f"{name}: its provenance says another {said} than a build here does"
