"""The vocabulary: what a backend, a workload, a cell, a protocol and a status are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from pipeline.core.limits import OF_WORKLOADS, OUTPUT_KIB, OWN_MIB, STACK_KIB, Limits
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


#: Of runtimes that are only commands.
COMMAND_WORKER = "command_worker.py"


@dataclass(frozen=True)
class Program:
    """A program that is not from PyPI: a path or a name to look for on PATH, and how to ask its version."""

    command: str
    #: Arguments that make it print its version; () if nothing does, None if its user named none.
    version: tuple[str, ...] | None = ("--version",)
    #: How to install it.
    remedy: str = ""
    #: Scripts of the user that it is given, as absolute paths.
    files: tuple[str, ...] = ()
    #: Whether it is a runtime of the user's, of which little is known: it finds what is on the user's PATH.
    of_user: bool = False


@dataclass(frozen=True)
class Runtime:
    """A program that runs artifacts, hosted by one worker script, or by a program that is built here.

    ``packages`` are the PyPI distributions that decide what it does, the first one gives its version; they
    are installed in the project's own environment, or in the isolated ``environment`` of that name (see
    runtimes/environments.py). ``version``, if it is set, is the first package's version in that environment.
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
    #: The folder of pipeline/runtimes/engines that its host is built from, in the release ``version``.
    engine: str | None = None
    #: The extra of pyproject.toml that brings its packages; None where they come with the project.
    extra: str | None = None
    #: The program that runs the worker script in place of CPython: its path below the site-packages folder.
    host: str | None = None
    #: Programs on PATH that its workers start; their bytes and what they say of themselves identify it.
    programs: tuple[Program, ...] = ()
    #: Files of the user's that its workers load; their bytes identify it too.
    files: tuple[str, ...] = ()
    #: Private writable memory of its workers in addition to the guest's, MiB: what they need themselves, and
    #: what they map and hardly use.
    reserved_mib: int = 512
    #: How many times a guest's memory its workers may have: a runtime may copy one that grows.
    memory_factor: float = 1.0
    #: Resident memory of its workers that is not their guest's, MiB.
    own_mib: int = OWN_MIB
    #: How many times as large as the guest's its workers' stack is: frames of a baseline compiler are larger
    #: than native ones. What the guest itself puts on its stack is limited by the linker.
    stack_factor: int = 4
    #: More memory it gives to no guest, MiB; None where nothing but the limit of the workload is known.
    most_memory_mib: int | None = None
    #: Whether a run takes it milliseconds to start: how many is asked of a program that only prints a line.
    starts_slowly: bool = False
    #: Whether uv compiles its first package, with the bundled clang.
    compiled: bool = False
    #: Whether its workers give a module bench.start and bench.end: see workers/bench.py.
    gives_bench: bool = False
    #: Whether they can give a WASI command clocks of ours: see workers/clock.py.
    gives_clocks: bool = False


@dataclass(frozen=True)
class Switch:
    """What turns on a feature of WebAssembly in a runtime that has it but does not offer it unasked."""

    #: Of the program that runs the worker script, before the script.
    arguments: tuple[str, ...] = ()
    #: Of the worker process.
    environment: Mapping[str, str] = field(default_factory=dict)


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
    #: Of the worker process, in addition to what all workers get.
    environment: Mapping[str, str] = field(default_factory=dict)
    #: Whether each run is a process of its own, started and compiled within the run.
    forks: bool = False
    #: For how long the speed of a guest must not rise before its chunks count, s, in a runtime that compiles
    #: while it runs; 0: it compiles before. See stats/steady.py.
    steady_s: float = 0.0
    #: {feature: its switch}: only for modules that use the feature, for it may change the code of others.
    switches: Mapping[str, Switch] = field(default_factory=dict)
    #: Whether a run takes it only if a name or a pattern asks for it, and not because it is installed.
    by_name: bool = False
    #: Of its engine, in addition to what makes it this backend: its name has them too.
    engine_options: tuple[str, ...] = ()

    @property
    def is_command(self) -> bool:
        """Whether it is only a command line, of which only output and exit status are seen."""
        return self.runtime.worker == COMMAND_WORKER

    @property
    def native(self) -> bool:
        """Whether it runs the native build of a variant instead of its wasm module."""
        return self.kind is Kind.NATIVE

    def with_features(self, used: Iterable[str]) -> Backend:
        """The same, with those features turned on that a module uses; its worker gets their names too."""
        on = sorted(set(used) & self.switches.keys())
        if not on:
            return self
        switches = [self.switches[feature] for feature in on]
        arguments = [word for switch in switches for word in switch.arguments]
        environment = {name: value for switch in switches for name, value in switch.environment.items()}
        return replace(
            self,
            options={**self.options, "features": on},
            arguments=(*self.arguments, *dict.fromkeys(arguments)),
            environment={**self.environment, **environment},
        )


