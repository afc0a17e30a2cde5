"""What one run of a guest may use: docs/workloads.md has the table."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

#: What a guest may use unless its workload says otherwise: as much stack as a Linux main thread has, here and
#: in WebAssembly.
STACK_KIB = 8192
OUTPUT_KIB = 1024
#: Resident memory of a worker that is not its guest's, unless its runtime says otherwise, MiB: mapped
#: libraries, of a JavaScript engine 100 MiB and more, and memories of past runs that are not yet collected.
OWN_MIB = 250
MOST_OUTPUT_KIB = 64 * 1024
#: Fields of a protocol that are no keys of matrix.toml: only workloads set them.
OF_WORKLOADS = ("stack_kib", "output_kib")


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """[limits] of a workload, where they are not what the protocol says or what is usual."""

    memory_mib: Annotated[int, Meta(ge=64, le=2**20)] | None = None
    stack_kib: Annotated[int, Meta(ge=64, le=2**20)] | None = None
    output_kib: Annotated[int, Meta(ge=1, le=MOST_OUTPUT_KIB)] | None = None
    run_timeout_s: Annotated[float, Meta(ge=0.1, le=600)] | None = None
    load_timeout_s: Annotated[float, Meta(ge=0.1, le=3600)] | None = None
