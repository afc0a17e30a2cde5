"""Runs that were measured before: kept whole, once, apart by machine, and told with what changed."""

import copy
import hashlib
import json
import math
import os
import re
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from pipeline.analyses.history import commands, database, history_text
from pipeline.analyses.history.run_record import load, of_results
from pipeline.core import paths
from pipeline.core.errors import BadInput, ProjectError
from pipeline.core.text import plain
from pipeline.results.cells import label
from pipeline.stats import estimates

HOST = {
    "fingerprint": "a" * 64,
    "cpu": "Testing CPU 9000",
    "microarchitecture": "zen9",
    "cores": 2,
    "memory_bytes": 2**33,
    "os": "An OS 1",
    "kernel": "Linux 6.1",
    "python": "3.11.7",
}
OTHER_HOST = {**HOST, "fingerprint": "b" * 64, "cpu": "Another CPU"}
#: Known ratios: cell -> ratio.
RATIOS = {
    "json/zig/O2/native": 1.0,
    "json/zig/O2/wasmtime.cranelift": 0.8,
    "json/zig/O3/wasmtime.cranelift": 0.85,
}


def results(ratios=RATIOS, seed=1, day=1, host=HOST, rounds=8, process=0.002, version="50.0.1"):
    """The content of a results.json with simulated rounds of known ratios."""
    generator = np.random.default_rng(seed)
    return {
        "schema": 2,
        "created": f"2026-11-{day:02d}T08:00:00+00:00",
        "host": dict(host),
        "protocol": {
            "name": "standard",
            "rounds": rounds,
            "pairs": 40,
            "seed": 1,
            "half_width_percent": None,
        },
        "workloads": [
            {
                "name": "json",
                "title": "A program",
                "unit": "runs/s",
                "revision": "0c91314d",
                "sources_sha256": "9" * 64,
                "reference": {"toolchain": "zig", "variant": "O3", "score": 30000.0, "sha256": "d" * 64},
            }
        ],
        "toolchains": [
            {"name": "zig", "present": True, "reason": None, "version": "0.17.1", "sha256": "c" * 64}
        ],
        "cells": [_cell(name, ratio, generator, rounds, process, version) for name, ratio in ratios.items()],
        "comparisons": [],
    }


def _cell(name, ratio, generator, rounds, process, version):
    means = generator.normal(math.log(ratio), process, (rounds, 1))
    found = estimates.estimate(np.exp(means + generator.normal(0, 0.017, (rounds, 30))).tolist())
    workload, toolchain, variant, backend = name.split("/")
    runtime = backend.partition(".")[0]
    packages = {runtime: {"version": version, "sha256": f"{version:0<64.64}"}}
    native = backend == "native"
    return {
        "workload": workload,
        "toolchain": toolchain,
        "variant": variant,
        "flags": [f"-{variant}"],
        "backend": backend,
        "status": "ok",
        "reason": None,
        "score": found.value * 30000,
        "ratio": found.value,
        "ratio_low": found.low,
        "ratio_high": found.high,
        "log_error": found.error if math.isfinite(found.error) else None,
        "freedom": found.freedom,
        "rounds": rounds,
        "compile_seconds": None if native else 0.0125,
        "code_bytes": 12345,
        "wasm_bytes": None if native else 23456,
        "wasm_sha256": None if native else "e" * 64,
        "native_sha256": "f" * 64 if native else None,
        "peak_rss_bytes": 2**25,
        "identity": {"name": "zig", "version": "0.17.1"}
        if native
        else {"name": runtime, "version": version, "python": "3.11.7", "packages": packages, "programs": {}},
        "disturbed": found.disturbed,
    }


def cell_of(found, name):
    return next(c for c in found["cells"] if label(c) == name)


def with_more(run, name="nbody", unit="iterations/s"):
    """The same results with the same cells of another workload, which is as fast."""
    found = copy.deepcopy(run)
    found["workloads"].append({**copy.deepcopy(found["workloads"][0]), "name": name, "unit": unit})
    found["cells"] += [{**copy.deepcopy(cell), "workload": name} for cell in found["cells"]]
    return found


