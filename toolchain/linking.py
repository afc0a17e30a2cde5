"""How every toolchain links wasm, so that toolchains differ in their compilers and libraries only.

The linker is called directly: clang's driver would run any wasm-opt that it finds on PATH.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

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


def linked_files(linker: str, names: Sequence[str], cache: str, printed: str) -> dict[str, str]:
    """{name: path in a cache} of files that a linker was given, from its command line as zig prints it."""
    line = next((x for x in reversed(printed.splitlines()) if x.startswith(linker)), "")
    found = {name: re.search(rf"{re.escape(cache)}/o/[0-9a-f]+/{re.escape(name)}", line) for name in names}
    return {name: match[0] for name, match in found.items() if match}
