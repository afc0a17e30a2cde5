"""The comparison of two runs: the verdicts, what is refused, and what is a regression."""

import copy
import json
import math
import os
import re

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_history import (
    HOST,
    OTHER_HOST,
    RATIOS,
    cell_of,
    fail,
    label,
    record,
    results,
    typed,
    with_more,
    write,
)

from pipeline.analyses.history import compare_command, comparison_text
from pipeline.analyses.history.comparison import Side, compare_runs
from pipeline.core import paths
from pipeline.core.errors import BadInput
from pipeline.core.host import fingerprint
from pipeline.results import results_json
from pipeline.results.model import Results

CELL = "json/zig/O3/wasmtime.cranelift"


def compared_runs(old, new, hosts=None, threshold=2.0):
    return compare_runs(Side("old", typed(old)), Side("new", typed(new)), hosts, threshold)


def measured(run, name=CELL):
    return cell_of(run, name)["measurement"]


def words(found):
    return {change.pair.name: change.word for change in found.changes}


def regressed(found):
    return [change.pair.name for change in found.regressions]


def reference(run, workload=0):
    return run["workloads"][workload]["reference"]


def keys(found):
    return {change.pair.name: change.pair.key for change in found.changes}


def scaled(run, factor, name=CELL):
    """The same rounds with a different ratio, exactly."""
    for key in ("ratio", "ratio_low", "ratio_high", "score"):
        measured(run, name)[key] *= factor
    return run


# -- verdicts


def test_a_run_beside_itself_is_the_same():
    found = compared_runs(results(), results())
    assert set(words(found).values()) == {"same within"}
    assert all(change.pair.same_samples for change in found.changes)
    assert regressed(found) == []


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(0.01, 3), min_size=1, max_size=8),
    st.integers(1, 6),
    st.floats(0, 0.1),
    st.integers(0, 2**32),
)
def test_no_run_is_a_regression_of_itself(ratios, rounds, process, seed):
    run = results(
        {f"json/zig/O{i}/wasmtime.x": r for i, r in enumerate(ratios)},
        rounds=rounds,
        process=process,
        seed=seed,
    )
    other = copy.deepcopy(run)
    reference(other)["sha256"] = "0" * 64
    for new in (run, other):
        found = compared_runs(run, new, threshold=0)
        assert regressed(found) == []
        assert not {"faster", "slower"} & set(words(found).values())


def test_a_known_shift_is_found():
    shifted = {**RATIOS, CELL: RATIOS[CELL] * 0.95}
    found = compared_runs(results(), results(shifted, seed=2))
    assert words(found)[CELL] == "slower"
    assert regressed(found) == [CELL]
    (change,) = found.regressions
    assert change.verdict.difference.low < 0.95 < change.verdict.difference.high
    back = compared_runs(results(shifted, seed=2), results())
    assert words(back)[CELL] == "faster"
    assert regressed(back) == []


def test_equal_runs_are_seldom_told_apart():
    """The family's error: 40 pairs of runs of 12 equal cells, of which one in forty may go wrong."""
    ratios = {f"json/zig/O2/wasmtime.{i}": 0.8 for i in range(12)}
    wrong = 0
    for seed in range(40):
        found = words(compared_runs(results(ratios, seed=2 * seed), results(ratios, seed=2 * seed + 1)))
        wrong += bool({"faster", "slower"} & set(found.values()))
    assert wrong <= 3


def test_noise_decides_nothing():
    noisy = results({**RATIOS, CELL: 0.75}, seed=2, rounds=2, process=0.1)
    found = compared_runs(results(rounds=2, process=0.1), noisy)
    assert words(found)[CELL] == "undecided"
    assert regressed(found) == []


def test_a_disturbed_cell_decides_nothing():
    new = scaled(results(seed=2), 0.5)
    measured(new).update(disturbed=True, log_standard_error=None, degrees_of_freedom=0.0)
    found = compared_runs(results(), new)
    assert words(found)[CELL] == "undecided"
    assert "undecided (? the machine was too disturbed)" in comparison_text.render(found)


