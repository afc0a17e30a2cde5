"""Compile, link, and record what came out. A program that does not build is a finding, not an end.

A C file that the compiler refuses becomes an object file that holds the refusal as JSON (refusals.py); its
artifact's record then says ``present: false`` with the reason, and its cells are ``unavailable``
while the rest of the matrix runs.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pipeline.build import artifact_inputs, libraries, profiles, refusals, unwinding
from pipeline.build.compilers import complaint, run, settled
from pipeline.build.flag_check import FlagRecord
from pipeline.build.module_facts import ModuleFacts, facts_of
from pipeline.build.program_flags import link_flags, program_flags
from pipeline.build.refusals import Refusal
from pipeline.core import paths
from pipeline.core.artifact import ArtifactRecord, BuildSpec, save_record
from pipeline.core.files import fresh_file, new_folder, read_record, sha256, write_atomic
from pipeline.core.model import Interface, Workload
from pipeline.core.processes import run_to_end
from toolchain import wasm_opt
from toolchain.model import NATIVE, WASM, Toolchain
from toolchain.needs import needs
from toolchain.own_libc import ABSENT_HEADER

#: All errors at a time, not the first twenty.
_ALL_ERRORS = "-ferror-limit=0"
_ALL_LINK_ERRORS = "--error-limit=0"
#: Words for an address above 2 GiB: wasm-ld's, with which it aborts, and those of native linkers.
_TOO_FAR = re.compile(r"outside Varint32 range|relocation R_X86_64_PC32 out of range")
#: Where a native compiler finds headers that no command names.
_SYSTEM = ("/usr/include/", "/usr/lib/", "/usr/local/include/")
#: Functions that only fail in the C library of zig for WASI, so that a program links that cannot work.
_STUBS = (b"pthread_create", b"thrd_create", b"dlopen")


def compile_object(spec: BuildSpec, source: str) -> None:
    """Compile one file; where the compiler refuses it, the object file holds the refusal."""
    workload, toolchain, target = spec.workload, spec.toolchain, spec.target
    refused = read_record(paths.flags(toolchain.name, spec.variant.name), FlagRecord).refused
    why = refused.get(target) or next(iter(missing_libraries(workload, toolchain, target)), None)
    if why is None and profiles.uses(spec.variant):
        absent = refusals.load(profiles.file(workload, toolchain))
        why = None if absent is None else absent.refused
    refusal = Refusal(why) if why is not None else _compile(spec, source)
    if refusal is not None:
        refusals.keep_words(refusals.words_path(spec.object_path(source)), "")
        refusals.save(spec.object_path(source), refusal)


def _compile(spec: BuildSpec, source: str) -> Refusal | None:
    """Make the object of a source, and keep the compiler's warnings; returns why there is none."""
    toolchain, output = spec.toolchain, spec.object_path(source)
    with fresh_file(output) as temporary:
        command = compile_command(spec, source, temporary)
        listed = f"{temporary}.d"
        try:
            listing = [*command, "-MD", "-MF", listed]
            what = f"{toolchain.name} {spec.workload.root}/{source}"
            outcome = settled(lambda: run(toolchain, listing, most_s=spec.most_s), what)
            if outcome.returncode != 0:
                Path(temporary).touch()
                return Refusal(
                    f"{source} does not compile",
                    outcome.stderr,
                    _refused_natively(spec, source, outcome.stderr),
                )
            read_files = Path(listed).read_text("utf-8", "replace")
        except subprocess.TimeoutExpired:
            Path(temporary).touch()
            return Refusal(f"{source} does not compile within {spec.most_s:.0f} s")
        finally:
            Path(listed).unlink(missing_ok=True)
    refusals.keep_words(refusals.words_path(output), outcome.stderr)
    stray = _stray(spec.workload, toolchain, spec.target, command, read_files)
    return Refusal(stray) if stray is not None else None


def compile_command(spec: BuildSpec, source: str, output: str) -> list[str]:
    """The command that compiles one source of a workload."""
    flags = [*profiles.with_profile(spec, program_flags(spec, source)), _ALL_ERRORS]
    path = f"{spec.workload.root}/{source}"
    return spec.toolchain.compile(spec.target, flags, path, output, unwinding.of(spec))


def _refused_natively(spec: BuildSpec, source: str, printed: str) -> bool:
    """Whether a source that seems to need what WASI lacks does not compile natively either."""
    if spec.target != WASM or spec.toolchain.missing(NATIVE) or not needs(printed):
        return False
    if missing_libraries(spec.workload, spec.toolchain, NATIVE):
        return False  # it cannot be asked
    with new_folder(spec.artifact.directory) as folder:
        native = replace(spec, target=NATIVE)
        return run(spec.toolchain, compile_command(native, source, f"{folder}/native.o")).returncode != 0


def missing_libraries(workload: Workload, toolchain: Toolchain, target: str) -> list[str]:
    """The libraries of a workload that a toolchain does not have, and what to install."""
    if toolchain.missing(target):
        return []  # the check of the flags reports that, with more
    reasons = {name: toolchain.lacks(target, name) for name in workload.libraries}
    return [f"needs {name}: {why}" for name, why in reasons.items() if why]


