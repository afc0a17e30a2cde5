"""Build everything again and again under deliberate variation, and compare all bytes with a plain build."""

from __future__ import annotations

import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from pipeline.core import paths
from pipeline.core.errors import BuildError, ProjectError
from pipeline.core.files import new_folder, write_atomic, write_json
from pipeline.experiment.plan import Plan
from pipeline.reproducibility import lock, rebuild
from pipeline.reproducibility.lock import Lock
from pipeline.reproducibility.variations import Variation, all_variations
from pipeline.reproducibility.verify import compare

SCHEMA = 1


@dataclass(frozen=True)
class Outcome:
    """What a variation did to the artifacts: its object in reproduce.json."""

    name: str
    what: str
    reason: str | None = None  # why it was not tried, or did not build
    differing: tuple[str, ...] = ()  # a line for each artifact that differs
    status: Literal["same", "differs", "fails", "not tried"] = "same"

    def lines(self) -> list[str]:
        head = f"{self.name}: {self.status}"
        if self.reason:
            return [f"{head}: {self.reason}"]
        return [f"{head} ({self.what})", *(f"  {line}" for line in self.differing)]


def reproduce(plan: Plan) -> None:
    """Print each variation and what it changed; raises ProjectError where it changed anything."""
    lines: list[str] = []
    outcomes: list[Outcome] = []
    with new_folder(paths.REBUILT) as temporary:
        base = Path(temporary).resolve()
        plain = _made(plan, base, Variation("plain", "unchanged"))
        if not plain.artifacts:
            raise BuildError("this matrix builds nothing here; run: doit run doctor")
        for variation in all_variations(base):
            outcome = _try(plan, base, variation, plain)
            outcomes.append(outcome)
            for line in outcome.lines():
                lines.append(line)
                print(line, flush=True)
    broken = [each.name for each in outcomes if each.status in ("differs", "fails")]
    tried = sum(each.status != "not tried" for each in outcomes)
    end = (
        f"{len(plain.artifacts)} artifacts, {tried} of {len(outcomes)} variations tried, "
        f"{len(broken)} of them changed bytes"
    )
    print(end, flush=True)
    write_atomic(paths.REPRODUCE_TXT, "\n".join([*lines, end]) + "\n")
    artifacts = {name: each.sha256 for name, each in plain.artifacts.items()}
    found = [asdict(outcome) for outcome in outcomes]
    write_json(paths.REPRODUCE_JSON, {"schema": SCHEMA, "artifacts": artifacts, "variations": found})
    if broken:
        raise ProjectError(f"reproduce: not the same bytes under: {', '.join(broken)}")


def _try(plan: Plan, base: Path, variation: Variation, plain: Lock) -> Outcome:
    name, what = variation.name, variation.what
    if variation.missing:
        return Outcome(name, what, variation.missing, status="not tried")
    try:
        made = _made(plan, base, variation)
    except BuildError as error:
        return Outcome(name, what, str(error), status="fails")
    differing = different(plain, made)
    return Outcome(name, what, None, differing, "differs" if differing else "same")


def different(plain: Lock, made: Lock) -> tuple[str, ...]:
    """A line for each artifact that is not what the plain build gave, or has different parts."""
    findings = (compare(name, plain, made, "the plain build") for name in plain.artifacts)
    return tuple(finding.line for finding in findings if not finding.same)


def _made(plan: Plan, base: Path, variation: Variation) -> Lock:
    """Build under a variation, and describe what came out; what was built is removed again."""
    folder = base / variation.folder
    folder.mkdir(parents=True)
    try:
        rebuild.copy(folder, variation.warm, reverse=variation.reverse)
        variation.prepare(folder)
        rebuild.build(folder, rebuild.arguments(plan), variation.conditions)
        made, _ = lock.describe(plan, folder)
        return made
    finally:
        _remove(base, folder)


def _remove(base: Path, folder: Path) -> None:
    top = base / folder.relative_to(base).parts[0]
    shutil.rmtree(top, ignore_errors=True)
    if os.path.exists(top):
        raise BuildError(f"{top} could not be removed")