@pytest.mark.parametrize(("factor", "expected"), [(0.98, []), (0.9799, [CELL]), (0.5, [CELL]), (1.5, [])])
def test_a_regression_is_slower_by_more_than_the_threshold(factor, expected):
    old = results()
    for cell in old["cells"]:
        cell["measurement"].update(ratio=0.5, ratio_low=0.499, ratio_high=0.501, log_standard_error=1e-4)
    assert (
        regressed(compared_runs(old, scaled(json.loads(json.dumps(old)), factor), threshold=2.0)) == expected
    )


def test_a_small_but_certain_slowdown_is_reported_and_no_regression():
    found = compared_runs(results(process=1e-4, rounds=30), scaled(results(process=1e-4, rounds=30), 0.99))
    assert words(found)[CELL] == "slower"
    assert regressed(found) == []
    assert regressed(
        compared_runs(results(), scaled(results(process=1e-4, rounds=30, seed=2), 0.99), threshold=0.5)
    )


@pytest.mark.parametrize(
    ("status", "expected"),
    [(s, [CELL]) for s in ("invalid", "trap", "timeout", "crash")] + [("unavailable", [])],
)
def test_a_cell_that_goes_wrong_is_a_regression(status, expected):
    new = results()
    fail(new, CELL, status, "because")
    found = compared_runs(results(), new)
    assert regressed(found) == expected
    assert f"{CELL}: ok -> {status}: because" in comparison_text.render(found)
    assert regressed(compared_runs(new, new)) == regressed(compared_runs(new, results())) == []


# -- what may be compared with what


def test_machines_are_not_compared_silently():
    old, new = results(), results(host=OTHER_HOST, seed=2)
    with pytest.raises(BadInput) as caught:
        compared_runs(old, new)
    message = str(caught.value)
    assert "\n" not in message
    assert all(part in message for part in ("Testing CPU 9000", "Other CPU", "hosts=any"))


def test_of_two_machines_only_ratios_are_compared():
    old, new = results(), results(host=OTHER_HOST, seed=2)
    for cell in new["cells"]:
        cell["measurement"]["score"] /= 10
    reference(new)["sha256"] = "0" * 64
    found = compared_runs(old, new, hosts="any")
    assert set(keys(found).values()) == {"ratio"}
    assert regressed(found) == []
    text = comparison_text.render(found)
    assert "only ratios to native are compared" in text
    assert "to its own reference, which is a different executable for json." in text
    with pytest.raises(BadInput, match="hosts: unknown value 'all'"):
        compared_runs(old, new, hosts="all")


def test_with_a_different_reference_scores_are_compared():
    """The new reference is twice as fast: every ratio halves, and nothing got slower."""
    new = results({name: ratio / 2 for name, ratio in RATIOS.items()}, seed=2)
    reference(new).update(sha256="0" * 64, score=80000.0)
    for cell in new["cells"]:
        cell["measurement"]["score"] = cell["measurement"]["ratio"] * 80000
    found = compared_runs(results(), new)
    assert set(keys(found).values()) == {"score"}
    assert not {"faster", "slower"} & set(words(found).values())
    text = comparison_text.render(found)
    assert "native reference of json is a different executable" in text
    assert "ratio to native" not in text
    assert re.search(r"^ *runs/s +old +new", text, re.MULTILINE)
    for cell in new["cells"]:
        cell["measurement"]["score"] *= 0.9
    assert regressed(compared_runs(results(), new)) == list(RATIOS)


