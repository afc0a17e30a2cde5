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

from pipeline.build import libraries
from pipeline.build.compilers import complaint, run, settled
from pipeline.build.flag_check import FlagRecord
from pipeline.build.module_facts import facts_of
from pipeline.core import paths
from pipeline.core.artifact import ArtifactRecord, BuildSpec, save_record
from pipeline.core.files import fresh_file, read_record, sha256, write_atomic
from pipeline.core.model import Workload
from pipeline.core.processes import run_to_end
from toolchain import wasm_opt
from toolchain.model import DEFINES, WASM, Toolchain, Variant, is_cxx
from toolchain.needs import needs

_REFUSAL = b'{"refused":'
#: Where a native compiler finds headers that no command names.
_SYSTEM = ("/usr/include/", "/usr/lib/", "/usr/local/include/")
_FLAGS = "{flags}"
#: Functions that only fail in the C library of zig for WASI, so that a program links that cannot work.
_STUBS = (b"pthread_create", b"thrd_create", b"dlopen")


def program_flags(spec: BuildSpec, source: str) -> list[str]:
    """The flags of the variant and of the workload for one source."""
    workload, cxx = spec.workload, is_cxx(source)
    # A standard belongs to one language; the other has its default.
    standards = [f"-std={each}" for each in workload.standards if ("++" in each) == cxx]
    flags = [*spec.variant.flags, *standards]
    flags += [flag for flag in workload.flags if cxx or flag != "-fno-rtti"]
    flags += [f"-I{workload.root}/{folder}" for folder in workload.includes]
    if spec.target == WASM:
        flags += [f"-D{DEFINES[name]}" for name in workload.libraries if name in DEFINES]
    return flags + [_define(name, value, spec.variant) for name, value in workload.defines]


def _define(name: str, value: str | None, variant: Variant) -> str:
    if value is None:
        return f"-D{name}"
    shown = " ".join(variant.flags) if variant.text is None else variant.text
    # Within a string of C.
    text = shown.replace("\\", "\\\\").replace('"', '\\"')
    return f"-D{name}={value.replace(_FLAGS, text)}"


def compile_object(spec: BuildSpec, source: str) -> None:
    """Compile one file; where the compiler refuses it, the object file holds the refusal."""
    workload, toolchain, target = spec.workload, spec.toolchain, spec.target
    output = spec.object_path(source)
    path = f"{workload.root}/{source}"
    refused = read_record(paths.flags(toolchain.name, spec.variant.name), FlagRecord).refused
    refusal = refused.get(target) or next(iter(missing_libraries(workload, toolchain, target)), None)
    if refusal is None:
        with fresh_file(output) as temporary:
            command = toolchain.compile(target, program_flags(spec, source), path, temporary)
            listed = f"{temporary}.d"
            try:
                command_listing = [*command, "-MD", "-MF", listed]
                outcome = settled(lambda: run(toolchain, command_listing), f"{toolchain.name} {path}")
                if outcome.returncode != 0:
                    refusal = _needed(outcome.stderr, f"{path} does not compile")
                    Path(temporary).touch()
                else:
                    read_files = Path(listed).read_text("utf-8", "replace")
                    refusal = _stray(workload, toolchain, target, command, read_files)
            finally:
                Path(listed).unlink(missing_ok=True)
    if refusal is not None:
        write_atomic(output, json.dumps({"refused": refusal}))


def missing_libraries(workload: Workload, toolchain: Toolchain, target: str) -> list[str]:
    """The libraries of a workload that a toolchain does not have, and what to install."""
    if toolchain.missing(target):
        return []  # the check of the flags reports that, with more
    reasons = {name: toolchain.lacks(target, name) for name in workload.libraries}
    return [f"needs {name}: {why}" for name, why in reasons.items() if why]


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


def link(spec: BuildSpec) -> None:
    """Link the objects to an artifact and record its digest, or why there is none."""
    variant, target = spec.variant, spec.target
    output = spec.artifact.path
    refusal = next((r for r in map(_refusal, spec.objects) if r), None) or _link(spec)
    if refusal is not None:
        write_atomic(output, b"")
    found = facts_of(Path(output).read_bytes()) if target == WASM and refusal is None else None
    record = ArtifactRecord(
        present=refusal is None,
        reason=refusal,
        workload=spec.workload.name,
        toolchain=spec.toolchain.name,
        variant=variant.name,
        flags=variant.flags,
        link=variant.link,
        wasm_opt=variant.wasm_opt,
        needs=variant.needs,
        features=found.features if found else (),
        unrunnable=found.unrunnable if found else None,
        target=spec.toolchain.triple(target) if refusal is None else target,
        sha256=None if refusal else sha256(output),
        bytes=None if refusal else os.path.getsize(output),
    )
    save_record(spec.artifact, record)


def _link(spec: BuildSpec) -> str | None:
    """Write the artifact; returns why there is none."""
    toolchain, variant, target = spec.toolchain, spec.variant, spec.target
    refusal = None
    with fresh_file(spec.artifact.path) as temporary:
        libc_dir = paths.libc(toolchain.name, target)
        archives = libraries.archives(toolchain, target, spec.workload.libraries)
        command = toolchain.link(target, spec.objects, libc_dir, temporary, variant.link, archives)
        outcome = settled(lambda: run(toolchain, command), f"{toolchain.name} link of {spec.artifact.path}")
        if outcome.returncode != 0:
            refusal = _needed(outcome.stderr, "it does not link")
        elif target == WASM:
            refusal = _stubbed(spec.objects)
        if refusal is None and variant.wasm_opt is not None:
            refusal = _optimise(variant.wasm_opt, temporary)
        Path(temporary).touch()
        os.chmod(temporary, 0o755 if target != WASM else 0o644)
    return refusal


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


def _optimise(flags: Sequence[str], module: str) -> str | None:
    """Let wasm-opt rewrite a module in its place; returns why it does not."""
    command = wasm_opt.command(flags, module, f"{module}.opt")
    outcome = settled(lambda: run_to_end(command, wasm_opt.environment()), "wasm-opt")
    if outcome.returncode != 0:
        return f"wasm-opt refuses the module: {complaint(outcome.stderr)}"
    os.replace(f"{module}.opt", module)
    return None


def _refusal(path: str) -> str | None:
    with open(path, "rb") as stream:
        head = stream.read(4096)
    return str(json.loads(head)["refused"]) if head.startswith(_REFUSAL) else None
