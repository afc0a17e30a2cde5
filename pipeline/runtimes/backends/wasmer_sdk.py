"""Wasmer 7, from its SDK's PyPI package: see docs/backends.md."""

from pipeline.core.model import Backend, Kind, Runtime

RUNTIME = Runtime(
    name="wasmer-sdk",
    worker="wasmer_sdk_worker.py",
    packages=("wasmer-sdk",),
    extra="wasmer-sdk",
    starts_slowly=True,  # 8 ms
)
BACKENDS = (
    Backend(
        "wasmer-sdk.cranelift",
        Kind.OPTIMIZING,
        RUNTIME,
        proof={"compiler": "cranelift"},
        # Or it starts a thread a processor, and each has a stack that counts as private memory.
        environment={"TOKIO_WORKER_THREADS": "2"},
    ),
)
