"""What flags do to the artifacts: sizes, kinds of instructions, features, and function by function.

All of it is read from the artifacts' own bytes; ``wasm.code_diff`` documents how functions are compared.
"""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.analyses.explain_text import render
from pipeline.core import hints, paths
from pipeline.core.artifact import Artifact, load_record
from pipeline.core.errors import ProjectError
from pipeline.core.files import write_atomic, write_json
from pipeline.experiment.plan import Plan
from pipeline.wasm import code_diff, module
from pipeline.wasm.features import features_if_valid
from pipeline.wasm.instruction_kinds import KINDS, count
from pipeline.wasm.sections import CODE, WasmError, target_features
from toolchain.model import WASM

#: The facts of an artifact; null where there is no artifact.
_FACTS = (
    "sha256",
    "bytes",
    "code_bytes",
    "data_bytes",
    "functions",
    "features",
    "declared",
    "static_data",
    "instructions",
)


@dataclass(frozen=True)
class ExplainedArtifact:
    """One artifact as found; ``facts`` is its object in explain.json."""

    workload: str
    toolchain: str
    variant: str
    facts: dict[str, Any]
    codes: Mapping[str, code_diff.Code] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.workload}/{self.toolchain}/{self.variant}"

    @property
    def present(self) -> bool:
        return self.facts["reason"] is None


def explain(plan: Plan) -> None:
    """Write explain.txt and explain.json and print the text; raises ProjectError if there is no artifact."""
    artifacts = [
        _look(w.name, t.name, v.name, v.flags, hints.command("build", given=plan.given))
        for w in plan.workloads
        for t in plan.toolchains
        for v in plan.variants
    ]
    found = facts(artifacts)
    text = render(found)
    write_json(paths.EXPLAIN_JSON, found)
    write_atomic(paths.EXPLAIN_TXT, text)
    print(text, end="", flush=True)
    if not any(a.present for a in artifacts):
        reason = artifacts[0].facts["reason"] if artifacts else "none chosen"
        raise ProjectError(f"there is no artifact to explain: {reason}")


def _look(workload: str, toolchain: str, variant: str, flags: Sequence[str], build: str) -> ExplainedArtifact:
    """Read an artifact; what cannot be read is a reason, not an error. ``build`` is the command for it."""
    module = Artifact(workload, toolchain, variant, WASM)
    found: dict[str, Any] = {
        "artifact": f"{workload}/{toolchain}/{variant}",
        "flags": list(flags),
        "link": [],
        "wasm_opt": None,
    }
    found |= {"reason": None, **dict.fromkeys(_FACTS)}
    try:
        record = load_record(module)
        data = Path(module.path).read_bytes() if record.present else b""
    except (OSError, ValueError):
        found["reason"] = f"not built; run: {build}"
        return ExplainedArtifact(workload, toolchain, variant, found)
    found |= {
        "link": list(record.link),
        "wasm_opt": None if record.wasm_opt is None else list(record.wasm_opt),
    }
    if not record.present:
        return ExplainedArtifact(workload, toolchain, variant, {**found, "reason": record.reason})
    try:
        known, codes = read(data)
    except WasmError as error:
        return ExplainedArtifact(
            workload, toolchain, variant, {**found, "reason": f"{module.path} cannot be read: {error}"}
        )
    return ExplainedArtifact(workload, toolchain, variant, {**found, **known}, codes)


def read(data: bytes) -> tuple[dict[str, Any], dict[str, code_diff.Code]]:
    """What a module is made of, and the code of its functions; raises WasmError.

    ``features`` is None for a module that can be read but is not valid.
    """
    contents = module.read(data)
    counts: Counter[str] = Counter()
    for function in contents.functions:
        counts += count(function.code)
    addresses = code_diff.static_data(contents)
    known = {
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "code_bytes": contents.section_bytes(CODE),
        "data_bytes": sum(d.size for d in contents.data),
        "functions": len(contents.functions),
        "features": features_if_valid(data),
        "declared": target_features(contents.sections),
        "static_data": [addresses.start, addresses.stop],
        "instructions": {kind: counts[kind] for kind in KINDS if counts[kind]},
    }
    return known, code_diff.codes(contents)


def facts(artifacts: Sequence[ExplainedArtifact]) -> dict[str, Any]:
    """The content of explain.json; sizes are bytes."""
    present = [a for a in artifacts if a.present]
    return {
        "schema": 1,
        "artifacts": [a.facts for a in artifacts],
        "functions": [
            function
            for name in dict.fromkeys(a.workload for a in present)
            for function in _functions([a for a in present if a.workload == name])
        ],
        "pairs": [_pair(one, other) for one, other in neighbours(present)],
    }


def neighbours(
    artifacts: Sequence[ExplainedArtifact],
) -> Iterator[tuple[ExplainedArtifact, ExplainedArtifact]]:
    """Pairs that differ in one thing: variants that follow each other, and then toolchains that do."""
    for same in ("toolchain", "variant"):
        groups: dict[tuple[str, str], list[ExplainedArtifact]] = {}
        for artifact in artifacts:
            groups.setdefault((artifact.workload, getattr(artifact, same)), []).append(artifact)
        for group in groups.values():
            yield from itertools.pairwise(group)


def _functions(artifacts: Sequence[ExplainedArtifact]) -> list[dict[str, Any]]:
    """Every function with its size in each artifact; first those that differ, by how much."""
    found = []
    for name in dict.fromkeys(name for a in artifacts for name in a.codes):
        codes = [a.codes.get(name) for a in artifacts]
        sizes = [code.bytes if code else 0 for code in codes]
        same = len(artifacts) > 1 and len({code and code.digest for code in codes}) == 1
        sized = {a.name: code and code.bytes for a, code in zip(artifacts, codes, strict=True)}
        difference = max(sizes) - min(sizes) if len(artifacts) > 1 else sizes[0]
        found.append((same, -difference, {"function": name, "same": same, "bytes": sized}))
    return [entry for _, _, entry in sorted(found, key=lambda row: row[:2])]


def _pair(one: ExplainedArtifact, other: ExplainedArtifact) -> dict[str, Any]:
    change = code_diff.compare(one.codes, other.codes)

    def sizes(name: str) -> tuple[int, int]:
        return one.codes[name].bytes, other.codes[name].bytes

    changed = sorted(change.changed, key=lambda name: -abs(sizes(name)[1] - sizes(name)[0]))
    gone = sorted(change.gone, key=lambda name: -one.codes[name].bytes)
    new = sorted(change.new, key=lambda name: -other.codes[name].bytes)
    return {
        "one": one.name,
        "other": other.name,
        "same_file": one.facts["sha256"] == other.facts["sha256"],
        "same_code": change.same_code,
        "same_functions": len(change.same),
        "same_bytes": sum(one.codes[name].bytes for name in change.same),
        "changed": [{"function": n, "one_bytes": sizes(n)[0], "other_bytes": sizes(n)[1]} for n in changed],
        "gone": [
            {"function": n, "bytes": one.codes[n].bytes, "callers": list(change.callers[n])} for n in gone
        ],
        "new": [{"function": n, "bytes": other.codes[n].bytes} for n in new],
    }
