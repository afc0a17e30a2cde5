"""Wasmtime's ways to run a module, from its PyPI package, in the project's own environment."""

import os
from collections.abc import Sequence
from dataclasses import replace

from pipeline.core.files import sha256
from pipeline.core.model import Backend, Kind, Runtime, Switch

RUNTIME = Runtime(
    name="wasmtime",
    worker="wasmtime_worker.py",
    packages=("wasmtime",),
    gives_bench=True,
    gives_clocks=True,
)

#: Its worker turns them on, by the configuration of the engine; newer releases have most of them on. The
#: library of the package has a switch for stack-switching, but panics where a guest uses it.
_SWITCHES = {
    name: Switch()
    for name in (
        "atomics",
        "custom-page-sizes",
        "exception-handling",
        "function-references",
        "gc",
        "memory64",
        "multimemory",
        "relaxed-simd",
        "tail-call",
        "wide-arithmetic",
    )
}

#: Settings that a backend's name says, or that limits of the guest decide.
_OURS = ("strategy", "target", "cranelift-opt-level", "async-stack-size", "max-wasm-stack")


def with_options(backend: Backend, options: Sequence[str]) -> Backend | None:
    """With settings of its configuration: see workers/wasmtime_host/settings.py. None for other runtimes."""
    if backend.runtime.worker != RUNTIME.worker:
        return None
    for option in options:
        name, equals, _ = option.partition("=")
        if not equals or name.startswith("-"):
            raise ValueError(f"{backend.name}: {option!r}: expected NAME=VALUE, as in signals-based-traps=n")
        if "_" in name:
            raise ValueError(f"{backend.name}: {name}: expected - in place of _")
        if name in _OURS:
            raise ValueError(
                f"{backend.name}: {name} is decided by the backend's name and the limits of a guest"
            )
    settings = dict(option.split("=", 1) for option in options)
    if len(settings) < len(options):
        raise ValueError(f"{backend.name}: {', '.join(options)}: expected each name once")
    return replace(backend, options={**backend.options, "settings": settings})


def _cranelift(name: str, opt_level: str) -> Backend:
    options = {"compiler": "cranelift", "opt_level": opt_level}
    proof = {**options, "code": "machine"}
    return Backend(name, Kind.OPTIMIZING, RUNTIME, options=options, proof=proof, switches=_SWITCHES)


BACKENDS = (
    _cranelift("wasmtime.cranelift", "speed"),
    _cranelift("wasmtime.cranelift-size", "speed_and_size"),
    _cranelift("wasmtime.cranelift-none", "none"),
    Backend(
        "wasmtime.winch",
        Kind.BASELINE,
        RUNTIME,
        options={"compiler": "winch"},
        proof={"compiler": "winch", "code": "machine"},
        switches=_SWITCHES,
    ),
    # Cranelift compiles to the bytecode that Pulley interprets.
    Backend(
        "wasmtime.pulley",
        Kind.INTERPRETER,
        RUNTIME,
        options={"compiler": "cranelift", "opt_level": "speed", "target": "pulley64"},
        proof={"compiler": "cranelift", "opt_level": "speed", "code": "pulley64"},
        switches=_SWITCHES,
    ),
)


def of_file(path: str) -> Backend | None:
    """Cranelift in a library of Wasmtime's C API that the user has built; None for files of other names.

    Its name has the digest: a new build at the same place is a different backend.
    """
    if ".so" not in os.path.basename(path):
        return None
    name = f"libwasmtime-{sha256(path)[:8]}"
    runtime = replace(RUNTIME, name=name, files=(path,))
    return replace(_cranelift(name, "speed"), runtime=runtime, environment={"WASMTIME_LIBRARY": path})
