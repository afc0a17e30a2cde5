"""The recorded runs: whole, each once, apart by machine, and shown with what changed."""

import copy
import errno
import hashlib
import json
import math
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest
from msgspec import structs

from pipeline.analyses.history import compare_command, history_command, history_text, run_files
from pipeline.core import paths
from pipeline.core.errors import BadInput, ProjectError
from pipeline.core.files import NEW
from pipeline.core.text import for_terminal
from pipeline.results import results_json
from pipeline.results.model import Results
from pipeline.results.model_cell import CellIdentity, InstalledPart
from pipeline.stats import estimates
from tests import factories

HOST = msgspec.to_builtins(
    factories.host(fingerprint="a" * 64, cpu="Testing CPU 9000", microarchitecture="zen9")
)
OTHER_HOST = {**HOST, "fingerprint": "b" * 64, "cpu": "Other CPU"}
REVISION = "0c91314d" + "0" * 32
#: Known ratios: cell -> ratio.
RATIOS = {
    "json/zig/O2/native": 1.0,
    "json/zig/O2/wasmtime.cranelift": 0.8,
    "json/zig/O3/wasmtime.cranelift": 0.85,
}


def results(ratios=RATIOS, seed=1, day=1, host=HOST, rounds=8, process=0.002, version="50.0.1"):
    """The JSON of a results.json, for tests to change: simulated rounds of known ratios."""
    generator = np.random.default_rng(seed)
    workload = factories.workload("json", unit="runs/s", revision=REVISION, sources_sha256="9" * 64)
    made = factories.results(
        [_cell(name, ratio, generator, rounds, process, version) for name, ratio in ratios.items()],
        created=f"2026-11-{day:02d}T08:00:00+00:00",
        protocol=factories.protocol(rounds=rounds),
        workloads=(workload,),
        across_workloads=None,
    )
    return {**json.loads(msgspec.json.encode(made)), "host": dict(host)}


def _cell(name, ratio, generator, rounds, process, version):
    means = generator.normal(math.log(ratio), process, (rounds, 1))
    found = estimates.estimate(np.exp(means + generator.normal(0, 0.017, (rounds, 30))).tolist())
    native = name.endswith("/native")
    measured = factories.of_estimate(
        found, **({"wasm_bytes": None, "compile_seconds": None} if native else {})
    )
    cell = factories.cell(name, measured=measured)
    if native:
        return structs.replace(cell, identity=CellIdentity(name="zig", version="0.17.1"))
    package = InstalledPart(version=version, sha256=hashlib.sha256(version.encode()).hexdigest())
    identity = CellIdentity(
        name="wasmtime", version=version, python="3.11.7", packages={"wasmtime": package}, programs={}
    )
    return structs.replace(cell, identity=identity)


def typed(run):
    """The results that a JSON holds."""
    return results_json.parse(json.dumps(run).encode(), "results", Results)


def cell_of(run, name):
    return next(c for c in run["cells"] if name == label(c))


def label(cell):
    return "/".join(cell[key] for key in ("workload", "toolchain", "variant", "backend"))


def fail(run, name, status, reason):
    cell_of(run, name).update(status=status, reason=reason, measurement=None)


