"""Compile, link, and record what came out. A program that does not build is a finding, not an end.

A C file that the compiler refuses becomes an object file that holds the refusal as JSON; its
artifact's record then says ``present: false`` with the reason, and its cells are ``unavailable``
while the rest of the matrix runs.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pipeline import layout
from pipeline.errors import BadInput, BuildError
from pipeline.process import die_with_parent
from pipeline.store import fresh_file, sha256, write_atomic, write_json
from toolchain import wasm_opt
from toolchain.archives import canonical
from toolchain.model import NATIVE, TARGETS, WASM, Identity, Toolchain, ToolchainError, Variant

_PROBE = "int main(void) { return 0; }\n"
#: What is linked without a C library, to ask a linker about its flags.
_BARE = "void _start(void) {}\n"
_EMPTY_MODULE = b"\0asm\1\0\0\0"
_REFUSAL = b'{"refused":'


def suffix(target: str) -> str:
    """The file ending of an artifact for a target."""
    return ".wasm" if target == WASM else ".exe"


def artifact_path(toolchain: str, variant: str, target: str) -> str:
    return f"{layout.artifact_dir(toolchain, variant, target)}/coremark{suffix(target)}"


def artifact_record(toolchain: str, variant: str, target: str) -> str:
    return f"{layout.artifact_dir(toolchain, variant, target)}/artifact.json"


def object_path(toolchain: str, variant: str, target: str, source: str) -> str:
    return f"{layout.artifact_dir(toolchain, variant, target)}/{Path(source).stem}.o"


def _run(toolchain: Toolchain, command: Sequence[str], text: str = "") -> subprocess.CompletedProcess[str]:
    """Run a toolchain's command in its own environment, with a text on standard input."""
    return _start(command, toolchain.environment(layout.toolchain_cache(toolchain.name)), text)


def _start(
    command: Sequence[str], environment: dict[str, str], text: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        input=text,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        env=environment,
        check=False,
        preexec_fn=partial(die_with_parent, os.getpid()),
    )


def _complaint(stderr: str) -> str:
    """The line of a compiler's output that says what is wrong."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower() or "Unknown" in line]
    return (errors or lines or ["no message"])[0]


def identify(toolchain: Toolchain) -> None:
    """Write what the toolchain is, or why it is not here."""
    _write_identity(layout.toolchain_identity(toolchain.name), toolchain.identify())


def identify_wasm_opt() -> None:
    """Write what the pass after linking is, or why it is not here."""
    _write_identity(layout.wasm_opt_identity(), wasm_opt.identify())


def _write_identity(path: str, identity: Identity) -> None:
    record = {
        "name": identity.name,
        "present": identity.present,
        "reason": identity.reason or None,
        "version": identity.version,
        "sha256": identity.digest,
    }
    write_json(path, record)


def check_flags(toolchain: Toolchain, variant: Variant, needed: Sequence[str], where: str) -> None:
    """Ask compiler, linker and wasm-opt about a variant, for each target, before anything is built.

    Raises BadInput where a needed wasm module, or all that is needed, is refused; flags that only the
    native compiler refuses (-msimd128) are recorded, and the native cell says so. A toolchain or a
    wasm-opt that is not here is recorded as well. What is recorded does not depend on what is needed,
    so that a filter makes nothing stale.
    """
    missing = {target: toolchain.missing(target) for target in TARGETS}
    if variant.wasm_opt is not None:
        missing[NATIVE] = missing[NATIVE] or "wasm-opt rewrites wasm modules only"
        missing[WASM] = missing[WASM] or wasm_opt.missing()
    doubts = {target: doubt(toolchain, variant, target) for target in TARGETS if not missing[target]}
    doubts = {target: why for target, why in doubts.items() if why}
    fatal = [target for target in needed if target in doubts]
    if WASM in fatal or (fatal and len(fatal) == len(needed)):
        raise BadInput(f"{where}: {doubts[WASM if WASM in fatal else fatal[0]]}")
    refused = {target: why for target, why in {**missing, **doubts}.items() if why}
    write_json(layout.flags(toolchain.name, variant.name), {"refused": refused})


def doubt(toolchain: Toolchain, variant: Variant, target: str) -> str:
    """What compiler, linker or wasm-opt say against their flags; "" if nothing."""
    with tempfile.TemporaryDirectory(prefix="coremark-wasm-") as folder:
        source, object_, linked = (f"{folder}/{name}" for name in ("bare.c", "bare.o", "linked"))
        Path(source).write_text(_BARE, encoding="utf-8")
        Path(f"{folder}/empty.wasm").write_bytes(_EMPTY_MODULE)
        compile_ = toolchain.compile(target, variant.flags, source, object_)
        link = toolchain.link(target, [object_], None, linked, variant.link)
        asked = [
            ("flags", variant.flags, toolchain.name, toolchain.check(target, variant.flags)),
            ("flags", variant.flags, toolchain.name, compile_),
            ("link", variant.link, f"the linker of {toolchain.name}", link),
        ]
        if target == WASM and variant.wasm_opt is not None:
            rewrite = wasm_opt.command(variant.wasm_opt, f"{folder}/empty.wasm", f"{folder}/made.wasm")
            asked.append(("wasm_opt", variant.wasm_opt, "wasm-opt", rewrite))
        for key, flags, who, command in asked:
            environment = toolchain.environment(layout.toolchain_cache(toolchain.name))
            outcome = _start(command, wasm_opt.environment() if who == "wasm-opt" else environment)
            _raise_if_disturbed(outcome, f"{who} on {key} {shlex.join(flags)!r}")
            # Some doubts ("-O33 is not supported; using -O3 instead") are warnings that -Werror misses.
            if outcome.returncode != 0 or outcome.stderr.strip():
                where = f" for {toolchain.triple(target)}" if key == "flags" else ""
                complaint = _complaint(outcome.stderr).replace(f"{folder}/", "")
                return f"{key} {shlex.join(flags)!r}: {who} refuses it{where}: {complaint}"
    return ""


def libc_probe(target: str) -> tuple[str, str]:
    """Names of the empty program and of what it is linked to, beside the C library's files."""
    return "probe.c", f"probe{suffix(target)}"


