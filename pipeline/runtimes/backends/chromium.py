"""V8, in the user's own Chromium: see docs/backends.md."""

from pipeline.core.model import Backend, Kind, Program, Runtime
from pipeline.runtimes.backends import v8

RUNTIME = Runtime(
    name="chromium",
    gives_bench=True,
    gives_clocks=True,
    worker="browser_worker.py",
    programs=(Program("chromium", ("--version",), "run: apt-get install chromium"),),
    reserved_mib=2048,
)
BACKENDS = tuple(
    Backend(
        f"chromium.{same.name.partition('.')[2]}",
        same.kind,
        RUNTIME,
        options={
            "program": "chromium",
            "engine": "v8",
            "flags": [word for word in same.arguments if "{" not in word],
            **same.options,
        },
        proof=same.proof,
        by_name=True,
    )
    for same in v8.BACKENDS
    if same.kind is not Kind.OPTIMIZING or not same.steady_s
)
