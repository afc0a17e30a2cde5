"""libc++ of PyPI's ``ziglang`` wheel: as ``zig c++`` builds it, and for wasm with exceptions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from toolchain.model import NATIVE, WASM

#: Names of libc++'s files in link order; the emulations of wasi-libc are in libc.a.
ARCHIVES = {WASM: ("libc++.a", "libc++abi.a"), NATIVE: ("libc++abi.a", "libc++.a", "libunwind.a")}
#: What ``zig c++`` tells libc++'s headers, so that they are those of the library that it builds.
DEFINES = (
    "_LIBCPP_ABI_VERSION=1",
    "_LIBCPP_ABI_NAMESPACE=__1",
    "_LIBCPP_HAS_MONOTONIC_CLOCK",
    "_LIBCPP_HAS_TERMINAL",
    "_LIBCPP_HAS_MUSL_LIBC=1",
    "_LIBCXXABI_DISABLE_VISIBILITY_ANNOTATIONS",
    "_LIBCPP_DISABLE_VISIBILITY_ANNOTATIONS",
    "_LIBCPP_HAS_VENDOR_AVAILABILITY_ANNOTATIONS=0",
    "_LIBCPP_HAS_RANDOM_DEVICE",
    "_LIBCPP_HAS_LOCALIZATION",
    "_LIBCPP_HAS_UNICODE",
    "_LIBCPP_HAS_WIDE_CHARACTERS",
    "_LIBCPP_HAS_NO_STD_MODULES",
    "_LIBCPP_PSTL_BACKEND_SERIAL",
    "_LIBCPP_HARDENING_MODE=_LIBCPP_HARDENING_MODE_NONE",
    "_LIBCPP_ASSERTION_SEMANTIC_DEFAULT=_LIBCPP_ASSERTION_SEMANTIC_IGNORE",
)
TARGET_DEFINES = {
    WASM: ("_LIBCPP_HAS_THREADS=0", "_LIBCPP_HAS_FILESYSTEM=0"),
    NATIVE: ("_LIBCPP_HAS_THREADS=1", "_LIBCPP_HAS_FILESYSTEM=1", "_LIBCPP_HAS_TIME_ZONE_DATABASE"),
}
#: Of the one with exceptions: natively every one has them.
THROWING_ARCHIVES = {WASM: ("libc++.a",), NATIVE: ()}
#: Sources that need threads, or have a counterpart for exceptions.
_NOT_FOR_WASM = {
    *("atomic", "barrier", "condition_variable", "condition_variable_destructor", "future", "mutex"),
    *("mutex_destructor", "shared_mutex", "thread", "cxa_noexception", "cxa_thread_atexit"),
}
_FLAGS = ("-O2", "-w", "-DNDEBUG", "-fvisibility=hidden")
_CXX_FLAGS = (*_FLAGS, "-std=c++23", "-fvisibility-inlines-hidden", "-D_LIBCPP_BUILDING_LIBRARY")


def throwing_sources(library: Path) -> Iterator[tuple[str, list[str]]]:
    """(source, flags) of all that libc++ with exceptions for wasm consists of, below the wheel's lib."""
    cxx, abi, unwind = library / "libcxx", library / "libcxxabi", library / "libunwind"
    flags = [*_CXX_FLAGS, "-DLIBCXX_BUILDING_LIBCXXABI", "-DLIBC_NAMESPACE=__llvm_libc_common_utils"]
    flags += [f"-I{cxx}/src", f"-I{cxx}/libc"]
    for path in sorted([*cxx.glob("src/*.cpp"), *cxx.glob("src/ryu/*.cpp")]):
        if path.stem not in _NOT_FOR_WASM:
            yield str(path), flags
    flags = [*_CXX_FLAGS, "-D_LIBCXXABI_BUILDING_LIBRARY", "-D_LIBCXXABI_HAS_NO_THREADS"]
    flags += [f"-I{abi}/src", f"-I{cxx}/src", f"-I{unwind}/include"]
    for path in sorted(abi.glob("src/*.cpp")):
        if path.stem not in _NOT_FOR_WASM:
            yield str(path), flags
    flags = [*_FLAGS, "-std=gnu23", "-D_LIBUNWIND_HIDE_SYMBOLS", f"-I{unwind}/include", f"-I{unwind}/src"]
    yield "toolchain/libc/unwind.c", flags
