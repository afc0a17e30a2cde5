"""Whose fault a candidate that fails is: the fewest flags that do it, and what other runtimes make of them.

Clang, wasm-opt and engines have bugs that only rare flags reach. A candidate whose module is refused,
traps, or prints something wrong is reduced to the flags without which it does not fail, one dimension at a
time. Then the module runs under every other runtime that is installed: what fails under all of them was
compiled wrongly; what fails under one is that one's fault.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from pipeline.analyses.tune.candidate_builder import CandidateBuilder
from pipeline.analyses.tune.measure_candidate import cell_label, search_cells
from pipeline.analyses.tune.search_result import Fault, flag_texts
from pipeline.analyses.tune.trial_log import Trial, failure_kind
from pipeline.build.compilers import load_toolchain
from pipeline.core.model import Backend, Cell, Status
from pipeline.experiment.plan import Plan
from pipeline.experiment.search_space import Params, Space, numbered
from pipeline.measure.measure_round import take_sample
from pipeline.measure.sample import Sample
from pipeline.measure.sample_key import MeasurementSpec
from pipeline.runtimes.identity import identify, installed, load_identity
from toolchain.model import Variant

#: Failures of different kinds that are looked into, and the pairs of a round of a module that is right.
_MOST_FAULTS, _PAIRS = 3, 2
#: What a module does wrong; other failures are lacks, which say so.
_WRONG = (Status.INVALID, Status.TRAP, Status.CRASH, Status.TIMEOUT)
#: With these a compiler, or an engine, may change what a program prints.
_UNSAFE = ("-ffast-math", "-Ofast", "-mrelaxed-simd")


@dataclass
class _Others:
    """The backends under which a module fails, where a usual one is right, and under which it is right."""

    fails: list[str] = field(default_factory=list)
    right: list[str] = field(default_factory=list)
    all_asked: bool = True


@dataclass(frozen=True)
class Inquiry:
    """What is needed to look into the failures of a search."""

    plan: Plan
    space: Space
    origin: Params
    builder: CandidateBuilder
    time_left: Callable[[], bool]

    def faults(self, trials: Sequence[Trial]) -> tuple[Fault, ...]:
        """The faults behind the failures of some trials, one of each kind, as long as there is time."""
        kinds: dict[str, list[Trial]] = {}
        for trial in trials:
            if trial.status in _WRONG and trial.module is not None:
                kinds.setdefault(failure_kind(trial), []).append(trial)
        found = []
        for failed in sorted(kinds.values(), key=len, reverse=True)[:_MOST_FAULTS]:
            if self.time_left():
                print(f"looking into: {failed[0].status.value}: {failed[0].reason}", flush=True)
                fault = self._fault(failed)
                found += [fault] if fault is not None else []
        return tuple(found)

    def _fault(self, failed: Sequence[Trial]) -> Fault | None:
        """Of the trial with the fewest flags; None if it does not fail again, or only natively."""
        trial = min(failed, key=lambda t: len(t.flags) + len(t.link) + len(t.wasm_opt or ()))
        cell = self._cell_of(trial)
        if cell is None or cell.backend.native:  # a native program runs under no other runtime
            return None
        point = dict(trial.params)
        sample = first = self._failing(cell, point)
        if first is None:
            return None
        for name in self.space.dimensions:
            less = _without(point, name, self.origin)
            again = self._failing(cell, less) if less != point and self.time_left() else None
            if again is not None and again.status is first.status:
                point, sample = less, again
        assert sample is not None
        variant = self.space.variant(point)
        verdict = self._others(replace(cell, variant=self.builder.candidate(variant).variant))
        return Fault(
            **flag_texts(variant),
            workload=cell.workload.name,
            status=sample.status,
            reason=str(sample.reason),
            trials=len(failed),
            fails_under=(cell.backend.name, *verdict.fails),
            right_under=tuple(verdict.right),
            whose=self._whose(cell, variant, verdict),
        )

    def _cell_of(self, trial: Trial) -> Cell | None:
        """The cell that a trial failed in: its reason begins with that."""
        cells = search_cells(self.plan, Variant("", ()))
        return next((c for c in cells if (trial.reason or "").startswith(f"{cell_label(c)}: ")), None)

    def _failing(self, cell: Cell, point: Params) -> Sample | None:
        """The sample of a point if it fails."""
        built = self.builder.candidate(self.space.variant(point))
        if built.module is None:
            return None
        sample = self._sample(replace(cell, variant=built.variant))
        return sample if sample.status in _WRONG else None

    def _sample(self, cell: Cell) -> Sample:
        """A short round, which is not kept."""
        protocol = replace(self.plan.protocol, pairs=_PAIRS, undisturbed=_PAIRS)
        spec = MeasurementSpec(cell, protocol, self.plan.reference_name)
        return take_sample(spec, spec.read_inputs())

    def _others(self, cell: Cell) -> _Others:
        """How the module fares under the other backends that run the origin's module right."""
        found = _Others()
        usual = self.builder.candidate(self.space.variant(self.origin)).variant
        for backend in self.plan.known.values():
            if backend.native or backend.name == cell.backend.name or not _is_there(backend):
                continue
            if not self.time_left():
                found.all_asked = False
                break
            status = self._sample(replace(cell, backend=backend)).status
            if status is Status.OK:
                found.right.append(backend.name)
            elif status in _WRONG:
                origin = self._sample(replace(cell, backend=backend, variant=usual))
                if origin.status is Status.OK:
                    found.fails.append(backend.name)
        return found

    def _whose(self, cell: Cell, variant: Variant, others: _Others) -> str:
        """In words."""
        own = cell.backend.runtime.name
        fail = {own, *(self.plan.known[name].runtime.name for name in others.fails)}
        right = {self.plan.known[name].runtime.name for name in others.right}
        if any(word in _UNSAFE for word in variant.flags):
            return "the flags: they allow a compiler or an engine to change what a program prints"
        if fail == {own} and right - {own}:
            return f"{own}: other runtimes run the same module right"
        if right:
            return "not decided: runtimes differ about the module"
        if len(fail) == 1:
            why = "no other runtime is installed" if others.all_asked else "there was no time to ask others"
            return f"not decided: {why}"
        if variant.wasm_opt is not None and self._right_without_wasm_opt(cell, variant):
            return "wasm-opt: without it the module is right"
        by = load_toolchain(self.plan.toolchains[0].name)
        return f"the compiler, {by.name} {by.version}: the module fails under {len(fail)} runtimes"

    def _right_without_wasm_opt(self, cell: Cell, variant: Variant) -> bool:
        built = self.builder.candidate(replace(variant, wasm_opt=None))
        return (
            built.module is not None
            and self._sample(replace(cell, variant=built.variant)).status is Status.OK
        )


def _without(point: Params, dimension: str, origin: Params) -> dict[str, str | int]:
    """The point with the origin's choice of one dimension."""
    keys = (dimension, numbered(dimension))
    less = {key: value for key, value in point.items() if key not in keys}
    return less | {key: origin[key] for key in keys if key in origin}


def _is_there(backend: Backend) -> bool:
    """Whether a backend can run something now, without installing or building anything."""
    runtime = backend.runtime
    if (
        backend.by_name
        or runtime.environment is not None
        or runtime.engine is not None
        or not installed(runtime)
    ):
        return False
    try:
        return load_identity(runtime).present
    except (OSError, ValueError):
        identify(runtime)
        return load_identity(runtime).present
