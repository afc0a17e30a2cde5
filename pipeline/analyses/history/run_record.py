"""A finished run as history and comparisons see it: what they need of results.json, checked key by key.

A results.json may come from anybody: it is decoded and checked in one step, nothing of it is executed, and
what is shown of it goes through ``plain``.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta, structs

from pipeline.core.errors import BadInput
from pipeline.core.model import Status
from pipeline.core.text import plain

#: Of a results.json that is read; one of 1260 cells and all their comparisons has a third of it.
MOST_BYTES = 64 << 20

Word = Annotated[str, Meta(min_length=1, max_length=400)]
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
#: In UTC and of one length, so that the order of texts is that of times.
Time = Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\+00:00\Z")]
Positive = Annotated[float, Meta(ge=1e-9, le=1e12)]
#: Of intervals, which may be hopeless: stats bounds them at exp(±300).
Bound = Annotated[float, Meta(ge=1e-131, le=1e131)]
Amount = Annotated[float, Meta(ge=0, le=1e12)]
Count = Annotated[int, Meta(ge=0, le=2**62)]
Scalar = Word | int | float | bool | None
#: Of a package or a program: version, digest, what it says of itself.
Part = dict[str, str | None]


class Host(msgspec.Struct, frozen=True, kw_only=True):
    """The machine, see host.describe."""

    fingerprint: Digest
    cpu: str
    microarchitecture: str | None
    cores: int | None
    memory_bytes: Count | None
    os: str | None
    kernel: str
    python: str | None


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """A toolchain."""

    name: Word
    present: bool
    reason: str | None
    version: str | None
    sha256: str | None


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """The native build that ratios are ratios to."""

    toolchain: Word
    variant: Word
    score: Positive | None  # in its workload's unit, undisturbed
    sha256: Digest | None


class Workload(msgspec.Struct, frozen=True, kw_only=True):
    """A program, its sources, and the native build that its ratios are ratios to."""

    name: Word
    unit: Word
    revision: Word | None
    sources_sha256: Digest | None
    reference: Reference


class Numbers(msgspec.Struct, frozen=True, kw_only=True):
    """What a run says of one cell; the numbers are null unless its status is ok. Keys as in README.md."""

    toolchain: Word
    variant: Word
    backend: Word
    status: Status
    reason: str | None
    score: Positive | None
    ratio: Positive | None
    ratio_low: Bound | None
    ratio_high: Bound | None
    log_error: Amount | None
    freedom: Amount | None
    disturbed: bool | None
    rounds: Count | None
    compile_seconds: Amount | None
    code_bytes: Count | None
    wasm_bytes: Count | None
    peak_rss_bytes: Count | None
    wasm_sha256: Digest | None = None
    native_sha256: Digest | None = None
    identity: dict[str, str | dict[str, Part] | None]

    def __post_init__(self) -> None:
        """Raise ValueError where an ok cell lacks a number or its interval does not hold its ratio."""
        if self.status is Status.OK:
            numbers = (self.score, self.ratio_low, self.ratio, self.ratio_high)
            if None in numbers:
                raise ValueError("status ok, but a number is null")
            if not self.ratio_low <= self.ratio <= self.ratio_high:  # type: ignore[operator]
                raise ValueError("ratio does not lie between ratio_low and ratio_high")

    @property
    def ok(self) -> bool:
        return self.status is Status.OK

    @property
    def artifact(self) -> str | None:
        """Digest of what ran; None where nothing could be built."""
        return self.wasm_sha256 or self.native_sha256

    @property
    def version(self) -> str | None:
        """Of the runtime; of the compiler for native code."""
        found = self.identity.get("version")
        return found if isinstance(found, str) else None


class Cell(Numbers, frozen=True, kw_only=True):
    """A cell and its workload's name."""

    workload: Word

    @property
    def name(self) -> str:
        """workload/toolchain/variant/backend."""
        return f"{self.workload}/{self.toolchain}/{self.variant}/{self.backend}"


class Run(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag=2):
    """One results.json."""

    created: Time  # of the newest sample
    host: Host
    protocol: dict[Word, Scalar]
    workloads: tuple[Workload, ...]
    toolchains: tuple[Tool, ...]
    cells: tuple[Cell, ...]

    def __post_init__(self) -> None:
        """Raise ValueError where two cells or workloads have one name, or a cell's workload is missing."""
        if len({cell.name for cell in self.cells}) < len(self.cells):
            raise ValueError("two cells have the same name")
        names = {workload.name for workload in self.workloads}
        if len(names) < len(self.workloads):
            raise ValueError("two workloads have the same name")
        if not {cell.workload for cell in self.cells} <= names:
            raise ValueError("a cell is of a workload that is not in workloads")

    def workload(self, name: str) -> Workload:
        """The workload that a cell names."""
        return next(workload for workload in self.workloads if workload.name == name)

    def same_as(self, other: Run) -> bool:
        """Whether both say the same; of the machine only its fingerprint counts."""
        same_host = self.host.fingerprint == other.host.fingerprint
        return same_host and structs.replace(self, host=other.host) == other


def load(path: str) -> Run:
    """Read a results.json; raises BadInput with one line for anything else."""
    if not os.path.isfile(path):
        raise BadInput(f"{plain(path)}: no such file; expected a results.json, which doit run writes")
    try:
        with open(path, "rb") as stream:
            raw = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise BadInput(f"{plain(path)}: {error.strerror}; expected a results.json that can be read") from None
    return parse(raw, path)


def parse(raw: bytes, where: str) -> Run:
    """The run of a results.json's bytes; raises BadInput."""
    if len(raw) > MOST_BYTES:
        raise BadInput(f"{plain(where)}: larger than {MOST_BYTES >> 20} MiB; expected a results.json")
    try:
        return msgspec.json.decode(raw, type=Run)
    except (ValueError, RecursionError) as error:
        raise BadInput(
            f"{plain(where)}: {plain(str(error))}; expected a results.json of this version, see README.md; "
            "to write one type: doit run report"
        ) from None


def of_results(results: Mapping[str, Any]) -> Run:
    """The run of a results.json's content; raises BadInput."""
    try:
        raw = json.dumps(results, allow_nan=False).encode()
    except (ValueError, TypeError, RecursionError) as error:
        raise BadInput(f"results: {plain(str(error))}; expected the content of a results.json") from None
    return parse(raw, "results")


def finite(number: float) -> float | None:
    """For JSON, which has no infinity."""
    return number if math.isfinite(number) else None
