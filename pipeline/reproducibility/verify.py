"""Rebuild, and compare with artifacts.lock or a bundle; report which input a difference comes from.

The files of this checkout are compared with the rebuild too: one that was changed after it was built is not
what its inputs give.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.core import hints, paths
from pipeline.core.errors import BadInput, ProjectError
from pipeline.core.files import new_folder, read_json, sha256
from pipeline.experiment.plan import Plan
from pipeline.reproducibility import bundle, lock, rebuild
from pipeline.reproducibility.binary_parts import differences
from pipeline.reproducibility.lock import Lock, LockedArtifact


@dataclass(frozen=True)
class Finding:
    """Whether an artifact is the same (None where it was not compared), and the line that reports it."""

    same: bool | None
    line: str


def refuse(plan: Plan) -> None:
    """Raise BadInput where there is no lock, or no bundle as it must be, to compare with."""
    if plan.bundle is None:
        lock.read(lock.lock_path(plan))
    else:
        bundle.read(plan.bundle)


def verify(plan: Plan) -> None:
    """Print one line per artifact of the lock, or of the bundle that was named.

    Raises ProjectError where one is not what it must be. Nothing in a bundle is run or written.
    """
    given = None if plan.bundle is None else bundle.read(plan.bundle)
    where = lock.lock_path(plan) if plan.bundle is None else plan.bundle
    expected = lock.read(where) if given is None else given.lock
    with new_folder(paths.REBUILT) as folder:
        rebuild.copy(Path(folder), warm=True)
        rebuild.build(Path(folder), rebuild.arguments(plan))
        made, absent = lock.describe(plan, Path(folder))
        wrong = list(changed_here(plan, Path(folder)))
        if given is not None:
            wrong += other_statements(given, plan, Path(folder))
    findings = [Finding(False, line) for line in wrong]
    findings += [compare(name, expected, made, where) for name in expected.artifacts if name not in absent]
    findings += [
        Finding(name not in expected.artifacts, f"{name}: not built: {why}") for name, why in absent.items()
    ]
    unknown = [name for name in made.artifacts if name not in expected.artifacts and given is None]
    again = lock.how_to_write(plan)
    findings += [Finding(False, f"{name}: not in {where}; run: {again}") for name in unknown]
    for finding in findings:
        print(finding.line, flush=True)
    failed = sum(finding.same is False for finding in findings)
    if failed:
        raise ProjectError(f"verify: {failed} of these lines report a difference from {where}")
    if not any(finding.same for finding in findings):
        raise BadInput(f"{where} has nothing that this matrix builds; nothing was compared")


def compare(name: str, expected: Lock, made: Lock, where: str) -> Finding:
    """Compare one artifact of the expected lock with what was built."""
    wanted, built = expected.artifacts[name], made.artifacts.get(name)
    other_machine = not lock.is_wasm(name) and expected.machine != made.machine
    not_compared = f"{name}: not compared: it is for {expected.machine}, this machine is {made.machine}"
    if built is None:
        filtered = f"{name}: not compared: this matrix, as filtered, does not build it"
        return Finding(None, not_compared if other_machine else filtered)
    causes = list(_inputs(name, expected, made))
    if wanted.sha256 == built.sha256:
        if causes:
            # Equal bytes from unequal inputs: the lock does not describe what made them.
            reason = f"same bytes, but the recorded inputs differ: {'; '.join(causes)}"
            return Finding(False, f"{name}: {reason}")
        return Finding(True, f"{name}: ok, {built.sha256}")
    if other_machine:
        return Finding(None, not_compared)
    parts = differences(built.parts, wanted.parts) or "no section or function differs"
    reason = "; ".join(causes or ["no input differs"])
    return Finding(False, f"{name}: differs from {where}: {reason}; in it: {parts}")


def _inputs(name: str, expected: Lock, made: Lock) -> Iterator[str]:
    """Which inputs of an artifact differ from the expected lock, from the first cause to the last."""
    wanted, built = expected.artifacts[name], made.artifacts[name]
    yield from _changed("", made.sources, expected.sources)
    yield from _settings(built, wanted)
    _, toolchain, _, target = name.split("/")
    for program in [toolchain, *(["wasm-opt"] if built.wasm_opt is not None else [])]:
        before, now = expected.toolchains.get(program), made.toolchains.get(program)
        if before is None or now is None:
            yield f"{program} is not in the lock"
            continue
        # Different machines have different programs, which must make the same modules.
        if before.sha256 != now.sha256 and expected.machine == made.machine:
            versions = f" (version {now.version}, expected {before.version})"
            yield f"the compiler {program} differs{versions}: {_digests(now.sha256, before.sha256)}"
        yield from _changed(f"{program}'s C library ", now.libc.get(target, {}), before.libc.get(target, {}))
    if wanted.sha256 != built.sha256:
        yield from _changed("object ", built.objects, wanted.objects)


def _settings(built: LockedArtifact, wanted: LockedArtifact) -> Iterator[str]:
    for key, now, before in (
        ("flags", built.flags, wanted.flags),
        ("link", built.link, wanted.link),
        ("wasm_opt", built.wasm_opt, wanted.wasm_opt),
    ):
        if now != before:
            yield f"{key} {_shown(now)} in place of {_shown(before)}"
    if built.target != wanted.target:
        yield f"target {built.target!r} in place of {wanted.target!r}"


def _changed(what: str, now: Mapping[str, str], before: Mapping[str, str]) -> Iterator[str]:
    for name in dict.fromkeys([*before, *now]):
        if now.get(name) != before.get(name):
            yield f"{what}{name} differs: {_digests(now.get(name), before.get(name))}"


def _digests(now: str | None, expected: str | None) -> str:
    return f"SHA-256 {(now or 'none')[:16]}, expected {(expected or 'none')[:16]}"


def _shown(flags: Sequence[str] | None) -> str:
    return repr(None if flags is None else " ".join(flags))


def changed_here(plan: Plan, folder: Path) -> Iterator[str]:
    """Files of this checkout's build/ that differ from a rebuild in a folder."""
    again = hints.command("build", given=plan.given, without=("bundle",))
    for spec in plan.artifacts():
        yield from _changed_files(folder, Path(spec.artifact.directory), again)
    libraries = dict.fromkeys((spec.toolchain.name, spec.target) for spec in plan.artifacts())
    for toolchain, target in libraries:
        yield from _changed_files(folder, Path(paths.libc(toolchain, target)), again)


def _changed_files(folder: Path, here: Path, again: str) -> Iterator[str]:
    for rebuilt in sorted((folder / here).iterdir()):
        own = here / rebuilt.name
        if not rebuilt.is_file() or rebuilt.name.startswith("probe"):
            continue
        remedy = f"run: rm {shlex.quote(str(own))} && {again}"
        if not own.exists():
            yield f"{own}: missing; run: {again}"
        elif sha256(own) != sha256(rebuilt):
            yield f"{own}: not what its inputs give: {_digests(sha256(own), sha256(rebuilt))}; {remedy}"


def other_statements(given: bundle.Bundle, plan: Plan, folder: Path) -> Iterator[str]:
    """Provenance in a bundle that differs from the provenance of a rebuild in a folder."""
    for artifact in (spec.artifact for spec in plan.artifacts()):
        if artifact.id not in given.provenance:
            continue
        mine, other = read_json(folder / artifact.provenance_path), given.provenance[artifact.id]
        if other != mine:
            predicate = other["predicate"]
            parts = [
                part for part, value in mine.get("predicate", {}).items() if predicate.get(part) != value
            ]
            shown = ", ".join(parts) or "subject"
            yield f"{artifact.id}: its provenance has a different {shown} than a build here"