def test_each_workload_is_compared_by_its_own_reference():
    """The one with a different reference by speeds, the other by ratios; each in a table of its unit."""
    old, new = with_more(results()), with_more(results(seed=2))
    reference(new, 1)["sha256"] = "0" * 64
    for cell in new["cells"]:
        cell["measurement"]["score"] *= 0.5  # which does not matter for a ratio
    found = compared_runs(old, new)
    assert set(keys(found)) == {*RATIOS, *(name.replace("json", "nbody") for name in RATIOS)}
    assert {name for name, key in keys(found).items() if key == "score"} == set(regressed(found))
    assert set(regressed(found)) == {name.replace("json", "nbody") for name in RATIOS}
    text = comparison_text.render(found)
    assert "native reference of nbody is a different executable" in text
    by_ratio, by_speed = re.split(r"^ *iterations/s +old +new.*\n", text, flags=re.MULTILINE)
    assert re.search(r"^ *ratio to native +old +new", by_ratio, re.MULTILINE)
    assert by_ratio.count("json/zig") == by_speed.count("nbody/zig") == 3
    assert "nbody/zig" not in by_ratio
    cells = comparison_text.data(found)["cells"]
    assert [(cell["workload"], cell["compared"]) for cell in cells[2:4]] == [
        ("json", "ratio"),
        ("nbody", "score"),
    ]


def test_slow_programs_are_shown_with_their_digits():
    new = results(seed=2)
    reference(new)["sha256"] = "0" * 64
    measured(new)["score"] = 1.23456
    rows = [
        line for line in comparison_text.render(compared_runs(results(), new)).splitlines() if CELL in line
    ]
    assert rows[0].split()[2] == "1.23"


def test_other_settings_and_sources_are_warned_of():
    new = results(seed=2, rounds=9)
    new["protocol"].update(pairs=20, name="quick", half_width_percent=0.5)
    new["workloads"][0]["revision"] = "d5fad6bd" + "0" * 32
    text = comparison_text.render(compared_runs(results(), new))
    assert "Warning: they were measured with different settings: pairs 40 -> 20.\n" in text
    assert "Warning: sources of json have different revisions: 0c91314d000… -> d5fad6bd000….\n" in text
    new["workloads"][0].update(revision=None, sources_sha256="8" * 64)
    text = comparison_text.render(compared_runs(results(), new))
    assert "sources of json have different revisions: 99999999999… -> 88888888888….\n" in text
    assert "Warning" not in comparison_text.render(compared_runs(results(), results(seed=2, rounds=9)))


def test_other_changes_are_next_to_the_verdict():
    new = results(seed=2, version="51.0.0")
    cell_of(new, CELL).update(wasm_sha256="0" * 64)
    cell_of(new, "json/zig/O2/native")["identity"]["version"] = "0.18.0"
    rows = {
        line.split()[0]: line
        for line in comparison_text.render(compared_runs(results(), new)).splitlines()
        if "json/zig/" in line
    }
    assert rows[CELL].endswith("other module, wasmtime 50.0.1 -> 51.0.0")
    assert rows["json/zig/O2/wasmtime.cranelift"].endswith(" wasmtime 50.0.1 -> 51.0.0")
    assert rows["json/zig/O2/native"].endswith(" zig 0.17.1 -> 0.18.0")


def test_other_files_of_the_same_version_are_shown():
    new = results(seed=2)
    cell_of(new, CELL)["identity"]["packages"]["wasmtime"]["sha256"] = "0" * 64
    gcc = {"version": "13.1", "says": "gcc", "sha256": "1" * 64}
    cell_of(new, CELL)["identity"]["programs"]["gcc"] = gcc
    found = {change.pair.name: change.pair.causes for change in compared_runs(results(), new).changes}
    assert found[CELL] == ["wasmtime 50.0.1, other files, gcc none -> 13.1"]
    assert found["json/zig/O2/wasmtime.cranelift"] == []


def test_what_was_not_measured_again_is_in_no_family():
    new = json.loads(json.dumps(results()))
    cell_of(new, CELL).update(cell_of(results(seed=2), CELL))
    found = {change.pair.name: change for change in compared_runs(results(), new).changes}
    assert [name for name, change in found.items() if not change.pair.same_samples] == [CELL]
    assert found[CELL].verdict.p_adjusted == found[CELL].verdict.difference.p < 1


