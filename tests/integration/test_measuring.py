"""Precision on demand, the self-test, warm-up of what tiers up, and an official run: real doit runs."""

import json
import os
import re

from pipeline.coremark import validator
from pipeline.stats.undisturbed import CPU_SHARE

CHOICE = ("backends=wasmtime.cranelift", "variants=O3")


def results(workspace):
    return json.loads((workspace.path / "report/results.json").read_text())


def measurements(workspace):
    return [cell["measurement"] for cell in results(workspace)["cells"]]


def samples(workspace):
    return {p.name: p.stat().st_mtime_ns for p in (workspace.path / "results").rglob("round-*.json")}


def more_time(workspace):
    """A budget for at least one round more than there are, on a machine of any speed, s."""
    kept = [json.loads(path.read_text()) for path in (workspace.path / "results").rglob("round-*.json")]
    return int(sum(each["seconds"] for each in kept)) + 1


def test_precise_adds_rounds_until_the_budget_is_spent_and_keeps_them(workspace):
    workspace.run(*CHOICE, "protocol=quick", "rounds=2")
    precise = (*CHOICE, "protocol=precise", "rounds=2", "half_width=0.01")
    budget = more_time(workspace)
    workspace.run(*precise, f"budget={budget}")
    (cell,) = measurements(workspace)
    assert cell["stop_reason"].startswith(f"its budget of {budget} s is spent: ±")
    assert cell["rounds"] > 2
    first = samples(workspace)
    assert len(first) == cell["rounds"]
    assert workspace.run(*precise, f"budget={budget}") == [], "nothing runs twice"

    budget = more_time(workspace)
    workspace.run(*precise, f"budget={budget}")
    (longer,) = measurements(workspace)
    assert longer["rounds"] > cell["rounds"]
    assert {name: samples(workspace)[name] for name in first} == first, "only rounds were added"

    # An edited sample among the added ones is measured again, and nothing else is.
    victim = workspace.results / f"coremark/zig/O3/wasmtime.cranelift/round-{cell['rounds']:02d}.json"
    victim.write_text(victim.read_text().replace('"round"', '"rounds"'))
    before = samples(workspace)
    workspace.run(*precise, f"budget={budget}")
    after = samples(workspace)
    assert [n for n in before if before[n] != after[n]] == [victim.name]

    # Less demanding: the same rounds, fewer of them.
    workspace.run(*CHOICE, "protocol=quick", "rounds=2")
    assert measurements(workspace)[0]["rounds"] == 2
    assert samples(workspace) == after


def test_precise_ends_early_where_it_is_precise_enough(workspace):
    workspace.believe_all()
    workspace.run(*CHOICE, "protocol=precise", "rounds=2", "half_width=60", "budget=600")
    (cell,) = measurements(workspace)
    assert "at most 60 % were asked for" in cell["stop_reason"]
    assert cell["rounds_used"] >= 2


def test_the_self_test_compares_each_backend_with_itself(workspace):
    outcome = workspace.doit("run", "selftest", "repeats=2", "rounds=2")
    assert "Traceback" not in outcome.stderr
    found = json.loads((workspace.path / "report/selftest.json").read_text())
    assert found["comparisons"] == 4
    assert [e["backend"] for e in found["each"]] == ["native", "wasmtime.cranelift"] * 2
    assert found["usable"] == sum(e["usable"] for e in found["each"])
    inside = [e for e in found["each"] if e["usable"] and e["ratio_low"] <= 1 <= e["ratio_high"]]
    assert found["containing_one"] == len(inside)
    assert outcome.returncode == (found["refused"] is not None)
    assert (found["refused"] or "contain 1") in outcome.stdout + outcome.stderr
    assert not (workspace.path / "results").exists() or not samples(workspace), "no sample of a cell"


