"""The search for the best flags: ``doit run tune backend=wasmtime.cranelift budget=300``.

Every candidate is built and validated as any variant is, and measured in rounds as any cell is. strategy.py
decides what is tried next, racing.py which candidate gets more than one round, objective.py what is better.
The trial log is written after every trial, so that the next run continues. confirmation.py measures the
best again, together with the baselines, in rounds that chose nothing; outcome.py compares them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping

import msgspec

from pipeline.analyses.tune import confirmation, known_points, racing, result_text, trial_log
from pipeline.analyses.tune.best_of_cells import best_of_cells
from pipeline.analyses.tune.blame import Inquiry
from pipeline.analyses.tune.candidate_builder import CandidateBuilder
from pipeline.analyses.tune.codes import Codes
from pipeline.analyses.tune.counts import CountModel
from pipeline.analyses.tune.front import front
from pipeline.analyses.tune.line_effects import line_effects
from pipeline.analyses.tune.measure_candidate import CandidateRounds, measure_candidate, search_cells
from pipeline.analyses.tune.objective import SPEED, Objective
from pipeline.analyses.tune.outcome import Comparison, compare_finalists
from pipeline.analyses.tune.search_result import Fault, SearchResult, ToolchainResult
from pipeline.analyses.tune.strategy import Strategy
from pipeline.analyses.tune.time_budget import TimeBudget
from pipeline.analyses.tune.trial_log import Final, Trial, Words
from pipeline.build.compilers import load_toolchain
from pipeline.core import hints, host, paths
from pipeline.core.errors import BadInput, ProjectError
from pipeline.core.files import digest_of, write_atomic, write_record
from pipeline.core.model import Status
from pipeline.experiment.plan import Plan
from pipeline.experiment.search_space import Params, Tuning, Wanted
from pipeline.measure.sample_key import MeasurementSpec
from pipeline.runtimes.identity import load_identity
from toolchain.model import NATIVE, WASM

#: Of the candidates that execute too many instructions, one in so many trials is measured all the same.
_MEASURED_ANYWAY = 10
#: The share of the budget for which failures are looked into, in addition to it.
_FAULTS_SHARE = 0.2


def tune(plan: Plan) -> None:
    """Search, confirm, write and print; raises ProjectError where nothing can be measured."""
    if plan.tune is None:
        again = hints.command("tune", given=plan.given, backend="wasmtime.cranelift", budget="300")
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
        self.name = plan.search_name
        targets = [NATIVE if backend.native else WASM for backend in plan.backends]
        self._check_presence(targets)
        self._builder = CandidateBuilder(plan.workloads, plan.toolchains[0], targets)
        self._codes = Codes(plan)
        self._space, self._refused = self._builder.without_refused(tuning.space)
        for dimension, choices in self._refused.items():
            for label, why in choices.items():
                print(f"left out of {dimension}: {label}: {why}", flush=True)
        self._log = trial_log.load(self.name, self._key())
        if self._log.trials:
            self._builder.first_s = self._log.trials[0].build_seconds
        cells = len(search_cells(plan, tuning.baselines[-1]))
        variants = len(tuning.baselines) + (1 if tuning.goal.slowdown is None else 2)
        if not cells:
            raise ProjectError("nothing can be searched: native runs no program that has no native form")
        self._time = TimeBudget(tuning.budget_s, self._log, cells, variants, began)
        baselines = known_points.of_variants(self._space, tuning.baselines)
        self._to_beat = self._space.find(tuning.baselines[-1])
        if self._to_beat is None and tuning.goal.wanted is Wanted.WORST:
            flags = " ".join(tuning.baselines[-1].flags)
            raise BadInput(f"command line: objective=worst: gains are over {flags}, which [tune] has not")
        known = known_points.known(self._space, self._log.key, tuning.hints, plan.toolchains[0].name)
        for each in known if not self._log.trials else ():
            print(f"{'tried first' if each.point else 'not in the space'}: {each.words}", flush=True)
        first = [*reversed(baselines), *(each.point for each in known if each.point)]
        self._first = known_points.unique(first) or [self._space.first()]
        self._searched = False

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
        goal = [self._tuning.goal.wanted, self._tuning.goal.slowdown]
        return digest_of(
            {"cells": keys, "basis": self._builder.basis, "space": self._space.described(), "goal": goal}
        )

    def _save(self) -> None:
        self._log.spent_s = round(self._time.spent(), 3)
        trial_log.save(self.name, self._log)

    # -- the search

    def run(self) -> SearchResult:
        """Continue where the last run ended; returns what report/tune-NAME.json holds."""
        finals = self._log.finals
        if not finals or finals[-1].budget_s < self._tuning.budget_s:
            with self._codes:
                self._search()
            self._searched = True
            finals.append(self._begin_final())
            self._save()
        final, self._searched = finals[-1], True
        if final.result is None:
            comparison = self._confirm(final)
            self._save()  # what was spent is part of the result
            final.result = self._result(final, comparison)
            trial_log.save(self.name, self._log)
            final.result = msgspec.structs.replace(final.result, faults=self._faults())
            trial_log.save(self.name, self._log)
        return final.result

    def _search(self) -> None:
        trials, strategy, limited = self._log.trials, self._strategy(), self._objective().limit is not None
        least = min(len(self._first), len(self._tuning.baselines))
        while len(trials) < least or self._time_left():
            # Once it is known how fast a module can be, the search is for a small one.
            if limited != (self._objective().limit is not None):
                strategy, limited = self._strategy(), not limited
            point = strategy.propose(self._best_point())
            if point is None:
                print("nothing new is left to try", flush=True)
                return
            trial = self._try(point)
            if point == self._to_beat and trial.status is not Status.OK:
                name = self._tuning.baselines[-1].name
                raise ProjectError(f"nothing can be searched: {name}: {trial.status.value}: {trial.reason}")
            if self._tuning.goal.wanted is Wanted.COMPILE and trial.rounds and not _tells_times(trial):
                raise ProjectError("nothing can be searched: the backend does not tell how long it compiles")
            trials.append(trial)
            self._save()
            strategy.learn(point, self._value(trial), failed=trial.status is not Status.OK)
            self._show()

    def _strategy(self, *, only_measured: bool = False) -> Strategy:
        """One that has learnt of all trials; or only of those that were measured, each module once."""
        strategy = Strategy(self._space, self._first, self._plan.protocol.seed + len(self._log.trials))
        for trial in self._log.trials:
            if trial.rounds or not only_measured:
                strategy.learn(trial.params, self._value(trial), failed=trial.status is not Status.OK)
        return strategy

    def _time_left(self) -> bool:
        best = self._best_point()
        parts = self._space.choose(best) if best else []
        return self._time.left() > self._time.reserve(sum(bool(part.name) for part in parts))

    # -- what is better

    def _objective(self) -> Objective:
        """What is wanted, judged by what was measured so far."""
        goal, measured = self._tuning.goal, self._log.measured()
        base = next((t for t in measured.values() if t.params == self._to_beat), None)
        of_base = {} if base is None else {cell: racing.mean(each) for cell, each in base.rounds.items()}
        means = {cell: mean for cell, mean in of_base.items() if mean is not None}
        if goal.slowdown is None:
            return Objective(goal, means)
        # What is fast enough is known when the fastest is: that is searched for in the first half.
        half = (self._tuning.budget_s - self._time.reserve(0)) / 2
        if not self._searched and self._time.spent() < half:
            return SPEED
        fastest = self._fastest()
        return Objective(goal, means, racing.mean(SPEED.rounds(fastest)) if fastest else None)

    def _fastest(self) -> Trial | None:
        measured = self._log.measured()
        rounds = {module: SPEED.rounds(trial) for module, trial in measured.items()}
        best = racing.best(rounds, racing.spread(rounds.values()))
        return measured[best] if best else None

    def _best_module(self, objective: Objective | None = None) -> str | None:
        """The module that is best as far as is known, of those that are fast enough."""
        objective = objective or self._objective()
        rounds = {m: objective.rounds(t) for m, t in self._log.measured().items() if objective.allowed(t)}
        return racing.best(rounds, racing.spread(rounds.values()))

    def _best_trial(self) -> Trial | None:
        best = self._best_module()
        return self._log.first_trial(best) if best else None

    def _best_point(self) -> Params | None:
        best = self._best_trial()
        return best.params if best else None

    def _value(self, trial: Trial) -> float | None:
        """What a trial's module is worth, as objective.py has it; None where it is not known."""
        if trial.module is None or trial.status is not Status.OK:
            return None
        first, objective = self._log.measured_as(trial), self._objective()
        if first.expected is not None and objective.goal.wanted is not Wanted.SIZE:
            return first.expected
        return racing.mean(objective.rounds(first))

    # -- one trial

    def _try(self, point: Params) -> Trial:
        """Build a point, and measure its module unless an earlier point gave the same."""
        began = time.monotonic()
        variant = self._space.variant(point)
        built = self._builder.candidate(variant)
        build_seconds = round(time.monotonic() - began, 3)
        code = count = expected = None
        same = next((t for t in self._log.trials if t.module and t.module == built.module), None)
        if same is not None:
            measured = CandidateRounds(same.status, same.reason or "")
        elif built.module is None:
            measured = CandidateRounds(Status.UNAVAILABLE, built.reason)
        else:
            if self._wants_speed():
                code = self._codes.digest(built.variant)
            known = any(t.code == code and t.rounds for t in self._log.trials if t.code)
            if self._wants_speed() and not known:
                count = self._codes.count(built.variant)
                expected = self._too_many(count)
            if known or expected is not None or self._too_large(built.bytes):
                measured = CandidateRounds(Status.OK)
            else:
                measured = measure_candidate(self._plan, built.variant, self._race())
        return Trial(
            params=dict(point),
            flags=variant.flags,
            link=variant.link,
            wasm_opt=variant.wasm_opt,
            needs=variant.needs,
            status=measured.status,
            reason=measured.reason or None,
            module=built.module,
            code=code,
            count=count,
            expected=expected,
            bytes=dict(built.bytes),
            rounds=measured.rounds,
            compile_seconds=measured.compile_seconds,
            build_seconds=build_seconds,
            seconds=round(time.monotonic() - began, 3),
        )

    def _wants_speed(self) -> bool:
        return self._objective().goal.wanted in (Wanted.SPEED, Wanted.WORST)

    def _too_large(self, sizes: Mapping[str, int]) -> bool:
        """Whether a module need not be measured: a smaller one that is fast enough is known."""
        objective = self._objective()
        if self._tuning.goal.wanted is not Wanted.SIZE or (
            self._tuning.goal.slowdown is not None and objective.limit is None
        ):
            return False
        best = self._best_module(objective)
        if best is None:
            return False
        known = self._log.first_trial(best).bytes
        return math.prod(sizes[w] / known[w] for w in known) >= 1

    def _too_many(self, count: float | None) -> float | None:
        """What a module is expected to be worth that executes too many instructions to be the best."""
        objective, measured = self._objective(), self._log.measured()
        # What is spared would never show that the rule has changed.
        if count is None or len(self._log.trials) % _MEASURED_ANYWAY == 0:
            return None
        values = [(trial.count, racing.mean(objective.rounds(trial))) for trial in measured.values()]
        model = CountModel.of([(c, value) for c, value in values if c is not None and value is not None])
        best = self._best_module(objective)
        if model is None or best is None:
            return None
        to_beat = racing.mean(objective.rounds(measured[best]))
        assert to_beat is not None
        return model.expected(count) if model.highest(count) < to_beat else None

    def _race(self) -> Callable[[CandidateRounds], bool]:
        """Whether a candidate gets one more round, from its rounds so far."""
        objective, most = self._objective(), self._plan.protocol.usual_rounds
        judged = objective
        if self._tuning.goal.wanted is Wanted.SIZE:  # what is uncertain about it is its speed
            judged = SPEED
        rivals = {m: judged.rounds(t) for m, t in self._log.measured().items()}
        sd = racing.spread(rivals.values())
        best = racing.best(rivals, sd)
        rival = rivals[best] if best else []
        if self._tuning.goal.wanted is Wanted.SIZE and self._tuning.goal.slowdown is None:
            return lambda found: False  # a round shows that it is right
        if objective.limit is not None and objective.fastest is not None:
            below = objective.limit - objective.fastest
            rival = [None if x is None else x + below for x in rival]

        def needs_round(found: CandidateRounds) -> bool:
            own = judged.rounds(found)
            return racing.needs_round(own, rival, sd, most) and self._time_left()

        return needs_round

    def _show(self) -> None:
        objective = self._objective()
        best = self._best_module(objective)
        state = "nothing measured yet"
        if best is not None:
            base = next((t for t in self._log.trials if t.params == self._to_beat), None)
            state = result_text.progress(objective, self._log.first_trial(best), base)
        number, left = len(self._log.trials), max(0.0, self._time.left())
        print(f"trial {number}, {left:.0f} s left: {state}", flush=True)

    # -- the confirmation

    def _begin_final(self) -> Final:
        best = self._best_point()
        if best is None:
            reasons = [f"{number} times {reason}" for reason, number in self._log.failures().items()]
            if unsure := len(self._log.measured()):
                busy = "no round of it was undisturbed; end what else runs, or give a larger budget=…"
                reasons.append(f"{unsure} times {busy}")
            raise ProjectError(f"no candidate could be measured: {'; '.join(reasons[:3]) or 'no time'}")
        parts = self._space.choose(best)
        fewest = self._builder.minimal(parts, lambda: self._time.left() > self._time.least_final())
        winner = confirmation.named(self._tuning, fewest, self.name)
        # What the smallest may be slower than, where only so much is allowed.
        fastest = self._fastest() if self._tuning.goal.slowdown is not None else None
        words = Words.of(fastest.variant) if fastest else None
        return Final(
            budget_s=self._tuning.budget_s,
            name=winner.name,
            flags=winner.flags,
            link=winner.link,
            wasm_opt=winner.wasm_opt,
            needs=winner.needs,
            fastest=words,
            rounds=self._time.final_rounds(len(confirmation.finalists(self._tuning, winner, words))),
        )

    def _confirm(self, final: Final) -> Comparison:
        winner = final.variant
        variants = confirmation.finalists(self._tuning, winner, final.fastest)
        for variant in variants.values():
            if variant not in self._tuning.baselines:  # those were built before
                self._builder.build(variant)
        folder = f"{paths.search(self.name, self._log.key)}/final-{len(self._log.finals)}"
        samples = confirmation.confirm(self._plan, variants, folder, final.rounds, self._save)
        return compare_finalists(variants, samples, winner.name, self._tuning.goal)

    def _faults(self) -> tuple[Fault, ...]:
        """What is behind the failures; for a part of the budget in addition to it."""
        end = time.monotonic() + _FAULTS_SHARE * self._tuning.budget_s
        inquiry = Inquiry(
            self._plan, self._space, self._first[0], self._builder, lambda: time.monotonic() < end
        )
        return inquiry.faults(self._log.trials)

    def _result(self, final: Final, comparison: Comparison) -> SearchResult:
        trials, goal = self._log.trials, self._tuning.goal
        toolchain = load_toolchain(self._plan.toolchains[0].name)
        strategy = self._strategy(only_measured=True)
        return SearchResult(
            host=host.describe(),
            protocol=self._plan.protocol.settings(),
            toolchain=ToolchainResult(
                name=toolchain.name, version=toolchain.version, sha256=toolchain.sha256
            ),
            objective=goal.wanted.value,
            slowdown=goal.slowdown,
            workloads=tuple(workload.name for workload in self._plan.workloads),
            backends=tuple(backend.name for backend in self._plan.backends),
            reference=self._plan.reference_name,
            trial_log=trial_log.path(self.name, self._log.key),
            budget_s=final.budget_s,
            spent_s=self._log.spent_s,
            trials=len(trials),
            modules=len({t.module for t in trials if t.module is not None}),
            rounds=sum(t.number_of_rounds for t in trials),
            final_rounds=final.rounds,
            left_out=self._refused,
            failures=self._log.failures(),
            faults=(),
            effects=line_effects(strategy.lines, strategy.effects()),
            best_of_cells=best_of_cells(self._log.measured(), self._best_trial()),
            front=front(list(self._log.measured().values()), goal.wanted),
            winner=comparison.winner,
            baseline=comparison.baseline,
            variants=comparison.variants,
            verdict=comparison.verdict,
            sentence=comparison.sentence,
            snippet=None if final.name in self._tuning.taken else result_text.snippet(final.variant),
        )


def _tells_times(trial: Trial) -> bool:
    return all(any(each) for each in trial.compile_seconds.values())
