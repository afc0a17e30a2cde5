"""Every export says what results.json and the samples say, to the last digit, for any text in it."""

import csv
import io
import json
import math
import re
import shlex
import subprocess
import sys
from decimal import Decimal
from fractions import Fraction

import jsonschema
import msgspec
import pyperf
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from msgspec.structs import replace

from pipeline.core import paths
from pipeline.core.errors import ProjectError
from pipeline.core.model import Status
from pipeline.core.text import for_github, for_line, for_markdown_code, printable
from pipeline.measure.sample import read, write
from pipeline.report import exports
from pipeline.report.exports import csv_table, github_summary
from pipeline.report.exports.csv_table import render as csv_of
from pipeline.report.exports.markdown import brief
from pipeline.report.exports.markdown import render as markdown_of
from pipeline.results import results_json
from pipeline.results.cells import speed_text
from pipeline.results.json_schema import json_schema
from pipeline.results.model_cell import CellIdentity, InstalledPart, PrebuiltModule
from tests import factories
from tests.data import page_inputs
from tests.recorded import DISTURBED, ROUNDS, WARMED, inside, record

NAMES = [
    "across.csv",
    "benchmark-action.json",
    "pyperf.json",
    "results.csv",
    "results.md",
    "results.schema.json",
]
HOSTILE = [
    "<script>alert(1)</script>",
    "a|b||c",
    "`code` ``more`` ```",
    "first\nsecond\r\n# third\u2028fourth",
    "=cmd|' /C calc'!A0",
    "-O3",
    "+1",
    "@SUM(A1)",
    "\t=1",
    "\"quoted\", 'twice'",
    "'apostrophe",
    "nul\0 escape\x1b[31m bell\a",
    "\ud800 half, \u202e turned",
    "&lt;b&gt; &amp; $x$ ~~gone~~ **bold** _it_",
    "@octocat #1 https://example.org www.example.org a@b.example [link](x) ![i](y) <https://z.example>",
    "",
    "  spaces  ",
    "{{ 7 * 7 }} ${7} %s \\",
]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return record(tmp_path_factory.mktemp("run"))


@pytest.fixture
def results(run):
    return run.results


@pytest.fixture
def samples(run):
    with inside(run.folder):
        return exports.samples_of(run.results)


@pytest.fixture(scope="module")
def written(run):
    """{file name: text} as write_all leaves them."""
    with inside(run.folder):
        exports.write_all()
        found = exports.discover().values()
        return {e.file: (run.folder / e.path).read_bytes().decode("utf-8") for e in found}


def ok(results):
    return [(cell, cell.measurement) for cell in results.cells if cell.is_ok]


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


def unguarded(field):
    return field[1:] if field.startswith("'") else field


def benches_of(text):
    return {bench.get_name(): bench for bench in pyperf.BenchmarkSuite.loads(text)}


def entries_of(text):
    return {entry["name"]: entry for entry in json.loads(text)}


def hostile(results, samples, text):
    """The same results where every text that comes from outside is replaced; names stay different."""
    (workload,) = results.workloads
    (tool,) = results.toolchains
    host = {k: text for k, v in msgspec.structs.asdict(results.host).items() if isinstance(v, str)}
    cells, moved = [], {}
    for cell in results.cells:
        names = {key: f"{text}{getattr(cell, key)}" for key in ("workload", "variant", "backend")}
        parts = None if cell.is_native else {text: InstalledPart(version=text, sha256="0" * 64)}
        made = replace(
            cell,
            toolchain=f"{text}zig",
            flags=(text, text),
            reason=None if cell.reason is None else text,
            identity=CellIdentity(name=text, version=text, packages=parts),
            **names,
        )
        if cell.is_ok:
            evidence = {text: text} if cell.measurement.compiler_evidence else {}
            made = replace(made, measurement=replace(cell.measurement, compiler_evidence=evidence))
        if cell.label in samples:
            moved[made.label] = samples[cell.label]
        cells.append(made)
    cells[1] = replace(cells[1], prebuilt=PrebuiltModule(file=text, interface=text, validated=text))
    changed = replace(
        results,
        host=replace(results.host, **{**host, "fingerprint": results.host.fingerprint}),
        toolchains=(replace(tool, name=f"{text}zig", version=text or "1"),),
        protocol=replace(results.protocol, name=text),
        workloads=(
            replace(
                workload,
                name=f"{text}coremark",
                reference=replace(workload.reference, variant=text),
                **dict.fromkeys(("title", "note", "validation", "time_source"), text),
            ),
        ),
        warnings=tuple(replace(w, name=text, found=text, effect=text, remedy=text) for w in results.warnings),
        cells=tuple(cells),
        other_hosts=(),
    )
    return changed, moved


