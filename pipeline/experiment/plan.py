"""The plan of one invocation of doit: its cells, and the order in which they are measured."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pipeline.core import paths
from pipeline.core.artifact import BuildSpec
from pipeline.core.model import PREBUILT, Backend, Cell, Prebuilt, Protocol, Workload
from pipeline.experiment.search_space import Tuning
from toolchain.model import NATIVE, TARGETS, WASM, Toolchain, Variant

#: By how much a cell may become slower before ``compare`` reports it.
DEFAULT_THRESHOLD_PERCENT = 2.0
#: Differences that ``ab`` must be sure to be beyond or within, and for how long it measures a program, s.
DEFAULT_UNTIL, DEFAULT_AB_BUDGET_S = "-1%,1%", 60


@dataclass(frozen=True)
class Plan:
    """Everything that matrix.toml and the command line chose, checked."""

    workloads: tuple[Workload, ...]
    toolchains: tuple[Toolchain, ...]
    variants: tuple[Variant, ...]
    backends: tuple[Backend, ...]
    protocol: Protocol
    repeats: int  # of the self-test
    reference: tuple[Toolchain, Variant]
    checkouts: Mapping[str, str]  # of third parties' sources, in place of the pinned packages
    sweep: Sweep | None  # of a sweep over versions of one runtime
    sweeps: tuple[str, ...]  # names of all sweeps in matrix.toml
    known: Mapping[str, Backend]  # also those that were not chosen
    known_toolchains: Mapping[str, Toolchain]
    origins: Mapping[str, str]  # variant -> where its flags were written, for error messages
    tune: Tuning | None = None  # of a search for flags
    prebuilt: tuple[Prebuilt, ...] = ()  # not built here
    bundle: str | None = None  # a file that is to be verified
    baseline: str | None = None  # the backend that ratios without a native build are relative to
    threshold: float = DEFAULT_THRESHOLD_PERCENT  # of a comparison, per cent
    given: Mapping[str, str] = field(default_factory=dict)  # the command line's name=value

    @property
    def reference_name(self) -> tuple[str, str]:
        return self.reference[0].name, self.reference[1].name

    @property
    def sweep_name(self) -> str:
        """The name of a sweep's files; with prebuilt modules a different one."""
        assert self.sweep is not None
        return "-".join([self.sweep.runtime, *(p.name for p in self.prebuilt)])[:80]

    @property
    def search_name(self) -> str:
        """The name of the files of a search for flags."""
        assert self.tune is not None
        goal = self.tune.goal
        objective = goal.wanted.value
        if goal.slowdown is not None:
            objective += f"-{goal.slowdown * 100:g}"
        return paths.search_name(
            [workload.name for workload in self.workloads], [b.name for b in self.backends], objective
        )

    def builders(self) -> list[Toolchain]:
        """All toolchains that build something, that of the reference too."""
        named = {t.name: t for t in (*self.toolchains, self.reference[0])}
        return list(named.values())

    def builds(self, toolchain: Toolchain) -> dict[Variant, list[str]]:
        """What a toolchain must build: {variant: targets}."""
        needed: dict[Variant, list[str]] = {}
        if toolchain.name in {t.name for t in self.toolchains}:
            targets = [NATIVE] if any(b.native for b in self.backends) else []
            targets += [WASM] if any(not b.native for b in self.backends) else []
            needed = {variant: list(targets) for variant in self.variants}
        if toolchain.name == self.reference[0].name:
            targets = needed.setdefault(self.reference[1], [])
            if NATIVE not in targets:
                targets.append(NATIVE)
        return needed

    def artifacts(self) -> list[BuildSpec]:
        """Every artifact that is built."""
        return [
            BuildSpec(workload, toolchain, variant, target)
            for workload in self.workloads
            for toolchain in self.builders()
            for variant, targets in self.builds(toolchain).items()
            for target in targets
            if workload.built and (workload.native or target != NATIVE)
        ]

    def built(self) -> list[BuildSpec]:
        """Those, and the native builds that programs without a native form are paired with."""
        paired = [each for each in self.built_workloads() if each not in self.workloads and each.built]
        return [*self.artifacts(), *(BuildSpec(workload, *self.reference, NATIVE) for workload in paired)]

    def built_workloads(self) -> list[Workload]:
        """The workloads, and those that programs without a native form are paired with."""
        found = {workload.name: workload for workload in self.workloads}
        for workload in self.workloads:
            found.setdefault(workload.paired.name, workload.paired)
        return list(found.values())

    def libraries(self, toolchain: Toolchain) -> list[tuple[str, str]]:
        """(target, library) of all libraries that its artifacts need and it has, without the C library."""
        targets = {target for targets in self.builds(toolchain).values() for target in targets}
        names = dict.fromkeys(name for workload in self.workloads for name in workload.libraries)
        return [
            (target, name)
            for target in TARGETS
            if target in targets and not toolchain.missing(target)
            for name in names
            if toolchain.library(target, name)
        ]

    def cells(self) -> list[Cell]:
        """All cells in the table's order."""
        return [*self.built_cells(), *self.prebuilt_cells()]

    def modules(self) -> list[tuple[Workload, Prebuilt]]:
        """All modules that are not built here, each with the program that it is."""
        own = [(workload, module) for workload in self.workloads for module in workload.modules]
        # With artifact= there is only one workload.
        return [*own, *((self.workloads[0], module) for module in self.prebuilt)]

    def prebuilt_cells(self) -> list[Cell]:
        """The cells of modules that are not built here."""
        others = [backend for backend in self.backends if not backend.native]
        return [
            Cell(workload, PREBUILT, Variant(module.name, ()), backend)
            for workload, module in self.modules()
            for backend in others
        ]

    def built_cells(self) -> list[Cell]:
        """The cells of artifacts that are built here."""
        return [
            Cell(workload, toolchain.name, variant, backend)
            for workload in self.workloads
            for toolchain in self.toolchains
            for variant in self.variants
            for backend in self.backends
            if workload.built and (workload.native or not backend.native)
        ]

    def schedule(self) -> Iterator[tuple[int, Cell]]:
        """(round, cell) in the order of measuring: rounds outermost, cells shuffled in each.

        So a drift of the machine is spread over all cells. The order of a round depends on the
        seed, the round and the cells only.
        """
        for round_ in range(1, self.protocol.rounds + 1):
            cells = self.cells()
            random.Random(f"{self.protocol.seed}/{round_}").shuffle(cells)
            for cell in cells:
                yield round_, cell


@dataclass(frozen=True)
class Sweep:
    """Backends over versions of their package."""

    runtime: str
    backends: tuple[str, ...]
    variants: tuple[str, ...]
    versions: tuple[str, ...]
