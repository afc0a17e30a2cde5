"""Sources of ours that become a part of C libraries which lack them."""

from __future__ import annotations

from toolchain.model import OwnSource

_FLAGS = ("-O2", "-std=gnu17", "-w")

#: Doug Lea's allocator, as wasi-libc has it.
MALLOC = OwnSource(
    "toolchain/libc/malloc.c",
    (*_FLAGS, "-Ithird_party/dlmalloc"),
    ("third_party/dlmalloc/dlmalloc.c",),
)
