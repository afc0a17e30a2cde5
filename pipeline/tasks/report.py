"""From samples to what people read: report, page, exports, history, and whether the run went well."""

from __future__ import annotations

import os
from glob import glob

from pipeline.build import artifact_inputs
from pipeline.core import paths
from pipeline.core.host import fingerprint
from pipeline.experiment.plan import Plan
from pipeline.measure import host_records
from pipeline.report import exports
from pipeline.runtimes import packages
from pipeline.tasks.actions import InChild, Later
from pipeline.tasks.checks import accept, intact, untouched, untroubled
from pipeline.tasks.measure import first_samples, runtimes_of, stop_settings
from pipeline.tasks.steps import Task, step
from pipeline.workloads import validators


def write_report(plan: Plan) -> Task:
    """The table, from the samples."""
    refined = plan.protocol.half_width_percent is not None
    return step(
        "report",
        (Later("pipeline.report.write_report:write_report"), plan),
        reads=[
            *first_samples(plan),
            *([paths.refined()] if refined else []),
            *(paths.toolchain_identity(toolchain.name) for toolchain in plan.toolchains),
            *(paths.runtime_identity(runtime.name) for runtime in runtimes_of(plan)),
            *(path for workload in plan.workloads for path in artifact_inputs.sources(workload)),
            paths.TEMPLATE,
            *_matching(paths.CLAIMS),
        ],
        code=[module for workload in plan.workloads for module in validators.modules(workload)],
        makes=[paths.RESULTS_JSON, paths.REPORT_MD, paths.REPORT_TXT],
        # A preliminary report took their place while the run went on.
        checks=[(intact, [accept, False])],
        decides={
            "cells": [[c.name, c.backend.kind] for c in plan.cells()],
            "workloads": [[w.name, w.title, w.stresses, w.note] for w in plan.workloads],
            "protocol": [plan.protocol.name, plan.protocol.seed, stop_settings(plan)],
            "baseline": plan.baseline,
            "host": fingerprint(),
            "other hosts": host_records.state(),
            "python": packages.python_version(),
            "claims": os.path.exists(paths.CLAIMS),
        },
        cleans=[paths.REPORT],
        phase="report",
        seconds=3,
    )


def check_report(after: list[str]) -> Task:
    """Fail where a cell went wrong, or a task after the report, when everything else is done."""
    return step(
        "check",
        (Later("pipeline.results.problems.check:check"), after),
        reads=[paths.RESULTS_JSON],
        after=after,
        checks=[untroubled(*after)],
        phase="check",
        seconds=0.1,
    )


def _matching(*patterns: str) -> list[str]:
    return sorted(path for pattern in patterns for path in glob(pattern))


def _recorded() -> list[str]:
    return _matching(f"{paths.HISTORY}/*")


def _charts() -> list[str]:
    return _matching(f"{paths.CHARTS}/*")


def draw_page() -> Task:
    """The page and its charts, with the claims and the results of sweeps."""
    sweeps = _matching(paths.sweep("*", "json"))
    return step(
        "page",
        # vl-convert aborts its process where memory is short.
        InChild("pipeline.report.page.write_page:draw"),
        aside=True,
        reads=[
            paths.RESULTS_JSON,
            *_matching(paths.CLAIMS, f"{paths.TEMPLATES}/page.*"),
            *sweeps,
        ],
        makes=[paths.INDEX_HTML],
        checks=[intact, untouched(_charts)],
        decides={"sweeps": sweeps, "claims": os.path.exists(paths.CLAIMS)},
        cleans=[paths.INDEX_HTML, paths.CHARTS, paths.PAGE_SCRIPT],
        phase="page",
        seconds=6,
    )


def export_results() -> Task:
    """The results in the formats of other programs."""
    return step(
        "export",
        Later("pipeline.report.exports:write_all"),
        aside=True,
        reads=[paths.RESULTS_JSON],
        code=exports.modules(),
        makes=[export.path for export in exports.discover().values()],
        # A step of a workflow wants its summary whether or not anything is new.
        checks=[intact, not os.environ.get(paths.SUMMARY)],
        verbosity=1,
        phase="export",
        seconds=0.5,
    )


def remember_run() -> Task:
    """The finished run in the history, which is not cleaned: it cannot be made again."""
    return step(
        "remember",
        Later("pipeline.analyses.history.history_command:record_last"),
        aside=True,
        reads=[paths.RESULTS_JSON],
        checks=[untouched(_recorded)],
        phase="remember",
        seconds=0.1,
    )
