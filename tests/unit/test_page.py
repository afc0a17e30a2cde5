"""report/index.html as bytes: escaped, self-contained, the same twice, small; what is in which section."""

import base64
import hashlib
import itertools
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest
from msgspec.structs import replace

from pipeline.core import paths
from pipeline.core.model import Status
from pipeline.report.page import (
    cell_texts,
    chart_data,
    charts,
    cost_charts,
    headline,
    method,
    number_format,
    vega,
    write_page,
)
from pipeline.results.model_cell import PrebuiltModule
from pipeline.results.model_pareto import ParetoFronts
from tests import factories
from tests.data import page_inputs
from tests.data.page_inputs import HOSTILE


class Reader(HTMLParser):
    """A page as a browser without scripts reads it: elements, scripts, and the text around them."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.scripts, self.styles, self.texts = [], [], [], []
        self._in = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._in = tag
        if tag in ("script", "style"):
            (self.scripts if tag == "script" else self.styles).append([dict(attrs), ""])

    def handle_endtag(self, tag):
        self._in = None

    def handle_data(self, text):
        if self._in in ("script", "style"):
            (self.scripts if self._in == "script" else self.styles)[-1][1] += text
        else:
            self.texts.append(text)

    @property
    def text(self):
        return "".join(self.texts)

    @property
    def chart_data(self):
        return json.loads(next(text for attrs, text in self.scripts if attrs.get("id") == "chart-data"))


@pytest.fixture(scope="module")
def whole():
    """The page with everything on it, and its pictures."""
    return write_page.make(*page_inputs.full())


@pytest.fixture(scope="module")
def read(whole):
    return Reader(whole[0])


@pytest.fixture(scope="module")
def hostile():
    results, sweeps, claims = page_inputs.full()
    return write_page.make(*(page_inputs.poisoned(x) for x in (results, sweeps, claims)))


def test_hostile_text_becomes_no_element(whole, read, hostile):
    found = Reader(hostile[0])
    assert [tag for tag, _ in found.elements] == [tag for tag, _ in read.elements]
    acting = [
        a for _, attrs in found.elements for a in attrs if a.startswith("on") or a in ("srcdoc", "style")
    ]
    assert acting == []
    running = [[text for attrs, text in x.scripts if "id" not in attrs] for x in (read, found)]
    assert running[0] == running[1]


@pytest.mark.parametrize(
    "what",
    [
        "the processor",
        "the microarchitecture",
        "the kernel",
        "flags",
        "a variant",
        "a backend",
        "a toolchain's version",
        "a reason",
        "a compiler's evidence",
        "a warning's remedy",
        "a claim's statement",
        "a claim's reason",
        "a claim's source",
        "a different host",
        "a prebuilt module",
        "a release",
        "a workload's title",
        "a workload's note",
        "a workload's validation",
    ],
)
def test_hostile_text_is_shown_as_it_is(hostile, what):
    results, _, claims = page_inputs.full()
    cells = results.cells
    evidence = [c.measurement.compiler_evidence for c in cells if c.is_ok]
    shown = {
        "the processor": results.host.cpu,
        "the microarchitecture": results.host.microarchitecture,
        "the kernel": results.host.kernel,
        "flags": cells[0].flags[0],
        "a variant": cells[0].variant,
        "a backend": cells[0].backend,
        "a toolchain's version": results.toolchains[0].version,
        "a reason": next(c.reason for c in cells if c.reason),
        "a compiler's evidence": next(e["compiler"] for e in evidence if "compiler" in e),
        "a warning's remedy": results.warnings[0].remedy,
        "a claim's statement": claims[0].statement,
        "a claim's reason": claims[0].reason,
        "a claim's source": claims[0].source,
        "a different host": "Other Processor 9000",
        "a prebuilt module": "coremark-minimal.wasm",
        "a release": "50.0.1",
        "a workload's title": results.workloads[0].title,
        "a workload's note": results.workloads[0].note,
        "a workload's validation": results.workloads[0].validation,
    }[what]
    assert shown + HOSTILE in Reader(hostile[0]).text


def test_hostile_text_is_plain_text_in_pictures(hostile):
    for name, svg in hostile[1].items():
        assert "<img" not in svg, name
        assert "<script" not in svg, name
    assert "&lt;img src=x" in hostile[1]["heatmap"]


def test_json_in_the_page_cannot_end_its_script(hostile):
    raw = re.search(r'<script type="application/json" id="chart-data">(.*?)</script>', hostile[0], re.DOTALL)[
        1
    ]
    assert not re.search("[<>&\u2028\u2029]", raw)
    rows = json.loads(raw)["sets"]["cells"]
    assert HOSTILE in rows[0]["backend"]


def test_nothing_is_fetched_and_nothing_else_runs(whole, read):
    for tag, attrs in read.elements:
        for key in ("src", "href", "action", "data", "poster", "xlink:href"):
            assert attrs.get(key, "#").startswith("#"), (tag, attrs)
        assert tag not in ("link", "iframe", "object", "embed", "img", "base")
    own = whole[0].replace(vega.javascript(), "")
    links = set(re.findall(r"https?://[^\"'\s<>)\\]+", own))
    assert {
        link for link in links if "vega.github.io/schema" not in link and "www.w3.org" not in link
    } == set()
    assert "url(" not in re.sub(r"url\(#[\w.-]+\)", "", own)
    assert "@import" not in own


def test_the_policy_names_the_digest_of_each_script_and_style(read):
    policy = next(
        a["content"] for tag, a in read.elements if a.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy

    def digest(text):
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    running = [text for attrs, text in read.scripts if attrs.get("type") != "application/json"]
    assert len(running) == 3
    wanted = [*map(digest, running), *(digest(text) for _, text in read.styles)]
    assert re.findall(r"'sha256-[^']+'", policy) == wanted


def test_the_same_bytes_twice_in_a_second_process(whole):
    code = (
        "import hashlib\nfrom pipeline.report.page import write_page as page\n"
        "from tests.data import page_inputs\n"
        "text, drawn = page.make(*page_inputs.full())\n"
        "print(hashlib.sha256((text + ''.join(drawn.values())).encode()).hexdigest())"
    )
    seeded = {**os.environ, "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "LC_ALL": "C"}
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=seeded)
    text, drawn = whole
    assert out.stdout.strip() == hashlib.sha256((text + "".join(drawn.values())).encode()).hexdigest()


def test_a_full_matrix_stays_under_three_megabytes():
    results = page_inputs.large()
    assert len(results.cells) == 18 * 12
    text, _ = write_page.make(results, [page_inputs.sweep()], page_inputs.CLAIMS)
    assert len(text.encode()) < 3_000_000


def test_other_hosts_have_their_own_section(whole, read):
    results, sweeps, claims = page_inputs.full()
    alone = replace(results, other_hosts=())
    without, drawn = write_page.make(alone, sweeps, claims)
    assert whole[1] == drawn
    assert read.chart_data == Reader(without).chart_data
    section = re.search(r'<section aria-labelledby="other-hosts">.*?</section>\n', whole[0], re.DOTALL)[0]
    rest = whole[0].replace(section, "").replace('<li><a href="#other-hosts">Other machines</a></li>\n', "")
    assert rest == without
    assert "Other Processor 9000" in section
    assert "12345 iterations/s" in section
    assert "Other Processor" not in without


def test_a_different_host_may_have_measured_a_part_only():
    results = page_inputs.results()
    other = page_inputs.other_host(results, "coremark/zig/O2/wasm3")
    text, _ = write_page.make(replace(results, other_hosts=(other,)), [], [])
    section = text[text.index('<h2 id="other-hosts">') :]
    assert section.count('<td class="none" title="not measured there">not measured</td>') == 5


def test_what_is_absent_has_no_section():
    results = page_inputs.results()
    assert not results.other_hosts
    text, drawn = write_page.make(results, [], [])
    found = Reader(text)
    headings = [a["id"] for tag, a in found.elements if tag == "h2"]
    assert not {"releases", "claims", "other-hosts"} & set(headings)
    targets = [a["href"][1:] for tag, a in found.elements if tag == "a" and a["href"] != "#warnings"]
    assert set(headings) - {"warnings"} == set(targets)
    assert [name for name in drawn if name.startswith("sweep")] == []


def test_one_round_is_said_to_have_no_interval():
    """No word about the machine."""
    one = {"rounds": 1, "rounds_used": 1, "disturbed": True, "log_standard_error": None}
    numbers = factories.measurement(0.8, **one, degrees_of_freedom=0.0)
    text, _ = write_page.make(factories.results([factories.cell(measured=numbers)]), [], [])
    found = Reader(text)
    assert "ok, 1 round ?" in found.text
    assert "1 round has no interval: for one take rounds=3" in found.text
    assert "too disturbed" not in found.text


def test_headings_captions_and_regions_are_in_order(read):
    check_outline(read)


def check_outline(read):
    levels = [int(tag[1]) for tag, _ in read.elements if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    ids = [a["id"] for _, a in read.elements if "id" in a]
    assert len(ids) == len(set(ids))
    for tag, attrs in read.elements:
        for key in ("aria-labelledby", "aria-describedby"):
            assert attrs.get(key, ids[0]) in ids, (tag, attrs)
    tags = [tag for tag, _ in read.elements]
    assert tags.count("table") == tags.count("caption")
    regions = [a for _, a in read.elements if "scroll" in (a.get("class") or "").split()]
    assert len(regions) == tags.count("table")
    assert all(a["tabindex"] == "0" and a["role"] == "region" for a in regions)


def test_what_has_no_number_says_why_everywhere(whole, read):
    cell = next(c for c in page_inputs.results().cells if c.status == "unavailable")
    assert whole[0].count(cell.reason) >= 3
    row = next(r for r in read.chart_data["sets"]["cells"] if r["tip"].startswith(cell.label))
    assert row["state"] == "none"
    assert row["text"] == "unavailable"
    assert row["tip"] == f"{cell.label}\nunavailable: {cell.reason}"
    assert "ratio" not in row


def test_disturbed_cells_are_marked_in_words_and_shape(whole, read):
    results = page_inputs.results()
    disturbed = [c.label for c in results.cells if c.is_ok and c.measurement.disturbed]
    assert disturbed
    rows = {r["tip"].partition("\n")[0]: r for r in read.chart_data["sets"]["cells"]}
    assert {name for name, row in rows.items() if row["state"] == "disturbed"} == set(disturbed)
    assert all(rows[name]["below"] == "?" and "disturbed:" in rows[name]["tip"] for name in disturbed)
    assert whole[0].count('<span class="tag disturbed">') == len(disturbed)


def test_every_cell_has_a_row_with_its_exact_values(whole):
    cell = next(c for c in page_inputs.results().cells if c.backend == "wasmtime.cranelift")
    row = re.search(
        rf"<tr[^>]*><th scope=\"row\">{re.escape(cell.label)}</th><td class=\"state\".*?</tr>", whole[0]
    )
    m = cell.measurement
    for value in (m.score, m.ratio, m.half_width, m.compile_seconds, m.wasm_bytes, m.peak_rss_bytes):
        assert f'data-v="{value}"' in row[0]
    assert f"{m.pairs_used} of {m.chunks}" in row[0]


def test_native_code_has_no_compile_time_and_is_still_shown(whole):
    row = re.search(
        r'<tr[^>]*><th scope="row">coremark/zig/O3/native</th><td class="state".*?</tr>', whole[0]
    )[0]
    assert 'data-v=""' in row
    assert "None" not in row


def test_digests_of_what_ran_are_on_the_page(read):
    results = page_inputs.results()
    (workload,) = results.workloads
    assert workload.reference.sha256 in read.text
    assert f"revision {workload.revision}" in read.text
    assert results.host.fingerprint in read.text
    for cell in results.cells:
        assert cell.artifact_sha256 in read.text
        for package in (cell.identity.packages or {}).values():
            assert package.sha256 in read.text


def test_claims_with_their_figures_and_verdicts(read):
    assert "Wasmer 5.0 LLVM 30088.5; Wasmer 5.0 Cranelift 11635.6; ratio 2.59; tolerance 10 %" in read.text
    assert "1.220 (1.190 – 1.250)" in read.text
    classes = [a["class"] for tag, a in read.elements if tag == "span" and "tag" in (a.get("class") or "")]
    assert classes.count("tag quiet") == 1
    assert "1 contradicted, 1 not testable here." in read.text


def test_claims_that_could_be_tested_come_first():
    text, _ = write_page.make(page_inputs.results(), [], page_inputs.CLAIMS[::-1])
    assert text.index(">wasmer-llvm-over-cranelift<") < text.index(">m2-releases<")


def test_a_claim_without_scores_names_its_sides():
    assert cell_texts.published(page_inputs.CLAIMS[1]) == "46; 30; ratio 2.48; tolerance 10 %"


def test_a_large_seed_is_shown_to_the_last_digit():
    results = page_inputs.results()
    protocol = replace(results.protocol, seed=2**63 - 1, chunk_ms=12.5)
    settings = dict(method.protocol(replace(results, protocol=protocol)))
    assert settings["seed of the order of cells"] == "9223372036854775807"
    assert settings["length of a chunk, ms"] == "12.5"


def _cells(*ranks):
    """Cells with numbers, one a rank, each slower than the one before."""
    cells = []
    for number, (best, worst) in enumerate(ranks):
        numbers = factories.measurement(1 - number / 10, rank_best=best, rank_worst=worst)
        cells.append(factories.cell(f"coremark/zig/O3/b{number}", measured=numbers))
    return cells


def test_the_fastest_is_only_called_so_when_it_is_shown():
    shown = headline.fastest(_cells((1, 1), (2, 3), (2, 3)))
    assert (shown["name"], shown["value"]) == ("Shown to be fastest", "b0")
    assert shown["says"].endswith("shown to be faster than every other backend that runs the same module")
    open_ = headline.fastest(_cells((1, 2), (1, 2), (3, 3)))
    assert (open_["name"], open_["value"]) == ("Fastest so far", "b0")
    assert open_["says"].endswith("; b1 may be faster")
    alone = headline.fastest(_cells((None, None)))
    assert (alone["name"], alone["value"]) == ("Fastest so far", "b0")


def test_the_fastest_is_never_native_nor_disturbed():
    _, second, third = _cells((1, 1), (2, 2), (3, 3))
    cells = [
        factories.cell("coremark/zig/O3/native"),
        replace(second, measurement=factories.disturbed(0.9)),
        third,
    ]
    assert headline.fastest(cells)["value"] == "b2"
    cells[2] = replace(third, measurement=factories.disturbed(0.8))
    assert headline.fastest(cells)["value"] == "undecided"


def test_below_each_ratio_is_half_of_its_interval():
    below = {row["state"]: row["below"] for row in chart_data.rows(page_inputs.results())}
    assert below["ok"].startswith("±")
    assert (below["disturbed"], below["none"]) == ("?", "")


def test_the_forest_plot_has_a_panel_for_each_variant():
    results = page_inputs.results()
    spec = charts.forest(results)
    panels = [panel for row in spec["vconcat"] for panel in row["hconcat"]]
    variants = list(dict.fromkeys(cell.variant for cell in results.cells))
    assert [panel["title"]["text"] for panel in panels] == variants
    ratios = {(c.variant, c.backend): c.measurement.ratio for c in results.cells if c.measurement}
    for panel, variant in zip(panels, variants, strict=True):
        order = panel["layer"][0]["encoding"]["y"]["scale"]["domain"]
        assert order == sorted(order, key=lambda name: -ratios[variant, name])


def test_charts_name_their_data_and_hold_none():
    results = page_inputs.results()
    for spec in (
        charts.heatmap(results),
        cost_charts.compile_time(results),
        cost_charts.module_size(results),
    ):
        assert "datasets" not in spec
        assert '"values"' not in json.dumps(spec)
        assert "href" not in json.dumps(spec)
        assert '"sort"' not in json.dumps(spec)


def test_rows_name_one_of_several_toolchains_and_prebuilt_modules_have_none():
    results = page_inputs.results()
    second = [replace(c, toolchain="clang") for c in results.cells]
    module = PrebuiltModule(file="x.wasm", interface="command", validated=None)
    prebuilt = replace(results.cells[1], toolchain="prebuilt", prebuilt=module)

    def names(*more):
        cells = replace(results, cells=(*results.cells, *more))
        return {row["row"] for row in chart_data.rows(cells)}

    assert names(prebuilt) == {c.backend for c in results.cells}
    both = names(*second)
    assert {"wasm3 · zig", "wasm3 · clang"} <= both


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, ""), (7.3085e-05, "0.0731"), (0.0123456, "12.3"), (1.7014, "1701")]
)
def test_milliseconds(seconds, text):
    assert number_format.milliseconds(seconds) == text


def test_absent_numbers_are_empty():
    assert (
        number_format.score(None)
        == number_format.ratio(None)
        == number_format.whole(None)
        == number_format.mebibytes(None)
        == ""
    )
    assert number_format.interval(None, None) == ""
    assert number_format.gibibytes(None) == "unknown"
    assert number_format.gibibytes(3 << 29) == "1.5 GiB"


@pytest.mark.parametrize(
    "bad",
    [
        "<script>1</script>",
        '<path onclick="x"/>',
        '<a href="x"/>',
        "<image/>",
        '<g xlink:href="x"/>',
        "<foreignObject/>",
    ],
)
def test_a_picture_that_could_act_is_refused(bad):
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">{bad}</svg>'
    with pytest.raises(ValueError, match="may act"):
        vega.inline(svg, "x")


def test_pictures_on_one_page_share_no_ids():
    svg = '<svg><rect width="9" height="9.5" fill="white"/><g id="clip0" fill="url(#gradient_0)"/></svg>'
    assert vega.inline(svg, "size") == '<svg><g id="size-clip0" fill="url(#size-gradient_0)"/></svg>'


def test_a_sweep_of_any_name_has_a_chart_with_a_harmless_one():
    sweep = page_inputs.sweep()
    sweep = replace(sweep, cells=tuple(replace(c, backend=f"a/<b>{c.backend}") for c in sweep.cells))
    text, drawn = write_page.make(page_inputs.results(), [sweep], [])
    name = list(drawn)[-1]
    assert re.fullmatch(r"sweep-[A-Za-z0-9._-]+", name)
    assert f'data-chart="{name}"' in text


def test_without_any_number_there_is_still_a_page():
    results = page_inputs.results()
    (workload,) = results.workloads
    unmeasured = {"reason": "no such runtime", "status": Status.UNAVAILABLE, "measurement": None}
    results = replace(
        results,
        cells=tuple(replace(c, **unmeasured) for c in results.cells),
        workloads=(replace(workload, reference=replace(workload.reference, score=None)),),
        comparisons=(),
        warnings=(),
        pareto_fronts=ParetoFronts(size=(), compile_time=(), compile_time_all_backends=()),
    )
    text, drawn = write_page.make(results, [], [])
    assert list(drawn) == ["heatmap"]
    assert "0 of 42" in text
    assert "not measured" in text


def test_several_workloads_have_their_own_charts_and_tables():
    results = page_inputs.several()
    text, drawn = write_page.make(results, [], [])
    found = Reader(text)
    names = [workload.name for workload in results.workloads]
    of_cells = ("heatmap", "compile-time", "size", "code-size", "phases")
    assert {f"{chart}-{name}" for name in names for chart in of_cells} <= set(drawn)
    assert "3 workloads under WebAssembly" in found.text
    for number, workload in enumerate(results.workloads):
        chart = found.chart_data["charts"][f"heatmap-{workload.name}"]
        rows = found.chart_data["sets"][chart["data"]["cells"]]
        assert len(rows) == 42
        assert all(row["tip"].startswith(f"{workload.name}/") for row in rows)
        assert any(f" {workload.unit}\n" in row["tip"] for row in rows)
        # A heading in each section about one workload, and the tables' captions.
        assert text.count(f"<h3>{workload.title}</h3>") == 5
        assert f'<option value="{workload.name}">' in text
        assert (f"sources</dt><dd>{'revision' if number == 0 else 'SHA-256'} " in text) is True
    assert text.count("not official CoreMark results") == 1
    assert "coremark: fastest so far" in found.text or "coremark: shown to be fastest" in found.text
    check_outline(found)


def test_of_several_workloads_hostile_names_stay_text():
    text, drawn = write_page.make(page_inputs.poisoned(page_inputs.several()), [], [])
    assert Reader(text).elements
    usual = write_page.make(page_inputs.several(), [], [])
    tags = [[tag for tag, _ in Reader(each).elements] for each in (text, usual[0])]
    assert tags[0] == tags[1]
    assert all(re.fullmatch(r"[A-Za-z0-9._+-]+", name) for name in drawn)
    assert len(drawn) == len(usual[1])


def test_writing_leaves_no_picture_of_an_earlier_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    old = tmp_path / paths.CHARTS
    old.mkdir(parents=True)
    for name in ("sweep-gone.svg", "sweep-gone.png", "notes.txt"):
        (old / name).write_text("old")
    write_page.write(page_inputs.results(), [page_inputs.sweep()], [])
    names = ["code-size", "compile-time", "heatmap", "phases", "ranks", "size", "sweep-wasmtime"]
    wanted = ["notes.txt", *(f"{name}.{kind}" for name in names for kind in ("png", "svg"))]
    assert sorted(p.name for p in old.iterdir()) == sorted(wanted)
    assert (old / "size.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    assert (old / "size.svg").read_text().startswith("<svg ")
    assert (tmp_path / paths.INDEX_HTML).read_text(encoding="utf-8").startswith("<!doctype html>")


@pytest.mark.parametrize("changed", ["text", "key", "whole"])
def test_a_kept_script_that_is_not_the_one_is_made_again(tmp_path, monkeypatch, changed):
    monkeypatch.chdir(tmp_path)
    made = []
    monkeypatch.setattr(vega, "_bundled", lambda: made.append(1) or "draw();")
    javascript = vega.javascript.__wrapped__
    assert (javascript(), javascript(), made) == ("draw();", "draw();", [1])
    kept = tmp_path / paths.PAGE_SCRIPT
    found = json.loads(kept.read_text())
    kept.write_text("{" if changed == "whole" else json.dumps({**found, changed: "act();"}))
    assert (javascript(), javascript(), made) == ("draw();", "draw();", [1, 1])
    assert json.loads(kept.read_text()) == found
    monkeypatch.setattr(vega, "_GLOBALS", "window.other = 1;")
    assert (javascript(), made) == ("draw();", [1, 1, 1])
