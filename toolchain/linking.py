"""How every toolchain links wasm, so that toolchains differ in their compilers and libraries only.

The linker is called directly: clang's driver would run any wasm-opt that it finds on PATH.
"""

from __future__ import annotations

#: As large as a Linux main thread's stack, so that a program recurses as deep in wasm as natively.
STACK_BYTES = 8 * 1024 * 1024


def wasm_ld() -> list[str]:
    """The command ``wasm-ld`` as far as it is the same everywhere; names are kept, for explain."""
    command = ["wasm-ld", "--entry", "_start", "--stack-first", "-z", f"stack-size={STACK_BYTES}"]
    return [*command, "--strip-debug"]


def native_ld(emulation: str) -> list[str]:
    """The command ``ld.lld`` for a static program: what zig cc itself passes for one with musl."""
    command = ["ld.lld", "-m", emulation, "-static", "-no-pie", "--entry", "_start", "--gc-sections"]
    command += ["--eh-frame-hdr", "-znow", "-z", f"stack-size={STACK_BYTES}", "--build-id=none"]
    return [*command, "--strip-debug"]
