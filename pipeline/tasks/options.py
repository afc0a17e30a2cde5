"""What a name=value of the command line means, and which of them a command takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Option:
    """One name=value of the command line."""

    name: str
    value: str  # what stands for the value in a usage line: "PATTERNS"
    meaning: str
    default: str = ""
    needed: bool = False


@dataclass(frozen=True)
class Command:
    """What a task that is asked for by name takes from the command line."""

    #: That this task takes and no other; with a name of a shared option: what it means here.
    options: tuple[Option, ...] = ()
    #: {name of an option of all runs: that of the option of this task that it means here}
    means: Mapping[str, str] = field(default_factory=dict)
    #: {option of this task: the option of all runs that its value is added to}
    adds: Mapping[str, str] = field(default_factory=dict)
    #: Of those that all runs share, the ones that matter here.
    shared: tuple[Option, ...] = ()
    #: Whether it is about all of the project's workloads where none is named.
    all_workloads: bool = False
    #: Whether it can be about a prebuilt module (artifact=).
    prebuilt: bool = True
    #: Whether it only looks at what is there: it does not wait for a run in the same checkout.
    only_reads: bool = False
    #: Raises ProjectError for a plan that it would refuse when it has been built: called before.
    refuse: Callable[[Any], object] | None = None


_DEFAULT = "matrix.toml"
#: What artifacts a run is about.
ARTIFACTS = (
    Option("workload", "NAME", "a workload by its name or its folder", _DEFAULT),
    Option("workloads", "PATTERNS", "several workloads of workloads/, as in '*'", _DEFAULT),
    Option("toolchains", "PATTERNS", "what compiles: zig, clang-19, wasi-sdk-25.0, …", _DEFAULT),
    Option("variants", "PATTERNS", "levels and ready variants, as in 'O2,O3*'", _DEFAULT),
    Option("flags", "FLAGS", "more variants, separated by ';', as in '-O3 -msimd128; O2 -flto'"),
)
#: What a measurement is.
MEASUREMENTS = (
    Option("backends", "PATTERNS", "what runs the modules, as in 'native,wasmtime.*@38.0.0'", _DEFAULT),
    Option(
        "engines",
        "PATTERNS",
        "engines that are built from source, in addition; '*': all that this machine can have",
    ),
    Option("baseline", "BACKEND", "what ratios without a native build are relative to", "the first JIT"),
    Option("artifact", "FILE.wasm", "a prebuilt CoreMark, in place of those built here"),
    Option("module", "FILE.wasm", "any WASI program; several, patterns and folders too"),
    Option("suite", "FOLDER", "modules that import bench.start and bench.end, with inputs and outputs"),
    Option("figure", "startup", "measure how soon a program answers, not how fast it goes on"),
    Option("args", "WORDS", "arguments of module=; {iterations} stands for the amount of work", "none"),
    Option("protocol", "NAME", "how thoroughly: quick, standard, precise", _DEFAULT),
    Option("rounds", "N", "rounds of each cell, and no more; with half_width= at least", "the protocol's"),
    Option(
        "half_width",
        "PERCENT",
        "more rounds until the interval is ± this",
        "the protocol's",
    ),
    Option("budget", "SECONDS", "at most this long for each cell of such a run", "the protocol's"),
)
EVERYTHING = (*ARTIFACTS, *MEASUREMENTS)
