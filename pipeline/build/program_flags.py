"""The flags of a program: those of its variant, and what workload.toml says of it."""

from __future__ import annotations

from pipeline.core.artifact import BuildSpec
from toolchain.model import ABSENT, DEFINES, WASM, Variant, is_cxx
from toolchain.own_libc import ABSENT_HEADER

#: In a define, the flags of the variant.
_FLAGS = "{flags}"


def program_flags(spec: BuildSpec, source: str) -> list[str]:
    """The flags of the variant and of the workload for one source."""
    workload, cxx = spec.workload, is_cxx(source)
    # A standard belongs to one language; the other has its default.
    standards = [f"-std={each}" for each in workload.standards if ("++" in each) == cxx]
    flags = [*spec.variant.flags, *standards]
    flags += [flag for flag in workload.flags if cxx or flag != "-fno-rtti"]
    flags += workload.include_flags
    if spec.target == WASM:
        flags += [f"-D{DEFINES[name]}" for name in workload.libraries if name in DEFINES]
        flags += ["-include", ABSENT_HEADER] if ABSENT in workload.libraries else []
    return flags + [_define(name, value, spec.variant) for name, value in workload.defines]


def link_flags(spec: BuildSpec) -> tuple[str, ...]:
    """The linker flags of the variant and of the workload. Natively the stack is the kernel's affair."""
    stack_kib = spec.workload.limits.stack_kib
    own = ("-z", f"stack-size={stack_kib * 1024}") if stack_kib and spec.target == WASM else ()
    return (*spec.variant.link, *own)


def _define(name: str, value: str | None, variant: Variant) -> str:
    if value is None:
        return f"-D{name}"
    shown = " ".join(variant.flags) if variant.text is None else variant.text
    # Within a string of C.
    text = shown.replace("\\", "\\\\").replace('"', '\\"')
    return f"-D{name}={value.replace(_FLAGS, text)}"
