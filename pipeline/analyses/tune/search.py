"""The search for the flags with the highest score: ``doit run tune backend=wasmtime.cranelift budget=300``.

Every candidate is built and validated as any variant is, and measured in rounds as any cell is. proposer.py
decides what is tried next, racing.py which candidate gets more than one round. The trial log is written after
every trial, so that the next run continues. confirmation.py measures the best again, together with O2 and O3,
in rounds that chose nothing; outcome.py compares them.
"""

from __future__ import annotations

import math
import time

from pipeline.analyses.tune import confirmation, racing, result_text, trial_log
from pipeline.analyses.tune.candidate_builder import CandidateBuilder
from pipeline.analyses.tune.measure_candidate import CandidateRounds, measure_candidate
from pipeline.analyses.tune.outcome import Comparison, compare_finalists
from pipeline.analyses.tune.proposer import Proposer, starts
from pipeline.analyses.tune.search_result import SearchResult, ToolchainResult
from pipeline.analyses.tune.time_budget import TimeBudget
from pipeline.analyses.tune.trial_log import Final, Trial
from pipeline.build.compilers import load_toolchain
from pipeline.core import hints, host, paths
from pipeline.core.errors import BadInput, ProjectError
from pipeline.core.files import digest_of, write_atomic, write_record
from pipeline.core.model import Status
from pipeline.experiment.plan import Plan
from pipeline.experiment.search_space import Params, Tuning
from pipeline.measure.sample_key import MeasurementSpec
from pipeline.runtimes.identity import load_identity
from toolchain.model import NATIVE, WASM, Variant


def tune(plan: Plan) -> None:
    """Search, confirm, write and print; raises ProjectError where nothing can be measured."""
    if plan.tune is None:
        again = hints.command(
            "tune", given=plan.given, without=("backends",), backend="wasmtime.cranelift", budget="300"
        )
        raise BadInput(f"for which backend? Run e.g.: {again}")
    search = Search(plan, plan.tune)
    result = search.run()
    text = result_text.render(result)
    write_record(paths.tuned(search.name, "json"), result)
    write_atomic(paths.tuned(search.name, "txt"), text)
    print(text, end="", flush=True)