TIERING = '''
"""A compiler that gets better: the code of -O0 for the first runs of each size, then that of -O3.

What comes before the chunks are runs of other sizes, more of them on a busy machine.
"""
import os
from collections import Counter
import native_worker
import serve

def load(path, options):
    folder = os.path.join(os.path.dirname(path), "..", "..")
    slow, _ = native_worker.load(os.path.join(folder, "O0", "native", "coremark.exe"), {})
    fast, facts = native_worker.load(os.path.join(folder, "O3", "native", "coremark.exe"), {})
    runs = Counter()
    def run(request):
        size = tuple(request["argv"])
        runs[size] += 1
        return (slow if runs[size] < 14 else fast)(request)
    return run, facts

serve.serve(load)
'''
BACKEND = """
from pipeline.core.model import Backend, Kind, Runtime

RUNTIME = Runtime(name="tiering", worker="tiering_worker.py")
BACKENDS = (Backend("tiering.up", Kind.NATIVE, RUNTIME, forks=True),)
"""


def test_a_backend_that_tiers_up_is_warmed_longer_and_says_so(workspace):
    workspace.believe_all()  # on a busy machine the long chunks of slow code are the first to be left out
    (workspace.path / "pipeline/runtimes/workers/tiering_worker.py").write_text(TIERING)
    (workspace.path / "pipeline/runtimes/backends/tiering.py").write_text(BACKEND)
    for key in ("undisturbed", "pairs"):
        workspace.edit("matrix.toml", f"{key} = 2 ", f"{key} = 30 ")
    workspace.run("backends=tiering.up", "variants=O3", "rounds=3")
    (cell,) = results(workspace)["cells"]
    assert cell["status"] == "ok"
    assert cell["measurement"]["warmup_chunks"] >= 10
    note = "became faster while they ran and had a longer warm-up: coremark/zig/O3/tiering.up ("
    assert note in " ".join((workspace.path / "report/report.txt").read_text().split())
    for path in (workspace.path / "results").rglob("round-*.json"):
        kept = json.loads(path.read_text())
        # Slow code may be in what was thrown away, not in what counts.
        if kept["warmup_scores"]:
            assert min(kept["warmup_scores"]) < 0.5 * max(kept["scores"])
            # By the reference next to it, for the machine may have two speeds: that of -O0 is a quarter.
            pairs = zip(kept["scores"], kept["reference_scores"], kept["cpu_shares"], strict=True)
            steady = sorted(score / reference for score, reference, share in pairs if share >= CPU_SHARE)
            # None where all of a round shared their processor.
            assert not steady or steady[len(steady) // 4] > 0.5


def test_an_official_run_keeps_every_rule_and_its_logs(workspace):
    outcome = workspace.doit("run", "certify", *CHOICE)
    assert outcome.returncode == 0, outcome.stderr
    folder = workspace.results / "certificates/coremark/zig/O3/wasmtime.cranelift"
    certificate = json.loads((folder / "certificate.json").read_text())
    assert certificate["certified"]
    assert all(rule["kept"] for rule in certificate["rules"])
    assert certificate["line"] in outcome.stdout
    assert re.fullmatch(r"CoreMark 1\.0 : \d+\.\d+ / Clang \S+ +-O3 / STACK", certificate["line"])
    for name, seeds in (("run1.log", validator.PERFORMANCE), ("run2.log", validator.VALIDATION)):
        text = (folder / name).read_text()
        iterations = int(re.search(r"^Iterations +: (\d+)", text, re.MULTILINE)[1])
        assert validator.validate(text, seeds, iterations).seconds >= 10
        assert "ERROR" not in text
    assert certificate["line"] in (folder / "run1.log").read_text()
    again = workspace.doit("run", "certify", *CHOICE)
    assert "certify coremark zig" not in again.stdout, "official runs are cached"
    assert certificate["line"] in again.stdout
    os.unlink(folder / "run1.log")
    listed = workspace.doit("list", "--all", "--status", "certify").stdout
    assert "certify coremark zig" in listed.replace(":", " ")
