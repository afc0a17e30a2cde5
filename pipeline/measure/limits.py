"""The limits of a run: their values for a workload, what does not fit into them, and what to set instead."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pipeline.core import paths
from pipeline.core.files import new_folder
from pipeline.core.limits import Limits
from pipeline.core.model import Backend, Protocol, Workload
from pipeline.wasm import memory

_MIB = 1 << 20
#: The part of its memory from which on it counts as used up.
_FULL = 0.9
#: Most that a module without 64-bit addresses can have.
_MOST_WASM_MIB = 4096
_STACK_WORDS = re.compile(r"call stack|stack (overflow|exhausted|size exceeded)|too much recursion", re.I)
#: What a program also ends with that has written below its stack.
_MAYBE_STACK = re.compile(r"out[- ]of[- ]bounds|memory fault|SIGSEGV|access violation", re.I)
_MEMORY_WORDS = re.compile(r"out of memory|allocat|MiB of memory|MemoryError", re.I)
#: What each key of [limits] costs, by its name.
_COST = {
    "memory_mib": "each of the two workers may then use as much of this machine",
    "stack_kib": "so much memory more in each run",
    "output_kib": "each chunk then prints, and is compared with, so much",
    "run_timeout_s": "a run that hangs is then waited for as long",
    "load_timeout_s": "a compiler that hangs is then waited for as long",
}


def with_workload_limits(workload: Workload, protocol: Protocol) -> Protocol:
    """The protocol with the limits that the workload sets itself."""
    given = {name: value for name in Limits.__struct_fields__ if (value := getattr(workload.limits, name))}
    return replace(protocol, **given)


def remedy(key: str) -> str:
    """What to do about a limit, and what that costs."""
    return f"to allow more, set {key} under [limits] in {paths.WORKLOAD_TOML} ({_COST[key]})"


def beyond_memory(workload: Workload, protocol: Protocol, backend: Backend, path: str) -> str | None:
    """Why an artifact does not fit into a guest's memory; None where it does, or where that is not known."""
    asked, machine = workload.limits.memory_mib, machine_mib()
    if asked is not None and machine is not None and asked > machine:
        return f"memory_mib = {asked} in {paths.WORKLOAD_TOML}: this machine gives a process {machine:,} MiB"
    needed = needed_mib(path)
    if needed is None:
        return None
    if needed > protocol.memory_mib:
        found = f"needs {needed:,} MiB of memory before it runs; a guest gets {protocol.memory_mib:,}"
        return f"{found}; {remedy('memory_mib')}"
    most = backend.runtime.most_memory_mib
    if most is not None and needed > most:
        return f"needs {needed:,} MiB of memory before it runs; {backend.name} has {most:,} at most"
    return None


def needed_mib(path: str) -> int | None:
    """The memory that an artifact has before it runs, MiB; None where that cannot be read."""
    with contextlib.suppress(OSError, ValueError, struct.error):
        data = Path(path).read_bytes()
        size = _elf_bytes(data) if data.startswith(b"\x7fELF") else memory.initial_bytes(data)
        return None if size is None else -(-size // _MIB)
    return None


def _elf_bytes(data: bytes) -> int:
    """What is writable in a 64-bit ELF program, zeros included."""
    (at,) = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    parts = [struct.unpack_from("<IIQQQQQQ", data, at + size * i) for i in range(count)]
    return sum(part[6] for part in parts if part[0] == 1 and part[1] & 2)


def machine_mib() -> int | None:
    """The most memory that a process can have here: of the machine, of its group (cgroup), by ulimit."""
    most = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for kind in (resource.RLIMIT_DATA, resource.RLIMIT_AS):
        most += [limit for limit in resource.getrlimit(kind) if limit != resource.RLIM_INFINITY]
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):
            most.append(int(Path("/sys/fs/cgroup", name).read_text(encoding="ascii")))
    return min(most) // _MIB


@contextlib.contextmanager
def capped(path: str, memory_mib: int) -> Iterator[str]:
    """The path of a module that cannot grow beyond this: its own where it does not grow."""
    data = Path(path).read_bytes()
    limited = memory.limited(data, memory_mib * _MIB) if memory_mib < _MOST_WASM_MIB else data
    if limited == data:
        yield path
        return
    with new_folder(paths.BUILD) as folder:
        copy = os.path.join(folder, os.path.basename(path))
        Path(copy).write_bytes(limited)
        yield copy


def options(protocol: Protocol) -> dict[str, int]:
    """What a worker needs to know when it loads a module."""
    return {
        "memory_mib": protocol.memory_mib,
        "stack_kib": protocol.stack_kib,
        "output_bytes": protocol.output_kib * 1024,
    }


def of_trap(message: str, protocol: Protocol) -> str:
    """What a trap may have to do with a limit, as words to add; "" for nothing."""
    found = f"its stack has {protocol.stack_kib:,} KiB"
    if _STACK_WORDS.search(message):
        return f"; {found}; {remedy('stack_kib')}"
    if _MAYBE_STACK.search(message):
        return f"; if it calls itself deeply: {found}; {remedy('stack_kib')}"
    return of_crash(message, protocol)


def of_crash(message: str, protocol: Protocol) -> str:
    """The same of a worker that died."""
    if _MEMORY_WORDS.search(message):
        return f"; a guest gets {protocol.memory_mib:,} MiB of memory; {remedy('memory_mib')}"
    return f"; its stack has {protocol.stack_kib:,} KiB" if "SIGSEGV" in message else ""


def of_full_memory(used_bytes: int | None, protocol: Protocol) -> str:
    """What a wrong result may have to do with memory that was used up, as words to add; "" for nothing."""
    if used_bytes is None or used_bytes < _FULL * protocol.memory_mib * _MIB:
        return ""
    return f"; it used up its {protocol.memory_mib:,} MiB of memory; {remedy('memory_mib')}"
