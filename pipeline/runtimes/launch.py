"""Starting a worker of a runtime."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence

from pipeline.core import paths
from pipeline.core.errors import WorkerError
from pipeline.core.limits import STACK_KIB
from pipeline.core.model import Backend, Protocol, Runtime
from pipeline.runtimes.engines import provision
from pipeline.runtimes.environments import loader_folder
from pipeline.runtimes.identity import found_programs, site_of
from pipeline.runtimes.packages import find
from pipeline.runtimes.worker_process import Worker

#: That a runtime starts with stacks of the process's size.
_THREADS = 8
#: Of a heap that the guest's memory is in, MiB in addition to it: the engine's own objects, and garbage.
_HEAP_MIB = 128


def start(backend: Backend, protocol: Protocol) -> Worker:
    """The worker process of a backend, under its own host program, with nothing of our environment."""
    runtime = backend.runtime
    of_user = any(program.of_user for program in runtime.programs)
    folders = dict.fromkeys(
        [
            *(os.path.dirname(p) for p in found_programs(runtime)),
            *(os.get_exec_path() if of_user else ()),
            *("/usr/bin", "/bin"),
        ]
    )
    environment = {"PATH": ":".join(folders), "LC_ALL": "C.UTF-8", "TZ": "UTC", **backend.environment}
    host: str | None = sys.executable
    if runtime.environment is not None:
        folder = (paths.ROOT / paths.environment(runtime.environment)).absolute()
        host = str(paths.python_of(folder))
        if runtime.loader_links:
            environment["LD_LIBRARY_PATH"] = str(loader_folder(folder))
    # -B: no bytecode files next to the workers; -s: nothing from the user's own packages.
    arguments = ["-B", "-s"]
    if runtime.host is not None:
        host, arguments = hosted_by(runtime), []
        if host is None:
            raise WorkerError(f"{runtime.name}: {runtime.host} is gone; run: doit run runtime")
    stack_kib = protocol.stack_kib * runtime.stack_factor
    # What it may have of memory in addition to the guest's.
    copies_mib = round((runtime.memory_factor - 1) * protocol.memory_mib)
    values = {
        "{stack_kib}": str(stack_kib),
        "{stack_bytes}": str(stack_kib << 10),
        "{heap_mib}": str(protocol.memory_mib + copies_mib + _HEAP_MIB),
    }
    if runtime.engine is not None:
        argv = _built(runtime, backend.arguments)
    else:
        argv = [str(host), *arguments, *backend.arguments, str(paths.ROOT / paths.worker(runtime.worker))]
    # Threads of a runtime have stacks as large as the process's.
    more_mib = _THREADS * max(0, stack_kib - STACK_KIB * runtime.stack_factor) >> 10
    return Worker(
        [filled(word, values) for word in argv],
        {name: filled(text, values) for name, text in environment.items()},
        memory_mib=protocol.memory_mib,
        reserved_mib=runtime.reserved_mib + more_mib + copies_mib,
        own_mib=runtime.own_mib + copies_mib,
        stack_kib=stack_kib,
        output_kib=protocol.output_kib,
    )


def _built(runtime: Runtime, arguments: Sequence[str]) -> list[str]:
    """The command line of a host that is built on this machine, with a backend's arguments."""
    found = provision.command(runtime, arguments)
    if found is None:
        raise WorkerError(f"{runtime.name}: its host is gone; run: {provision.how_to_build(runtime)}")
    return found


def filled(text: str, values: Mapping[str, str]) -> str:
    """An argument of a backend with the limits that it names."""
    for name, value in values.items():
        text = text.replace(name, value)
    return text


def hosted_by(runtime: Runtime) -> str | None:
    """The program in its first package that runs its worker script."""
    assert runtime.host is not None
    site = site_of(runtime)
    distribution = find(runtime.packages[0], None if site is None else str((paths.ROOT / site).absolute()))
    if distribution is None:
        return None
    path = distribution.locate_file(runtime.host)
    return str(path) if os.path.exists(str(path)) else None
