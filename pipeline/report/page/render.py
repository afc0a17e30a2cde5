"""The page's text: a template filled with the tables of this room, pictures of charts, and their data."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from pipeline.analyses.claims.claim_verdicts import NOT_TESTABLE, RULES, ClaimVerdict
from pipeline.analyses.sweep_results import SweepResults, changes
from pipeline.core import paths
from pipeline.report import at_a_glance
from pipeline.report.page import cell_texts, method, number_format, vega
from pipeline.report.page.across_workloads import section
from pipeline.report.page.headline import facts, processor
from pipeline.report.pareto_text import tables
from pipeline.report.tables import grids, heading, mark, notes, rankings
from pipeline.results.cells import by_workload, native_speeds, orders, unit
from pipeline.results.model import OtherHost, Results
from pipeline.results.model_cell import CellResult, Measurement
from pipeline.results.problems.failures import failures
from pipeline.stats.verdicts import MOST_SAME

if TYPE_CHECKING:
    import jinja2
    from markupsafe import Markup

_TEMPLATES = "pipeline/report/templates"


#: In the place of a measurement that there is none of, in the template: no number at all.
_BLANK = SimpleNamespace(**dict.fromkeys((*Measurement.__struct_fields__, "half_width")))


def html(
    results: Results,
    sweeps: Sequence[SweepResults],
    claims: Sequence[ClaimVerdict],
    drawn: dict[str, str],
    chart_data: dict[str, Any],
) -> str:
    """The whole page. ``drawn``: SVG of each chart; ``chart_data``: what page.js draws them from."""
    from markupsafe import Markup

    # Ours, and vl-convert's; the only markup on the page that Jinja2 does not escape.
    scripts = {
        "theme_js": _own("page.theme.js"),
        "bundle_js": vega.javascript(),
        "page_js": _own("page.js"),
    }
    css = _own("page.css") + _own("page.across.css")
    return (
        _environment()
        .get_template("page.html.jinja")
        .render(
            **_context(results),
            **_context_of_claims(claims),
            sections=_sections(results, sweeps, claims),
            sweeps=[_sweep(sweep) for sweep in sweeps],
            charts={name: Markup(vega.inline(svg, name)) for name, svg in drawn.items()},
            policy=_policy(list(scripts.values()), css),
            css=Markup(css),
            chart_data=_script_json(chart_data),
            **{name: Markup(text) for name, text in scripts.items()},
        )
    )


def _context(results: Results) -> dict[str, Any]:
    """What the template shows of the results."""
    return {
        "results": results,
        "heading": heading(results),
        "unit": unit(results.workloads),
        "several": len(results.workloads) > 1,
        "parts": [_part(results, part) for part in by_workload(results)],
        "facts": facts(results),
        "glance": list(at_a_glance.lines(results)),
        "across": section(results),
        "same_percent": f"{MOST_SAME * 100:g}",
        "phase_names": cell_texts.PHASES,
        "choices": cell_texts.choices(results.cells),
        "notes": notes(results),
        "failures": failures(results),
        "other_hosts": [_other(other) for other in results.other_hosts],
        "method": method.protocol(results),
        "workloads": method.workloads(results),
        "machine": method.machine(results),
        "runtimes": cell_texts.runtimes(results.cells),
        "artifacts": cell_texts.built(results.cells),
    }


def _context_of_claims(claims: Sequence[ClaimVerdict]) -> dict[str, Any]:
    return {
        # What could be tested comes first, else in the order of claims.toml.
        "claims": sorted(claims, key=lambda claim: claim.verdict == NOT_TESTABLE),
        "counts": Counter(claim.verdict for claim in claims),
        "rules": RULES,
    }


def own_name(results: Results, part: Results) -> Callable[[str], str]:
    """The name of a workload's chart or table among those of others: a part of a path, and of ids."""
    if len(results.workloads) == 1:
        return lambda name: name
    return lambda name: f"{name}-{_plain(part.workloads[0].name)}"


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._+-]", "-", name)


def sweep_chart(sweep: SweepResults) -> str:
    """The name of a sweep's chart, by its runtime: a part of a path, and of ids."""
    return f"sweep-{_plain(sweep.runtime)}"


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
        n=number_format,
        blank=_BLANK,
        trouble=cell_texts.trouble,
        pairs_used=cell_texts.pairs_used,
        evidence=cell_texts.evidence,
        prebuilt=cell_texts.prebuilt,
        nested=cell_texts.nested,
        published=cell_texts.published,
        mark=mark,
        row_class=_row_class,
        verdict=_verdict,
        processor=processor,
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


def _row_class(cell: CellResult) -> Markup:
    from markupsafe import Markup

    name = "none" if cell.measurement is None else "unsure" if cell.measurement.disturbed else ""
    return Markup(' class="{}"').format(name) if name else Markup("")


def _verdict(word: str) -> Markup:
    from markupsafe import Markup

    names = {"reproduced": "reproduced", "contradicted": "bad"}
    return Markup('<span class="tag {}">{}</span>').format(names.get(word, "quiet"), word)


def _sections(
    results: Results, sweeps: Sequence[SweepResults], claims: Sequence[ClaimVerdict]
) -> list[tuple[str, str]]:
    """(id, name) of the sections of the page, in its order."""
    found: list[tuple[str, str, object]] = [
        ("findings", "Findings", True),
        ("scores", "Scores", True),
        ("ranks", "Ranks", True),
        ("across", "Across workloads", results.across_workloads),
        ("tradeoffs", "Costs", True),
        ("releases", "Releases", sweeps),
        ("phases", "Phases", True),
        ("cells", "Every cell", True),
        ("unavailable", "Without a number", True),
        ("warnings", "Disturbances", True),
        ("claims", "Claims", claims),
        ("other-hosts", "Other machines", results.other_hosts),
        ("method", "Method", True),
        ("identities", "Machine and digests", True),
    ]
    return [(name, title) for name, title, present in found if present]


def _part(results: Results, part: Results) -> dict[str, Any]:
    """What the page shows of one workload by itself."""
    return {
        "workload": part.workloads[0],
        "own": own_name(results, part),
        "grids": grids(part),
        "fronts": tables(part.pareto_fronts, part.workloads),
        "rankings": rankings(part),
        "orders": orders(part),
    }


def _sweep(sweep: SweepResults) -> dict[str, Any]:
    """{"name", "chart", "unit", "rows": [(cell, change to the release before it)]}."""
    changed = changes(sweep)
    return {
        "name": sweep.runtime,
        "chart": sweep_chart(sweep),
        "unit": unit(sweep.workloads),
        "rows": [
            (cell, f"{changed[cell.label]:+.1%}" if cell.label in changed else "") for cell in sweep.cells
        ],
    }


def _other(other: OtherHost) -> dict[str, Any]:
    """A different host's cells, by themselves: they have no place among this host's."""
    return {"results": other, "grids": grids(other), "orders": orders(other)}
