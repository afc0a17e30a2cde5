"""Check that compiler, linker and wasm-opt accept the flags of a variant, before anything is built."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import msgspec

from pipeline.build import profiles
from pipeline.build.compilers import complaint, settled
from pipeline.core import paths
from pipeline.core.errors import BadInput
from pipeline.core.files import new_folder, write_record
from pipeline.core.processes import run_to_end
from toolchain import wasm_opt
from toolchain.model import NATIVE, TARGETS, WASM, Toolchain, Variant

#: A program that links without a C library, to ask a linker about its flags.
_BARE = "void _start(void) {}\n"
_EMPTY_MODULE = b"\0asm\1\0\0\0"


class FlagRecord(msgspec.Struct, frozen=True):
    """Which targets cannot be built with the flags of a variant, {target: why}."""

    refused: dict[str, str]


def check_flags(
    toolchain: Toolchain, variant: Variant, needed: Sequence[str], where: str, others: bool = False
) -> None:
    """Ask compiler, linker and wasm-opt about a variant, for each target, before anything is built.

    Raises BadInput where a needed wasm module, or all that is needed, is refused; flags that only the
    native compiler refuses (-msimd128) are recorded, and the native cell says so. With ``others``, which
    build the variant too, every refusal is only recorded: compilers know different flags. A toolchain or a
    wasm-opt that is not here is recorded as well. What is recorded does not depend on what is needed,
    so that a filter makes nothing stale.
    """
    missing = {target: toolchain.missing(target) for target in TARGETS}
    if variant.wasm_opt is not None:
        missing[NATIVE] = missing[NATIVE] or "wasm-opt rewrites wasm modules only"
        missing[WASM] = missing[WASM] or wasm_opt.missing()
    doubts = {target: refusal_of(toolchain, variant, target) for target in TARGETS if not missing[target]}
    doubts = {target: why for target, why in doubts.items() if why}
    fatal = [target for target in needed if target in doubts]
    if not others and (WASM in fatal or (fatal and len(fatal) == len(needed))):
        raise BadInput(f"{where}: {doubts[WASM if WASM in fatal else fatal[0]]}")
    refused = {target: why for target, why in {**missing, **doubts}.items() if why}
    record_refusals(toolchain, variant, refused)


def record_refusals(toolchain: Toolchain, variant: Variant, refused: Mapping[str, str]) -> None:
    """Write down which targets cannot be built with the flags of a variant, {target: why}."""
    write_record(paths.flags(toolchain.name, variant.name), FlagRecord(dict(refused)))


def refusal_of(toolchain: Toolchain, variant: Variant, target: str) -> str:
    """Why compiler, linker or wasm-opt refuse their flags; "" if they accept them."""
    with new_folder(paths.BUILD) as folder:
        source, object_, linked = (f"{folder}/{name}" for name in ("bare.c", "bare.o", "linked"))
        Path(source).write_text(_BARE, encoding="utf-8")
        Path(f"{folder}/empty.wasm").write_bytes(_EMPTY_MODULE)
        own = profiles.without(variant.flags)
        compile_ = toolchain.compile(target, own, source, object_)
        link = toolchain.link(target, [object_], None, linked, variant.link)
        asked = [
            ("flags", variant.flags, toolchain.name, toolchain.check(target, own)),
            ("flags", variant.flags, toolchain.name, compile_),
            ("link", variant.link, f"the linker of {toolchain.name}", link),
        ]
        if target == WASM and variant.wasm_opt is not None:
            rewrite = wasm_opt.command(variant.wasm_opt, f"{folder}/empty.wasm", f"{folder}/made.wasm")
            asked.append(("wasm_opt", variant.wasm_opt, "wasm-opt", rewrite))
        for key, flags, who, command in asked:
            environment = toolchain.environment(paths.toolchain_cache(toolchain.name))
            run = partial(run_to_end, command, wasm_opt.environment() if who == "wasm-opt" else environment)
            outcome = settled(run, f"{who} on {key} {shlex.join(flags)!r}")
            # Some doubts ("-O33 is not supported; using -O3 instead") are warnings that -Werror misses.
            if outcome.returncode != 0 or outcome.stderr.strip():
                where = f" for {toolchain.triple(target)}" if key == "flags" else ""
                reason = complaint(outcome.stderr).replace(f"{folder}/", "")
                return f"{key} {shlex.join(flags)!r}: {who} refuses it{where}: {reason}"
    return ""