class Search:
    """One search: its plan, its trial log, and how much of its time is left."""

    def __init__(self, plan: Plan, tuning: Tuning) -> None:
        began = time.monotonic()
        self._plan, self._tuning = plan, tuning
        self.name = paths.search_name([backend.name for backend in plan.backends])
        targets = [NATIVE if backend.native else WASM for backend in plan.backends]
        self._check_presence(targets)
        self._builder = CandidateBuilder(plan.workloads[0], plan.toolchains[0], targets)
        self._space, self._refused = self._builder.without_refused(tuning.space)
        for dimension, choices in self._refused.items():
            for label, why in choices.items():
                print(f"left out of {dimension}: {label}: {why}", flush=True)
        self._to_beat = self._space.find(tuning.baselines[-1])
        self._log = trial_log.load(self.name, self._key())
        variants = len(tuning.baselines) + 1
        self._time = TimeBudget(tuning.budget_s, self._log, len(plan.backends), variants, began)

    def _check_presence(self, targets: list[str]) -> None:
        reasons = [self._plan.toolchains[0].missing(target) for target in targets]
        identities = [(b.name, load_identity(b.runtime)) for b in self._plan.backends]
        reasons += [f"{name}: {identity.reason}" for name, identity in identities if not identity.present]
        missing = next((reason for reason in reasons if reason), None)
        if missing is not None:
            raise ProjectError(f"nothing can be searched: {missing}")

    def _key(self) -> str:
        """Digest of all that results depend on. Not of the budget: with a larger one the search continues."""
        cells = self._plan.cells()  # of the baselines, which stand for everything but flags
        specs = [MeasurementSpec(cell, self._plan.protocol, self._plan.reference_name) for cell in cells]
        keys = [spec.read_inputs().digest for spec in specs]
        return digest_of({"cells": keys, "basis": self._builder.basis, "space": self._space.described()})

    def _save(self) -> None:
        self._log.spent_s = round(self._time.spent(), 3)
        trial_log.save(self.name, self._log)

    # -- the search

    def run(self) -> SearchResult:
        """Continue where the last run ended; returns what report/tune-NAME.json holds."""
        finals = self._log.finals
        if not finals or finals[-1].budget_s < self._tuning.budget_s:
            self._search()
            finals.append(self._begin_final())
            self._save()
        final = finals[-1]
        if final.result is None:
            comparison = self._confirm(final)
            self._save()  # what was spent is part of the result
            final.result = self._result(final, comparison)
            trial_log.save(self.name, self._log)
        return final.result

    def _search(self) -> None:
        tuning, trials = self._tuning, self._log.trials
        # The baselines come first: the others race against them.
        first = starts(self._space, [*reversed(tuning.baselines), *tuning.start])
        proposer = Proposer(self._space, first, self._plan.protocol.seed + len(trials))
        for trial in trials:
            proposer.learn(trial.params, self._value(trial))
        while len(trials) < min(len(first), len(tuning.baselines)) or self._time_left():
            best = self._best_module()
            point = proposer.propose(self._log.first_trial(best).params if best else None)
            if point is None:
                print("nothing new is left to try", flush=True)
                return
            trial = self._try(point)
            if point == self._to_beat and trial.status is not Status.OK:
                name = tuning.baselines[-1].name
                raise ProjectError(f"nothing can be searched: {name}: {trial.status.value}: {trial.reason}")
            trials.append(trial)
            self._save()
            proposer.learn(point, self._value(trial))
            self._show()

    def _time_left(self) -> bool:
        best = self._best_module()
        parts = self._space.choose(self._log.first_trial(best).params) if best else []
        return self._time.left() > self._time.reserve(sum(bool(part.name) for part in parts))

    def _best_module(self) -> str | None:
        measured = self._log.rounds_by_module()
        return racing.best(measured, racing.spread(measured.values()))

    def _value(self, trial: Trial) -> float | None:
        """Mean log ratio to native of a trial's module; None where it has none."""
        if trial.module is None or trial.status is not Status.OK:
            return None
        return racing.mean(self._log.rounds_by_module()[trial.module])

    def _try(self, point: Params) -> Trial:
        """Build a point, and measure its module unless an earlier point gave the same."""
        began = time.monotonic()
        variant = self._space.variant(point)
        built = self._builder.candidate(variant)
        build_seconds = round(time.monotonic() - began, 3)
        same = next((t for t in self._log.trials if t.module and t.module == built.module), None)
        if same is not None:
            measured = CandidateRounds(same.status, same.reason or "")
        elif built.module is not None:
            measured = self._measure(built.variant)
        else:
            measured = CandidateRounds(Status.UNAVAILABLE, built.reason)
        return Trial(
            params=dict(point),
            flags=variant.flags,
            link=variant.link,
            wasm_opt=variant.wasm_opt,
            needs=variant.needs,
            status=measured.status,
            reason=measured.reason or None,
            module=built.module,
            rounds=measured.rounds,
            build_seconds=build_seconds,
            seconds=round(time.monotonic() - began, 3),
        )

    def _measure(self, variant: Variant) -> CandidateRounds:
        by_module, best = self._log.rounds_by_module(), self._best_module()
        best_rounds = by_module[best] if best else []
        sd = racing.spread(by_module.values())
        return measure_candidate(self._plan, variant, best_rounds, sd, self._time_left)

    def _show(self) -> None:
        trials, best, base = self._log.trials, self._best_module(), self._tuning.baselines[-1]
        state = "nothing measured yet"
        if best is not None:
            value = racing.mean(self._log.rounds_by_module()[best])
            assert value is not None
            state = f"best {math.exp(value):.3f} of native"
            base_value = self._value(trials[0]) if trials[0].params == self._to_beat else None
            if base_value is not None:
                state += f", {math.expm1(value - base_value):+.1%} compared with {base.name}"
        print(f"trial {len(trials)}, {max(0.0, self._time.left()):.0f} s left: {state}", flush=True)

    # -- the confirmation

    def _begin_final(self) -> Final:
        best = self._best_module()
        if best is None:
            reasons = [f"{number} times {reason}" for reason, number in self._log.failures().items()]
            if unsure := len(self._log.rounds_by_module()):
                busy = "no round of it was undisturbed; end what else runs, or give a larger budget=…"
                reasons.append(f"{unsure} times {busy}")
            raise ProjectError(f"no candidate could be measured: {'; '.join(reasons[:3]) or 'no time'}")
        parts = self._space.choose(self._log.first_trial(best).params)
        fewest = self._builder.minimal(parts, lambda: self._time.left() > self._time.least_final())
        winner = confirmation.named(self._tuning, fewest, self.name)
        return Final(
            budget_s=self._tuning.budget_s,
            name=winner.name,
            flags=winner.flags,
            link=winner.link,
            wasm_opt=winner.wasm_opt,
            needs=winner.needs,
            rounds=self._time.final_rounds(len(confirmation.finalists(self._tuning, winner))),
        )

    def _confirm(self, final: Final) -> Comparison:
        winner = final.variant
        variants = confirmation.finalists(self._tuning, winner)
        if winner not in self._tuning.baselines:  # those were built before
            self._builder.build(winner)
        folder = f"{paths.search(self.name, self._log.key)}/final-{len(self._log.finals)}"
        samples = confirmation.confirm(self._plan, variants, folder, final.rounds, self._save)
        return compare_finalists(variants, samples, winner.name)

    def _result(self, final: Final, comparison: Comparison) -> SearchResult:
        trials = self._log.trials
        toolchain = load_toolchain(self._plan.toolchains[0].name)
        in_matrix = {v.name for v in (*self._tuning.start, *self._tuning.baselines)}
        return SearchResult(
            host=host.describe(),
            protocol=self._plan.protocol.settings(),
            toolchain=ToolchainResult(
                name=toolchain.name, version=toolchain.version, sha256=toolchain.sha256
            ),
            backends=tuple(backend.name for backend in self._plan.backends),
            reference=self._plan.reference_name,
            trial_log=trial_log.path(self.name, self._log.key),
            budget_s=final.budget_s,
            spent_s=self._log.spent_s,
            trials=len(trials),
            modules=len({t.module for t in trials if t.module is not None}),
            rounds=sum(len(t.rounds) for t in trials),
            final_rounds=final.rounds,
            left_out=self._refused,
            failures=self._log.failures(),
            winner=comparison.winner,
            baseline=comparison.baseline,
            variants=comparison.variants,
            verdict=comparison.verdict,
            sentence=comparison.sentence,
            snippet=None if final.name in in_matrix else result_text.snippet(final.variant),
        )