def first_schema(run):
    """The same results as schema 1 had them, where nothing but CoreMark was measured."""
    found = copy.deepcopy(run)
    (workload,) = found.pop("workloads")
    for cell in found["cells"]:
        del cell["workload"]
    old = {"schema": 1, "coremark": {"commit": workload["revision"]}, "reference": workload["reference"]}
    return {**found, **old}


def of_coremark(run):
    """What results of schema 1 are in today's schema."""
    found = copy.deepcopy(run)
    found["workloads"][0].update(name="coremark", unit="iterations/s", sources_sha256=None)
    for cell in found["cells"]:
        cell["workload"] = "coremark"
    return found


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "results" / "history.sqlite")


def lines(path):
    return history_text.render(commands.entries(path)).splitlines()


# -- what is kept


def test_what_is_read_is_what_was_recorded(path):
    run = results()
    cell_of(run, "json/zig/O2/native").update(status="trap", reason="it fell\nover", score=None, ratio=None)
    assert commands.record(run, path) == 1
    (entry,) = commands.entries(path)
    assert entry.id == 1
    assert entry.run == of_results(run)
    assert entry.run.digest == entry.digest


def test_no_file_is_no_run_and_is_not_made(path):
    assert commands.entries(path) == []
    assert not os.path.exists(path)


def test_the_same_results_are_one_run(path):
    again = results()
    again["host"]["python"] = "3.12.1"  # the reader's, not the measurement's
    again["comparisons"] = [{"made": "by a later version"}]
    cell_of(again, "json/zig/O2/native")["group"] = "ab"
    assert commands.record(results(), path) == commands.record(again, path) == 1
    assert commands.record(results(seed=2), path) == 2
    assert len(commands.entries(path)) == 2


@pytest.mark.parametrize("key", ["ratio", "wasm_sha256", "identity", "compile_seconds"])
def test_other_results_are_another_run(path, key):
    changed = results()
    cell = cell_of(changed, "json/zig/O3/wasmtime.cranelift")
    other = {"ratio": cell["ratio"] + 1e-9, "wasm_sha256": "0" * 64, "identity": {"name": "x"}}
    cell[key] = other.get(key, 0.5)
    assert commands.record(results(), path) != commands.record(changed, path)


def test_runs_are_in_the_order_in_which_they_were_remembered(path):
    """A filter shows samples of an earlier run again; its run is a later one all the same."""
    for day in (3, 1, 2):
        commands.record(results(day=day, seed=day), path)
    assert [entry.id for entry in commands.entries(path)] == [1, 2, 3]


