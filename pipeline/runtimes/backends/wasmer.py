"""Wasmer 1.1.0 with its three compilers, in an isolated environment: see docs/backends.md."""

from pipeline.core.model import Backend, Kind, Runtime

RUNTIME = Runtime(
    name="wasmer",
    gives_bench=True,
    worker="wasmer_worker.py",
    packages=(
        "wasmer",
        "wasmer-compiler-cranelift",
        "wasmer-compiler-llvm",
        "wasmer-compiler-singlepass",
    ),
    environment="wasmer-1.1.0",
    # Newest first. On any other version PyPI's package is an empty stub.
    pythons=("3.10", "3.9", "3.8", "3.7"),
    loader_links={"libtinfo.so.5": "lib/python3.*/site-packages/wasmer_compiler_llvm.libs/libtinfo-*.so.5"},
)
BACKENDS = tuple(
    Backend(
        f"wasmer.{compiler}",
        kind,
        RUNTIME,
        options={"compiler": compiler},
        proof={"compiler": compiler, "engine": "universal"},
    )
    for compiler, kind in (
        ("cranelift", Kind.OPTIMIZING),
        ("llvm", Kind.OPTIMIZING),
        ("singlepass", Kind.BASELINE),
    )
)