def _stray(
    workload: Workload, toolchain: Toolchain, target: str, command: Sequence[str], listed: str
) -> str | None:
    """Why a file may not be included that a compiler says it has read; None where all may be."""
    files = re.split(r"(?<!\\)\s+", listed.replace("\\\n", " ").partition(": ")[2].strip())
    files = [re.sub(r"\\([ #])", r"\1", file).replace("$$", "$") for file in files]
    allowed = [f"{workload.root}/", *(() if target == WASM else _SYSTEM)]
    allowed += [f"{os.path.normpath(place)}/" for place in toolchain.places()]
    allowed += [f"{command[at + 1]}/" for at, word in enumerate(command) if word == "-isystem"]
    allowed += [ABSENT_HEADER]
    for file in files:
        path = os.path.normpath(file) if file else f"{workload.root}/"
        if not any(path.startswith(place) for place in allowed):
            return f"includes {path}, which is not in its folder"
    return None


def link(spec: BuildSpec) -> None:
    """Link the objects to an artifact and record its digest, or why there is none."""
    variant, target = spec.variant, spec.target
    output = spec.artifact.path
    parts = [*spec.objects, *artifact_inputs.linked(spec.workload, spec.toolchain, target)]
    found = [refusal for refusal in map(refusals.load, parts) if refusal is not None]
    printed = ""
    if not found:
        refusal, printed = _link(spec)
        found = [refusal] if refusal is not None else []
    reason = refusals.explain(spec, found) if found else None
    refusals.keep_log(spec, found, printed)
    if reason is not None:
        write_atomic(output, b"")
    facts = facts_of(Path(output).read_bytes()) if target == WASM and reason is None else None
    record = ArtifactRecord(
        present=reason is None,
        reason=reason,
        workload=spec.workload.name,
        toolchain=spec.toolchain.name,
        variant=variant.name,
        flags=variant.flags,
        link=variant.link,
        wasm_opt=variant.wasm_opt,
        needs=variant.needs,
        features=facts.features if facts else (),
        unrunnable=_unrunnable(facts) if facts else None,
        target=spec.toolchain.triple(target) if reason is None else target,
        sha256=None if reason else sha256(output),
        bytes=None if reason else os.path.getsize(output),
        warnings=() if reason else refusals.warnings(spec, printed),
    )
    save_record(spec.artifact, record)


def _unrunnable(facts: ModuleFacts) -> str | None:
    """Why nothing here runs it: what is built here is timed as a whole."""
    if facts.interface is Interface.BENCH:
        return "it imports bench.start and bench.end, which a module of others has: run it with module=FILE"
    return facts.unrunnable


def link_command(spec: BuildSpec, output: str) -> list[str]:
    """The command that links the objects of a workload, before wasm-opt."""
    toolchain, target = spec.toolchain, spec.target
    libc_dir = paths.libc(toolchain.name, target)
    flags, ways = (*link_flags(spec), _ALL_LINK_ERRORS), unwinding.of(spec)
    archives = libraries.archives(toolchain, target, spec.workload.libraries, ways)
    return toolchain.link(target, spec.objects, libc_dir, output, flags, archives, ways)


def _link(spec: BuildSpec) -> tuple[Refusal | None, str]:
    """Write the artifact; returns why there is none, and what the linker printed."""
    toolchain, variant, target = spec.toolchain, spec.variant, spec.target
    refusal = None
    try:
        unwinding.build_library(toolchain, target, unwinding.of(spec))
    except libraries.NotBuilt as error:
        return Refusal(f"needs C++ exceptions: {error}"), ""
    with fresh_file(spec.artifact.path) as temporary:
        command = link_command(spec, temporary)
        try:
            what = f"{toolchain.name} link of {spec.artifact.path}"
            outcome = settled(lambda: run(toolchain, command, most_s=spec.most_s), what)
        except subprocess.TimeoutExpired:
            Path(temporary).touch()
            return Refusal(f"it does not link within {spec.most_s:.0f} s"), ""
        if outcome.returncode != 0:
            far = _TOO_FAR.search(outcome.stderr)
            what = (
                "has more than 2 GiB of static data, which its linker cannot place"
                if far
                else "it does not link"
            )
            refusal = Refusal(what, outcome.stderr)
        elif target == WASM:
            refusal = _stubbed(spec.objects)
        if refusal is None and variant.wasm_opt is not None:
            refusal = _optimise(variant.wasm_opt, temporary, spec.most_s)
        Path(temporary).touch()
        os.chmod(temporary, 0o755 if target != WASM else 0o644)
    return refusal, outcome.stderr


def _stubbed(objects: Sequence[str]) -> Refusal | None:
    """What a program needs that some C libraries have as functions that only fail; None if it needs none."""
    for path in objects:
        data = Path(path).read_bytes()
        for name in _STUBS:
            # As an import, or in bitcode, which only has names.
            sign = b"\x03env" + bytes([len(name)]) + name if data.startswith(b"\0asm") else name
            if sign in data:
                missing = needs(f"{path}: error: undefined symbol: {name.decode()}")
                return Refusal(f"needs {missing}")
    return None


def _optimise(flags: Sequence[str], module: str, most_s: float | None) -> Refusal | None:
    """Let wasm-opt rewrite a module in its place; returns why it does not."""
    command = wasm_opt.command(flags, module, f"{module}.opt")
    try:
        outcome = settled(lambda: run_to_end(command, wasm_opt.environment(), timeout_s=most_s), "wasm-opt")
    except subprocess.TimeoutExpired:
        return Refusal(f"wasm-opt does not end within {most_s:.0f} s")
    if outcome.returncode != 0:
        return Refusal(f"wasm-opt refuses the module: {complaint(outcome.stderr)}")
    os.replace(f"{module}.opt", module)
    return None
