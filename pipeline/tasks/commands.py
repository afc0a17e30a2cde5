"""What is asked for by name only: the self-test and official runs."""

from __future__ import annotations

from collections.abc import Iterator

from doit.tools import config_changed

from pipeline.core import own_code, paths
from pipeline.experiment.plan import Plan
from pipeline.measure.sample_key import MeasurementSpec
from pipeline.tasks.helpers import Task, act, clean, group, intact, later, meta
from pipeline.workloads import validators


def test_machine(plan: Plan) -> Task:
    """Always run: it asks what the machine is like now."""
    rounds = plan.repeats * plan.protocol.rounds * len(plan.backends) * 2
    return {
        "actions": act(later("pipeline.analyses.self_test:selftest"), plan, alone=True),
        "task_dep": ["build", "runtime"],
        "clean": clean(paths.SELFTEST_JSON, paths.SELFTEST_TXT),
        "verbosity": 2,
        "meta": meta("self-test", 1.3 * rounds),
    }


def examine(plan: Plan) -> Task:
    """Never up to date: it looks."""
    return {
        "actions": act(later("pipeline.analyses.doctor:doctor"), plan),
        "verbosity": 2,
        "meta": meta("doctor", 1),
    }


def make_workload(plan: Plan) -> Task:
    """Always run: it refuses to overwrite."""
    given = [plan.given.get(name) for name in ("workload", "from")]
    return {
        "actions": act(later("pipeline.workloads.scaffold:create"), *given),
        "verbosity": 2,
        "meta": meta("new workload", 0.1),
    }


def lock_artifacts(plan: Plan) -> Task:
    """Always run: whoever types it wants it written."""
    return {
        "actions": act(later("pipeline.reproducibility.lock:write"), plan),
        "task_dep": ["build"],
        "verbosity": 2,
        "meta": meta("lock", 1),
    }


def verify_artifacts(plan: Plan) -> Task:
    """Always run: it rebuilds."""
    return {
        "actions": act(later("pipeline.reproducibility.verify:verify"), plan),
        "task_dep": ["build"],
        "clean": clean(paths.REBUILT),
        "verbosity": 2,
        "meta": meta("verify", 1 + 0.9 * len(plan.artifacts())),
    }


def reproduce_artifacts(plan: Plan) -> Task:
    """Always run: it asks this machine."""
    return {
        "actions": act(later("pipeline.reproducibility.reproduce:reproduce"), plan),
        "task_dep": ["sources"],
        "clean": clean(paths.REBUILT, paths.REPRODUCE_TXT, paths.REPRODUCE_JSON),
        "verbosity": 2,
        "meta": meta("reproduce", 15.0 * len(plan.artifacts())),
    }


def bundle_artifacts(plan: Plan) -> Task:
    """Always run: it reads what is built, and is done in a moment."""
    return {
        "actions": act(later("pipeline.reproducibility.bundle:write"), plan),
        "task_dep": ["build"],
        "clean": clean(paths.BUNDLE),
        "verbosity": 2,
        "meta": meta("bundle", 0.5),
    }


def explain_artifacts(plan: Plan) -> Task:
    """Always run: it reads some artifacts and is done in a second."""
    return {
        "actions": act(later("pipeline.analyses.explain:explain"), plan),
        "task_dep": ["build"],
        "clean": clean(paths.EXPLAIN_TXT, paths.EXPLAIN_JSON),
        "verbosity": 2,
        "meta": meta("explain", 1),
    }


def show_tradeoffs(plan: Plan) -> Task:
    """Of the report that the same choices give."""
    return {
        "actions": act(later("pipeline.report.pareto_text:show")),
        "task_dep": ["report"],
        "verbosity": 2,
        "meta": meta("trade-offs", 0.1),
    }


def sweep_versions(plan: Plan) -> Task:
    """Asked for together with runtime=, which decides what the plan is about."""
    made = [paths.sweep(plan.sweep_name, kind) for kind in ("txt", "json")] if plan.sweep else []
    needed = ["measure", "refine"] if plan.sweep else []
    return {
        "actions": act(later("pipeline.analyses.sweep:sweep"), plan, list(plan.sweeps)),
        "task_dep": needed,
        "clean": clean(*made),
        "verbosity": 2,
        "meta": meta("sweep", 3),
    }


def tune_flags(plan: Plan) -> Task:
    """Asked for together with backend=; always run: it sees for itself whether anything is left to do."""
    name = paths.search_name([backend.name for backend in plan.backends]) if plan.tune else ""
    made = [paths.tuned(name, kind) for kind in ("txt", "json")] if plan.tune else []
    return {
        "actions": act(later("pipeline.analyses.tune.search:tune"), plan, alone=True),
        "task_dep": ["build", "runtime"] if plan.tune else [],
        "clean": clean(paths.searches(), *made),
        "verbosity": 2,
        "meta": meta("tune", plan.tune.budget_s if plan.tune else 1),
    }


def certify_cells(plan: Plan) -> Iterator[Task]:
    """One official measurement a cell, and the statement on all of them."""
    yield group("certify", "run cells by the official rules of their workload, and say which rule is kept")
    names: list[str] = []
    # Only of workloads that have such rules.
    rules = {w.name: getattr(validators.module_of(w), "OFFICIAL", None) for w in plan.workloads}
    official = [cell for cell in plan.built_cells() if rules[cell.workload.name] is not None]
    for cell in official:
        folder = paths.certificate(cell.name)
        spec = MeasurementSpec(cell, plan.protocol, plan.reference_name)
        name = cell.name.replace("/", ":")
        yield {
            "basename": "certify",
            "name": name,
            "task_dep": ["sources", *names[-1:]],
            "actions": act(later(f"{rules[cell.workload.name]}:certify"), plan, cell, alone=True),
            "file_dep": [
                *spec.files(),
                *own_code.files_of(str(rules[cell.workload.name])),
            ],
            "targets": [f"{folder}/certificate.json", f"{folder}/statement.txt"],
            "uptodate": [
                intact,
                (later(f"{rules[cell.workload.name]}:logs_unchanged"), [cell]),
                config_changed(spec.settings()),
            ],
            "clean": clean(folder),
            "meta": meta("certify", 50),
        }
        names.append(f"certify:{name}")
    yield {
        "basename": "certify",
        "name": "statement",
        "task_dep": names,
        "actions": act(later(f"{rules[official[0].workload.name]}:report"), official)
        if official
        else act(validators.no_rules, [workload.name for workload in plan.workloads]),
        "verbosity": 2,
        "meta": meta("statement", 0.1),
    }
