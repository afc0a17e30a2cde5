"""SpiderMonkey, in the user's own Firefox: see docs/backends.md."""

from pipeline.core.model import Backend, Kind, Program, Runtime

RUNTIME = Runtime(
    name="firefox",
    gives_bench=True,
    gives_clocks=True,
    worker="browser_worker.py",
    programs=(Program("firefox-esr", ("--version",), "run: apt-get install firefox-esr"),),
    reserved_mib=2048,
)
BACKENDS = tuple(
    Backend(
        f"firefox.{name}",
        kind,
        RUNTIME,
        options={
            "program": "firefox-esr",
            "engine": "spidermonkey",
            "prefs": {
                "javascript.options.wasm_optimizingjit": name == "ion",
                "javascript.options.wasm_baselinejit": name == "baseline",
            },
        },
        proof={"tiers": name},
        by_name=True,
    )
    for name, kind in (("ion", Kind.OPTIMIZING), ("baseline", Kind.BASELINE))
)
