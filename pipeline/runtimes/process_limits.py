"""What the system limits a worker process to (ulimit): its guest's limits, and what its runtime needs."""

from __future__ import annotations

import resource

#: Bytes that one file written by a worker may have: a guest's output goes to one.
FILE_LIMIT = 64 * 1024 * 1024
#: What a runtime needs on the stack in addition to its guest, KiB.
_OWN_STACK_KIB = 1024


def process_limits(memory_mib: int, stack_kib: int, output_kib: int) -> list[tuple[int, int]]:
    """(kind, limit) for setrlimit."""
    return [
        _at_most(resource.RLIMIT_CORE, 0),
        _at_most(resource.RLIMIT_FSIZE, max(FILE_LIMIT, 2 * output_kib * 1024)),
        _at_most(resource.RLIMIT_STACK, (stack_kib + _OWN_STACK_KIB) << 10),
        _at_most(resource.RLIMIT_DATA, memory_mib << 20),
    ]


def _at_most(kind: int, wanted: int) -> tuple[int, int]:
    """A limit: the user's own where that is lower, for it cannot be raised."""
    hard = resource.getrlimit(kind)[1]
    return kind, wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
