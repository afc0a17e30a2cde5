"""Wasmtime, from its PyPI package, in the project's own environment."""

from pipeline.model import Backend, Kind, Runtime

RUNTIME = Runtime(name="wasmtime", worker="wasmtime_worker.py", packages=("wasmtime",))
BACKENDS = (
    Backend(
        "wasmtime.cranelift",
        Kind.OPTIMIZING,
        RUNTIME,
        options={"opt_level": "speed"},
        proof={"compiler": "cranelift", "opt_level": "speed"},
    ),
)
