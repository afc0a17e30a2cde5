"""Every export says what results.json and the samples say, to the last digit, whatever the texts in it."""

import copy
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

import msgspec
import pyperf
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from pipeline.core import paths
from pipeline.core.errors import ProjectError
from pipeline.core.files import read_json, write_json
from pipeline.measure.sample import read, write
from pipeline.report import exports
from pipeline.report.exports import github_summary
from pipeline.report.exports.csv_table import render as csv_of
from pipeline.report.exports.markdown import brief, code
from pipeline.report.exports.markdown import render as markdown_of
from pipeline.report.exports.markdown import text as plain
from pipeline.report.exports.text import one_line, printable
from pipeline.results.cells import label, speed
from tests.data import page_inputs
from tests.recorded import DISTURBED, ROUNDS, WARMED, inside, record

NAMES = ["across.csv", "benchmark-action.json", "pyperf.json", "results.csv", "results.md"]
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
    return copy.deepcopy(run.results)


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
    return [cell for cell in results["cells"] if cell["status"] == "ok"]


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


def unguarded(field):
    return field[1:] if field.startswith("'") else field


def benches_of(text):
    return {bench.get_name(): bench for bench in pyperf.BenchmarkSuite.loads(text)}


def entries_of(text):
    return {entry["name"]: entry for entry in json.loads(text)}


def hostile(results, samples, text):
    """The same results where every text that comes from outside is another; names stay different."""
    changed = copy.deepcopy(results)
    changed["host"] = {k: text if isinstance(v, str) else v for k, v in changed["host"].items()}
    changed["toolchains"][0].update(name=f"{text}zig", version=text)
    changed["protocol"]["name"] = changed["workloads"][0]["reference"]["variant"] = text
    changed["workloads"][0].update(
        name=f"{text}coremark", **dict.fromkeys(("title", "note", "proof", "time"), text)
    )
    for warning in changed["warnings"]:
        warning.update(dict.fromkeys(warning, text))
    moved = {}
    for cell in changed["cells"]:
        name = label(cell)
        cell["toolchain"] = f"{text}zig"
        cell.update({key: f"{text}{cell[key]}" for key in ("workload", "variant", "backend")})
        cell.update(flags=[text, text], reason=None if cell["reason"] is None else text)
        cell["identity"].update(name=text, version=text)
        if "packages" in cell["identity"]:
            cell["identity"]["packages"] = {text: {"version": text, "sha256": "0" * 64}}
        if cell["proof"]:
            cell["proof"] = {text: text}
        if name in samples:
            moved[label(cell)] = samples[name]
    changed["cells"][1]["prebuilt"] = {"file": text, "interface": text, "validated": text}
    return changed, moved


# What there is


