"""Compile, link, and record what came out. A program that does not build is a finding, not an end.

A C file that the compiler refuses becomes an object file that holds the refusal as JSON; its
artifact's record then says ``present: false`` with the reason, and its cells are ``unavailable``
while the rest of the matrix runs.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.build import libraries
from pipeline.build.compilers import complaint, raise_if_disturbed, run
from pipeline.core import paths
from pipeline.core.errors import BuildError
from pipeline.core.files import fresh_file, sha256, write_atomic, write_json
from pipeline.core.model import Workload
from pipeline.core.processes import run_to_end
from toolchain import wasm_opt
from toolchain.model import DEFINES, WASM, Toolchain, Variant, is_cxx, suffix
from toolchain.needs import needs

_REFUSAL = b'{"refused":'
#: Where a native compiler finds headers that no command names.
_SYSTEM = ("/usr/include/", "/usr/lib/", "/usr/local/include/")
_FLAGS = "{flags}"
#: Functions that only fail in the C library of zig for WASI, so that a program links that cannot work.
_STUBS = (b"pthread_create", b"thrd_create", b"dlopen")


def artifact_path(workload: str, toolchain: str, variant: str, target: str) -> str:
    return f"{paths.artifact_dir(workload, toolchain, variant, target)}/{workload}{suffix(target)}"


def artifact_record(workload: str, toolchain: str, variant: str, target: str) -> str:
    return f"{paths.artifact_dir(workload, toolchain, variant, target)}/artifact.json"


def object_path(workload: Workload, toolchain: str, variant: str, target: str, source: str) -> str:
    """Where the object of a source lies, which is named relative to the workload's root."""
    name = source.replace("/", "__").rpartition(".")[0]
    same = [each for each in workload.sources if each.replace("/", "__").rpartition(".")[0] == name]
    whole = name if len(same) == 1 else source.replace("/", "__")
    return f"{paths.artifact_dir(workload.name, toolchain, variant, target)}/{whole}.o"


def objects(workload: Workload, toolchain: str, variant: str, target: str) -> list[str]:
    """All of an artifact's, in the order of linking."""
    return [object_path(workload, toolchain, variant, target, source) for source in workload.sources]


def program_flags(workload: Workload, variant: Variant, target: str, source: str) -> list[str]:
    """The variant's flags, and what the workload needs to be the program that it is."""
    cxx = is_cxx(source)
    # A standard is of one language; the other has its default.
    standards = [f"-std={each}" for each in workload.standards if ("++" in each) == cxx]
    found = [*variant.flags, *standards, *(flag for flag in workload.flags if cxx or flag != "-fno-rtti")]
    found += [f"-I{workload.root}/{folder}" for folder in workload.includes]
    if target == WASM:
        found += [f"-D{DEFINES[name]}" for name in workload.libraries if name in DEFINES]
    return found + [_define(name, value, variant) for name, value in workload.defines]


def _define(name: str, value: str | None, variant: Variant) -> str:
    if value is None:
        return f"-D{name}"
    said = " ".join(variant.flags) if variant.text is None else variant.text
    # Within a string of C.
    text = said.replace("\\", "\\\\").replace('"', '\\"')
    return f"-D{name}={value.replace(_FLAGS, text)}"


def compile_object(
    workload: Workload, toolchain: Toolchain, variant: Variant, target: str, source: str
) -> None:
    """Compile one file; where the compiler refuses it, the object file holds the refusal."""
    output = object_path(workload, toolchain.name, variant.name, target, source)
    path = f"{workload.root}/{source}"
    flags_record = json.loads(Path(paths.flags(toolchain.name, variant.name)).read_text("utf-8"))
    refusal = flags_record["refused"].get(target) or next(iter(lacking(workload, toolchain, target)), None)
    if refusal is None:
        with fresh_file(output) as temporary:
            flags = program_flags(workload, variant, target, source)
            command = toolchain.compile(target, flags, path, temporary)
            listed = f"{temporary}.d"
            try:
                outcome = run(toolchain, [*command, "-MD", "-MF", listed])
                raise_if_disturbed(outcome, f"{toolchain.name} {path}")
                if outcome.returncode != 0:
                    refusal = _needed(outcome.stderr, f"{path} does not compile")
                    Path(temporary).touch()
                else:
                    said = Path(listed).read_text("utf-8", "replace")
                    refusal = _stray(workload, toolchain, target, command, said)
            finally:
                Path(listed).unlink(missing_ok=True)
    if refusal is not None:
        write_atomic(output, json.dumps({"refused": refusal}))


def lacking(workload: Workload, toolchain: Toolchain, target: str) -> list[str]:
    """What a workload asks for that a toolchain does not have, and what brings it."""
    if toolchain.missing(target):
        return []  # which says more, and is said of the flags
    found = {name: toolchain.lacks(target, name) for name in workload.libraries}
    return [f"needs {name}: {why}" for name, why in found.items() if why]


