"""doit's memory and samples, damaged in every way: noticed, named, made again, and nothing else is."""

import itertools
import json
import random
import re
from pathlib import Path

import pytest

from pipeline.analyses.tune import trial_log
from pipeline.analyses.tune.trial_log import Trial
from pipeline.core import paths
from pipeline.core.model import Status
from pipeline.measure import sample
from pipeline.runtimes import packages
from tests.conftest import executed
from tests.faults import harness

FAULTS = "what is on the disk"
CHOICE = ("backends=native,wasmtime.cranelift", "variants=O2,O3")


@pytest.fixture(scope="module")
def settled(tmp_path_factory, finished):
    """A workspace whose run ended well."""
    made = finished(tmp_path_factory.mktemp("damage") / "a copy")
    harness.settles(made)
    return made


def cut(raw, chance):
    return raw[: chance.randrange(len(raw))]


def rubbish(raw, chance):
    return chance.randbytes(chance.choice((1, 100, len(raw))))


def flipped(raw, chance):
    """One to a hundred bytes changed."""
    changed = bytearray(raw)
    for _ in range(chance.choice((1, 10, 100))):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def holed(raw, chance):
    """A page of zeros, as a crash of the machine leaves them."""
    start = chance.randrange(0, len(raw), 4096)
    return raw[:start] + bytes(len(raw[start : start + 4096])) + raw[start + 4096 :]


def deleted(raw, chance):
    return None


DAMAGES = (deleted, cut, rubbish, flipped, holed)


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda f: f.__name__)
def test_doits_memory(settled, often, tried, damage):
    database = settled.path / ".doit.db"
    chance, wanted = random.Random(damage.__name__), harness.scores(settled)
    for number in range(often(1, 20)):
        before, raw = harness.finished(settled), database.read_bytes()
        damaged = damage(raw, chance)
        database.unlink()
        if damaged is not None:
            database.write_bytes(damaged)
        # Which tells, rightly, that nothing else has changed.
        for stamp in (settled.path / paths.SETTLED).glob("*"):
            stamp.unlink()
        outcome = settled.doit("run")
        printed = outcome.stdout + outcome.stderr
        assert outcome.returncode == 0, (number, printed)
        assert "Traceback" not in printed, (number, printed)
        if damage in (deleted, cut, rubbish):
            assert "results are adopted by their own digests" in printed, (number, printed)
        assert harness.finished(settled) == before, "nothing is measured again"
        assert harness.scores(settled) == wanted
        tried(f"doit's database {damage.__name__}", "every sample adopted, the report right")
    harness.settles(settled)


@pytest.mark.parametrize("suffix", ["-wal", "-shm"])
def test_what_a_killed_run_leaves_beside_doits_memory(settled, often, tried, suffix):
    """SQLite's log and its index, which a run that ends by itself takes away."""
    chance, wanted = random.Random(suffix), harness.scores(settled)
    for number in range(often(1, 10)):
        before = harness.finished(settled)
        for stamp in (settled.path / paths.SETTLED).glob("*"):
            stamp.unlink()
        settled.path.joinpath(f".doit.db{suffix}").write_bytes(chance.randbytes(chance.choice((1, 32768))))
        outcome = settled.doit("run")
        assert outcome.returncode == 0, (number, outcome.stderr)
        assert "Traceback" not in outcome.stderr, (number, outcome.stderr)
        assert harness.finished(settled) == before, "nothing is measured again"
        assert harness.scores(settled) == wanted
        tried(f"rubbish for .doit.db{suffix}", "nothing lost, the report right")
    harness.settles(settled)


def resealed(path, **changes):
    """A sample that says something else, with a digest that is right: made by a program, not by a slip."""
    found = {**json.loads(path.read_text()), **changes, "digest": ""}
    path.write_text(json.dumps({**found, "digest": sample.digest_of(found)}))


def older(path):
    resealed(path, schema=sample.SCHEMA - 1)


def not_a_number(path):
    path.write_text(re.sub(r'("scores": \[\s*)[0-9.]+', r"\1NaN", path.read_text(), count=1))


def infinite(path):
    path.write_text(re.sub(r'("scores": \[\s*)[0-9.]+', r"\g<1>1e999", path.read_text(), count=1))


def negative(path):
    resealed(path, scores=[-x for x in json.loads(path.read_text())["scores"]])


def absurd(path):
    resealed(path, scores=[x * 1e9 for x in json.loads(path.read_text())["scores"]])


def too_few(path):
    resealed(path, scores=json.loads(path.read_text())["scores"][:1])