def test_exports_are_found_by_looking(monkeypatch, tmp_path):
    found = exports.discover()
    assert set(NAMES) <= set(found)
    assert all(e.says and "\n" not in e.says for e in found.values())
    assert all(e.path == f"{paths.REPORT}/{name}" for name, e in found.items())
    (tmp_path / "another.py").write_text(
        "from pipeline.report.exports.model import Export\n"
        "EXPORTS = (Export('x.txt', 'x', lambda results, samples: results['created']),)\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(exports, "__path__", [*exports.__path__, str(tmp_path)])
    more = exports.discover()
    monkeypatch.delitem(sys.modules, "pipeline.report.exports.another")
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
    write_json(paths.RESULTS_JSON, run.results)
    for cell in ok(run.results):
        for number in range(1, ROUNDS + 1):
            path = paths.sample(label(cell), number)
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
    "a sample of another cell": lambda folder: damage_sample(lambda s: {"cell": "coremark/zig/O3/native"}),
    "a sample of another artifact": lambda folder: damage_sample(lambda s: {"artifact_sha256": "0" * 64}),
    "a sample with fewer chunks": lambda folder: damage_sample(
        lambda s: {
            k: getattr(s, k)[1:]
            for k in ("scores", "reference_scores", "cpu_shares", "reference_cpu_shares", "processors")
        }
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_does_not_fit_together_is_refused_in_one_line(copied, damage):
    exports.write_all()
    for name in NAMES:
        (copied / paths.REPORT / name).unlink()
    DAMAGES[damage](copied)
    with pytest.raises(ProjectError, match=r"^[^\n]+; type: doit run$"):
        exports.write_all()
    assert not [name for name in NAMES if (copied / paths.REPORT / name).exists()]


# Several workloads


def test_of_several_workloads_each_is_told_by_itself():
    results = page_inputs.several()
    text = markdown_of(results, {})
    assert text.startswith("### 3 workloads under WebAssembly on ")
    for workload in results["workloads"]:
        assert f"\n{workload['title']}, compiled by zig, {workload['unit']}:\n" in text
        assert f"{workload['name']} {speed(workload['reference']['score'])} {workload['unit']}" in text
        assert f"| workload `{workload['name']}` |" in text
    header = csv_of(results, {}).partition("\r\n")[0]
    assert header.startswith("workload,toolchain,variant,")
    rows = rows_of(csv_of(results, {}))
    assert [row["workload"] for row in rows] == [c["workload"] for c in results["cells"]]
    entries = entries_of(exports.discover()["benchmark-action.json"].render(results, {}))
    assert len(entries) == len(ok(results))
    assert "nbody/zig/O3/wasm3" in entries


# They agree


def test_all_agree_with_results_json_to_the_last_digit(results, written):
    rows = {label(r): r for r in rows_of(written["results.csv"])}
    benches, entries = benches_of(written["pyperf.json"]), entries_of(written["benchmark-action.json"])
    assert set(benches) == set(entries) == {label(cell) for cell in ok(results)}
    assert set(rows) == {label(cell) for cell in results["cells"]}
    for cell in ok(results):
        name = label(cell)
        metadata, entry = benches[name].get_metadata(), entries[name]
        assert entry["value"] == cell["ratio"]
        assert entry["range"] == f"± {(cell['ratio_high'] - cell['ratio_low']) / 2!r}"
        assert f": {cell['ratio_low']!r} to {cell['ratio_high']!r}\n" in entry["extra"]
        for key in ("ratio", "ratio_low", "ratio_high"):
            assert float(rows[name][key]) == metadata[key] == cell[key]
        digest = cell["wasm_sha256"] or cell["native_sha256"]
        assert metadata["artifact_sha256"] == digest
        assert digest in entry["extra"]
        assert digest in (rows[name]["wasm_sha256"], rows[name]["native_sha256"])


def leaves(value, path=""):
    for key, inner in value.items():
        if isinstance(inner, dict):
            yield from leaves(inner, f"{path}{key}.")
        else:
            yield f"{path}{key}", inner


def test_csv_has_every_scalar_of_every_cell(results, written):
    text = written["results.csv"]
    assert text.endswith("\r\n")
    assert text.count("\n") == text.count("\r\n") == len(results["cells"]) + 1
    for cell, row in zip(results["cells"], rows_of(text), strict=True):
        assert None not in row
        expected = {k: v for k, v in leaves(cell) if v is not None}
        assert {k for k, v in row.items() if v != ""} == {k for k, v in expected.items() if v != ""}
        for key, value in expected.items():
            if isinstance(value, bool):
                assert row[key] == str(value).lower()
            elif isinstance(value, (int, float)):
                assert row[key] == json.dumps(value), key
                assert type(value)(row[key]) == value
            elif isinstance(value, list):
                assert shlex.split(unguarded(row[key])) == value
            else:
                assert unguarded(row[key]) == value


def test_csv_tells_null_from_an_empty_text(results):
    results["cells"][0]["group"], results["cells"][1]["group"] = "", None
    first, second = csv_of({"cells": results["cells"][:2]}, {}).split("\r\n")[1:3]
    assert ',"",' in first
    assert '""' not in second


@pytest.mark.parametrize("start", [*"=+-@\t\r\n＝＋－＠", *HOSTILE])
def test_csv_guards_what_a_spreadsheet_would_compute(start):
    text = csv_of({"cells": [{"flags": [f"{start}1"], "reason": f"{start}1", f"{start}key": 1}]}, {})
    for field in [f for row in csv.reader(io.StringIO(text, newline="")) for f in row]:
        assert not field.startswith(tuple("=+-@\t\r\n＝＋－＠"))
    row = rows_of(text)[0]
    assert unguarded(row["reason"]) == printable(f"{start}1")
    assert printable(f"{start}key") in map(unguarded, row)


@given(
    st.lists(st.text(max_size=12), min_size=1, max_size=3),
    st.text(max_size=20),
    st.floats(allow_nan=False, allow_infinity=False),
)
def test_csv_gives_any_text_and_number_back_and_starts_no_formula(flags, reason, score):
    text = csv_of({"cells": [{"flags": flags, "reason": reason, "score": score}]}, {})
    header, fields = csv.reader(io.StringIO(text, newline=""))
    assert header == ["flags", "reason", "score"]
    assert unguarded(fields[0]) == printable(shlex.join(flags))
    assert unguarded(fields[1]) == printable(reason)
    assert json.loads(fields[2]) == score
    assert not [f for f in fields[:2] if f.startswith(tuple("=+-@\t\r"))]
    text.encode("utf-8")


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
    assert len(shown) == len(results["cells"])
    for cell in results["cells"]:
        entry = shown[cell["variant"], cell["backend"]]
        if cell["status"] != "ok":
            assert entry == cell["status"]
            continue
        found = re.fullmatch(r"(\d+)<br>(\d+\.\d{4}) ± (\d+\.\d{2}) %( \?)?", entry)
        assert found, entry
        assert Decimal(found[1]) == round(Decimal(cell["score"]))
        assert Decimal(found[2]) == round(Decimal(cell["ratio"]), 4)
        half = (Fraction(cell["ratio_high"]) - Fraction(cell["ratio_low"])) / 2 / Fraction(cell["ratio"])
        assert abs(Fraction(found[3]) - half * 100) <= Fraction(5, 1000) + Fraction(1, 10**12)
        assert bool(found[4]) == cell["disturbed"]
    assert DISTURBED in text


def test_markdown_has_host_versions_digests_warnings_and_reasons(results, written):
    text, workload = written["results.md"], results["workloads"][0]
    tool, runtime = results["toolchains"][0], results["cells"][1]["identity"]
    for part in (
        tool["version"],
        tool["sha256"],
        f"{runtime['name']} {runtime['version']}",
        f"revision {workload['revision']}",
        workload["reference"]["sha256"],
        workload["proof"],
        results["created"],
        f"{workload['reference']['score']:.0f} iterations/s",
        "not official CoreMark results",
        "needs simd",
    ):
        assert part in text, part
    assert len(results["warnings"]) > 1
    assert all(f"- {warning['name']}: " in text for warning in results["warnings"])


def test_modules_that_others_built_are_told_by_their_digest(results, samples):
    cell = results["cells"][1]
    sample = samples[label(cell)]
    cell.update(toolchain="prebuilt", variant="theirs")
    cell["prebuilt"] = {"file": "theirs.wasm", "interface": "command", "validated": "CRCs of both"}
    results["cells"] = [cell]
    made = {n: e.render(results, {label(cell): sample}) for n, e in exports.discover().items()}
    line = f"`theirs.wasm`, SHA-256 `{cell['wasm_sha256']}`, validated: CRCs of both"
    assert line in made["results.md"]
    (bench,) = benches_of(made["pyperf.json"]).values()
    assert bench.get_metadata()["toolchain"] == "prebuilt"
    assert "toolchain_sha256" not in bench.get_metadata()
    assert "toolchain: prebuilt, SHA-256 unknown\n" in json.loads(made["benchmark-action.json"])[0]["extra"]
    assert rows_of(made["results.csv"])[0]["prebuilt.validated"] == "CRCs of both"


def test_cells_that_say_nothing_of_others_modules_are_our_own(results):
    for cell in results["cells"]:
        cell.pop("prebuilt", None)
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
    row = f"| a | b | c |\n|---|---|---|\n| {code(text)} | {plain(text)} | x |\n"
    parsed = [t for t in tokens(row) if t.type in ("td_open", "th_open")]
    assert len(parsed) == 6
    cells = [t for t in tokens(row) if t.type == "inline"][3:]
    parts = [[p.content for p in t.children if p.type in ("text", "code_inline")] for t in cells]
    shown = ["".join(part) for part in parts]
    as_code = one_line(text).replace("`", "'").replace("|", "/")
    assert shown == [as_code, one_line(text), "x"]


def test_markdown_shows_no_entity_of_hostile_text():
    row = f"| {plain('&lt;b&gt; &amp; &#64;x')} |"
    assert "".join(t.content for t in tokens(row) if t.type == "text") == "| &lt;b&gt; &amp; &#64;x |"


# pyperf


def test_pyperf_has_each_undisturbed_chunk_of_each_round(results, samples, written):
    benches = benches_of(written["pyperf.json"])
    for cell in ok(results):
        name = label(cell)
        bench = benches[name]
        assert bench.get_nrun() == cell["rounds"] == len(samples[name])
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
    host = results["host"]
    for cell in ok(results):
        metadata = benches_of(written["pyperf.json"])[label(cell)].get_metadata()
        assert "hostname" not in metadata
        assert metadata["cpu_model_name"] == one_line(host["cpu"])
        assert metadata["cpu_count"] == host["cores"]
        assert metadata["runtime_version"] == cell["identity"]["version"]
        assert metadata["flags"] == " ".join(cell["flags"])
        assert metadata["toolchain_sha256"] == results["toolchains"][0]["sha256"]
        workload = results["workloads"][0]
        assert metadata["description"].startswith(workload["title"])
        assert metadata["workload"] == workload["name"]
        assert metadata["revision"] == workload["revision"]
        assert metadata["reference_sha256"] == workload["reference"]["sha256"]


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
    assert set(benches) == {one_line(label(cell)) for cell in ok(changed)}
    assert all("\x1b" not in str(v) for bench in benches.values() for v in bench.get_metadata().values())


def test_without_an_ok_cell_pyperf_has_nothing_to_open(results):
    none = next(cell for cell in results["cells"] if cell["status"] == "unavailable")
    names = ("workload", "toolchain", "variant", "backend")
    results["cells"] = [{**none, **{key: cell[key] for key in names}} for cell in results["cells"]]
    files = {name: export.render(results, {}) for name, export in exports.discover().items()}
    assert json.loads(files["benchmark-action.json"]) == []
    with pytest.raises(ValueError, match="non-empty"):
        pyperf.BenchmarkSuite.loads(files["pyperf.json"])
    assert "needs simd" in files["results.md"]


# github-action-benchmark


def test_action_entries_are_what_the_action_reads(results, written):
    entries = json.loads(written["benchmark-action.json"])
    assert [e["name"] for e in entries] == [label(cell) for cell in ok(results)]
    for entry, cell in zip(entries, ok(results), strict=True):
        assert list(entry) == ["name", "unit", "value", "range", "extra"]
        assert entry["unit"] == "ratio to native"
        assert isinstance(entry["value"], float)
        # The action's own pattern (extractRangeInfo.ts).
        found = re.search(r"(\+-|±)\s*(?P<value>\d.+)", entry["range"])
        assert math.isclose(float(found["value"]), (cell["ratio_high"] - cell["ratio_low"]) / 2, rel_tol=0)
        for part in (results["host"]["kernel"], results["toolchains"][0]["sha256"], cell["identity"]["name"]):
            assert part in entry["extra"]
        assert ("too disturbed" in entry["extra"]) == cell["disturbed"]


@pytest.mark.parametrize("text", HOSTILE)
def test_action_takes_hostile_text(results, samples, text):
    changed, moved = hostile(results, samples, text)
    entries = json.loads(exports.discover()["benchmark-action.json"].render(changed, moved))
    assert [e["value"] for e in entries] == [cell["ratio"] for cell in ok(results)]
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


@pytest.mark.parametrize("before", ["", "others' text", "# others' table\n"])
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
    """The other tests mean nothing if the recorded run has no cell of each kind."""
    assert {cell["status"] for cell in run.results["cells"]} == {"ok", "unavailable", "trap"}
    assert {cell["disturbed"] for cell in run.results["cells"]} == {True, False, None}
    assert read_json(run.folder / paths.RESULTS_JSON) == run.results