def test_cells_of_one_run_only_are_listed():
    new = results({**RATIOS, "json/zig/Oz/wasm3": 0.1}, seed=2)
    del new["cells"][0]
    found = compared_runs(results(), new)
    assert (found.only_old, found.only_new) == (["json/zig/O2/native"], ["json/zig/Oz/wasm3"])
    text = comparison_text.render(found)
    assert "only in old: json/zig/O2/native\n" in text
    assert "only in new: json/zig/Oz/wasm3\n" in text
    with pytest.raises(BadInput, match="no cell in common"):
        compared_runs(results(), results({"json/zig/Oz/wasm3": 0.1}))


@pytest.mark.parametrize("threshold", [-1, 100, math.nan, math.inf])
def test_a_threshold_is_a_percentage(threshold):
    with pytest.raises(BadInput, match="threshold: expected per cent"):
        compared_runs(results(), results(), threshold=threshold)


# -- which runs


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to compare in."""
    monkeypatch.chdir(tmp_path)
    os.mkdir(paths.REPORT)
    return tmp_path


def own(day):
    """Results of the machine that this test runs on."""
    return results(seed=day, day=day, host={**HOST, "fingerprint": fingerprint()})


def report(run, where=paths.RESULTS_JSON):
    with open(where, "w", encoding="utf-8") as stream:
        json.dump(run, stream)


def compared():
    with open(paths.COMPARE_JSON, encoding="utf-8") as stream:
        found = json.load(stream)
    return found["old"]["name"], found["new"]["name"]


def test_names_of_runs(here):
    for day in (1, 2, 3):
        record(own(day))
    record(results(seed=4, day=2, host=OTHER_HOST))
    report(own(3))
    for old, new, expected in (
        (None, None, ("run 2", paths.RESULTS_JSON)),
        (None, "last", ("run 2", "run 3")),
        (None, "2", ("run 1", "run 2")),
        ("1", "previous", ("run 1", "run 2")),
        ("last", "1", ("run 3", "run 1")),
        ("report/results.json", "1", (paths.RESULTS_JSON, "run 1")),
    ):
        compare_command.run(old, new, None)
        assert compared() == expected
    os.remove(paths.RESULTS_JSON)
    compare_command.run(None, None, None)
    assert compared() == ("run 2", "run 3")
    with pytest.raises(BadInput, match="scores of two machines"):
        compare_command.run("4", "last", None)
    compare_command.run("4", "last", "any")


def test_an_earlier_run_of_the_same_samples_is_no_default(here):
    record(own(1))
    record(own(2))
    filtered = {**own(2), "cells": own(2)["cells"][1:]}
    record(filtered)
    report(filtered)
    compare_command.run(None, None, None)
    assert compared() == ("run 1", paths.RESULTS_JSON)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (None, None, "no earlier run"),
        ("7", None, "run 7: not in the history"),
        ("previous", None, "no earlier run"),
        ("nowhere.json", None, "nowhere.json: no such file"),
        (".", None, "no such file"),
        ("no\x1b[2Jwhere", None, "^nowhere: no such file"),
    ],
)
def test_runs_that_are_not_there(here, old, new, message):
    record(own(1))
    report(own(1))
    with pytest.raises(BadInput, match=message) as caught:
        compare_command.run(old, new, None)
    assert str(caught.value).isprintable()


def test_a_regression_ends_with_a_line_and_leaves_the_table(here, capsys):
    report(results(), "old.json")
    new = results({name: ratio * 0.9 for name, ratio in RATIOS.items()}, seed=2)
    fail(new, "json/zig/O2/native", "trap", "x")
    report(new, "new.json")
    with pytest.raises(compare_command.Regression) as caught:
        compare_command.run("old.json", "new.json", None, 2.0)
    message = str(caught.value)
    assert message.startswith(
        "3 of 3 cells regressed between old.json and new.json: json/zig/O2/native trap, json/zig/O2/"
    )
    assert message.isprintable()
    table = capsys.readouterr().out
    assert table == (here / paths.COMPARE_TXT).read_text(encoding="utf-8")
    assert table.count("REGRESSION") == 2
    found = json.loads((here / paths.COMPARE_JSON).read_text(encoding="utf-8"))
    assert found["schema"] == 2
    assert found["regressions"] == list(RATIOS)
    by_name = {label(cell): cell for cell in found["cells"]}
    assert by_name[CELL]["verdict"] == "slower"
    assert by_name[CELL]["ratio_low"] < 0.9 < by_name[CELL]["ratio_high"]
    native = by_name["json/zig/O2/native"]
    same = {key: native["old"][key] for key in ("sha256", "version")}
    assert native["new"] == {**dict.fromkeys(native["old"]), "status": "trap", "reason": "x", **same}
    assert by_name["json/zig/O2/native"]["verdict"] is None


def test_without_a_regression_it_ends_well(here, capsys):
    report(results(), "old.json")
    report(results(seed=2), "new.json")
    compare_command.run("old.json", "new.json", None)
    assert "Regressions (slower by more than 2 %, or gone wrong): 0." in capsys.readouterr().out


# -- files from others


def broken(change):
    run = results()
    change(run)
    return json.dumps(run).encode()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"null",
        b"{" * 100_000,
        b'{"cells":' * 100_000,
        b'{"new":' * 100_000,
        broken(lambda r: r.pop("cells")),
        *(broken(lambda r, s=schema: r.update(schema=s)) for schema in (0, 1, 2, 3, 5, "4", None)),
        broken(lambda r: r.pop("schema")),
        broken(lambda r: r.update(schema=True)),
        broken(lambda r: r.update(created="yesterday")),
        broken(lambda r: r.update(created="2026-11-01T08:00:00+00:00\n")),
        broken(lambda r: r["host"].update(fingerprint="../../etc")),
        broken(lambda r: r["protocol"].update(pairs={"a": 1})),
        broken(lambda r: r["cells"].append(r["cells"][0])),
        broken(lambda r: r["workloads"].append(r["workloads"][0])),
        broken(lambda r: r["workloads"].clear()),
        broken(lambda r: r["cells"][0].update(workload="not there")),
        broken(lambda r: r["workloads"][0].update(sources_sha256="abc")),
        broken(lambda r: r["workloads"][0].pop("reference")),
        *(
            broken(lambda r, k=key, v=value: r["cells"][0]["measurement"].update({k: v}))
            for key, value in (
                ("ratio", math.nan),
                ("ratio", math.inf),
                ("ratio", -1),
                ("ratio", 0),
                ("ratio", "1"),
                ("ratio", None),
                ("ratio", 1e11),
                ("score", None),
                ("ratio_low", 2.0),
                ("log_standard_error", -0.1),
                ("code_bytes", 2**70),
                ("code_bytes", 1.5),
            )
        ),
        *(
            broken(lambda r, k=key, v=value: r["cells"][0].update({k: v}))
            for key, value in (
                ("status", "fine"),
                ("identity", {"packages": {"x": {"version": {"deep": 1}}}}),
                ("identity", None),
                ("backend", ""),
                ("measurement", None),
            )
        ),
        broken(lambda r: r["cells"][0]["measurement"].pop("log_standard_error")),
        broken(lambda r: r["cells"][0].update(reason="\ud800")),
    ],
    ids=lambda raw: None,
)
def test_a_file_that_is_no_results_is_refused_in_one_line(here, raw):
    path = here / "other.json"
    path.write_bytes(raw)
    with pytest.raises(BadInput) as caught:
        compare_command.run(str(path), str(path), None)
    assert str(caught.value).isprintable()
    assert str(path) in str(caught.value)


def test_a_file_of_an_older_schema_is_refused_with_the_command_that_writes_a_current_one(here):
    report({**results(), "schema": 2}, "old.json")
    with pytest.raises(BadInput) as caught:
        compare_command.run("old.json", "old.json", None)
    assert str(caught.value) == (
        "old.json: schema 2; expected a results.json of schema 4; to write one, run: doit run report"
    )


def test_a_file_that_is_too_large_is_refused(tmp_path, monkeypatch):
    path = write(tmp_path, "results.json", results())
    monkeypatch.setattr(results_json, "MOST_BYTES", path.stat().st_size)
    results_json.read(str(path))
    monkeypatch.setattr(results_json, "MOST_BYTES", path.stat().st_size - 1)
    with pytest.raises(BadInput, match="larger than"):
        results_json.read(str(path))


def test_what_never_ends_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", "/dev/zero"):
        with pytest.raises(BadInput, match="no such file"):
            results_json.read(str(path))


_RAW = json.dumps(results()).encode()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.integers(0, len(_RAW) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_changed_bytes_are_refused_or_compared(changes):
    """A file that is accepted can be compared, printed and written."""
    raw = bytearray(_RAW)
    for place, byte in changes:
        raw[place] = byte
    try:
        run = results_json.parse(bytes(raw), "a file", Results)
    except BadInput:
        return
    found = compare_runs(Side("a", results_json.parse(_RAW, "", Results)), Side("b", run), "any", 2.0)
    assert all(c.isprintable() or c == "\n" for c in comparison_text.render(found))
    json.dumps(comparison_text.data(found), allow_nan=False)


FREEDOM = st.floats(0, 1e12, exclude_min=True)
EXTREME = st.sampled_from([1e-131, 1e-9, 1e-3, 1.0, 7.0, 1e9, 1e12, 1e131])


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(*[EXTREME] * 4, st.floats(0, 1e12), FREEDOM), min_size=2, max_size=2))
def test_extreme_numbers_are_compared_without_trouble(numbers):
    runs = []
    for (ratio, score, low, high, error, freedom), digit in zip(numbers, "01", strict=True):
        run = results()
        ratio, score = (min(max(x, 1e-9), 1e12) for x in (ratio, score))
        reference(run)["sha256"] = digit * 64
        measured(run).update(ratio=ratio, ratio_low=min(low, ratio), ratio_high=max(high, ratio), score=score)
        measured(run).update(log_standard_error=error, degrees_of_freedom=freedom)
        runs.append(run)
    for hosts in (None, "any"):
        new = {**runs[1], "host": OTHER_HOST} if hosts else runs[1]
        found = compared_runs(runs[0], new, hosts)
        msgspec.json.encode(comparison_text.data(found))
        json.dumps(comparison_text.data(found), allow_nan=False)
        assert max(map(len, comparison_text.render(found).splitlines())) < 1000


def test_hostile_text_cannot_act_on_the_terminal(here, capsys):
    evil = "\x1b]0;title\x07\x1b[2J\x9b31mred\u202e\u200b\nrun 7 \r\x00[bold]"
    runs = [results(seed=day, day=day, host={**OTHER_HOST, "cpu": evil, "kernel": evil}) for day in (1, 2)]
    for number, run in enumerate(runs):
        run["protocol"]["name"] = evil
        run["workloads"][0].update(name=evil, revision=str(number) * 40)
        reference(run)["sha256"] = str(number) * 64
        for cell in run["cells"]:
            cell["workload"] = evil
        identity = {**run["cells"][0]["identity"], "name": evil, "version": f"{number}{evil}"}
        run["cells"][0].update(variant=evil, identity=identity)
        if number:
            run["cells"][1].update(status="crash", reason=evil, measurement=None)
        run["cells"].append({**run["cells"][0], "backend": f"{number}{evil}"})
    report(runs[0], "old.json")
    report(runs[1], "new.json")
    with pytest.raises(compare_command.Regression) as caught:
        compare_command.run("old.json", "new.json", None)
    text = capsys.readouterr().out
    assert "red run 7 [bold]" in text
    assert all(c.isprintable() or c == "\n" for c in text + str(caught.value))
    assert "title" not in text
    report({**runs[1], "host": {**runs[1]["host"], "fingerprint": "0" * 64}}, "new.json")
    with pytest.raises(BadInput) as refused:
        compare_command.run("old.json", "new.json", None)
    assert str(refused.value).isprintable()


def test_a_run_without_a_sample_says_so():
    old = results()
    old["created"] = None
    assert "old, no sample, protocol standard" in comparison_text.render(compared_runs(old, results(seed=2)))