def _needed(stderr: str, what: str) -> str:
    """What a program needs that is not here, where that is why; else the compiler's own words."""
    missing = needs(stderr)
    return f"needs {missing}" if missing else f"{what}: {complaint(stderr)}"


def _stray(
    workload: Workload, toolchain: Toolchain, target: str, command: Sequence[str], listed: str
) -> str | None:
    """Why a file may not be included that a compiler says it has read; None where all may be."""
    files = re.split(r"(?<!\\)\s+", listed.replace("\\\n", " ").partition(": ")[2].strip())
    allowed = [f"{workload.root}/", *(() if target == WASM else _SYSTEM)]
    allowed += [f"{os.path.normpath(place)}/" for place in toolchain.places()]
    allowed += [f"{command[at + 1]}/" for at, word in enumerate(command) if word == "-isystem"]
    for file in files:
        path = os.path.normpath(file.replace("\\ ", " ")) if file else f"{workload.root}/"
        if not any(path.startswith(place) for place in allowed):
            return f"includes {path}, which is not in its folder"
    return None


def link(workload: Workload, toolchain: Toolchain, variant: Variant, target: str) -> None:
    """Link the objects to an artifact and record its digest, or why there is none."""
    linked = objects(workload, toolchain.name, variant.name, target)
    output = artifact_path(workload.name, toolchain.name, variant.name, target)
    refusal = next((r for r in map(_refusal, linked) if r), None)
    if refusal is None:
        with fresh_file(output) as temporary:
            libc_dir = paths.libc(toolchain.name, target)
            archives = libraries.archives(toolchain, target, workload.libraries)
            command = toolchain.link(target, linked, libc_dir, temporary, variant.link, archives)
            outcome = run(toolchain, command)
            raise_if_disturbed(outcome, f"{toolchain.name} link of {output}")
            if outcome.returncode != 0:
                refusal = _needed(outcome.stderr, "it does not link")
            elif target == WASM:
                refusal = _stubbed(linked)
            if refusal is None and variant.wasm_opt is not None:
                refusal = _optimise(variant.wasm_opt, temporary)
            Path(temporary).touch()
            os.chmod(temporary, 0o755 if target != WASM else 0o644)
    if refusal is not None:
        write_atomic(output, b"")
    record: dict[str, Any] = {
        "present": refusal is None,
        "reason": refusal,
        "workload": workload.name,
        "toolchain": toolchain.name,
        "variant": variant.name,
        "flags": list(variant.flags),
        "link": list(variant.link),
        "wasm_opt": None if variant.wasm_opt is None else list(variant.wasm_opt),
        "needs": list(variant.needs),
        "features": _features(output) if target == WASM and refusal is None else [],
        "target": toolchain.triple(target) if refusal is None else target,
        "sha256": None if refusal else sha256(output),
        "bytes": None if refusal else os.path.getsize(output),
    }
    write_json(artifact_record(workload.name, toolchain.name, variant.name, target), record)


def _stubbed(objects: Sequence[str]) -> str | None:
    """What a program needs that some C libraries have as functions that only fail; None if it needs none."""
    for path in objects:
        data = Path(path).read_bytes()
        for name in _STUBS:
            # As an import, or in bitcode, which only has names.
            sign = b"\x03env" + bytes([len(name)]) + name if data.startswith(b"\0asm") else name
            if sign in data:
                return f"needs {needs(f'undefined symbol: {name.decode()}')}"
    return None


def _features(path: str) -> list[str]:
    """What the module uses beyond the first release of WebAssembly."""
    from pipeline.wasm.decoder import parse  # tables of opcodes: not for a run that links nothing
    from pipeline.wasm.features import features
    from pipeline.wasm.instructions import WasmError

    try:
        return sorted(features(parse(Path(path).read_bytes())))
    except WasmError as error:
        raise BuildError(f"{path}: the linker wrote what is no module: {error}") from None


def _optimise(flags: Sequence[str], module: str) -> str | None:
    """Let wasm-opt rewrite a module in its place; returns why it does not."""
    outcome = run_to_end(wasm_opt.command(flags, module, f"{module}.opt"), wasm_opt.environment())
    raise_if_disturbed(outcome, "wasm-opt")
    if outcome.returncode != 0:
        return f"wasm-opt refuses the module: {complaint(outcome.stderr)}"
    os.replace(f"{module}.opt", module)
    return None


def _refusal(path: str) -> str | None:
    with open(path, "rb") as stream:
        head = stream.read(4096)
    return str(json.loads(head)["refused"]) if head.startswith(_REFUSAL) else None