def build_libc(toolchain: Toolchain, target: str) -> None:
    """Build the C library that all variants of one target share, by linking an empty program."""
    folder = Path(layout.libc(toolchain.name, target))
    cache = layout.toolchain_cache(toolchain.name)
    Path(cache).mkdir(parents=True, exist_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    probe, program = (folder / name for name in libc_probe(target))
    probe.write_text(_PROBE, encoding="utf-8")
    command = toolchain.libc_probe(target, str(probe), str(program))
    printed = ""
    if command:
        outcome = _run(toolchain, command)
        printed = outcome.stderr + outcome.stdout
        if outcome.returncode != 0:
            raise BuildError(f"{toolchain.name} cannot build libc for {target}: {_complaint(outcome.stderr)}")
    try:
        found = toolchain.libc_found(target, cache, printed)
    except ToolchainError as error:
        raise BuildError(str(error)) from None
    for name, path in found.items():
        write_atomic(folder / name, canonical(Path(path).read_bytes()))


def program_flags(variant: Variant) -> list[str]:
    """The variant's flags, and their text as the string that CoreMark prints (a run rule)."""
    said = " ".join(variant.flags) if variant.text is None else variant.text
    text = said.replace("\\", "\\\\").replace('"', '\\"')
    return [*variant.flags, f'-DFLAGS_STR="{text}"']


def compile_object(toolchain: Toolchain, variant: Variant, target: str, source: str) -> None:
    """Compile one C file; where the compiler refuses it, the object file holds the refusal."""
    output = object_path(toolchain.name, variant.name, target, source)
    flags_record = json.loads(Path(layout.flags(toolchain.name, variant.name)).read_text("utf-8"))
    refusal = flags_record["refused"].get(target)
    if refusal is None:
        with fresh_file(output) as temporary:
            command = toolchain.compile(target, program_flags(variant), source, temporary)
            outcome = _run(toolchain, command)
            _raise_if_disturbed(outcome, f"{toolchain.name} {source}")
            if outcome.returncode != 0:
                refusal = f"{source} does not compile: {_complaint(outcome.stderr)}"
                Path(temporary).touch()
    if refusal is not None:
        write_atomic(output, json.dumps({"refused": refusal}))


def link(toolchain: Toolchain, variant: Variant, target: str, sources: Sequence[str]) -> None:
    """Link the objects to an artifact and record its digest, or why there is none."""
    objects = [object_path(toolchain.name, variant.name, target, s) for s in sources]
    output = artifact_path(toolchain.name, variant.name, target)
    refusal = next((r for r in map(_refusal, objects) if r), None)
    if refusal is None:
        with fresh_file(output) as temporary:
            libc_dir = layout.libc(toolchain.name, target)
            outcome = _run(toolchain, toolchain.link(target, objects, libc_dir, temporary, variant.link))
            _raise_if_disturbed(outcome, f"{toolchain.name} link of {output}")
            if outcome.returncode != 0:
                refusal = f"it does not link: {_complaint(outcome.stderr)}"
            elif variant.wasm_opt is not None:
                refusal = _optimise(variant.wasm_opt, temporary)
            Path(temporary).touch()
            os.chmod(temporary, 0o755 if target != WASM else 0o644)
    if refusal is not None:
        write_atomic(output, b"")
    record: dict[str, Any] = {
        "present": refusal is None,
        "reason": refusal,
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
    write_json(artifact_record(toolchain.name, variant.name, target), record)


def _features(path: str) -> list[str]:
    """What the module uses beyond the first release of WebAssembly."""
    from pipeline.wasm import parse  # tables of opcodes: not for a run that links nothing
    from pipeline.wasm_code import WasmError
    from pipeline.wasm_features import features

    try:
        return sorted(features(parse(Path(path).read_bytes())))
    except WasmError as error:
        raise BuildError(f"{path}: the linker wrote what is no module: {error}") from None


def _optimise(flags: Sequence[str], module: str) -> str | None:
    """Let wasm-opt rewrite a module in its place; returns why it does not."""
    outcome = _start(wasm_opt.command(flags, module, f"{module}.opt"), wasm_opt.environment())
    _raise_if_disturbed(outcome, "wasm-opt")
    if outcome.returncode != 0:
        return f"wasm-opt refuses the module: {_complaint(outcome.stderr)}"
    os.replace(f"{module}.opt", module)
    return None


def _refusal(path: str) -> str | None:
    with open(path, "rb") as stream:
        head = stream.read(4096)
    return str(json.loads(head)["refused"]) if head.startswith(_REFUSAL) else None


#: What compilers print when the machine failed and not the program.
_DISTURBANCES = (
    "No space left",
    "Read-only file system",
    "Disk quota",
    "Too many open files",
    "Cannot allocate memory",
    "out of memory",
    "unable to execute command",
    "due to signal",
    "Permission denied",
)


def _raise_if_disturbed(outcome: subprocess.CompletedProcess[str], what: str) -> None:
    """A full disk or a signal says nothing about the program: stop instead of recording it."""
    text = outcome.stderr
    silent = outcome.returncode != 0 and not text.strip()
    if outcome.returncode < 0 or silent or any(sign in text for sign in _DISTURBANCES):
        raise BuildError(f"{what}: {_complaint(text)} (exit status {outcome.returncode})")
