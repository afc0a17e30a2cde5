"""What a worker answers, checked when it arrives: see workers/serve.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

#: Neither NaN nor infinite, which is what a range is for: no sample could be read again.
Seconds = Annotated[float, Meta(ge=0, le=1e9)]
Share = Annotated[float, Meta(ge=0, lt=1e6)]
Finite = Annotated[float, Meta(ge=-1e300, le=1e300)]
Count = Annotated[int, Meta(ge=0, lt=1 << 53)]
#: Of a proof: no deeper than this, so that every reader can parse it.
Plain = str | int | float | bool | None
Shallow = Plain | list[Plain] | dict[str, Plain]
#: What a worker shows of the compiler that it used, {name: value}.
Evidence = dict[str, Shallow]
#: Bytes, as JSON: it is in every sample and in the report.
_MOST_PROOF = 1 << 16


class Loaded(msgspec.Struct, frozen=True):
    """A worker's answer to "load": seconds, bytes, version of the main package, evidence."""

    compile_seconds: Seconds | None
    code_bytes: Count | None
    version: str | None
    proof: Evidence
    code_sha256: str | None = None  # of the machine code, where the runtime gives it
    runtime_seconds: Seconds | None = None  # to load the runtime into the worker

    def __post_init__(self) -> None:
        """Raises ValueError for a proof that a sample cannot keep as it is."""
        try:
            written = msgspec.json.encode(self.proof)
            kept = msgspec.json.decode(written) if len(written) <= _MOST_PROOF else None
        except (ValueError, msgspec.MsgspecError):
            kept = None
        if kept != self.proof:
            raise ValueError("its proof is too long, or has what JSON has not")


class Returned(msgspec.Struct, frozen=True):
    """What a module with the export ``run`` gave, on the clock that it was given."""

    score: Finite | None  # iterations per second of its clock; None where it is no number
    clock_ms: Finite  # between its last two looks at the clock, of its clock
    clock_ns: Count  # the same on the host's monotonic clock
    calls: Count  # of the clock


class Used(msgspec.Struct, frozen=True):
    """What was used for a run, its start and its end included."""

    cpu_seconds: Seconds
    system_seconds: Seconds  # of these in the kernel


def sum_of(runs: Sequence[Used | None]) -> Used | None:
    """What several runs used; None if one does not say."""
    known = [used for used in runs if used is not None]
    if len(known) < len(runs):
        return None
    return Used(sum(each.cpu_seconds for each in known), sum(each.system_seconds for each in known))


class Ran(msgspec.Struct, frozen=True):
    """A worker's answer to "run"."""

    outcome: Literal["exit", "trap"]
    code: Annotated[int, Meta(ge=-(1 << 31), lt=1 << 32)]
    message: str
    wall_seconds: Seconds
    stdout: str
    stdout_bytes: Count
    stderr: str = ""  # a character a byte, its beginning
    #: Of a trap, where the runtime tells: the guest's functions, each called by the next.
    backtrace: list[str] = []
    cpu_share: Share = 1.0  # CPU over wall seconds of the call; 1 where the worker cannot tell
    instantiate_seconds: Seconds | None = None
    used: Used | None = None
    peak_rss_bytes: Count | None = None
    page_faults: Count | None = None  # of the process that ran the guest, from before it was instantiated
    returned: Returned | None = None
    #: Of a module that says which part of its run is timed: how long that took; None where it did not once.
    bench_seconds: Seconds | None = None
    instructions: Count | None = None  # of wasm, where the module was loaded to count them
    wasi_calls: Count | None = None  # that the guest made; None where the runtime does not count
