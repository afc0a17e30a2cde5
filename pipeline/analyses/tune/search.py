"""The search for the flags with the highest score: ``doit run tune backend=wasmtime.cranelift budget=300``.

Every candidate is built and validated as any variant is, and measured in rounds as any cell is; who gets more
than one round is race.py's, what is tried next is sampler.py's. What is found is noted after every trial, so
that the next run goes on. The best is measured again, beside O2 and O3, in rounds that chose nothing.
"""

from __future__ import annotations

import math
import time
from typing import Any

import msgspec

from pipeline.analyses.tune import confirmation, outcome, racing, trial_log
from pipeline.analyses.tune.candidate_builder import Workshop
from pipeline.analyses.tune.measure_candidate import compete
from pipeline.analyses.tune.proposer import Sampler, starts
from pipeline.analyses.tune.time_budget import Pace
from pipeline.analyses.tune.trial_log import Final, Trial
from pipeline.build.compilers import load_toolchain
from pipeline.core import host, paths
from pipeline.core.errors import BadInput, ProjectError
from pipeline.core.files import digest_of, write_atomic, write_json
from pipeline.core.model import Status
from pipeline.experiment.plan import Plan
from pipeline.experiment.search_space import Params, Tuning
from pipeline.measure.sample_key import MeasurementSpec
from pipeline.runtimes.identity import load_identity
from toolchain.model import NATIVE, WASM


def tune(plan: Plan) -> None:
    """Search, re-measure, write and print; raises ProjectError where nothing can be measured."""
    if plan.tune is None:
        raise BadInput("for which backend? Type e.g.: doit run tune backend=wasmtime.cranelift budget=300")
    search = Search(plan, plan.tune)
    found = search.run()
    text = outcome.render(found)
    write_json(paths.tuned(search.name, "json"), found)
    write_atomic(paths.tuned(search.name, "txt"), text)
    print(text, end="", flush=True)


