"""The page's text: a template filled with the tables of data.py, pictures of charts, and what draws them."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pipeline.report.page.across_workloads as across
import pipeline.report.page.cell_texts as data
import pipeline.report.page.headline as headline
import pipeline.report.page.method as method
import pipeline.report.page.number_format as numbers
import pipeline.report.page.vega as pictures
from pipeline.analyses.claims.claim_verdicts import NOT_TESTABLE, RULES
from pipeline.analyses.sweep import changes
from pipeline.core import paths
from pipeline.report.pareto_text import tables
from pipeline.report.tables import grid, heading, notes
from pipeline.results.cells import half_width, label, native_speeds, orders, parts, unfit, unit
from pipeline.stats.verdicts import MOST_SAME

if TYPE_CHECKING:
    import jinja2
    from markupsafe import Markup

_TEMPLATES = "pipeline/report/templates"


def html(
    results: dict[str, Any],
    sweeps: list[dict[str, Any]],
    claims: list[dict[str, Any]],
    drawn: dict[str, str],
    chart_data: dict[str, Any],
) -> str:
    """The whole page. ``drawn``: SVG of each chart; ``chart_data``: what page.js draws them from."""
    from markupsafe import Markup

    # Ours, and vl-convert's; the only markup on the page that Jinja2 does not escape.
    scripts = {
        "theme_js": _own("page.theme.js"),
        "bundle_js": pictures.javascript(),
        "page_js": _own("page.js"),
    }
    css = _own("page.css") + _own("page.across.css")
    elsewhere = [_other(other) for other in results.get("elsewhere") or ()]
    context = {
        "results": results,
        "heading": heading(results),
        "unit": unit(results["workloads"]),
        "several": len(results["workloads"]) > 1,
        "parts": [_part(results, part) for part in parts(results)],
        "facts": headline.facts(results),
        "sections": _sections(results, sweeps, claims, elsewhere),
        "across": across.section(results),
        "charts": {name: Markup(pictures.inline(svg, name)) for name, svg in drawn.items()},
        "sweeps": [_sweep(sweep) for sweep in sweeps],
        "same_percent": f"{MOST_SAME * 100:g}",
        "phase_names": data.PHASES,
        "choices": data.choices(results["cells"]),
        "notes": notes(results),
        "unfit": unfit(results),
        # What could be tested comes first, else in the order of claims.toml.
        "claims": sorted(claims, key=lambda claim: claim["verdict"] == NOT_TESTABLE),
        "counts": Counter(claim["verdict"] for claim in claims),
        "rules": RULES,
        "elsewhere": elsewhere,
        "method": method.protocol(results),
        "workloads": method.workloads(results),
        "machine": method.machine(results),
        "runtimes": data.runtimes(results["cells"]),
        "artifacts": data.built(results["cells"]),
        "policy": _policy(list(scripts.values()), css),
        "css": Markup(css),
        "chart_data": _script_json(chart_data),
        **{name: Markup(text) for name, text in scripts.items()},
    }
    return _environment().get_template("page.html.jinja").render(context)


def own_name(results: dict[str, Any], part: dict[str, Any]) -> Callable[[str], str]:
    """How a chart or a table of a workload is called among those of others: a part of a path, and of ids."""
    if len(results["workloads"]) == 1:
        return lambda name: name
    return lambda name: f"{name}-{_plain(part['workloads'][0]['name'])}"


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._+-]", "-", name)


def sweep_chart(sweep: dict[str, Any]) -> str:
    """The name of a sweep's chart, by its runtime: a part of a path, and of ids."""
    return f"sweep-{_plain(sweep_name(sweep))}"


def sweep_name(sweep: dict[str, Any]) -> str:
    """The runtime whose releases a sweep compares."""
    return str(sweep["cells"][0]["backend"]).partition(".")[0]


