"""setjmp and C++ exceptions for wasm, by its exception handling: flags of compiler and linker.

Only for programs that need them, since not every engine has exception handling.
"""

from __future__ import annotations

from collections.abc import Collection

from toolchain.model import SETJMP, THROW
from toolchain.own_libc import HEADERS

#: Since this version of LLVM the compiler calls the functions of setjmp.c.
FIRST = 19
#: And since this one it writes the instructions of WebAssembly 3.0 (try_table), which more engines take.
_STANDARD = 20


def compiler_flags(unwinding: Collection[str], version: int) -> list[str]:
    """What a clang of this version needs for C or C++ that unwinds in these ways."""
    flags = ["-isystem", HEADERS, "-mllvm", "-wasm-enable-sjlj"] if SETJMP in unwinding else []
    if THROW in unwinding:
        flags += ["-fwasm-exceptions"]
    return flags + _encoding(unwinding, version)


def linker_flags(unwinding: Collection[str], version: int) -> list[str]:
    """The same for wasm-ld, which compiles where the objects are bitcode (-flto)."""
    flags = ["-mllvm", "-wasm-enable-sjlj"] if SETJMP in unwinding else []
    flags += ["-mllvm", "-wasm-enable-eh"] if THROW in unwinding else []
    flags += ["-mllvm", "-exception-model=wasm"] if unwinding else []
    return flags + _encoding(unwinding, version)


def _encoding(unwinding: Collection[str], version: int) -> list[str]:
    return ["-mllvm", "-wasm-use-legacy-eh=false"] if unwinding and version >= _STANDARD else []