def with_more(run, name="nbody", unit="iterations/s"):
    """The same results with the same cells of a second workload, which is as fast."""
    found = copy.deepcopy(run)
    found["workloads"].append({**copy.deepcopy(found["workloads"][0]), "name": name, "unit": unit})
    found["cells"] += [{**copy.deepcopy(cell), "workload": name} for cell in found["cells"]]
    return found


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The history of a checkout, which does not exist yet."""
    monkeypatch.chdir(tmp_path)
    return paths.HISTORY


def record(run):
    return run_files.add(paths.HISTORY, typed(run))[0]


def entries():
    history = run_files.read(paths.HISTORY)
    assert history.damaged == ()
    return history.entries


def lines():
    return history_text.render(entries()).splitlines()


# -- what is recorded


def test_what_is_read_is_what_was_recorded(folder):
    run = results()
    fail(run, "json/zig/O2/native", "trap", "it fell\nover")
    assert record(run) == 1
    (entry,) = entries()
    assert (entry.number, entry.run) == (1, run_files.measured(typed(run)))


def test_no_folder_is_no_run_and_is_not_made(folder):
    assert entries() == ()
    assert not os.path.exists(folder)


def test_the_same_results_are_one_run(folder):
    again = results()
    again["host"]["python"] = "3.12.1"  # the reader's, not the measurement's
    again["comparisons"], again["warnings"] = [], [dict.fromkeys(("name", "found", "effect", "remedy"), "x")]
    cell_of(again, "json/zig/O2/native")["measurement"].update(rank_best=1, rank_worst=2)
    assert record(results()) == record(again) == 1
    assert record(results(seed=2)) == 2
    assert len(entries()) == 2


@pytest.mark.parametrize("key", ["ratio", "wasm_sha256", "identity", "compile_seconds"])
def test_different_results_are_a_second_run(folder, key):
    changed = results()
    cell = cell_of(changed, "json/zig/O3/wasmtime.cranelift")
    if key == "ratio":
        cell["measurement"]["ratio"] += 1e-9
    elif key == "compile_seconds":
        cell["measurement"][key] = 0.5
    else:
        cell[key] = {"wasm_sha256": "0" * 64, "identity": {**cell["identity"], "name": "x"}}[key]
    assert record(results()) != record(changed)


def test_runs_are_in_the_order_of_recording(folder):
    """A filter shows samples of an earlier run again; its run is a later one nevertheless."""
    for day in (3, 1, 2):
        record(results(day=day, seed=day))
    assert [entry.number for entry in entries()] == [1, 2, 3]
    assert [entry.run.created[8:10] for entry in entries()] == ["03", "01", "02"]


def test_a_number_belongs_to_one_run_for_good(folder):
    """Also after the file was put aside, and when numbers get longer than the names of the first files."""
    for day in (1, 2):
        record(results(day=day, seed=day))
    os.rename(f"{folder}/000002.json", f"{folder}/000002.json.damaged")
    assert record(results(day=3, seed=3)) == 3
    os.rename(f"{folder}/000003.json", f"{folder}/999999.json")
    assert record(results(day=4, seed=4)) == 1_000_000
    assert [entry.number for entry in entries()] == [1, 999_999, 1_000_000]


def test_the_last_report_is_recorded(folder):
    os.mkdir(paths.REPORT)
    for created, recorded in ((None, 0), ("2026-11-01T08:00:00+00:00", 1)):
        with open(paths.RESULTS_JSON, "w", encoding="utf-8") as stream:
            json.dump({**results(), "created": created}, stream)
        history_command.record_last()
        assert len(entries()) == recorded


# -- what may happen to the files

#: Kills itself at the n-th thing that it does to files in the history's folder.
_RECORD = """
import os, signal, sys
from pipeline.analyses.history import run_files
from pipeline.results import results_json
folder, source, left = sys.argv[1], sys.argv[2], int(sys.argv[3])
run = results_json.read(source)

def count(event, arguments):
    global left
    if event == "open" or event.startswith(("os.", "tempfile.")):
        if any(isinstance(each, str) and folder in each for each in arguments):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(count)