def edited(path):
    found = json.loads(path.read_text())
    path.write_text(json.dumps({**found, "scores": [x * 1.01 for x in found["scores"]]}))


def different_type(path):
    resealed(path, scores="many")


def of_a_different_cell(path):
    other = path.parent.parent / ("native" if path.parent.name != "native" else "wasmtime.cranelift")
    path.write_bytes((other / path.name).read_bytes())


def endless_nesting(path):
    path.write_text("[" * 100_000)


def truncated(path):
    """Before the last quote of the first half: what ends inside a number can be malformed instead."""
    raw = path.read_bytes()
    path.write_bytes(raw[: raw.rindex(b'"', 0, len(raw) // 2)])


def truncated_in_a_number(path):
    raw = path.read_bytes()
    path.write_bytes(raw[: raw.index(b".", raw.index(b'"scores"')) + 1])


def emptied(path):
    path.write_bytes(b"")


def no_text(path):
    path.write_bytes(b"\xff\xfe" * 1000)


SAMPLES = {
    truncated: "no sample: Input data was truncated",
    truncated_in_a_number: "no sample: JSON is malformed: invalid number",
    emptied: "no sample: Input data was truncated",
    no_text: "no sample: ",
    older: f"a sample of schema {sample.SCHEMA - 1}, expected {sample.SCHEMA}",
    not_a_number: "no sample: JSON is malformed",
    infinite: "no sample: ",
    negative: "a sample with impossible values",
    absurd: "a sample with impossible values",
    too_few: "a sample with impossible values",
    edited: "a sample that was changed after it was measured",
    different_type: "no sample: Expected `array`",
    endless_nesting: "no sample: ",
    of_a_different_cell: "not what was made",
}


@pytest.mark.parametrize("forgotten", [False, True], ids=["remembered", "forgotten"])
def test_samples(settled, often, tried, forgotten):
    """Each in a different way, all but one at once."""
    chance = random.Random(int(forgotten))
    ways = itertools.cycle(SAMPLES)
    for number in range(often(2, 8)):
        good = harness.finished(settled)
        damaged = dict(zip(chance.sample(sorted(good), len(good) - 1), ways, strict=False))
        # While the other cell's is still whole.
        for path, damage in sorted(damaged.items(), key=lambda each: each[1] is not of_a_different_cell):
            damage(path)
        if forgotten:
            (settled.path / ".doit.db").unlink()
        outcome = settled.doit("run")
        printed = outcome.stdout + outcome.stderr
        assert outcome.returncode == 0, (number, printed)
        measured = [task for task in executed(outcome.stdout) if task.startswith("measure")]
        assert len(measured) == len(good if forgotten else damaged)
        now = harness.finished(settled)
        assert now.keys() == good.keys(), number
        for path, raw in good.items():
            assert (now[path] == raw) == (path not in damaged), path
            _, workload, toolchain, variant, backend = path.relative_to(settled.results.parent).parts[:5]
            assert sample.read(path).cell == f"{workload}/{toolchain}/{variant}/{backend}"
        for path, damage in damaged.items():
            # Without doit's memory only its key says that a good sample belongs to a different cell.
            quiet = forgotten and damage is of_a_different_cell
            assert quiet or f"{path.relative_to(settled.path)}: {SAMPLES[damage]}" in printed, (path, printed)
            what = f"a sample: {damage.__name__.replace('_', ' ')}"
            tried(what, f"{'' if quiet else 'named, '}measured again, and no other")
    harness.settles(settled, before=harness.finished(settled))


def test_what_else_doit_made(settled, often, tried):
    """Records, artifacts, provenance, stamps: each damaged in turn."""
    chance = random.Random(1)
    wanted = harness.scores(settled)
    (stamp,) = (settled.path / paths.SETTLED).glob("*.json")
    files = sorted(name for name in json.loads(stamp.read_text())["paths"] if of_ours(name))
    built = harness.modules(settled)
    for path in (settled.path / name for name in chance.sample(files, min(len(files), often(4, 60)))):
        raw = path.read_bytes()
        for damage in often((chance.choice((deleted, cut, rubbish)),), (deleted, cut, rubbish)):
            damaged = damage(raw, chance)
            path.unlink(missing_ok=True)
            if damaged is not None:
                path.write_bytes(damaged)
            outcome = settled.doit("run")
            printed = outcome.stdout + outcome.stderr
            name = str(path.relative_to(settled.path))
            assert outcome.returncode == 0, (name, damage.__name__, printed)
            if damaged is not None:
                assert f"{name}: not what was made; made again" in outcome.stdout, (damage.__name__, printed)
            assert harness.scores(settled) == wanted, (name, damage.__name__)
            assert harness.modules(settled) == built, (name, damage.__name__)
            how = "made again" if damaged is None else "named, made again"
            tried(f"a file below build/ or report/ {damage.__name__}", f"{how}, the report the same")
    harness.settles(settled)


#: What is asked again, or only says who measured: damage to it changes nothing.
ASIDE = ("build/settled/*.json", "results/*/host.json", ".doit.lock", ".doit.run")


def test_what_nothing_is_made_of(settled, often, tried):
    chance, wanted = random.Random(2), harness.scores(settled)
    before = harness.finished(settled)
    settled.path.joinpath(".doit.run").write_text("a run that was killed\n")
    for path in [path for pattern in ASIDE for path in settled.path.glob(pattern)]:
        for damage in often((rubbish,), (deleted, cut, rubbish, flipped) * 3):
            raw = path.read_bytes() if path.exists() else b"nothing"
            path.unlink(missing_ok=True)
            if (damaged := damage(raw or b"nothing", chance)) is not None:
                path.write_bytes(damaged)
            outcome = settled.doit("run")
            printed = outcome.stdout + outcome.stderr
            assert (outcome.returncode, "Traceback" in printed) == (0, False), (
                path,
                damage.__name__,
                printed,
            )
            assert harness.finished(settled) == before, (path, damage.__name__)
            assert harness.scores(settled) == wanted, (path, damage.__name__)
            tried("stamps, locks and notes damaged", "nothing measured again, the report the same")
    harness.settles(settled)


def test_an_isolated_environment(settled, often, tried):
    """Of the files that decide a number."""
    backend = "wasmtime.cranelift@46.0.1"
    chosen = (f"backends={backend}", "variants=O3", "rounds=1")
    settled.run(*chosen)
    if set(harness.cells(settled).values()) != {"ok"}:
        pytest.skip("its environment cannot be had here")
    chance = random.Random(3)
    (site,) = settled.path.glob(f"{paths.environment('wasmtime-46.0.1')}/lib/python3*/site-packages")
    files = sorted(map(Path, packages.records(["wasmtime"], str(site))))
    for path in chance.sample(files, often(1, 6)):
        raw, damage = path.read_bytes(), chance.choice((cut, rubbish, deleted))
        damaged = damage(raw, chance)
        path.unlink()
        if damaged is not None:
            path.write_bytes(damaged)
        outcome = settled.doit("run", *chosen)
        printed = outcome.stdout + outcome.stderr
        assert outcome.returncode == 0, printed
        assert f"{path.relative_to(settled.path)}: not what was made" in printed, printed
        assert path.read_bytes() == raw, path
        assert set(harness.cells(settled).values()) == {"ok"}, printed
        tried(f"a file of an isolated environment {damage.__name__}", "named, installed again")
    harness.settles(settled, *chosen)


def of_ours(name):
    """What a task made, and did not only ask to exist."""
    return name.startswith((f"{paths.BUILD}/", f"{paths.REPORT}/")) and "/environments/" not in name


@pytest.mark.parametrize("damage", [cut, rubbish, flipped, holed], ids=lambda f: f.__name__)
def test_the_trial_log_of_a_search(tmp_path, monkeypatch, capsys, often, tried, damage):
    """It holds results: no changed byte of it may pass."""
    monkeypatch.chdir(tmp_path)
    trial = Trial(
        params={"level": "-O3"},
        flags=("-O3",),
        status=Status.OK,
        module="m",
        rounds={"w/b": [0.1]},
        seconds=1,
    )
    trial_log.save("search", trial_log.TrialLog(key="0123456789abcdef", trials=[trial] * 3))
    path = tmp_path / trial_log.path("search", "0123456789abcdef")
    raw, chance = path.read_bytes(), random.Random(damage.__name__)
    assert trial_log.load("search", "0123456789abcdef").trials == [trial] * 3
    named = 0
    for number in range(often(100, 2000)):
        damaged = damage(raw, chance)
        path.write_bytes(damaged)
        found = trial_log.load("search", "0123456789abcdef")
        if found.trials:  # only white space was changed, or a bit twice
            assert found.trials == [trial] * 3, number
            continue
        named += 1
        assert path.with_suffix(".json.damaged").read_bytes() == damaged
        assert "put aside" in capsys.readouterr().out
    tried(f"the trial log of a search: {damage.__name__}", "named, put aside, started again", named)