#: A regular expression of a workload: workload_toml.py checks that it is one.
Pattern = Annotated[
    str, Meta(min_length=1, max_length=500, description="a regular expression of at most 500 characters")
]


class Proof(Struct, frozen=True, forbid_unknown_fields=True):
    """What makes a run of a workload right, in addition to a normal end; None where it is not asked."""

    native: bool = True  # the output equals that of the native build, for the same arguments
    text: str | None = None  # the output is exactly this
    sha256: str | None = None  # or has this digest
    match: Pattern | None = None  # or has a line that this regular expression matches
    #: Iterations for which text and sha256 hold; a run of so many is validated before anything is measured.
    iterations: Annotated[int, Meta(ge=1, le=2**31 - 1)] = 1
    #: The exit status of a right run. Runtimes take one of 126 and more for a trap.
    status: Annotated[int, Meta(ge=0, le=125)] = 0
    #: Lines that one of these matches are left out of the output, natively too, before it is checked.
    ignore: Annotated[
        tuple[Pattern, ...], Meta(max_length=20, description="a list of at most 20 regular expressions")
    ] = ()


class Figure(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the time of a run comes from."""

    #: Of the whole program by the guest's or by the host's clock; or of loading it and running it once.
    time: Literal["guest", "host", "startup"] = "guest"
    match: Pattern | None = None  # or the first group of this: a time that the program prints
    unit: Literal["s", "ms", "us", "ns"] = "s"
    case: str | None = None  # the case that is timed; None: all of them, one after the other


@dataclass(frozen=True)
class Prebuilt:
    """A module that is not built here: the name of its cells, its path, the digest that it must have."""

    name: str
    path: str
    sha256: str | None = None


@dataclass(frozen=True)
class Case:
    """One way to run a workload: what it is given, and what proves that run."""

    name: str
    args: tuple[str, ...]
    stdin: str | None  # relative to the folder of workload.toml
    proof: Proof
    own_stdin: bool = False  # whether that is not the workload's


@dataclass(frozen=True)
class Workload:
    """A program, how it is built and run, and what proves that it ran right: see workload_toml.py.

    Paths are relative: ``root`` to the project, ``sources``, ``headers`` and ``includes`` to ``root``, where
    compilers find them; ``stdin`` and ``files`` to ``folder``, the folder of workload.toml.
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
    env: tuple[tuple[str, str], ...] = ()  # (name, value): all of its environment
    proof: Proof = field(default_factory=Proof)
    figure: Figure = field(default_factory=Figure)
    cases: tuple[Case, ...] = ()  # where it is run in more than one way: then the ways
    validator: str = "output"  # see pipeline/workloads/validators
    third_party: str | None = None  # a folder of third_party/ that its sources are obtained in
    limits: Limits = field(default_factory=Limits)
    #: Of a program without a native form: what its chunks are paired with; None: its own native build.
    yardstick: Workload | None = None
    #: Of a program that is not built here: its modules, each a column of the table.
    modules: tuple[Prebuilt, ...] = ()
    #: And its native executable, if there is one: a path.
    executable: str | None = None

    @property
    def native(self) -> bool:
        """Whether there is a native form of it, which its ratios are relative to."""
        return self.yardstick is None

    @property
    def built(self) -> bool:
        """Whether its artifacts are built here, from sources."""
        return not self.modules

    @property
    def paired(self) -> Workload:
        """The workload whose native build its chunks are paired with."""
        return self.yardstick or self

    @property
    def iterates(self) -> bool:
        """Whether the size of a run is an argument."""
        timed = self.timed_cases[0].args if self.cases else self.args
        return any(ITERATIONS in argument for argument in timed)

    @property
    def timed_cases(self) -> tuple[Case, ...]:
        """The cases that a chunk runs, one after the other."""
        return tuple(case for case in self.cases if self.figure.case in (None, case.name))

    @property
    def include_flags(self) -> list[str]:
        """Where a compiler looks for headers: in ``includes``, or else in the folders of the sources.

        The latter after the system's own for ``<…>``: a program may have a "time.h" of its own.
        """
        if self.includes or self.third_party is not None:
            return [f"-I{self.root}/{folder}" for folder in self.includes]
        own = [f"{self.root}/{folder}" for folder in source_folders(self.sources)]
        return [word for flag in ("-iquote", "-idirafter") for folder in own for word in (flag, folder)]

    @property
    def paths(self) -> list[str]:
        """What is compiled, relative to the project, in the order of linking."""
        return [f"{self.root}/{name}" for name in self.sources]

    @property
    def included(self) -> list[str]:
        """What may be included, relative to the project."""
        return [f"{self.root}/{name}" for name in self.headers]


def source_folders(sources: Sequence[str]) -> list[str]:
    """The folders that sources are in, each once: "." for the top."""
    return list(dict.fromkeys(source.rpartition("/")[0] or "." for source in sources))


#: In an argument of a workload, its number of iterations.
ITERATIONS = "{iterations}"

#: In place of a toolchain's name, for modules that are not built here.
PREBUILT = "prebuilt"
#: In place of a variant's name, for the only module of a program.
ONLY_MODULE = "module"
#: In place of a variant's name, for a native executable that is not built here.
EXECUTABLE = "executable"


class Interface(StrEnum):
    """How a prebuilt module is run."""

    COMMAND = "command"  # of WASI
    BENCH = "command, timed from bench.start to bench.end"  # which it imports and calls
    RUN32 = "run, clock i32"  # an export ``run``, on a clock that is given to it
    RUN64 = "run, clock i64"
    NONE = "no interface that is known here"


@dataclass(frozen=True)
class Cell:
    """One artifact under one backend.

    Of a prebuilt module ``toolchain`` is PREBUILT and ``variant`` has its name and no flags.
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
    ``rounds``, ``half_width_percent``, ``most_rounds`` and ``budget_s``."""

    name: str
    #: Fresh processes per cell; the least where half_width_percent is set.
    rounds: Annotated[int, Meta(ge=1, le=1000)]
    pairs: Annotated[int, Meta(ge=1, le=10_000)]  # most chunk pairs (cell, reference) per round
    undisturbed: Annotated[int, Meta(ge=1, le=10_000)]  # undisturbed pairs after which a round is over
    chunk_ms: Annotated[float, Meta(ge=1, le=60_000)]  # aimed length of a chunk, guest clock
    #: Full-length chunks that are run and thrown away.
    warmup_chunks: Annotated[int, Meta(ge=1, le=1000)]
    run_timeout_s: Annotated[float, Meta(ge=0.1, le=86_400)]  # for one answer of a worker that runs
    load_timeout_s: Annotated[float, Meta(ge=0.1, le=86_400)]  # for one answer of a worker that compiles
    memory_mib: Annotated[int, Meta(ge=64, le=2**20)]  # that a guest may have: its linear memory, or all
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)]  # of the order in which cells are visited
    #: Rounds are added until half of a cell's interval is at most this, in per cent of its ratio.
    half_width_percent: Annotated[float, Meta(ge=0.01, le=100)] | None = None
    #: Or until it has this many rounds; a cell without two undisturbed ones gets twice as many.
    most_rounds: Annotated[int, Meta(ge=1, le=1000)] | None = None
    #: Or until its rounds have taken this long, s.
    budget_s: Annotated[float, Meta(ge=1, le=10**6)] | None = None
    #: Only a workload has others: see Limits.
    stack_kib: int = STACK_KIB
    output_kib: int = OUTPUT_KIB

    @property
    def usual_rounds(self) -> int:
        """Rounds of a cell where each has the same number: of a search, of a self-test."""
        return self.most_rounds or self.rounds

    def recorded(self) -> dict[str, Any]:
        """All of it but what only workloads set."""
        return {name: value for name, value in asdict(self).items() if name not in OF_WORKLOADS}

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