def test_the_last_report_is_recorded(tmp_path, path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkdir(paths.REPORT)
    for created, known in ((None, 0), ("2026-11-01T08:00:00+00:00", 1)):
        with open(paths.RESULTS_JSON, "w", encoding="utf-8") as stream:
            json.dump({**results(), "created": created}, stream)
        commands.record_last(path)
        assert len(commands.entries(path)) == known


# -- what may happen to the file

_RECORD = """
import os, signal, sqlite3, sys
from pipeline.analyses.history import database as history_store, run_record as history_run
path, source, left = sys.argv[1], sys.argv[2], int(sys.argv[3])

def count(statement):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

def connect(*arguments, _connect=sqlite3.connect, **options):
    connection = _connect(*arguments, **options)
    connection.execute("pragma cache_size = 1")  # so that pages of the transaction get to the file
    connection.set_trace_callback(count)
    return connection

sqlite3.connect = connect
history_store.add(path, history_run.load(source))
print(-left)
"""


def recording(path, source, left=0):
    command = [sys.executable, "-c", _RECORD, path, str(source), str(left)]
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


def test_a_run_is_whole_or_absent_after_sigkill(tmp_path, path):
    """Killed before its n-th statement, the last of which is the commit."""
    commands.record(results(day=1), path)
    many = {f"json/zig/O{i}/wasmtime.cranelift": 0.5 + i / 1000 for i in range(60)}
    run = results(many, day=2, seed=2)
    source = write(tmp_path, "results.json", run)
    spare = str(tmp_path / "spare.sqlite")
    commands.record(results(day=1), spare)
    statements = int(recording(spare, source).communicate(timeout=60)[0])
    torn = 0
    for left in (1, statements // 10, statements // 2, statements - 1, statements):
        child = recording(path, source, left)
        child.communicate(timeout=60)
        assert child.returncode == -9
        torn += os.path.exists(f"{path}-journal")
        assert [entry.id for entry in commands.entries(path)] == [1]
    assert torn > 1, "too few kills left a transaction to be rolled back"
    recording(path, source, statements + 1).communicate(timeout=60)
    assert [entry.run for entry in commands.entries(path)] == [of_results(results(day=1)), of_results(run)]


def test_a_new_file_is_whole_or_empty_after_sigkill(tmp_path, path):
    source = write(tmp_path, "results.json", results())
    for left in (2, 8, 11):
        recording(path, source, left).communicate(timeout=60)
        assert commands.entries(path) == []
    assert commands.record(results(), path) == 1


def test_processes_record_at_the_same_time(tmp_path, path):
    sources = [write(tmp_path, f"{i}.json", results(seed=i, day=i)) for i in range(1, 5)]
    children = [recording(path, source) for source in (*sources, *sources)]
    for child in children:
        _, said = child.communicate(timeout=60)
        assert child.returncode == 0, said
    assert sorted(e.run.created[8:10] for e in commands.entries(path)) == ["01", "02", "03", "04"]
    assert sorted(entry.id for entry in commands.entries(path)) == [1, 2, 3, 4]


def test_a_file_that_another_process_makes_at_that_moment_is_no_strangers(path, monkeypatch):
    """Between the two things that are asked of a file, another process makes it."""
    others = []

    class Slow(sqlite3.Connection):
        def execute(self, statement, *arguments):
            if "sqlite_master" in statement and not others:
                others.append(threading.Thread(target=commands.record, args=(results(seed=2, day=2), path)))
                others[0].start()
                others[0].join(0.5)  # it gets on, unless it has to wait for us
            return super().execute(statement, *arguments)

    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *a, **k: connect(*a, **k, factory=Slow))
    commands.record(results(), path)
    others[0].join()
    assert len(commands.entries(path)) == 2


def refused(path, error=ProjectError):
    """The one line with which a file is refused, by those who read and those who write, and left as it is."""
    before = Path(path).read_bytes()
    said = set()
    for attempt in (lambda: commands.entries(path), lambda: commands.record(results(seed=9), path)):
        with pytest.raises(error) as caught:
            attempt()
        said.add(str(caught.value))
    (message,) = said
    assert "\n" not in message
    assert Path(path).read_bytes() == before
    return message


def test_a_file_that_is_no_database_is_refused(path):
    commands.record(results(), path)
    with open(path, "wb") as stream:
        stream.write(b"not one at all, but long enough " * 200)
    assert f"mv {path} {path}.damaged" in refused(path)


def test_a_torn_file_is_refused(path):
    commands.record(results({f"json/zig/O{i}/native": 0.5 for i in range(99)}), path)
    os.truncate(path, os.path.getsize(path) // 2)
    assert f"mv {path} {path}.damaged" in refused(path)


def test_a_damaged_page_is_found_where_nothing_reads_it(path):
    commands.record(results({f"json/zig/O{i}/native": 0.5 for i in range(99)}), path)
    connection = sqlite3.connect(path)
    (page,) = connection.execute("select rootpage from sqlite_master where name = 'cells_of_what'").fetchone()
    (size,) = connection.execute("pragma page_size").fetchone()
    connection.close()
    with open(path, "r+b") as stream:
        stream.seek((page - 1) * size + 12)  # behind the page's header
        stream.write(b"\xff" * (size // 2))
    assert f"mv {path} {path}.damaged" in refused(path)


def test_an_entry_that_is_not_what_was_written_is_refused(path):
    commands.record(results(), path)
    for change in ("update cells set ratio = -1", "update runs set protocol = '{'"):
        connection = sqlite3.connect(path)
        with connection:
            connection.execute(change)
        connection.close()
        with pytest.raises(ProjectError, match="damaged"):
            commands.entries(path)


def test_a_newer_file_is_refused(path, monkeypatch):
    commands.record(results(), path)
    newer = [*database._MIGRATIONS, ("alter table runs add column note text",)]
    with monkeypatch.context() as later:
        later.setattr(database, "_MIGRATIONS", newer)
        commands.record(results(seed=2), path)  # an older file is brought to the newer version
        assert len(commands.entries(path)) == 2
    assert "history version 3, known up to 2" in refused(path, BadInput)


def _write_as_the_first_version(path, runs):
    """A file of version 1 with these results of schema 1, as the code of that version wrote it."""
    os.makedirs(os.path.dirname(path))
    connection = sqlite3.connect(path)
    with connection:
        for statement in database._MIGRATIONS[0]:
            connection.execute(statement)
        connection.execute(f"pragma application_id = {database._APPLICATION}")
        connection.execute("pragma user_version = 1")
        for number, run in enumerate(runs, 1):
            parts = [json.dumps(run[key]) for key in ("protocol", "coremark", "toolchains", "reference")]
            fingerprint = run["host"]["fingerprint"]
            connection.execute(
                "insert or ignore into hosts values (?, ?)", (fingerprint, json.dumps(run["host"]))
            )
            connection.execute(
                "insert into runs values (?, ?, ?, ?, ?, ?, ?, ?)",
                (number, f"{number:064}", run["created"], fingerprint, *parts),
            )
            for place, cell in enumerate(run["cells"]):
                _insert_as_the_first_version(connection, number, place, cell)
    connection.close()


def _insert_as_the_first_version(connection, run, place, cell):
    identity = json.dumps(cell["identity"])
    digest = hashlib.sha256(identity.encode()).hexdigest()
    connection.execute("insert or ignore into identities values (?, null, ?)", (digest, identity))
    columns = [row[1] for row in connection.execute("pragma table_info(cells)")]
    native = cell["native_sha256"] is not None
    artifact = cell["native_sha256"] if native else cell["wasm_sha256"]
    own = {"run": run, "place": place, "native": native, "artifact": artifact, "identity": digest}
    marks = ", ".join("?" * len(columns))
    connection.execute(f"insert into cells values ({marks})", [{**cell, **own}[key] for key in columns])


def test_runs_that_an_older_version_remembered_are_found(path):
    """They are CoreMark's, with their reference, and are followed over the runs of today."""
    runs = [results(day=day, seed=day) for day in (1, 2)]
    runs[0]["workloads"][0]["revision"] = 'a "revision" of ü'
    cell_of(runs[1], "json/zig/O2/native").update(status="trap", reason="it fell", score=None, ratio=None)
    _write_as_the_first_version(path, [first_schema(run) for run in runs])
    expected = [of_results(of_coremark(run)) for run in runs]
    assert [entry.run for entry in commands.entries(path)] == expected
    later = of_coremark(results({n: r * 0.9 for n, r in RATIOS.items()}, day=3, seed=3))
    assert commands.record(with_more(later), path) == 3
    assert [entry.run for entry in commands.entries(path)][:2] == expected
    told = [line for line in lines(path) if ": run 3 " in line]
    assert [line.partition(": run ")[0] for line in told] == [
        name.replace("json", "coremark", 1) for name in RATIOS
    ]
    assert all("slower (-" in line for line in told[1:])
    assert "trap -> " in told[0]


def test_a_killed_migration_leaves_the_older_file(tmp_path, path):
    runs = [results(day=1)]
    _write_as_the_first_version(path, [first_schema(run) for run in runs])
    source = write(tmp_path, "results.json", results(day=2, seed=2))
    for left in (8, 12, 16):
        child = recording(path, source, left)
        child.communicate(timeout=60)
        assert child.returncode == -9
        connection = sqlite3.connect(path)
        assert connection.execute("pragma user_version").fetchone() == (1,)
        assert [row[1] for row in connection.execute("pragma table_info(runs)")][5] == "coremark"
        connection.close()
    assert [entry.run for entry in commands.entries(path)] == [of_results(of_coremark(runs[0]))]


def test_the_tables_that_were_made_anew_hold_together(path):
    _write_as_the_first_version(path, [first_schema(results())])
    assert len(commands.entries(path)) == 1
    connection = sqlite3.connect(path)
    assert connection.execute("pragma foreign_key_check").fetchall() == []
    tables = {row[0] for row in connection.execute("select name from sqlite_master where type = 'table'")}
    assert tables == {"hosts", "runs", "identities", "cells"}
    references = {row[2] for row in connection.execute("pragma foreign_key_list(cells)")}
    assert references == {"runs", "identities"}
    connection.close()


def test_a_database_of_another_program_is_refused(path):
    os.makedirs(os.path.dirname(path))
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("create table mine (x)")
    connection.close()
    assert "another program" in refused(path, BadInput)


def test_a_file_that_another_process_holds_is_said_to_be_busy(path, monkeypatch):
    commands.record(results(), path)
    monkeypatch.setattr(database, "_PATIENCE", 0.01)
    other = sqlite3.connect(path)
    other.execute("begin exclusive")
    assert "another process" in refused(path)
    other.close()
    assert len(commands.entries(path)) == 1


@pytest.mark.parametrize(
    "bad", [{"created": None}, {"cells": 3}, {"host": {}}, {"protocol": {"a": math.nan}}]
)
def test_what_is_no_results_is_not_recorded(path, bad):
    with pytest.raises(BadInput):
        commands.record({**results(), **bad}, path)
    assert commands.entries(path) == []


def test_a_folder_that_cannot_be_is_said_so(tmp_path):
    (tmp_path / "file").touch()
    for path in (f"{tmp_path}/file/history.sqlite", str(tmp_path)):
        with pytest.raises(ProjectError) as caught:
            commands.record(results(), path)
        assert str(caught.value).startswith(f"{path}: ")


# -- what is told


def test_without_a_run_it_says_what_to_type(path, capsys):
    commands.show(path)
    assert capsys.readouterr().out == "no run is remembered yet; to measure one type: doit run\n"


def test_machines_are_told_apart(path, capsys):
    commands.record(results(day=1), path)
    commands.record(results(day=2, host=OTHER_HOST, ratios=dict.fromkeys(RATIOS, 0.4)), path)
    commands.show(path)
    text = capsys.readouterr().out
    mine, other = re.split("^On Another CPU.*\n", text, flags=re.MULTILINE)
    assert mine.startswith("On Testing CPU 9000 (zen9), 2 cores, Linux 6.1 [aaaaaaaa]\n")
    for number, part in ((1, mine), (2, other)):
        rows = [line for line in part.splitlines() if "standard" in line]
        assert [line.split() for line in rows] == [
            [str(number), f"2026-11-0{number}T08:00:00+00:00", "standard", "zig", "0.17.1", "3/3"]
        ]
        assert "0 of 0 times that a cell was in a run again" in part
    assert "slower" not in text


def test_a_change_is_told_with_its_version(path):
    commands.record(results(day=1), path)
    commands.record(results(day=2, seed=2), path)
    updated = {name: ratio * (1.05 if "wasmtime" in name else 1) for name, ratio in RATIOS.items()}
    commands.record(results(updated, day=3, seed=3, version="51.0.0"), path)
    told = [line for line in lines(path) if ": run " in line]
    assert [line.partition(": run ")[0] for line in told] == list(RATIOS)[1:]
    for line in told:
        assert re.search(
            r": run 3 \(2026-11-03T08:00:00\+00:00\): wasmtime 50\.0\.1 -> 51\.0\.0: "
            r"0\.[78]\d\d -> 0\.8\d\d, faster \(\+[3-6]\.\d % ±0\.\d\)$",
            line,
        )
    assert any(line.startswith("4 of 6 times that a cell was in a run again") for line in lines(path))


def test_a_cell_is_compared_with_the_last_run_that_had_it(path):
    commands.record(results(day=1), path)
    commands.record(results({"json/zig/O2/native": 1.0}, day=2, seed=2), path)
    slower = {**RATIOS, "json/zig/O3/wasmtime.cranelift": 0.80}
    commands.record(results(slower, day=3, seed=3), path)
    (line,) = [line for line in lines(path) if ": run " in line]
    assert line.startswith("json/zig/O3/wasmtime.cranelift: run 3 ")
    assert "same module, same runtime" in line
    assert "slower (-" in line


def test_workloads_are_followed_apart(path):
    """Each has its own reference, and a cell of one is never taken for the same of another."""
    before = with_more(results(day=1))
    after = with_more(results(day=2, seed=2))
    for cell in after["cells"]:
        if cell["workload"] == "nbody":
            cell["score"] *= 0.5
    after["workloads"][1]["reference"]["sha256"] = "3" * 64
    for run in (before, after):
        commands.record(run, path)
    told = [line for line in lines(path) if ": run " in line]
    assert len(told) == 3
    for line in told:
        assert re.search(r"^nbody/.* iterations/s \(other reference\), slower \(-", line)


def test_what_is_said_of_a_run_stays_when_others_follow(path):
    before = []
    for day, factor in ((1, 1), (2, 0.99), (3, 1.02), (4, 1.0)):
        commands.record(results({n: r * factor for n, r in RATIOS.items()}, day=day, seed=day), path)
        told = [line for line in lines(path) if ": run " in line]
        assert told[: len(before)] == before
        before = told
    assert len(before) > 3


def test_other_modules_statuses_and_references_are_told(path):
    name = "json/zig/O2/wasmtime.cranelift"
    runs = [results(day=day, seed=1) for day in range(1, 6)]
    cell_of(runs[1], name).update(wasm_sha256="1" * 64)
    cell_of(runs[2], name).update(
        wasm_sha256="1" * 64, status="trap", reason="out of\x1b[31m bounds", ratio=None
    )
    cell_of(runs[3], name).update(wasm_sha256="2" * 64)
    runs[3]["toolchains"][0].update(version="0.18.0")
    cell_of(runs[4], name).update(wasm_sha256="2" * 64, score=29000.0)
    runs[4]["toolchains"][0].update(version="0.18.0")
    runs[4]["workloads"][0]["reference"]["sha256"] = "3" * 64
    for run in runs:
        commands.record(run, path)
    told = [
        line.partition(" (2026")[0] + line.partition("+00:00)")[2] for line in lines(path) if name in line
    ]
    assert told[0].startswith(f"{name}: run 2: other module: 0.80")
    assert told[1] == f"{name}: run 3: same module, same runtime: 0.800 -> trap (out of bounds)"
    assert told[2] == f"{name}: run 4: zig 0.17.1 -> 0.18.0: trap -> 0.800 (out of bounds)"
    assert re.search(r"240\d\d -> 29000 runs/s \(other reference\), faster", told[3])


def test_hostile_text_cannot_act_on_the_terminal(path):
    evil = "\x1b]0;title\x07\x1b[2J\x9b31mred\u202e\u200b\nrun 7 \r\x00[bold]"
    for day in (1, 2):
        run = results(day=day, seed=day, host={**HOST, "cpu": f"CPU {evil}", "kernel": evil})
        run["protocol"]["name"] = evil
        run["toolchains"][0].update(version=evil)
        cell = cell_of(run, "json/zig/O2/native")
        cell["identity"].update(version=f"{day}{evil}")
        if day == 2:
            cell.update(status="crash", reason=evil * 1000, ratio=None)
        commands.record(run, path)
    text = history_text.render(commands.entries(path))
    assert all(c.isprintable() or c == "\n" for c in text)
    assert "CPU red run 7 [bold]" in text
    assert "title" not in text
    assert max(map(len, text.splitlines())) < 1000


def test_plain_text():
    assert plain("as it is: ±2 % →") == "as it is: ±2 % →"
    assert plain("\x1b[1;31mred\x1b[0m \x1b(B\x1b7x") == "red x"
    assert plain("a\ud800b\x7f\x85c") == "a b c"
    assert plain("x" * 400) == "x" * 299 + "…"
    assert plain("\x1b]8;;file:///etc\x1b\\link\x1b]8;;\x1b\\") == "link"


def test_results_of_schema_1_are_of_coremark(tmp_path):
    run = results()
    found = load(str(write(tmp_path, "r.json", first_schema(run))))
    assert found == of_results(of_coremark(run))
    assert found.cells[0].name == "coremark/zig/O2/native"


def test_a_file_is_read_as_its_content(tmp_path):
    run = results()
    assert load(str(write(tmp_path, "r.json", run))) == of_results(copy.deepcopy(run))
