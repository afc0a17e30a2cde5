"""What an artifact was made of, and how: an in-toto statement with SLSA's provenance v1 beside each.

Interfaces: https://in-toto.io/Statement/v1 and https://slsa.dev/spec/v1.0/provenance. No time, no host, no
user and no absolute path is in it, so that the same inputs give the same bytes of it as well; folders that
differ from machine to machine have names in braces, which the toolchain gives them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline import coremark, layout
from pipeline.build import artifact_path, artifact_record, libc_probe, object_path, program_flags
from pipeline.sources import verify
from pipeline.store import read_json, sha256, write_json
from toolchain import wasm_opt
from toolchain.model import WASM, Toolchain, Variant

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
#: What these parameters mean, and who builds: docs/reproducible.md.
BUILD_TYPE = "urn:coremark-wasm:build:v1"
BUILDER = "urn:coremark-wasm:doit"
UPSTREAM = "git+https://github.com/eembc/coremark"

Resource = dict[str, Any]


def code(toolchain: Toolchain) -> list[str]:
    """Our own files that decide what a toolchain is told to do."""
    modules = {each.__module__ for each in type(toolchain).__mro__ if each is not object}
    own = sorted(name.replace(".", "/") + ".py" for name in modules)
    shared = ["linking", "archives", "wasm_opt"]
    return ["pipeline/build.py", "pipeline/store.py", *(f"toolchain/{name}.py" for name in shared), *own]


def sources() -> list[str]:
    """Every file that is compiled or included: CoreMark's and the port's."""
    return [f"{layout.SOURCES}/{name}" for name in (*coremark.SOURCES, *coremark.HEADERS)]


def libc(toolchain: Toolchain, target: str) -> list[str]:
    """The files of the C library that are linked."""
    folder = layout.libc(toolchain.name, target)
    return [] if toolchain.missing(target) else [f"{folder}/{name}" for name in toolchain.libc(target).files]


def write(toolchain: Toolchain, variant: Variant, target: str) -> None:
    """Leave the statement beside the artifact; where there is none, why."""
    record = read_json(artifact_record(toolchain.name, variant.name, target))
    path = layout.provenance(toolchain.name, variant.name, target)
    if record["present"]:
        write_json(path, statement(toolchain, variant, target, record))
    else:
        write_json(path, {"refused": record["reason"]})


def statement(toolchain: Toolchain, variant: Variant, target: str, record: Mapping[str, Any]) -> Resource:
    """The in-toto statement on an artifact as it lies there; ``record`` is its artifact.json."""
    artifact = artifact_path(toolchain.name, variant.name, target)
    objects = [object_path(toolchain.name, variant.name, target, source) for source in _compiled()]
    return {
        "_type": STATEMENT,
        "subject": [{"name": Path(artifact).name, "digest": {"sha256": sha256(artifact)}}],
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {
                    "toolchain": toolchain.name,
                    "variant": variant.name,
                    "target": record["target"],
                    "flags": record["flags"],
                    "link": record["link"],
                    "wasm_opt": record["wasm_opt"],
                },
                "internalParameters": {
                    "commands": _commands(toolchain, variant, target, objects),
                    "environment": _environment(toolchain),
                },
                "resolvedDependencies": _materials(toolchain, variant, target),
            },
            "runDetails": {
                "builder": {"id": BUILDER, "builderDependencies": [_file(path) for path in code(toolchain)]},
                "byproducts": [_file(path) for path in objects],
            },
        },
    }


def _compiled() -> list[str]:
    return [f"{layout.SOURCES}/{name}" for name in coremark.SOURCES]


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


def _materials(toolchain: Toolchain, variant: Variant, target: str) -> list[Resource]:
    commit = verify()["commit"]
    found: list[Resource] = [
        {"name": "coremark", "uri": f"{UPSTREAM}@{commit}", "digest": {"gitCommit": commit}}
    ]
    found += [_file(path) for path in sources()]
    found.append(_program(layout.toolchain_identity(toolchain.name)))
    if target == WASM and variant.wasm_opt is not None:
        found.append(_program(layout.wasm_opt_identity()))
    return found + [_file(path) for path in libc(toolchain, target)]


def _commands(toolchain: Toolchain, variant: Variant, target: str, objects: Sequence[str]) -> list[list[str]]:
    """The full command lines in their order, as relative to the project's folder and the toolchain's."""
    flags = program_flags(variant)
    output = artifact_path(toolchain.name, variant.name, target)
    libc_dir = layout.libc(toolchain.name, target)
    probe = toolchain.libc_probe(target, *(f"{libc_dir}/{name}" for name in libc_probe(target)))
    found = [probe] if probe else []
    found += [
        toolchain.compile(target, flags, source, made)
        for source, made in zip(_compiled(), objects, strict=True)
    ]
    found.append(toolchain.link(target, objects, libc_dir, output, variant.link))
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
    return toolchain.environment(layout.toolchain_cache(toolchain.name))
