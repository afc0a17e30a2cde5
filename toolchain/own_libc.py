"""Sources of ours that become a part of C libraries which lack them."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from toolchain.model import OwnSource

_FLAGS = ("-O2", "-std=gnu17", "-w")

#: Headers of ours for wasm, for those that WASI's C library has not.
HEADERS = "toolchain/libc/include"
#: Functions that WASI lacks and that only fail.
ABSENT_HEADER = "toolchain/libc/absent.h"
_ABSENT_NAME = re.compile(r"^(?:ABSENT\(.*?(?=\w+\(\w)|#define (?=\w+ \d))(\w+)", re.MULTILINE)

#: What -wasm-enable-sjlj calls.
SETJMP_SOURCE = OwnSource("toolchain/libc/setjmp.c", (*_FLAGS, "-mllvm", "-wasm-enable-sjlj"))

#: Doug Lea's allocator, as newlib has it.
MALLOC = OwnSource(
    "toolchain/libc/malloc.c",
    (*_FLAGS, "-Ithird_party/dlmalloc", "-Itoolchain/libc/dlmalloc"),
    ("third_party/dlmalloc/mallocr.c", "toolchain/libc/dlmalloc/mul_overflow.h"),
    "dlmalloc",
)


@cache
def absent_names() -> frozenset[str]:
    """The functions and macros that ABSENT_HEADER has."""
    text = (Path(__file__).parents[1] / ABSENT_HEADER).read_text(encoding="utf-8")
    return frozenset(_ABSENT_NAME.findall(text))
