"""What a worker answers, checked when it arrives: see workers/serve.py."""

from __future__ import annotations

from typing import Any, Literal

import msgspec


class Loaded(msgspec.Struct, frozen=True):
    """A worker's answer to "load": seconds, bytes, version of the main package, evidence."""

    compile_seconds: float | None
    code_bytes: int | None
    version: str | None
    proof: dict[str, Any]
    runtime_seconds: float | None = None  # to load the runtime into the worker


class Returned(msgspec.Struct, frozen=True):
    """What a module with the export ``run`` gave, on the clock that it was given."""

    score: float | None  # iterations per second of its clock; None where it is no number
    clock_ms: float  # between its last two looks at the clock, as it was told
    clock_ns: int  # the same on the host's monotonic clock
    calls: int  # of the clock


class Ran(msgspec.Struct, frozen=True):
    """A worker's answer to "run"."""

    outcome: Literal["exit", "trap"]
    code: int
    message: str
    wall_seconds: float
    stdout: str
    stdout_bytes: int
    cpu_share: float = 1.0  # CPU over wall seconds of the call; 1 where the worker cannot tell
    instantiate_seconds: float | None = None
    peak_rss_bytes: int | None = None
    returned: Returned | None = None
