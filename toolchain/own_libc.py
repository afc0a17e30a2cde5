"""Sources of ours that become a part of C libraries which lack them."""

from __future__ import annotations

from toolchain.model import OwnSource

_FLAGS = ("-O2", "-std=gnu17", "-w")

#: Headers of ours for wasm, for those that WASI's C library has not.
HEADERS = "toolchain/libc/include"
#: Functions that WASI lacks and that only fail, with their names.
ABSENT_HEADER = "toolchain/libc/absent.h"
ABSENT_NAMES = (
    *("system", "popen", "pclose", "fork", "execv", "execvp", "execve", "pipe", "dup", "dup2"),
    *("tmpfile", "tmpnam", "tempnam", "mkstemp", "mkdtemp", "L_tmpnam", "TMP_MAX", "umask", "chmod"),
)

#: What -wasm-enable-sjlj calls.
SETJMP_SOURCE = OwnSource("toolchain/libc/setjmp.c", (*_FLAGS, "-mllvm", "-wasm-enable-sjlj"))

#: Doug Lea's allocator, as newlib has it.
MALLOC = OwnSource(
    "toolchain/libc/malloc.c",
    (*_FLAGS, "-Ithird_party/dlmalloc", "-Itoolchain/libc/dlmalloc"),
    ("third_party/dlmalloc/mallocr.c", "toolchain/libc/dlmalloc/mul_overflow.h"),
    "dlmalloc",
)