class Search:
    """One search: what it is about, what it has found, and how much of its time is left."""

    def __init__(self, plan: Plan, tuning: Tuning) -> None:
        began = time.monotonic()
        self._plan, self._tuning = plan, tuning
        self.name = paths.search_name([backend.name for backend in plan.backends])
        targets = [NATIVE if backend.native else WASM for backend in plan.backends]
        self._check_presence(targets)
        self._shop = Workshop(plan.workloads[0], plan.toolchains[0], targets)
        self._space, self._refused = self._shop.known(tuning.space)
        for dimension, choices in self._refused.items():
            for label, why in choices.items():
                print(f"left out of {dimension}: {label}: {why}", flush=True)
        self._to_beat = self._space.find(tuning.baselines[-1])
        self._journal = trial_log.load(self.name, self._key())
        variants = len(tuning.baselines) + 1
        self._pace = Pace(tuning.budget_s, self._journal, len(plan.backends), variants, began)

    def _check_presence(self, targets: list[str]) -> None:
        reasons = [self._plan.toolchains[0].missing(target) for target in targets]
        identities = [(b, load_identity(b.runtime)) for b in self._plan.backends]
        reasons += [f"{b.name}: {found.reason}" for b, found in identities if not found.present]
        missing = next((reason for reason in reasons if reason), None)
        if missing is not None:
            raise ProjectError(f"nothing can be searched: {missing}")

    def _key(self) -> str:
        """Digest of all that the results depend on; not of the budget: more of it goes on with the same."""
        cells = self._plan.cells()  # of the baselines, which stand for everything but flags
        specs = [MeasurementSpec(cell, self._plan.protocol, self._plan.reference_name) for cell in cells]
        keys = [spec.read_inputs().digest for spec in specs]
        return digest_of({"cells": keys, "basis": self._shop.basis, "space": self._space.described()})

    def _save(self) -> None:
        self._journal.spent_s = round(self._pace.spent(), 3)
        trial_log.save(self.name, self._journal)

    # -- the search

    def run(self) -> dict[str, Any]:
        """Go on from where the last run ended; returns what report/tune-….json says."""
        finals = self._journal.finals
        wanted = not finals or finals[-1].budget_s < self._tuning.budget_s
        if wanted:
            self._search()
            finals.append(self._begin_final())
            self._save()
        final = finals[-1]
        if final.result is None:
            result = self._remeasure(final)
            self._save()  # what was spent is part of the result
            final.result = self._described(final, result)
            trial_log.save(self.name, self._journal)
        return final.result

    def _search(self) -> None:
        tuning, known = self._tuning, self._journal.trials
        # What is to be beaten comes first: it is what the others race against.
        first = starts(self._space, [*reversed(tuning.baselines), *tuning.start])
        sampler = Sampler(self._space, first, self._plan.protocol.seed + len(known))
        for trial in known:
            sampler.learn(trial.params, self._worth(trial))
        while len(known) < min(len(first), len(tuning.baselines)) or self._time_left():
            champion = self._champion()
            point = sampler.propose(self._journal.of(champion).params if champion else None)
            if point is None:
                print("nothing new is left to try", flush=True)
                return
            trial = self._try(point)
            if point == self._to_beat and trial.status is not Status.OK:
                name = tuning.baselines[-1].name
                raise ProjectError(f"nothing can be searched: {name}: {trial.status.value}: {trial.reason}")
            known.append(trial)
            self._save()
            sampler.learn(point, self._worth(trial))
            self._show()

    def _time_left(self) -> bool:
        champion = self._champion()
        parts = self._space.choose(self._journal.of(champion).params) if champion else []
        return self._pace.left() > self._pace.reserve(sum(bool(part.name) for part in parts))

    def _champion(self) -> str | None:
        measured = self._journal.measured()
        return racing.best(measured, racing.spread(measured.values()))

    def _worth(self, trial: Trial) -> float | None:
        if trial.module is None or trial.status is not Status.OK:
            return None
        return racing.mean(self._journal.measured()[trial.module])

    def _try(self, point: Params) -> Trial:
        """Build a point, and measure its module unless an earlier point gave the same."""
        began = time.monotonic()
        variant = self._space.variant(point)
        built = self._shop.candidate(variant)
        build_seconds = round(time.monotonic() - began, 3)
        same = next((t for t in self._journal.trials if t.module and t.module == built.module), None)
        status, reason, rounds = Status.UNAVAILABLE, built.reason, list[float | None]()
        if same is not None:
            status, reason = same.status, same.reason or ""
        elif built.module is not None:
            measured, champion = self._journal.measured(), self._champion()
            best = measured[champion] if champion else []
            sd = racing.spread(measured.values())
            status, reason, rounds = compete(self._plan, built.variant, best, sd, self._time_left)
        return Trial(
            params=dict(point),
            flags=variant.flags,
            link=variant.link,
            wasm_opt=variant.wasm_opt,
            needs=variant.needs,
            status=status,
            reason=reason or None,
            module=built.module,
            rounds=rounds,
            build_seconds=build_seconds,
            seconds=round(time.monotonic() - began, 3),
        )

    def _show(self) -> None:
        trials, champion, base = self._journal.trials, self._champion(), self._tuning.baselines[-1]
        said = "nothing measured yet"
        if champion is not None:
            value = racing.mean(self._journal.measured()[champion])
            assert value is not None
            said = f"best {math.exp(value):.3f} of native"
            yardstick = self._worth(trials[0]) if trials[0].params == self._to_beat else None
            if yardstick is not None:
                said += f", {math.expm1(value - yardstick):+.1%} beside {base.name}"
        print(f"trial {len(trials)}, {max(0.0, self._pace.left()):.0f} s left: {said}", flush=True)

    # -- the re-measurement

    def _begin_final(self) -> Final:
        champion = self._champion()
        if champion is None:
            reasons = [f"{number} times {reason}" for reason, number in self._journal.failures().items()]
            if unsure := len(self._journal.measured()):
                busy = "no round of it was undisturbed; end what else runs, or type a larger budget=…"
                reasons.append(f"{unsure} times {busy}")
            raise ProjectError(f"no candidate could be measured: {'; '.join(reasons[:3]) or 'no time'}")
        parts = self._space.choose(self._journal.of(champion).params)
        few = self._shop.minimal(parts, lambda: self._pace.left() > self._pace.least_final())
        winner = confirmation.name(self._tuning, few, self.name)
        return Final(
            budget_s=self._tuning.budget_s,
            name=winner.name,
            flags=winner.flags,
            link=winner.link,
            wasm_opt=winner.wasm_opt,
            needs=winner.needs,
            rounds=self._pace.final_rounds(len(confirmation.finalists(self._tuning, winner))),
        )

    def _remeasure(self, final: Final) -> dict[str, Any]:
        winner = final.variant
        variants = confirmation.finalists(self._tuning, winner)
        if winner not in self._tuning.baselines:  # those were built before
            self._shop.build(winner)
        folder = f"{paths.search(self.name, self._journal.key)}/final-{len(self._journal.finals)}"
        samples = confirmation.retest(self._plan, variants, folder, final.rounds, self._save)
        return outcome.judge(variants, samples, winner.name)

    def _described(self, final: Final, result: dict[str, Any]) -> dict[str, Any]:
        trials = self._journal.trials
        toolchain = load_toolchain(self._plan.toolchains[0].name)
        known = {v.name for v in (*self._tuning.start, *self._tuning.baselines)}
        return {
            "schema": 1,
            "host": msgspec.to_builtins(host.describe()),
            "protocol": self._plan.protocol.settings(),
            "toolchain": {"name": toolchain.name, "version": toolchain.version, "sha256": toolchain.sha256},
            "backends": [backend.name for backend in self._plan.backends],
            "reference": list(self._plan.reference_name),
            "journal": trial_log.path(self.name, self._journal.key),
            "budget_s": final.budget_s,
            "spent_s": self._journal.spent_s,
            "trials": len(trials),
            "modules": len({t.module for t in trials if t.module is not None}),
            "rounds": sum(len(t.rounds) for t in trials),
            "final_rounds": final.rounds,
            "left_out": self._refused,
            "failures": self._journal.failures(),
            **result,
            "snippet": None if final.name in known else outcome.snippet(final.variant),
        }
