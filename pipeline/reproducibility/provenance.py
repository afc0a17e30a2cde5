"""What an artifact was built from, and how: an in-toto statement with SLSA's provenance v1 for each.

Interfaces: https://in-toto.io/Statement/v1 and https://slsa.dev/spec/v1.0/provenance. No time, no host, no
user and no absolute path is in it, so that the same inputs give the same bytes of it as well; folders that
differ from machine to machine have names in braces, which the toolchain gives them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.build import libraries, profiles, unwinding
from pipeline.build.artifact_inputs import code, libc, sources
from pipeline.build.artifacts import compile_command, link_command
from pipeline.build.compilers import ToolchainRecord
from pipeline.build.libraries import libc_probe
from pipeline.core import paths
from pipeline.core.artifact import ArtifactRecord, BuildSpec, load_record
from pipeline.core.files import read_record, sha256, write_json
from pipeline.workloads.third_party import read_manifest, verify
from toolchain import wasm_opt
from toolchain.model import SETJMP, WASM, Toolchain

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
#: What these parameters mean, and who builds: docs/reproducible.md.
BUILD_TYPE = "urn:coremark-wasm:build:v1"
BUILDER = "urn:coremark-wasm:doit"

Resource = dict[str, Any]


def write(spec: BuildSpec) -> None:
    """Write the statement next to the artifact, or the reason why there is no artifact."""
    record = load_record(spec.artifact)
    document = statement(spec, record) if record.present else {"refused": record.reason}
    write_json(spec.artifact.provenance_path, document)


def statement(spec: BuildSpec, record: ArtifactRecord) -> Resource:
    """The in-toto statement on an artifact that was built."""
    workload, toolchain, path = spec.workload, spec.toolchain, spec.artifact.path
    return {
        "_type": STATEMENT,
        "subject": [{"name": Path(path).name, "digest": {"sha256": sha256(path)}}],
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {
                    "workload": workload.name,
                    "toolchain": toolchain.name,
                    "variant": spec.variant.name,
                    "target": record.target,
                    "flags": record.flags,
                    "link": record.link,
                    "wasm_opt": record.wasm_opt,
                },
                "internalParameters": {
                    "commands": _commands(spec),
                    "environment": _environment(toolchain),
                },
                "resolvedDependencies": _materials(spec),
            },
            "runDetails": {
                "builder": {"id": BUILDER, "builderDependencies": [_file(path) for path in code(toolchain)]},
                "byproducts": [_file(path) for path in spec.objects],
            },
        },
    }


def _file(path: str) -> Resource:
    return {"name": path, "digest": {"sha256": sha256(path)}}


def _program(identity: str) -> Resource:
    """A compiler, by the digest of all that decides its output."""
    record = read_record(identity, ToolchainRecord)
    return {
        "name": record.name,
        "digest": {"sha256": record.sha256},
        "annotations": {"version": record.version},
    }


def _materials(spec: BuildSpec) -> list[Resource]:
    workload, toolchain, target = spec.workload, spec.toolchain, spec.target
    materials: list[Resource] = []
    if workload.third_party is not None:
        commit = verify(workload.third_party)["commit"]
        uri = f"{read_manifest(workload.third_party).upstream}@{commit}"
        materials.append({"name": workload.name, "uri": uri, "digest": {"gitCommit": commit}})
    materials += [_file(path) for path in sources(workload)]
    materials.append(_program(paths.toolchain_identity(toolchain.name)))
    if target == WASM and spec.variant.wasm_opt is not None:
        materials.append(_program(paths.wasm_opt_identity()))
    if profiles.uses(spec.variant):
        materials.append(_file(profiles.file(workload, toolchain)))
    return materials + [_file(path) for path in _linked(spec)]


def _linked(spec: BuildSpec) -> list[str]:
    """The files of libraries that are linked into this program."""
    toolchain, target, ways = spec.toolchain, spec.target, unwinding.of(spec)
    unused = () if SETJMP in ways else toolchain.libc(target).setjmp
    files = [path for path in libc(toolchain, target) if Path(path).name not in unused]
    return files + libraries.archives(toolchain, target, spec.workload.libraries, ways)


def _commands(spec: BuildSpec) -> list[list[str]]:
    """The full command lines in their order, as relative to the project's folder and the toolchain's."""
    workload, toolchain, variant, target = spec.workload, spec.toolchain, spec.variant, spec.target
    output = spec.artifact.path
    libc_dir = paths.libc(toolchain.name, target)
    probe = toolchain.libc_probe(target, *(f"{libc_dir}/{name}" for name in libc_probe(target)))
    commands = [probe] if probe else []
    commands += [command for command, _ in libraries.own_parts(toolchain, target)]
    commands += [compile_command(spec, source, spec.object_path(source)) for source in workload.sources]
    commands.append(link_command(spec, output))
    places = dict(toolchain.places())
    if target == WASM and variant.wasm_opt is not None:
        commands.append(wasm_opt.command(variant.wasm_opt, output, output))
        places |= wasm_opt.places()
    return [[_relative(word, places) for word in command] for command in commands]


def _relative(word: str, places: Mapping[str, str]) -> str:
    for path in sorted(places, key=len, reverse=True):  # the innermost folder first
        if word == path or word.startswith(f"{path}/"):
            return places[path] + word[len(path) :]
    return word


def _environment(toolchain: Toolchain) -> dict[str, str]:
    """The whole environment of the compiler."""
    return toolchain.environment(paths.toolchain_cache(toolchain.name))
