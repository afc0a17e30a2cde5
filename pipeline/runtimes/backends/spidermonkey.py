"""SpiderMonkey, as the PyPI package PythonMonkey carries it."""

from pipeline.core.model import Backend, Kind, Runtime

RUNTIME = Runtime(
    name="spidermonkey",
    gives_bench=True,
    gives_clocks=True,
    worker="spidermonkey_worker.py",
    packages=("pythonmonkey",),
    extra="spidermonkey",
)
BACKENDS = tuple(
    Backend(
        f"spidermonkey.{name}",
        kind,
        RUNTIME,
        options={"wasm.baseline": int(tier == "baseline"), "wasm.optimizing": int(tier == "optimized")},
        proof={"tier": tier, "mode": mode},
    )
    for name, kind, tier, mode in (
        ("ion", Kind.OPTIMIZING, "optimized", "ion"),
        ("baseline", Kind.BASELINE, "baseline", "baseline"),
    )
)
