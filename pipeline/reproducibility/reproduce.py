"""Build everything again and again under deliberate variation, and compare all bytes with a plain build."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.core import paths
from pipeline.core.errors import BuildError, ProjectError
from pipeline.core.files import new_folder, write_atomic, write_json
from pipeline.experiment.plan import Plan
from pipeline.reproducibility import lock, rebuild
from pipeline.reproducibility.lock import Lock
from pipeline.reproducibility.variations import Variation, known
from pipeline.reproducibility.verify import judge

SCHEMA = 1


def reproduce(plan: Plan) -> None:
    """Print a line a variation, and what it broke; raises ProjectError where it broke anything."""
    lines: list[str] = []
    found: list[dict[str, Any]] = []
    with new_folder(paths.ELSEWHERE) as temporary:
        base = Path(temporary).resolve()
        plain = _made(plan, base, Variation("plain", "as it is"))
        if not plain["artifacts"]:
            raise BuildError("this matrix builds nothing here; see: doit run doctor")
        for variation in known(base):
            result = _try(plan, base, variation, plain)
            found.append(result)
            for line in _said(result):
                lines.append(line)
                print(line, flush=True)
    broken = [each["name"] for each in found if each["status"] in ("differs", "fails")]
    tried = sum(each["status"] != "not tried" for each in found)
    end = (
        f"{len(plain['artifacts'])} artifacts, {tried} of {len(found)} variations tried, "
        f"{len(broken)} of them changed bytes"
    )
    print(end, flush=True)
    write_atomic(paths.REPRODUCE_TXT, "\n".join([*lines, end]) + "\n")
    artifacts = {name: each["sha256"] for name, each in plain["artifacts"].items()}
    write_json(paths.REPRODUCE_JSON, {"schema": SCHEMA, "artifacts": artifacts, "variations": found})
    if broken:
        raise ProjectError(f"reproduce: not the same bytes under: {', '.join(broken)}")


def _try(plan: Plan, base: Path, variation: Variation, plain: Lock) -> dict[str, Any]:
    result: dict[str, Any] = {"name": variation.name, "what": variation.what, "reason": None, "differing": []}
    if variation.missing:
        return {**result, "status": "not tried", "reason": variation.missing}
    try:
        made = _made(plan, base, variation)
    except BuildError as error:
        return {**result, "status": "fails", "reason": str(error)}
    differing = compare(plain, made)
    return {**result, "status": "differs" if differing else "same", "differing": differing}


def compare(plain: Lock, made: Lock) -> list[str]:
    """A line for each artifact that is not what the plain build gave, or is made of other parts."""
    judged = (judge(name, plain, made, "the plain build") for name in plain["artifacts"])
    return [line for same, line in judged if not same]


def _made(plan: Plan, base: Path, variation: Variation) -> Lock:
    """Build under a variation, and describe what came out; what was built is removed again."""
    folder = base / variation.folder
    folder.mkdir(parents=True)
    try:
        rebuild.copy(folder, variation.warm, reverse=variation.reverse)
        variation.prepare(folder)
        rebuild.build(folder, rebuild.arguments(plan), variation.conditions)
        return lock.describe(plan, folder)
    finally:
        _remove(base, folder)


def _remove(base: Path, folder: Path) -> None:
    top = base / folder.relative_to(base).parts[0]
    shutil.rmtree(top, ignore_errors=True)
    if os.path.exists(top):
        raise BuildError(f"{top} could not be removed")


def _said(result: Mapping[str, Any]) -> list[str]:
    """The lines of one variation."""
    head = f"{result['name']}: {result['status']}"
    if result["reason"]:
        return [f"{head}: {result['reason']}"]
    return [f"{head} ({result['what']})", *(f"  {line}" for line in result["differing"])]
