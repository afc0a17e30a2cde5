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

from msgspec.structs import replace

from pipeline.analyses import explain_model
from pipeline.analyses.explain_model import (
    ChangedFunction,
    ExplainedArtifact,
    Explanation,
    FunctionSizes,
    ModuleContents,
    OwnFunction,
    PairOfArtifacts,
)
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


@dataclass(frozen=True)
class ArtifactWithCode:
    """One artifact as found, with the code of its functions."""

    found: ExplainedArtifact
    codes: Mapping[str, code_diff.Code] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.found.artifact

    @property
    def workload(self) -> str:
        return self.found.names[0]

    @property
    def present(self) -> bool:
        return self.found.contents is not None


def explain(plan: Plan) -> None:
    """Write explain.txt and explain.json and print the text; raises ProjectError if there is no artifact."""
    artifacts = [
        _look(w.name, t.name, v.name, v.flags, hints.command("build", given=plan.given))
        for w in plan.workloads
        for t in plan.toolchains
        for v in plan.variants
    ]
    found = explanation(artifacts)
    text = render(found)
    write_json(paths.EXPLAIN_JSON, explain_model.as_json(found))
    write_atomic(paths.EXPLAIN_TXT, text)
    print(text, end="", flush=True)
    if not any(a.present for a in artifacts):
        reason = artifacts[0].found.reason if artifacts else "none chosen"
        raise ProjectError(f"there is no artifact to explain: {reason}")


def _look(workload: str, toolchain: str, variant: str, flags: Sequence[str], build: str) -> ArtifactWithCode:
    """Read an artifact; what cannot be read is a reason, not an error. ``build`` is the command for it."""
    module = Artifact(workload, toolchain, variant, WASM)
    found = ExplainedArtifact(f"{workload}/{toolchain}/{variant}", tuple(flags))

    def without(reason: str | None) -> ArtifactWithCode:
        return ArtifactWithCode(replace(found, reason=reason))

    try:
        record = load_record(module)
        data = Path(module.path).read_bytes() if record.present else b""
    except (OSError, ValueError):
        return without(f"not built; run: {build}")
    optimized = None if record.wasm_opt is None else tuple(record.wasm_opt)
    found = replace(found, link=tuple(record.link), wasm_opt=optimized)
    if not record.present:
        return without(record.reason)
    try:
        contents, codes = read(data)
    except WasmError as error:
        return without(f"{module.path} cannot be read: {error}")
    return ArtifactWithCode(replace(found, contents=contents), codes)


def read(data: bytes) -> tuple[ModuleContents, dict[str, code_diff.Code]]:
    """What a module is made of, and the code of its functions; raises WasmError."""
    contents = module.read(data)
    counts: Counter[str] = Counter()
    for function in contents.functions:
        counts += count(function.code)
    addresses = code_diff.static_data(contents)
    known = ModuleContents(
        sha256=hashlib.sha256(data).hexdigest(),
        bytes=len(data),
        code_bytes=contents.section_bytes(CODE),
        data_bytes=sum(d.size for d in contents.data),
        functions=len(contents.functions),
        features=features_if_valid(data),
        declared=target_features(contents.sections),
        static_data=(addresses.start, addresses.stop),
        instructions={kind: counts[kind] for kind in KINDS if counts[kind]},
    )
    return known, code_diff.codes(contents)


def explanation(artifacts: Sequence[ArtifactWithCode]) -> Explanation:
    """What explain.json says of these artifacts."""
    present = [a for a in artifacts if a.present]
    return Explanation(
        artifacts=[a.found for a in artifacts],
        functions=[
            function
            for name in dict.fromkeys(a.workload for a in present)
            for function in _functions([a for a in present if a.workload == name])
        ],
        pairs=[_pair(one, other) for one, other in neighbours(present)],
    )


def neighbours(artifacts: Sequence[ArtifactWithCode]) -> Iterator[tuple[ArtifactWithCode, ArtifactWithCode]]:
    """Pairs that differ in one thing: variants that follow each other, and then toolchains that do."""
    for same in (1, 2):  # the toolchain, and the variant
        groups: dict[tuple[str, str], list[ArtifactWithCode]] = {}
        for artifact in artifacts:
            groups.setdefault((artifact.workload, artifact.found.names[same]), []).append(artifact)
        for group in groups.values():
            yield from itertools.pairwise(group)


def _functions(artifacts: Sequence[ArtifactWithCode]) -> list[FunctionSizes]:
    """Every function with its size in each artifact; first those that differ, by how much."""
    found = []
    for name in dict.fromkeys(name for a in artifacts for name in a.codes):
        codes = [a.codes.get(name) for a in artifacts]
        sizes = [code.bytes if code else 0 for code in codes]
        same = len(artifacts) > 1 and len({code and code.digest for code in codes}) == 1
        sized = {a.name: code.bytes if code else None for a, code in zip(artifacts, codes, strict=True)}
        difference = max(sizes) - min(sizes) if len(artifacts) > 1 else sizes[0]
        found.append((same, -difference, FunctionSizes(name, same, sized)))
    return [entry for _, _, entry in sorted(found, key=lambda row: row[:2])]


def _pair(one: ArtifactWithCode, other: ArtifactWithCode) -> PairOfArtifacts:
    change = code_diff.compare(one.codes, other.codes)

    def sizes(name: str) -> tuple[int, int]:
        return one.codes[name].bytes, other.codes[name].bytes

    changed = sorted(change.changed, key=lambda name: -abs(sizes(name)[1] - sizes(name)[0]))
    gone = sorted(change.gone, key=lambda name: -one.codes[name].bytes)
    new = sorted(change.new, key=lambda name: -other.codes[name].bytes)
    assert one.found.contents is not None
    assert other.found.contents is not None
    return PairOfArtifacts(
        one=one.name,
        other=other.name,
        same_file=one.found.contents.sha256 == other.found.contents.sha256,
        same_code=change.same_code,
        same_functions=len(change.same),
        same_bytes=sum(one.codes[name].bytes for name in change.same),
        changed=tuple(ChangedFunction(name, *sizes(name)) for name in changed),
        gone=tuple(OwnFunction(name, one.codes[name].bytes, tuple(change.callers[name])) for name in gone),
        new=tuple(OwnFunction(name, other.codes[name].bytes) for name in new),
    )