# What there is


def test_exports_are_found_by_looking(monkeypatch, tmp_path):
    found = exports.discover()
    assert set(NAMES) <= set(found)
    assert all(e.says and "\n" not in e.says for e in found.values())
    assert all(e.path == f"{paths.REPORT}/{name}" for name, e in found.items())
    (tmp_path / "one_more.py").write_text(
        "from pipeline.report.exports.model import Export\n"
        "EXPORTS = (Export('x.txt', 'x', lambda results, samples: results.created),)\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(exports, "__path__", [*exports.__path__, str(tmp_path)])
    more = exports.discover()
    monkeypatch.delitem(sys.modules, "pipeline.report.exports.one_more")
    assert set(more) - set(found) == {"x.txt"}


def test_looking_for_them_is_light():
    heavy = {"scipy", "numpy", "jinja2", "rich", "pyperf", "archspec"}
    code = "import sys; from pipeline.report import exports; exports.discover(); "
    code += f"print({heavy} & set(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "set()"


def test_the_same_input_gives_the_same_bytes(run, written):
    with inside(run.folder):
        exports.write_all()
    for name, text in written.items():
        assert (run.folder / paths.REPORT / name).read_bytes() == text.encode("utf-8"), name


@pytest.fixture
def copied(run, tmp_path, monkeypatch):
    """A run of one's own, without exports."""
    monkeypatch.chdir(tmp_path)
    results_json.write(paths.RESULTS_JSON, run.results)
    for cell, _ in ok(run.results):
        for number in range(1, ROUNDS + 1):
            path = paths.sample(cell.label, number)
            write(path, read(run.folder / path))
    return tmp_path


def damage_sample(change):
    path = paths.sample(WARMED, 2)
    write(path, msgspec.structs.replace(read(path), **change(read(path))))


DAMAGES = {
    "no results.json": lambda folder: (folder / paths.RESULTS_JSON).unlink(),
    "half a results.json": lambda folder: (folder / paths.RESULTS_JSON).write_text('{"cells": [', "utf-8"),
    "no sample": lambda folder: (folder / paths.sample(WARMED, 2)).unlink(),
    "half a sample": lambda folder: (folder / paths.sample(WARMED, 2)).write_text("{", "utf-8"),
    "a sample of a different cell": lambda folder: damage_sample(
        lambda s: {"cell": "coremark/zig/O3/native"}
    ),
    "a sample of a different artifact": lambda folder: damage_sample(lambda s: {"artifact_sha256": "0" * 64}),
    "a sample with fewer chunks": lambda folder: damage_sample(
        lambda s: {
            k: getattr(s, k)[1:]
            for k in ("scores", "reference_scores", "cpu_shares", "reference_cpu_shares", "processors")
        }
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_does_not_fit_together_is_refused_in_for_line(copied, damage):
    exports.write_all()
    for name in NAMES:
        (copied / paths.REPORT / name).unlink()
    DAMAGES[damage](copied)
    with pytest.raises(ProjectError, match=r"^[^\n]+; (to write one, )?run: doit run( report)?$"):
        exports.write_all()
    assert not [name for name in NAMES if (copied / paths.REPORT / name).exists()]


# Several workloads


def test_of_several_workloads_each_is_reported_by_itself():
    results = page_inputs.several()
    text = markdown_of(results, {})
    assert text.startswith("### 3 workloads under WebAssembly on ")
    for w in results.workloads:
        assert f"\n{w.title}, compiled by zig, {w.unit}:\n" in text
        assert f"{w.name} {speed_text(w.reference.score)} {w.unit}" in text
        assert f"| workload `{w.name}` |" in text
    header = csv_of(results, {}).partition("\r\n")[0]
    assert header.startswith("workload,toolchain,variant,")
    rows = rows_of(csv_of(results, {}))
    assert [row["workload"] for row in rows] == [c.workload for c in results.cells]
    entries = entries_of(exports.discover()["benchmark-action.json"].render(results, {}))
    assert len(entries) == len(ok(results))
    assert "nbody/zig/O3/wasm3" in entries


# They agree


def test_all_agree_with_results_json_to_the_last_digit(results, written):
    parts = ("workload", "toolchain", "variant", "backend")
    rows = {"/".join(row[part] for part in parts): row for row in rows_of(written["results.csv"])}
    benches, entries = benches_of(written["pyperf.json"]), entries_of(written["benchmark-action.json"])
    assert set(benches) == set(entries) == {cell.label for cell, _ in ok(results)}
    assert set(rows) == {cell.label for cell in results.cells}
    for cell, m in ok(results):
        name = cell.label
        metadata, entry = benches[name].get_metadata(), entries[name]
        assert entry["value"] == m.ratio
        assert entry["range"] == f"± {(m.ratio_high - m.ratio_low) / 2!r}"
        assert f": {m.ratio_low!r} to {m.ratio_high!r}\n" in entry["extra"]
        for key in ("ratio", "ratio_low", "ratio_high"):
            assert float(rows[name][key]) == metadata[key] == getattr(m, key)
        digest = cell.artifact_sha256
        assert metadata["artifact_sha256"] == digest
        assert digest in entry["extra"]
        assert digest in (rows[name]["wasm_sha256"], rows[name]["native_sha256"])


def leaves(value, path=""):
    for key, inner in value.items():
        if isinstance(inner, dict):
            # The numbers of a cell are next to its names.
            yield from leaves(inner, path if key == "measurement" else f"{path}{key}.")
        else:
            yield f"{path}{key}", inner


def test_csv_has_every_scalar_of_every_cell(results, written):
    text = written["results.csv"]
    assert text.endswith("\r\n")
    assert text.count("\n") == text.count("\r\n") == len(results.cells) + 1
    cells = msgspec.to_builtins(results.cells)
    for cell, row in zip(cells, rows_of(text), strict=True):
        assert None not in row
        expected = {k: v for k, v in leaves(cell) if v is not None}
        assert {k for k, v in row.items() if v != ""} == {k for k, v in expected.items() if v != ""}
        for key, value in expected.items():
            if isinstance(value, bool):
                assert row[key] == str(value).lower()
            elif isinstance(value, (int, float)):
                assert row[key] == json.dumps(value), key
                assert type(value)(row[key]) == value
            elif isinstance(value, tuple):
                assert shlex.split(unguarded(row[key])) == list(value)
            else:
                assert unguarded(row[key]) == value


def test_csv_distinguishes_null_from_an_empty_text():
    assert csv_table.csv_text(["a", "b"], [["", None]]) == 'a,b\r\n"",\r\n'


def csv_of_cell(**changes):
    """The CSV of one cell that has these flags, this reason, evidence or score."""
    numbers = {key: changes.pop(key) for key in ("score", "compiler_evidence") if key in changes}
    made = factories.cell(measured=factories.measurement(**numbers))
    if "reason" in changes:
        made = replace(made, status=Status.TRAP, reason=changes.pop("reason"), measurement=None)
    return csv_of(factories.results([replace(made, **changes)]), {})


@pytest.mark.parametrize("start", [*"=+-@\t\r\n＝＋－＠", *HOSTILE])
def test_csv_guards_what_a_spreadsheet_would_compute(start):
    failed = csv_of_cell(flags=(f"{start}1",), reason=f"{start}1")
    measured = csv_of_cell(compiler_evidence={f"{start}key": f"{start}value"})
    for text in (failed, measured):
        for field in [f for row in csv.reader(io.StringIO(text, newline="")) for f in row]:
            assert not field.startswith(tuple("=+-@\t\r\n＝＋－＠"))
    assert unguarded(rows_of(failed)[0]["reason"]) == printable(f"{start}1")
    assert printable(f"compiler_evidence.{start}key") in map(unguarded, rows_of(measured)[0])


@given(st.lists(st.text(max_size=12), min_size=1, max_size=3), st.text(min_size=1, max_size=20))
def test_csv_gives_any_text_back_and_starts_no_formula(flags, reason):
    text = csv_of_cell(flags=tuple(flags), reason=reason)
    header, fields = csv.reader(io.StringIO(text, newline=""))
    row = dict(zip(header, fields, strict=True))
    assert unguarded(row["flags"]) == printable(shlex.join(flags))
    assert unguarded(row["reason"]) == printable(reason)
    assert not [f for f in fields if f.startswith(tuple("=+-@\t\r"))]
    text.encode("utf-8")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_csv_gives_any_number_back(score):
    (row,) = rows_of(csv_of_cell(score=score))
    assert json.loads(row["score"]) == score


# Markdown


def test_markdown_shows_the_correct_rounding_of_every_cell(results, written):
    text = written["results.md"]
    shown = {}
    variants = None
    for line in text.splitlines():
        fields = [f.strip() for f in line.strip("|").split("|")]
        if fields[0] == "backend":
            variants = [f.strip("`") for f in fields[1:]]
        elif line.startswith("| `") and variants and len(fields) == len(variants) + 1:
            shown.update({(v, fields[0].strip("`")): f for v, f in zip(variants, fields[1:], strict=True)})
    assert len(shown) == len(results.cells)
    for cell in results.cells:
        entry, m = shown[cell.variant, cell.backend], cell.measurement
        if m is None:
            assert entry == cell.status.value
            continue
        found = re.fullmatch(r"(\d+)<br>(\d+\.\d{4}) ± (\d+\.\d{2}) %( \?)?", entry)
        assert found, entry
        assert Decimal(found[1]) == round(Decimal(m.score))
        assert Decimal(found[2]) == round(Decimal(m.ratio), 4)
        half = (Fraction(m.ratio_high) - Fraction(m.ratio_low)) / 2 / Fraction(m.ratio)
        assert abs(Fraction(found[3]) - half * 100) <= Fraction(5, 1000) + Fraction(1, 10**12)
        assert bool(found[4]) == m.disturbed
    assert DISTURBED in text


def test_markdown_has_host_versions_digests_warnings_and_reasons(results, written):
    text, workload = written["results.md"], results.workloads[0]
    tool, runtime = results.toolchains[0], results.cells[1].identity
    for part in (
        tool.version,
        tool.sha256,
        f"{runtime.name} {runtime.version}",
        f"revision {workload.revision}",
        workload.reference.sha256,
        workload.validation,
        results.created,
        f"{workload.reference.score:.0f} iterations/s",
        "not official CoreMark results",
        "needs simd",
    ):
        assert part in text, part
    assert len(results.warnings) > 1
    assert all(f"- {warning.name}: " in text for warning in results.warnings)


def test_prebuilt_modules_are_named_with_their_digest(results, samples):
    measured = results.cells[1]
    module = PrebuiltModule(file="module.wasm", interface="command", validated="CRCs of both")
    cell = replace(measured, toolchain="prebuilt", variant="module", prebuilt=module)
    results = replace(results, cells=(cell,))
    sample = {cell.label: samples[measured.label]}
    made = {n: e.render(results, sample) for n, e in exports.discover().items()}
    line = f"`module.wasm`, SHA-256 `{cell.wasm_sha256}`, validated: CRCs of both"
    assert line in made["results.md"]
    (bench,) = benches_of(made["pyperf.json"]).values()
    assert bench.get_metadata()["toolchain"] == "prebuilt"
    assert "toolchain_sha256" not in bench.get_metadata()
    assert "toolchain: prebuilt, SHA-256 unknown\n" in json.loads(made["benchmark-action.json"])[0]["extra"]
    assert rows_of(made["results.csv"])[0]["prebuilt.validated"] == "CRCs of both"


def test_without_prebuilt_modules_none_is_listed(results):
    assert not any(cell.prebuilt for cell in results.cells)
    assert "module `" not in markdown_of(results, {})


def tokens(text):
    """Every inline token of Markdown as GitHub reads it, without what it makes of mentions and links."""
    for block in MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text):
        yield block
        yield from block.children or []


def shape(text):
    """What headings, tables, lists and rows there are."""
    return [t.type for t in tokens(text) if t.block and t.type not in ("inline", "html_block")]


_MARKUP = ("link_open", "image", "s_open", "strong_open", "em_open", "fence", "code_block", "hardbreak")


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_makes_nothing_of_hostile_text(results, samples, text):
    usual = markdown_of(*hostile(results, samples, "usual"))
    made = markdown_of(*hostile(results, samples, text))
    made.encode("utf-8")
    for whole, harmless in ((made, usual), (brief(hostile(results, {}, text)[0]), brief(results))):
        assert shape(whole) == shape(harmless)
        for token in tokens(whole):
            assert token.type not in _MARKUP, token
            if token.type in ("html_inline", "html_block"):
                html = r"(</?(span|details|summary|br)>|Machine, versions, digests|\n)+"
                assert re.fullmatch(html, token.content), token.content
            if token.type == "text":
                # What GitHub would make a mention, a reference, a link or a formula of.
                assert not re.search(r"[@#]\w|\w@|\w://|www\.\w|\$.", token.content), token.content


@given(st.text(max_size=30))
def test_markdown_shows_any_text_as_it_is_in_its_own_column(text):
    row = f"| a | b | c |\n|---|---|---|\n| {for_markdown_code(text)} | {for_github(text)} | x |\n"
    parsed = [t for t in tokens(row) if t.type in ("td_open", "th_open")]
    assert len(parsed) == 6
    cells = [t for t in tokens(row) if t.type == "inline"][3:]
    parts = [[p.content for p in t.children if p.type in ("text", "code_inline")] for t in cells]
    shown = ["".join(part) for part in parts]
    as_code = for_line(text).replace("`", "'").replace("|", "/")
    assert shown == [as_code, for_line(text), "x"]


def test_markdown_shows_no_entity_of_hostile_text():
    row = f"| {for_github('&lt;b&gt; &amp; &#64;x')} |"
    assert "".join(t.content for t in tokens(row) if t.type == "text") == "| &lt;b&gt; &amp; &#64;x |"


# pyperf


def test_pyperf_has_each_undisturbed_chunk_of_each_round(results, samples, written):
    benches = benches_of(written["pyperf.json"])
    for cell, m in ok(results):
        name = cell.label
        bench = benches[name]
        assert bench.get_nrun() == m.rounds == len(samples[name])
        assert bench.get_unit() == "second"
        for made, sample in zip(bench.get_runs(), samples[name], strict=True):
            steady = sample.steady()
            assert (name == DISTURBED) == (steady == [])
            assert len(steady) < len(sample.scores)
            chosen = steady or range(len(sample.scores))
            assert made.values == tuple(1 / sample.scores[i] for i in chosen)
            assert made.get_loops() == sample.iterations
            assert made.warmups == tuple((sample.iterations, 1 / x) for x in sample.warmup_scores) or ()
            assert bool(made.warmups) == (name == WARMED)
            assert made.get_metadata()["mem_max_rss"] == sample.peak_rss_bytes
            assert made.get_metadata()["duration"] == sample.seconds
            assert made.get_metadata()["date"] == sample.measured


def test_pyperf_metadata_says_what_ran_and_names_no_host(results, written):
    host, workload = results.host, results.workloads[0]
    benches = benches_of(written["pyperf.json"])
    for cell, _ in ok(results):
        metadata = benches[cell.label].get_metadata()
        assert "hostname" not in metadata
        assert metadata["cpu_model_name"] == for_line(host.cpu)
        assert metadata["cpu_count"] == host.cores
        assert metadata["runtime_version"] == cell.identity.version
        assert metadata["flags"] == " ".join(cell.flags)
        assert metadata["toolchain_sha256"] == results.toolchains[0].sha256
        assert metadata["description"].startswith(workload.title)
        assert metadata["workload"] == workload.name
        assert metadata["revision"] == workload.revision
        assert metadata["reference_sha256"] == workload.reference.sha256


def test_pyperf_writes_the_same_suite_itself(written):
    text = written["pyperf.json"]
    stream = io.StringIO()
    pyperf.BenchmarkSuite.loads(text).dump(stream)
    again = pyperf.BenchmarkSuite.loads(stream.getvalue())
    for one, other in zip(pyperf.BenchmarkSuite.loads(text), again, strict=True):
        assert one.get_metadata() == other.get_metadata()
        assert [r.values for r in one.get_runs()] == [r.values for r in other.get_runs()]


@pytest.mark.parametrize("command", ["check", "show", "stats", "metadata", "hist", "compare_to"])
def test_pyperf_takes_the_file(run, written, command):
    path = str(run.folder / paths.REPORT / "pyperf.json")
    files = [path, path] if command == "compare_to" else [path]
    made = subprocess.run(
        [sys.executable, "-m", "pyperf", command, *files], capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stderr
    assert made.stderr == ""
    assert WARMED in made.stdout


@pytest.mark.parametrize("text", HOSTILE)
def test_pyperf_takes_hostile_text(results, samples, text):
    changed, moved = hostile(results, samples, text)
    made = exports.discover()["pyperf.json"].render(changed, moved)
    made.encode("utf-8")
    benches = benches_of(made)
    assert set(benches) == {for_line(cell.label) for cell, _ in ok(changed)}
    assert all("\x1b" not in str(v) for bench in benches.values() for v in bench.get_metadata().values())


def test_without_an_ok_cell_pyperf_has_nothing_to_open(results):
    none = next(cell for cell in results.cells if cell.status is Status.UNAVAILABLE)
    cells = (replace(none, variant=cell.variant, backend=cell.backend) for cell in results.cells)
    results = replace(results, cells=tuple(cells))
    files = {name: export.render(results, {}) for name, export in exports.discover().items()}
    assert json.loads(files["benchmark-action.json"]) == []
    with pytest.raises(ValueError, match="non-empty"):
        pyperf.BenchmarkSuite.loads(files["pyperf.json"])
    assert "needs simd" in files["results.md"]


# github-action-benchmark


def test_action_entries_are_what_the_action_reads(results, written):
    entries = json.loads(written["benchmark-action.json"])
    assert [e["name"] for e in entries] == [cell.label for cell, _ in ok(results)]
    for entry, (cell, m) in zip(entries, ok(results), strict=True):
        assert list(entry) == ["name", "unit", "value", "range", "extra"]
        assert entry["unit"] == "ratio to native"
        assert isinstance(entry["value"], float)
        # The action's own pattern (extractRangeInfo.ts).
        found = re.search(r"(\+-|±)\s*(?P<value>\d.+)", entry["range"])
        assert math.isclose(float(found["value"]), (m.ratio_high - m.ratio_low) / 2, rel_tol=0)
        for part in (results.host.kernel, results.toolchains[0].sha256, cell.identity.name):
            assert part in entry["extra"]
        assert ("too disturbed" in entry["extra"]) == m.disturbed


@pytest.mark.parametrize("text", HOSTILE)
def test_action_takes_hostile_text(results, samples, text):
    changed, moved = hostile(results, samples, text)
    entries = json.loads(exports.discover()["benchmark-action.json"].render(changed, moved))
    assert [e["value"] for e in entries] == [m.ratio for _, m in ok(results)]
    for entry in entries:
        assert not set(entry["name"]) & set("`|\n\r\0\x1b")
        assert entry["extra"].count("\n") == 4


# The step summary


def test_no_summary_outside_github(results, monkeypatch, capsys):
    for value in (None, ""):
        monkeypatch.delenv(paths.SUMMARY, raising=False)
        if value is not None:
            monkeypatch.setenv(paths.SUMMARY, value)
        github_summary.summarise(results)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("before", ["", "text", "# a table\n"])
def test_the_summary_is_appended(results, monkeypatch, tmp_path, before):
    path = tmp_path / "summary.md"
    path.write_text(before, encoding="utf-8")
    monkeypatch.setenv(paths.SUMMARY, str(path))
    github_summary.summarise(results)
    text = path.read_text(encoding="utf-8")
    assert text == before + ("\n\n" if before else "") + markdown_of(results, {})


@pytest.mark.parametrize("expected", ["whole", "brief", "nothing"])
def test_a_full_summary_gets_less(results, monkeypatch, tmp_path, expected):
    texts = {"whole": "\n\n" + markdown_of(results, {}), "brief": "\n\n" + brief(results), "nothing": ""}
    sizes = {key: len(text.encode("utf-8")) for key, text in texts.items()}
    room = {"whole": sizes["whole"], "brief": sizes["whole"] - 1, "nothing": sizes["brief"] - 1}
    used = github_summary.LIMIT - room[expected]
    path = tmp_path / "summary.md"
    path.write_bytes(b"x" * used)
    monkeypatch.setenv(paths.SUMMARY, str(path))
    github_summary.summarise(results)
    assert path.read_bytes()[used:].decode() == texts[expected]
    assert path.stat().st_size <= github_summary.LIMIT
    assert "10 ok, 1 unavailable, 1 trap" in texts["brief"]


def test_a_summary_that_cannot_be_written_is_a_warning(results, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv(paths.SUMMARY, str(tmp_path))
    github_summary.summarise(results)
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"warning: [^\n]*Is a directory\n", err)


def test_the_recorded_run_is_what_it_should_be(run):
    """The other tests are void if the recorded run has no cell of each kind."""
    assert {cell.status.value for cell in run.results.cells} == {"ok", "unavailable", "trap"}
    assert {m.disturbed for _, m in ok(run.results)} == {True, False}
    assert results_json.read(str(run.folder / paths.RESULTS_JSON)) == run.results


def test_the_schema_is_written_next_to_what_it_describes(run, written):
    schema = json.loads(written["results.schema.json"])
    assert schema == json_schema()
    jsonschema.validate(json.loads((run.folder / paths.RESULTS_JSON).read_text("utf-8")), schema)