run_files.add(folder, run)
print(-left)
"""


def recording(folder, source, left=0):
    command = [sys.executable, "-c", _RECORD, folder, str(source), str(left)]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(paths.ROOT)},
    )


def write(folder, name, content):
    (folder / name).write_text(json.dumps(content), encoding="utf-8")
    return folder / name


def test_a_run_is_whole_or_absent_after_sigkill(tmp_path, folder):
    """Killed before each thing that it does to the folder; what is left does not disturb the next one."""
    record(results(day=1))
    source = write(tmp_path, "results.json", results(day=2, seed=2))
    os.rename(folder, "before")
    shutil.copytree("before", folder)
    steps = int(recording(folder, source).communicate(timeout=60)[0])
    assert steps > 8, "the folder is used in fewer ways than there are"
    both = [run_files.measured(typed(results(day=n, seed=n))) for n in (1, 2)]
    recorded, left_behind = [], 0
    for left in range(1, steps + 1):
        shutil.rmtree(folder)
        shutil.copytree("before", folder)
        child = recording(folder, source, left)
        child.communicate(timeout=60)
        assert child.returncode == -9
        runs = [entry.run for entry in entries()]
        assert runs == both[: len(runs)]
        recorded.append(len(runs))
        left_behind += any(name.startswith(NEW) for name in os.listdir(folder))
        recording(folder, source).communicate(timeout=60)
        assert [entry.run for entry in entries()] == both
    assert recorded == sorted(recorded)
    assert set(recorded) == {1, 2}, "no kill came before the run was recorded, or none after"
    assert left_behind > 1, "too few kills left something half-made"


def test_processes_record_at_the_same_time(tmp_path, folder):
    sources = [write(tmp_path, f"{i}.json", results(seed=i, day=i)) for i in range(1, 5)]
    children = [recording(folder, source) for source in (*sources, *sources)]
    for child in children:
        _, errors = child.communicate(timeout=60)
        assert child.returncode == 0, errors
    assert sorted(e.run.created[8:10] for e in entries()) == ["01", "02", "03", "04"]
    assert [entry.number for entry in entries()] == [1, 2, 3, 4]
    assert sorted(os.listdir(folder)) == [f"00000{n}.json" for n in (1, 2, 3, 4)]


@pytest.mark.parametrize("day", [1, 2])
@pytest.mark.parametrize(("module", "step"), [(os, "link"), (run_files, "_read")])
def test_a_number_that_is_taken_at_that_moment_is_not_taken_twice(folder, monkeypatch, module, step, day):
    """Before or after the reading of the folder, a second process records; also the very same run."""
    original = getattr(module, step)

    def late(*arguments):
        monkeypatch.setattr(module, step, original)
        before = original(*arguments) if step == "_read" else None
        record(results(day=2, seed=2))
        return original(*arguments) if before is None else before

    monkeypatch.setattr(module, step, late)
    number = record(results(day=day, seed=day))
    assert [entry.run.created[9] for entry in entries()] == (["2"] if day == 2 else ["2", "1"])
    assert number == len(entries())


def damaged(folder, change, number=1):
    """The message about a document with this change of its bytes; it stays as it is, and all else works."""
    record(results(day=1))
    record(results(day=2, seed=2))
    path = Path(folder, f"{number:06}.json")
    path.write_bytes(change(path.read_bytes()))
    before = path.read_bytes()
    record(results(day=3, seed=3))
    history = run_files.read(folder)
    assert path.read_bytes() == before
    assert [entry.number for entry in history.entries] == [n for n in (1, 2, 3) if n != number]
    (line,) = history.damaged
    assert "\n" not in line
    assert line.startswith(f"{path}: ")
    assert line.endswith(f"run: mv {path} {path}.damaged")
    subprocess.run(shlex.split(line.rpartition("run: ")[2]), check=True)
    assert run_files.read(folder) == run_files.History(history.entries)
    return line


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda raw: b"", "truncated"),
        (lambda raw: b"no JSON at all, but long enough " * 200, "malformed"),
        (lambda raw: raw[: len(raw) // 2], "truncated"),
        (lambda raw: raw.replace(b"Testing", b"Tasting"), "not have the digest"),
        (lambda raw: raw.replace(b'"rounds":8', b'"rounds":9', 1), "not have the digest"),
        (lambda raw: raw.replace(b'"schema":1', b'"schema":7'), "Invalid value 7"),
        (lambda raw: raw.partition(b'"run":')[0] + b'"run":' + b"[" * 100_000, "while deserializing"),
        (lambda raw: b'{"mine": 1}', "missing required field"),
        (lambda raw: b"\xff\xfe\x00", "malformed"),
    ],
)
def test_a_damaged_document_is_named_and_hides_no_other(folder, change, why, number):
    assert why in damaged(folder, change, number)


def test_a_document_with_impossible_numbers_is_damaged(folder):
    """Also where its digest is right."""

    def change(raw):
        document = json.loads(raw)
        document["run"]["cells"][0]["measurement"]["ratio"] = -1
        data = json.dumps(document["run"]).encode()
        return (
            json.dumps({**document, "run": None, "sha256": hashlib.sha256(data).hexdigest()})
            .encode()
            .replace(b'"run": null', b'"run": ' + data)
        )

    assert "ratio" in damaged(folder, change)


def test_damage_is_reported_by_all_who_read_or_record(folder, capsys):
    os.mkdir(paths.REPORT)
    record(results(day=1))
    Path(folder, "000001.json").write_bytes(b"rubbish")
    with pytest.raises(ProjectError, match=r"history/000001\.json: .* run: mv "):
        history_command.show()
    assert capsys.readouterr().out == "", "it has runs, so it must not say that it has none"
    write(Path(paths.REPORT), "results.json", results(day=2, seed=2))
    for attempt in (
        history_command.record_last,
        history_command.show,
        lambda: compare_command.run(None, None, None),
    ):
        with pytest.raises(ProjectError, match=r"history/000001\.json: .* run: mv "):
            attempt()
    assert [entry.number for entry in run_files.read(folder).entries] == [2]
    assert "2026-11-02" in capsys.readouterr().out
    shutil.copy(f"{folder}/000001.json", f"{folder}/000003.json")
    with pytest.raises(ProjectError, match=r"history/000001\.json: .* \(and 1 more\)$"):
        history_command.show()


@pytest.mark.parametrize("bad", [{"schema": 2}, {"cells": 3}, {"host": {}}, {"protocol": {"a": math.nan}}])
def test_what_is_no_results_is_not_recorded(folder, bad):
    os.mkdir(paths.REPORT)
    write(Path(paths.REPORT), "results.json", {**results(), **bad})
    with pytest.raises(BadInput):
        history_command.record_last()
    assert entries() == ()


def test_a_folder_that_cannot_be_one_is_named(tmp_path):
    (tmp_path / "file").touch()
    for path in (f"{tmp_path}/file/history", f"{tmp_path}/file"):
        for attempt in (
            lambda p=path: run_files.add(p, typed(results())),
            lambda p=path: run_files.read(p),
        ):
            with pytest.raises(ProjectError) as caught:
                attempt()
            assert str(caught.value).startswith(f"{path}: ")
            assert "\n" not in str(caught.value)


def test_a_document_that_cannot_be_read_is_named(folder):
    """Not the folder, which can be written to."""
    os.makedirs(f"{folder}/000001.json")  # root can read every file, but not a folder as one
    for attempt in (lambda: record(results()), entries):
        with pytest.raises(ProjectError, match=r"^history/000001\.json: .*; expected a recorded run"):
            attempt()


@pytest.mark.parametrize("error", [errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP])
def test_without_hard_links_it_is_recorded_too(folder, monkeypatch, error):
    def link(source, target):
        raise OSError(error, os.strerror(error), source, None, target)

    monkeypatch.setattr(os, "link", link)
    assert [record(results(day=day, seed=day)) for day in (1, 2, 1)] == [1, 2, 1]
    assert sorted(os.listdir(folder)) == ["000001.json", "000002.json"]
    Path(folder, "000003.json").touch()
    with pytest.raises(FileExistsError):
        run_files._place("source", f"{folder}/000003.json", b"document")
    assert Path(folder, "000003.json").read_bytes() == b""


def test_each_document_is_read_once(folder, monkeypatch):
    for day in (1, 2):
        record(results(day=day, seed=day))
    os.mkdir(paths.REPORT)
    write(Path(paths.REPORT), "results.json", results(day=3, seed=3))
    decoded, decode = [], run_files._decode
    monkeypatch.setattr(run_files, "_decode", lambda data: decoded.append(data) or decode(data))
    history_command.record_last()
    assert len(decoded) == len(set(decoded)) == 2


# -- what is shown


def test_without_a_run_it_says_what_to_run(folder, capsys):
    history_command.show()
    assert capsys.readouterr().out == "no run is recorded yet; to measure one, run: doit run\n"


def test_machines_are_apart(folder, capsys):
    record(results(day=1))
    record(results(day=2, host=OTHER_HOST, ratios=dict.fromkeys(RATIOS, 0.4)))
    history_command.show()
    text = capsys.readouterr().out
    mine, other = re.split("^On Other CPU.*\n", text, flags=re.MULTILINE)
    assert mine.startswith("On Testing CPU 9000 (zen9), 2 cores, Linux 6.1 [aaaaaaaa]\n")
    for number, part in ((1, mine), (2, other)):
        rows = [line for line in part.splitlines() if "standard" in line]
        assert [line.split() for line in rows] == [
            [str(number), f"2026-11-0{number}T08:00:00+00:00", "standard", "zig", "0.17.1", "3/3"]
        ]
        assert "0 of 0 times that a cell was in a run again" in part
    assert "slower" not in text


def test_a_change_is_shown_with_its_version(folder):
    record(results(day=1))
    record(results(day=2, seed=2))
    updated = {name: ratio * (1.05 if "wasmtime" in name else 1) for name, ratio in RATIOS.items()}
    record(results(updated, day=3, seed=3, version="51.0.0"))
    shown = [line for line in lines() if ": run " in line]
    assert [line.partition(": run ")[0] for line in shown] == list(RATIOS)[1:]
    for line in shown:
        assert re.search(
            r": run 3 \(2026-11-03T08:00:00\+00:00\): wasmtime 50\.0\.1 -> 51\.0\.0: "
            r"0\.[78]\d\d -> 0\.8\d\d, faster \(\+[3-6]\.\d % ±0\.\d\)$",
            line,
        )
    assert any(line.startswith("4 of 6 times that a cell was in a run again") for line in lines())


def test_a_cell_is_compared_with_the_last_run_that_had_it(folder):
    record(results(day=1))
    record(results({"json/zig/O2/native": 1.0}, day=2, seed=2))
    slower = {**RATIOS, "json/zig/O3/wasmtime.cranelift": 0.80}
    record(results(slower, day=3, seed=3))
    (line,) = [line for line in lines() if ": run " in line]
    assert line.startswith("json/zig/O3/wasmtime.cranelift: run 3 ")
    assert "same module, same runtime" in line
    assert "slower (-" in line


def test_workloads_are_followed_apart(folder):
    """Each has its own reference, and a cell of one is never taken for the same cell of the other."""
    before = with_more(results(day=1))
    after = with_more(results(day=2, seed=2))
    for cell in after["cells"]:
        if cell["workload"] == "nbody":
            cell["measurement"]["score"] *= 0.5
    after["workloads"][1]["reference"]["sha256"] = "3" * 64
    for run in (before, after):
        record(run)
    shown = [line for line in lines() if ": run " in line]
    assert len(shown) == 3
    for line in shown:
        assert re.search(r"^nbody/.* iterations/s \(other reference\), slower \(-", line)


def test_the_verdicts_on_a_run_stay_when_others_follow(folder):
    before = []
    for day, factor in ((1, 1), (2, 0.99), (3, 1.02), (4, 1.0)):
        record(results({n: r * factor for n, r in RATIOS.items()}, day=day, seed=day))
        shown = [line for line in lines() if ": run " in line]
        assert shown[: len(before)] == before
        before = shown
    assert len(before) > 3


def test_other_modules_statuses_and_references_are_shown(folder):
    name = "json/zig/O2/wasmtime.cranelift"
    runs = [results(day=day, seed=1) for day in range(1, 6)]
    cell_of(runs[1], name).update(wasm_sha256="1" * 64)
    cell_of(runs[2], name).update(wasm_sha256="1" * 64)
    fail(runs[2], name, "trap", "out of\x1b[31m bounds")
    cell_of(runs[3], name).update(wasm_sha256="2" * 64)
    runs[3]["toolchains"][0].update(version="0.18.0")
    cell_of(runs[4], name).update(wasm_sha256="2" * 64)
    cell_of(runs[4], name)["measurement"]["score"] = 39000.0
    runs[4]["toolchains"][0].update(version="0.18.0")
    runs[4]["workloads"][0]["reference"]["sha256"] = "3" * 64
    for run in runs:
        record(run)
    shown = [line.partition(" (2026")[0] + line.partition("+00:00)")[2] for line in lines() if name in line]
    assert shown[0].startswith(f"{name}: run 2: other module: 0.80")
    assert shown[1] == f"{name}: run 3: same module, same runtime: 0.800 -> trap (out of bounds)"
    assert shown[2] == f"{name}: run 4: zig 0.17.1 -> 0.18.0: trap -> 0.800 (out of bounds)"
    assert re.search(r"32\d\d\d -> 39000 runs/s \(other reference\), faster", shown[3])


def test_hostile_text_cannot_act_on_the_terminal(folder):
    evil = "\x1b]0;title\x07\x1b[2J\x9b31mred\u202e\u200b\nrun 7 \r\x00[bold]"
    for day in (1, 2):
        run = results(day=day, seed=day, host={**HOST, "cpu": f"CPU {evil}", "kernel": evil})
        run["protocol"]["name"] = evil
        run["toolchains"][0].update(version=evil)
        cell = cell_of(run, "json/zig/O2/native")
        cell["identity"].update(version=f"{day}{evil}")
        if day == 2:
            fail(run, "json/zig/O2/native", "crash", evil * 1000)
        record(run)
    text = history_text.render(entries())
    assert all(c.isprintable() or c == "\n" for c in text)
    assert "CPU red run 7 [bold]" in text
    assert "title" not in text
    assert max(map(len, text.splitlines())) < 1000


def test_plain_text():
    assert for_terminal("as it is: ±2 % →") == "as it is: ±2 % →"
    assert for_terminal("\x1b[1;31mred\x1b[0m \x1b(B\x1b7x") == "red x"
    assert for_terminal("a\ud800b\x7f\x85c") == "a b c"
    assert for_terminal("x" * 400) == "x" * 299 + "…"
    assert for_terminal("\x1b]8;;file:///etc\x1b\\link\x1b]8;;\x1b\\") == "link"
