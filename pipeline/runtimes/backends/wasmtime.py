"""Wasmtime's ways to run a module, from its PyPI package, in the project's own environment."""

from pipeline.core.model import Backend, Kind, Runtime

RUNTIME = Runtime(name="wasmtime", worker="wasmtime_worker.py", packages=("wasmtime",))


def _cranelift(name: str, opt_level: str) -> Backend:
    options = {"compiler": "cranelift", "opt_level": opt_level}
    return Backend(name, Kind.OPTIMIZING, RUNTIME, options=options, proof={**options, "code": "machine"})


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
    ),
    # Cranelift compiles to the bytecode that Pulley interprets.
    Backend(
        "wasmtime.pulley",
        Kind.INTERPRETER,
        RUNTIME,
        options={"compiler": "cranelift", "opt_level": "speed", "target": "pulley64"},
        proof={"compiler": "cranelift", "opt_level": "speed", "code": "pulley64"},
    ),
)
