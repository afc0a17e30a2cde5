"""What an artifact was made of, and how: an in-toto statement with SLSA's provenance v1 beside each.

Interfaces: https://in-toto.io/Statement/v1 and https://slsa.dev/spec/v1.0/provenance. No time, no host, no
user and no absolute path is in it, so that the same inputs give the same bytes of it as well; folders that
differ from machine to machine have names in braces, which the toolchain gives them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.build import libraries
from pipeline.build.artifacts import artifact_path, artifact_record, objects, program_flags
from pipeline.build.inputs import code, linked, sources
from pipeline.build.libraries import libc_probe
from pipeline.core import paths
from pipeline.core.files import read_json, sha256, write_json
from pipeline.core.model import Workload
from pipeline.workloads.third_party import read_manifest, verify
from toolchain import wasm_opt
from toolchain.model import WASM, Toolchain, Variant

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
#: What these parameters mean, and who builds: docs/reproducible.md.
BUILD_TYPE = "urn:coremark-wasm:build:v1"
BUILDER = "urn:coremark-wasm:doit"

Resource = dict[str, Any]


def write(workload: Workload, toolchain: Toolchain, variant: Variant, target: str) -> None:
    """Leave the statement beside the artifact; where there is none, why."""
    record = read_json(artifact_record(workload.name, toolchain.name, variant.name, target))
    path = paths.provenance(workload.name, toolchain.name, variant.name, target)
    if record["present"]:
        write_json(path, statement(workload, toolchain, variant, target, record))
    else:
        write_json(path, {"refused": record["reason"]})


def statement(
    workload: Workload, toolchain: Toolchain, variant: Variant, target: str, record: Mapping[str, Any]
) -> Resource:
    """The in-toto statement on an artifact as it lies there; ``record`` is its artifact.json."""
    artifact = artifact_path(workload.name, toolchain.name, variant.name, target)
    return {
        "_type": STATEMENT,
        "subject": [{"name": Path(artifact).name, "digest": {"sha256": sha256(artifact)}}],
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {
                    "workload": workload.name,
                    "toolchain": toolchain.name,
                    "variant": variant.name,
                    "target": record["target"],
                    "flags": record["flags"],
                    "link": record["link"],
                    "wasm_opt": record["wasm_opt"],
                },
                "internalParameters": {
                    "commands": _commands(workload, toolchain, variant, target),
                    "environment": _environment(toolchain),
                },
                "resolvedDependencies": _materials(workload, toolchain, variant, target),
            },
            "runDetails": {
                "builder": {"id": BUILDER, "builderDependencies": [_file(path) for path in code(toolchain)]},
                "byproducts": [
                    _file(path) for path in objects(workload, toolchain.name, variant.name, target)
                ],
            },
        },
    }


def _file(path: str) -> Resource:
    return {"name": path, "digest": {"sha256": sha256(path)}}


def _program(identity: str) -> Resource:
    """A compiler, by the digest of all that decides what it makes."""
    found = read_json(identity)
    return {
        "name": found["name"],
        "digest": {"sha256": found["sha256"]},
        "annotations": {"version": found["version"]},
    }


def _materials(workload: Workload, toolchain: Toolchain, variant: Variant, target: str) -> list[Resource]:
    found: list[Resource] = []
    if workload.third_party is not None:
        commit, upstream = (
            verify(workload.third_party)["commit"],
            read_manifest(workload.third_party).upstream,
        )
        found.append({"name": workload.name, "uri": f"{upstream}@{commit}", "digest": {"gitCommit": commit}})
    found += [_file(path) for path in sources(workload)]
    found.append(_program(paths.toolchain_identity(toolchain.name)))
    if target == WASM and variant.wasm_opt is not None:
        found.append(_program(paths.wasm_opt_identity()))
    return found + [_file(path) for path in linked(workload, toolchain, target)]


def _commands(workload: Workload, toolchain: Toolchain, variant: Variant, target: str) -> list[list[str]]:
    """The full command lines in their order, as relative to the project's folder and the toolchain's."""
    made = objects(workload, toolchain.name, variant.name, target)
    output = artifact_path(workload.name, toolchain.name, variant.name, target)
    libc_dir = paths.libc(toolchain.name, target)
    probe = toolchain.libc_probe(target, *(f"{libc_dir}/{name}" for name in libc_probe(target)))
    found = [probe] if probe else []
    for source, object_ in zip(workload.sources, made, strict=True):
        flags = program_flags(workload, variant, target, source)
        found.append(toolchain.compile(target, flags, f"{workload.root}/{source}", object_))
    archives = libraries.archives(toolchain, target, workload.libraries)
    found.append(toolchain.link(target, made, libc_dir, output, variant.link, archives))
    places = dict(toolchain.places())
    if target == WASM and variant.wasm_opt is not None:
        found.append(wasm_opt.command(variant.wasm_opt, output, output))
        places |= wasm_opt.places()
    return [[_relative(word, places) for word in command] for command in found]


def _relative(word: str, places: Mapping[str, str]) -> str:
    for path in sorted(places, key=len, reverse=True):  # the innermost folder first
        if word == path or word.startswith(f"{path}/"):
            return places[path] + word[len(path) :]
    return word


def _environment(toolchain: Toolchain) -> dict[str, str]:
    """All of it counts: nothing else reaches a compiler."""
    return toolchain.environment(paths.toolchain_cache(toolchain.name))