def _environment() -> jinja2.Environment:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(paths.ROOT / _TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=True,
    )
    environment.globals.update(
        native_speeds=native_speeds,
        n=numbers,
        ok=data.is_ok,
        trouble=data.trouble,
        undisturbed=data.undisturbed,
        proof=data.proof,
        prebuilt=data.prebuilt,
        pairs=data.pairs,
        published=data.published,
        label=label,
        half=lambda cell: None if cell["ratio"] is None else half_width(cell),
        row_class=_row_class,
        verdict=_verdict,
        processor=headline.processor,
    )
    return environment


def _own(name: str) -> str:
    return (paths.ROOT / _TEMPLATES / name).read_text(encoding="utf-8")


def _policy(scripts: list[str], css: str) -> str:
    """No network at all, and no script or style but those that are on the page, by their digests."""

    def digests(texts: list[str]) -> str:
        raw = (hashlib.sha256(text.encode()).digest() for text in texts)
        return " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in raw)

    return (
        f"default-src 'none'; script-src {digests(scripts)}; style-src {digests([css])}; "
        "base-uri 'none'; form-action 'none'"
    )


def _script_json(value: Any) -> Markup:
    """JSON that can stand in a script element: nothing in it ends one, or ends a line in JavaScript."""
    from markupsafe import Markup

    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def _row_class(cell: dict[str, Any]) -> Markup:
    from markupsafe import Markup

    names = {True: "none", False: "unsure" if cell["disturbed"] else ""}[not data.is_ok(cell)]
    return Markup(' class="{}"').format(names) if names else Markup("")


def _verdict(word: str) -> Markup:
    from markupsafe import Markup

    names = {"reproduced": "reproduced", "contradicted": "bad"}
    return Markup('<span class="tag {}">{}</span>').format(names.get(word, "quiet"), word)


def _sections(
    results: dict[str, Any],
    sweeps: list[dict[str, Any]],
    claims: list[dict[str, Any]],
    elsewhere: list[dict[str, Any]],
) -> list[tuple[str, str]]:
    """(id, name) of what the page has, in its order."""
    found: list[tuple[str, str, object]] = [
        ("scores", "Scores", True),
        ("across", "Across workloads", results["across"]),
        ("tradeoffs", "Costs", True),
        ("releases", "Releases", sweeps),
        ("groups", "Groups", True),
        ("phases", "Phases", True),
        ("cells", "Every cell", True),
        ("unavailable", "Without a number", True),
        ("warnings", "Disturbances", True),
        ("claims", "Claims", claims),
        ("elsewhere", "Other machines", elsewhere),
        ("method", "Method", True),
        ("identities", "Machine and digests", True),
    ]
    return [(name, title) for name, title, there in found if there]


def _part(results: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """What the page shows of one workload by itself."""
    groups, more_groups = data.groups(part["cells"])
    return {
        "workload": part["workloads"][0],
        "own": own_name(results, part),
        "grids": grid(part),
        "crowded": data.crowded(part["cells"]),
        "tradeoffs": tables(part["tradeoffs"], part["workloads"]),
        "groups": groups,
        "more_groups": more_groups,
        "orders": orders(part),
    }


def _sweep(sweep: dict[str, Any]) -> dict[str, Any]:
    """{"name", "chart", "unit", "rows": [(cell, change to the release before it)]}."""
    before = {later: earlier for earlier, later in changes(sweep)}
    by_name = {label(cell): cell for cell in sweep["cells"]}
    rows = []
    for name, cell in by_name.items():
        change = ""
        if name in before:
            change = f"{cell['ratio'] / by_name[before[name]]['ratio'] - 1:+.1%}"
        rows.append((cell, change))
    return {
        "name": sweep_name(sweep),
        "chart": sweep_chart(sweep),
        "unit": unit(sweep["workloads"]),
        "rows": rows,
    }


def _other(other: dict[str, Any]) -> dict[str, Any]:
    """Another host's cells, by themselves: they have no place among this host's groups."""
    whole = {**other, "cells": [{**cell, "group": cell.get("group")} for cell in other["cells"]]}
    warnings = other.get("warnings", [])
    return {**whole, "warnings": warnings, "grids": grid(whole), "orders": orders(whole)}
