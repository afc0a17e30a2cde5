"""The vocabulary: what a backend, a cell, a protocol and a status are. No behaviour, no imports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from toolchain.model import Variant


class Kind(StrEnum):
    """How a backend turns an artifact into running code."""

    NATIVE = "native"
    AOT = "AOT"
    OPTIMIZING = "optimizing JIT"
    BASELINE = "baseline JIT"
    INTERPRETER = "interpreter"
    PROGRAM = "command-line runtime"


class Status(StrEnum):
    """How one round of one cell ended."""

    OK = "ok"
    INVALID = "invalid"  # it ran, but its output or its clock is not to be believed
    TRAP = "trap"  # the guest was stopped by the runtime (or, natively, by a signal)
    TIMEOUT = "timeout"  # the parent killed it
    CRASH = "crash"  # the worker died
    UNAVAILABLE = "unavailable"  # it cannot run here, and the reason says what to do


@dataclass(frozen=True)
class Program:
    """A program that is not from PyPI: a path or a name to look for on PATH, and how to ask its version."""

    command: str
    version: tuple[str, ...] = ("--version",)
    #: What brings it, for those who do not have it.
    remedy: str = ""
    #: What it is given of the user's own: scripts, as absolute paths.
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Runtime:
    """A program that runs artifacts, hosted by one worker script.

    ``packages`` are the PyPI distributions that decide what it does, the first one gives its version; they
    live in the project's own environment, or in the isolated ``environment`` of that name (see
    environment.py). Where ``version`` is set, that environment is of this version of the first package.
    """

    name: str
    worker: str
    packages: tuple[str, ...] = ()
    environment: str | None = None
    pythons: tuple[str, ...] = ()
    #: Files below the environment whose folder must be on the loader's path, as links
    #: {link name: glob below the environment}.
    loader_links: Mapping[str, str] = field(default_factory=dict)
    version: str | None = None
    #: The extra of pyproject.toml that brings its packages; None where they come with the project.
    extra: str | None = None
    #: The program that runs the worker script in place of CPython: its path below the site-packages folder.
    host: str | None = None
    #: Programs on PATH that its workers start; their bytes and what they say of themselves identify it.
    programs: tuple[Program, ...] = ()
    #: Private writable memory that it maps and hardly uses, MiB: its workers may map that much more.
    reserved_mib: int = 0
    #: Whether uv compiles its first package, with the bundled clang.
    compiled: bool = False


@dataclass(frozen=True)
class Backend:
    """A way to run an artifact, named ``runtime.compiler``, or ``runtime.compiler@version``."""

    name: str
    kind: Kind
    runtime: Runtime
    options: Mapping[str, Any] = field(default_factory=dict)
    #: What the worker's proof must say; a round whose proof says otherwise is invalid.
    proof: Mapping[str, Any] = field(default_factory=dict)
    #: Of the program that runs the worker script, before the script.
    arguments: tuple[str, ...] = ()
    #: Of the worker process, beside what all workers get.
    environment: Mapping[str, str] = field(default_factory=dict)
    #: Whether each run is a process of its own, started and compiled within the run.
    forks: bool = False

    @property
    def native(self) -> bool:
        """Whether it runs the native build of a variant instead of its wasm module."""
        return self.kind is Kind.NATIVE


@dataclass(frozen=True)
class Proof:
    """What makes a run of a workload right, beside that it ends well; None where it is not asked."""

    native: bool = True  # the output is that of the native build, for the same arguments
    text: str | None = None  # it is exactly this
    sha256: str | None = None  # or has this digest
    match: str | None = None  # or has a line that this regular expression matches
    iterations: int = 1  # for which text and sha256 hold, and which are validated before anything is measured


@dataclass(frozen=True)
class Figure:
    """Where the time of a run comes from."""

    time: str = "guest"  # of the whole program: by the "guest"'s clock, or from outside, the "host"'s
    match: str | None = None  # or a regular expression whose first group is a time that the program prints
    unit: str = "s"


@dataclass(frozen=True)
class Workload:
    """A program, how it is built and run, and what proves that it ran right: see workloads.py.

    Paths are relative: ``root`` to the project, ``sources``, ``headers`` and ``includes`` to ``root``, where
    compilers find them; ``stdin`` and ``files`` to ``folder``, where workload.toml lies.
    """

    name: str
    title: str
    stresses: str
    note: str | None
    folder: str
    root: str
    sources: tuple[str, ...]  # in the order of linking
    headers: tuple[str, ...]
    includes: tuple[str, ...] = ()
    defines: tuple[tuple[str, str | None], ...] = ()
    flags: tuple[str, ...] = ()
    standards: tuple[str, ...] = ()  # "c99", "c++17": one a language at most
    libraries: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    stdin: str | None = None
    files: tuple[str, ...] = ()
    proof: Proof = Proof()
    figure: Figure = Figure()
    judge: str = "output"  # a module of pipeline/judges
    third_party: str | None = None  # a folder of third_party/ that its sources are obtained in
    run_timeout_s: float | None = None  # in place of the protocol's
    memory_mib: int | None = None  # in place of the protocol's, where it is less

    @property
    def iterates(self) -> bool:
        """Whether the size of a run is an argument."""
        return any(ITERATIONS in argument for argument in self.args)

    @property
    def paths(self) -> list[str]:
        """What is compiled, relative to the project, in the order of linking."""
        return [f"{self.root}/{name}" for name in self.sources]

    @property
    def included(self) -> list[str]:
        """What may be included, relative to the project."""
        return [f"{self.root}/{name}" for name in self.headers]


#: In an argument of a workload, its number of iterations.
ITERATIONS = "{iterations}"

#: In place of a toolchain's name, for modules that somebody else built.
PREBUILT = "prebuilt"


class Interface(StrEnum):
    """How a module that somebody else built is run."""

    COMMAND = "command"  # of WASI
    RUN32 = "run, clock i32"  # an export ``run``, on a clock that is given to it
    RUN64 = "run, clock i64"


@dataclass(frozen=True)
class Prebuilt:
    """A module that somebody else built: what its cells are called, where it lies, what it must be."""

    name: str
    path: str
    sha256: str | None = None


@dataclass(frozen=True)
class Cell:
    """One artifact under one backend.

    Of a module that somebody else built ``toolchain`` is PREBUILT and ``variant`` has its name and no flags.
    """

    workload: Workload
    toolchain: str
    variant: Variant
    backend: Backend

    @property
    def name(self) -> str:
        return f"{self.workload.name}/{self.toolchain}/{self.variant.name}/{self.backend.name}"


@dataclass(frozen=True)
class Protocol:
    """How a cell is measured. Samples are shared by protocols that differ only in when they end:
    ``rounds``, ``half_width_percent`` and ``budget_s``."""

    name: str
    rounds: int  # fresh processes per cell; the least where half_width_percent is set
    pairs: int  # most chunk pairs (cell, reference) per round
    undisturbed: int  # undisturbed pairs after which a round is over
    chunk_ms: float  # aimed length of a chunk, guest clock
    warmup_chunks: int  # full-length chunks that are run and thrown away
    run_timeout_s: float  # for one answer of a worker that runs
    load_timeout_s: float  # for one answer of a worker that compiles
    memory_mib: int  # private writable memory that a worker may have
    seed: int  # of the order in which cells are visited
    #: Rounds are added until half of a cell's interval is at most this, in per cent of its ratio.
    half_width_percent: float | None = None
    #: Or until its rounds have taken this long, s.
    budget_s: float | None = None

    def settings(self) -> dict[str, Any]:
        """What decides a sample: everything but the number of rounds and the order."""
        return {
            "pairs": self.pairs,
            "undisturbed": self.undisturbed,
            "chunk_ms": self.chunk_ms,
            "warmup_chunks": self.warmup_chunks,
            "run_timeout_s": self.run_timeout_s,
            "load_timeout_s": self.load_timeout_s,
            "memory_mib": self.memory_mib,
        }


#: Benchmarks are some 50 kB; more than this is none, and would be read whole.
MOST_MODULE_BYTES = 64 << 20
