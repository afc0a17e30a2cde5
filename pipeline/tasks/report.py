"""From samples to what people read: report, page, exports, history, and the verdict of a run."""

from __future__ import annotations

import os
from glob import glob

from doit.tools import config_changed

from pipeline.build import inputs
from pipeline.core import own_code, paths
from pipeline.core.host import fingerprint
from pipeline.experiment.plan import Plan
from pipeline.measure import host_records
from pipeline.report import exports
from pipeline.runtimes import packages
from pipeline.tasks.helpers import Task, act, act_aside, clean, intact, later, meta, untouched, untroubled
from pipeline.tasks.measure import ends, first_samples, runtimes_of
from pipeline.workloads import validators


def write_report(plan: Plan) -> Task:
    """The table, from the samples."""
    cells = plan.cells()
    made = [paths.RESULTS_JSON, paths.REPORT_MD, paths.REPORT_TXT]
    refined = plan.protocol.half_width_percent is not None
    return {
        "actions": act(later("pipeline.report.write_report:write_report"), plan),
        "file_dep": [
            *first_samples(plan),
            *([paths.refined()] if refined else []),
            *(paths.toolchain_identity(toolchain.name) for toolchain in plan.toolchains),
            *(paths.runtime_identity(runtime.name) for runtime in runtimes_of(plan)),
            *(path for workload in plan.workloads for path in inputs.sources(workload)),
            paths.TEMPLATE,
            *own_code.files_of(
                "pipeline.report.write_report", *(m for w in plan.workloads for m in validators.modules(w))
            ),
        ],
        "targets": made,
        "uptodate": [
            intact,
            config_changed(
                {
                    "cells": [[c.name, c.backend.kind] for c in cells],
                    "workloads": [[w.name, w.title, w.stresses, w.note] for w in plan.workloads],
                    "protocol": [plan.protocol.name, plan.protocol.seed, ends(plan)],
                    "host": fingerprint(),
                    "elsewhere": host_records.state(),
                    "python": packages.python_version(),
                }
            ),
        ],
        "clean": clean(paths.REPORT),
        "meta": meta("report", 3),
    }


def check_report(after: list[str]) -> Task:
    """Fail where a cell went wrong, or what is made of the report, after everything else is done."""
    return {
        "actions": act(later("pipeline.results.check:check"), after),
        "file_dep": [paths.RESULTS_JSON, *own_code.files_of("pipeline.results.check")],
        "task_dep": after,
        "uptodate": [untroubled(*after)],
        "meta": meta("check", 0.1),
    }


def _matching(*patterns: str) -> list[str]:
    return sorted(path for pattern in patterns for path in glob(pattern))


def _charts() -> list[str]:
    return _matching(f"{paths.CHARTS}/*")


def draw_page() -> Task:
    """The page and its charts, with the claims and what sweeps have found."""
    sweeps = _matching(paths.sweep("*", "json"))
    return {
        "actions": act_aside("page", later("pipeline.report.page.draw:draw"), [paths.INDEX_HTML]),
        "file_dep": [
            paths.RESULTS_JSON,
            *_matching(paths.CLAIMS, f"{paths.TEMPLATES}/page.*"),
            *sweeps,
            *own_code.files_of("pipeline.report.page.draw"),
        ],
        "targets": [paths.INDEX_HTML],
        "uptodate": [
            intact,
            untouched(_charts),
            untroubled("page"),
            config_changed({"sweeps": sweeps, "claims": os.path.exists(paths.CLAIMS)}),
        ],
        "clean": clean(paths.INDEX_HTML, paths.CHARTS),
        "meta": meta("page", 6),
    }


def export_results() -> Task:
    """The results in the formats of other programs."""
    made = [export.path for export in exports.discover().values()]
    return {
        "actions": act_aside("export", later("pipeline.report.exports:write_all"), made),
        "file_dep": [paths.RESULTS_JSON, *own_code.files_of("pipeline.report.exports", *exports.modules())],
        "targets": made,
        # A step of a workflow wants its summary whether or not anything is new.
        "uptodate": [intact, untroubled("export"), not os.environ.get(paths.SUMMARY)],
        "clean": clean(*made),
        "verbosity": 1,
        "meta": meta("export", 0.5),
    }


def remember_run() -> Task:
    """The finished run in the history, which is not cleaned: it cannot be made again."""
    return {
        "actions": act_aside("remember", later("pipeline.analyses.history.commands:record_last"), []),
        "file_dep": [paths.RESULTS_JSON],
        "uptodate": [untroubled("remember"), os.path.exists(paths.HISTORY)],
        "meta": meta("remember", 0.1),
    }


def show_history() -> Task:
    """Of what is there: it measures nothing."""
    return {
        "actions": act(later("pipeline.analyses.history.commands:show")),
        "verbosity": 2,
        "meta": meta("history", 1),
    }


def compare_results(plan: Plan) -> Task:
    """Of what is there: it measures nothing. Status 2 where something got slower."""
    old, new, hosts_ = (plan.given.get(name) for name in ("old", "new", "hosts"))
    return {
        "actions": act(later("pipeline.analyses.history.compare:run"), old, new, hosts_, plan.threshold),
        "clean": clean(paths.COMPARE_JSON, paths.COMPARE_TXT),
        "verbosity": 2,
        "meta": meta("compare", 1),
    }


def judge_claims() -> Task:
    """Of the report that the same choices give."""
    return {
        "actions": act(later("pipeline.analyses.claims.verdicts_text:show")),
        "task_dep": ["report"],
        "clean": clean(paths.CLAIMS_JSON),
        "verbosity": 2,
        "meta": meta("claims", 1),
    }
