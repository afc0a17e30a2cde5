"""From samples to what people read: report, page, exports, history, and the verdict of a run."""

from __future__ import annotations

import os
from glob import glob

from doit.tools import config_changed

from pipeline import exports, hosts, judges, layout, own_code, packages, provenance
from pipeline.graph.measuring import ends, first_samples, runtimes_of
from pipeline.graph.tasks import Task, act, act_aside, clean, intact, later, meta, untouched, untroubled
from pipeline.host import fingerprint
from pipeline.plan import Plan


def write_report(plan: Plan) -> Task:
    """The table, from the samples."""
    cells = plan.cells()
    made = [layout.RESULTS_JSON, layout.REPORT_MD, layout.REPORT_TXT]
    refined = plan.protocol.half_width_percent is not None
    return {
        "actions": act(later("pipeline.report:write_report"), plan),
        "file_dep": [
            *first_samples(plan),
            *([layout.refined()] if refined else []),
            *(layout.toolchain_identity(toolchain.name) for toolchain in plan.toolchains),
            *(layout.runtime_identity(runtime.name) for runtime in runtimes_of(plan)),
            *(path for workload in plan.workloads for path in provenance.sources(workload)),
            layout.TEMPLATE,
            *own_code.files_of("pipeline.report", *(m for w in plan.workloads for m in judges.modules(w))),
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
                    "elsewhere": hosts.state(),
                    "python": packages.python_version(),
                }
            ),
        ],
        "clean": clean(layout.REPORT),
        "meta": meta("report", 3),
    }


def check_report(after: list[str]) -> Task:
    """Fail where a cell went wrong, or what is made of the report, after everything else is done."""
    return {
        "actions": act(later("pipeline.report:check"), after),
        "file_dep": [layout.RESULTS_JSON, *own_code.files_of("pipeline.report")],
        "task_dep": after,
        "uptodate": [untroubled(*after)],
        "meta": meta("check", 0.1),
    }


def _matching(*patterns: str) -> list[str]:
    return sorted(path for pattern in patterns for path in glob(pattern))


def _charts() -> list[str]:
    return _matching(f"{layout.CHARTS}/*")


def draw_page() -> Task:
    """The page and its charts, with the claims and what sweeps have found."""
    sweeps = _matching(layout.sweep("*", "json"))
    return {
        "actions": act_aside("page", later("pipeline.index_page:draw"), [layout.INDEX_HTML]),
        "file_dep": [
            layout.RESULTS_JSON,
            *_matching(layout.CLAIMS, f"{layout.TEMPLATES}/page.*"),
            *sweeps,
            *own_code.files_of("pipeline.index_page"),
        ],
        "targets": [layout.INDEX_HTML],
        "uptodate": [
            intact,
            untouched(_charts),
            untroubled("page"),
            config_changed({"sweeps": sweeps, "claims": os.path.exists(layout.CLAIMS)}),
        ],
        "clean": clean(layout.INDEX_HTML, layout.CHARTS),
        "meta": meta("page", 6),
    }


def export_results() -> Task:
    """The results in the formats of other programs."""
    made = [export.path for export in exports.discover().values()]
    return {
        "actions": act_aside("export", later("pipeline.exports:write_all"), made),
        "file_dep": [layout.RESULTS_JSON, *own_code.files_of("pipeline.exports", *exports.modules())],
        "targets": made,
        # A step of a workflow wants its summary whether or not anything is new.
        "uptodate": [intact, untroubled("export"), not os.environ.get(layout.SUMMARY)],
        "clean": clean(*made),
        "verbosity": 1,
        "meta": meta("export", 0.5),
    }


def remember_run() -> Task:
    """The finished run in the history, which is not cleaned: it cannot be made again."""
    return {
        "actions": act_aside("remember", later("pipeline.history:record_last"), []),
        "file_dep": [layout.RESULTS_JSON],
        "uptodate": [untroubled("remember"), os.path.exists(layout.HISTORY)],
        "meta": meta("remember", 0.1),
    }


def show_history() -> Task:
    """Of what is there: it measures nothing."""
    return {"actions": act(later("pipeline.history:show")), "verbosity": 2, "meta": meta("history", 1)}


def compare_results(plan: Plan) -> Task:
    """Of what is there: it measures nothing. Status 2 where something got slower."""
    old, new, hosts_ = (plan.given.get(name) for name in ("old", "new", "hosts"))
    return {
        "actions": act(later("pipeline.compare:run"), old, new, hosts_, plan.threshold),
        "clean": clean(layout.COMPARE_JSON, layout.COMPARE_TXT),
        "verbosity": 2,
        "meta": meta("compare", 1),
    }


def judge_claims() -> Task:
    """Of the report that the same choices give."""
    return {
        "actions": act(later("pipeline.claims_text:show")),
        "task_dep": ["report"],
        "clean": clean(layout.CLAIMS_JSON),
        "verbosity": 2,
        "meta": meta("claims", 1),
    }
