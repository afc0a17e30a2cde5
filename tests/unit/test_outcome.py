"""What a search reports in the end: only what the confirmation shows; and its trial log."""

import json

import numpy as np
import pytest
from msgspec import structs
from test_stopping_rule import sample

from pipeline.analyses.tune import result_text, trial_log
from pipeline.analyses.tune.confirmation import FASTEST
from pipeline.analyses.tune.known_points import known
from pipeline.analyses.tune.outcome import compare_finalists
from pipeline.analyses.tune.search_result import Fault, LineEffect, SearchResult, ToolchainResult
from pipeline.core.host import Host
from pipeline.core.model import Status
from pipeline.experiment import tune_table
from pipeline.experiment.search_space import Goal, Wanted
from toolchain.model import Variant

VARIANTS = {name: Variant(name, (f"-{name}",)) for name in ("best", "O2", "O3")}


FAULT = Fault(
    flags="-O3 -bad",
    link="",
    wasm_opt=None,
    workload="w",
    status=Status.INVALID,
    reason="crclist is 0x1, expected 0x2",
    trials=2,
    fails_under=("x.y",),
    right_under=("z",),
    whose="x: other runtimes run the same module right",
)


def effect(line, factor, low, high):
    return LineEffect(dimension="d", line=line, factor=factor, low=low, high=high, active=0.9, trials=3)


SPEED = Goal()
EFFECTS = (
    effect("-good", 1.1, 1.05, 1.15),
    effect("-idle", 1.0, 0.99, 1.01),
    effect("-bad", 0.8, 0.75, 0.85),
)


def rounds(mean, count=8, seed=0):
    generator = np.random.default_rng([seed, round(mean * 1e6)])
    ratios = mean * np.exp(generator.normal(0, 0.004, (count, 1)) + generator.normal(0, 0.01, (count, 30)))
    return [
        structs.replace(sample(i + 1), scores=(40000 * each).tolist(), reference_scores=[40000.0] * 30)
        for i, each in enumerate(ratios)
    ]


def compared(best, o2=0.85, o3=0.85, winner="best", backends=("x.y",), goal=SPEED):
    values = {"best": best, "O2": o2, "O3": o3}
    samples = {
        name: {f"w/{b}": rounds(v, seed=i) for b in backends} for i, (name, v) in enumerate(values.items())
    }
    return compare_finalists(VARIANTS, samples, winner, goal)


def test_a_better_one_is_called_faster_with_its_interval():
    found = compared(0.90)
    assert found.verdict == "faster"
    assert found.sentence.startswith("best is faster than O3 by 5.")
    low, high = found.variants[0].ratio_to_baseline.low, found.variants[0].ratio_to_baseline.high
    assert low - 0.002 < 0.90 / 0.85 < high + 0.002
    assert f"({(low - 1) * 100:.1f} % to {(high - 1) * 100:.1f} %)" in found.sentence


@pytest.mark.parametrize("best", [0.85, 0.80])
def test_what_is_not_better_is_not_called_so(best):
    found = compared(best)
    assert found.verdict != "faster"
    assert "nothing in this space was shown to beat O3: the best of it, best, is " in found.sentence


def test_what_is_to_be_beaten_does_not_beat_itself():
    found = compared(0.85, winner="O3")
    assert found.sentence == "nothing in this space was shown to beat O3: it won the search itself"


def test_a_failed_or_disturbed_confirmation_claims_nothing():
    samples = {name: {"w/x.y": rounds(0.85)} for name in VARIANTS}
    samples["best"]["w/x.y"][3] = structs.replace(sample(4, status=Status.TRAP), reason="unreachable")
    found = compare_finalists(VARIANTS, samples, "best", Goal())
    assert found.sentence.endswith("to beat O3: best could not be measured again")
    (cell,) = found.variants[0].cells
    assert (cell.status, cell.reason, cell.ratio) == (Status.TRAP, "unreachable", None)
    assert cell.ratio_to_baseline is None
    samples["best"]["w/x.y"] = rounds(0.95, count=1)
    found = compare_finalists(VARIANTS, samples, "best", Goal())
    assert found.sentence.endswith("to beat O3: 1 round has no interval: for one take rounds=3")


def result(backends=("x.y",)):
    comparison = compared(0.90, backends=backends)
    return SearchResult(
        host=Host(fingerprint="f" * 64),
        protocol={"pairs": 30},
        toolchain=ToolchainResult(name="zig", version="1", sha256="c" * 64),
        objective="speed",
        slowdown=None,
        workloads=("coremark",),
        backends=backends,
        reference=("zig", "O3"),
        trial_log="log.json",
        budget_s=100.0,
        spent_s=99.5,
        trials=50,
        modules=40,
        rounds=60,
        final_rounds=8,
        left_out={},
        failures={"trap: x.y: unreachable": 3},
        faults=(FAULT,),
        effects=EFFECTS,
        front=(),
        best_of_cells=(),
        winner=comparison.winner,
        baseline=comparison.baseline,
        variants=comparison.variants,
        verdict=comparison.verdict,
        sentence=comparison.sentence,
        snippet=result_text.snippet(VARIANTS["best"]),
    )


def test_the_table_has_every_backend_and_their_mean():
    found = result(("x.y", "z"))
    text = result_text.render(found)
    assert text.startswith("Flags for x.y, z, compiled by zig 1\n")
    assert "compared with O3" in text
    assert text.count(" x.y ") == text.count(" z ") == text.count("geometric mean") == 3
    assert "3 of 50 trials failed: trap: x.y: unreachable" in text
    assert found.sentence + "." in text
    assert 'best = { flags = "-best" }' in text


def test_effects_that_show_are_told_the_largest_first_and_faults_with_whose_they_are():
    text = result_text.render(result())
    bad = text.index("-20.0 % (-25.0 to -15.0)  d: -bad, in 3 trials")
    assert bad < text.index("+10.0 % (+5.0 to +15.0)  d: -good, in 3 trials")
    assert "-idle" not in text
    assert "The fewest flags that fail so: -O3 -bad\n" in text
    assert "  fails under x.y; right under z\n" in text
    assert "  whose fault: x: other runtimes run the same module right\n" in text


def sized(name, size, seconds=0.01, ratio=0.85):
    own = rounds(ratio, seed=len(name))
    return [structs.replace(s, artifact_bytes=size, compile_seconds=seconds) for s in own]


def test_the_smallest_is_judged_by_its_bytes_and_its_speed_is_told():
    sizes = {"best": 900, "O2": 1100, "O3": 1000}
    samples = {name: {"w/x.y": sized(name, size)} for name, size in sizes.items()}
    found = compare_finalists(VARIANTS, samples, "best", Goal(Wanted.SIZE))
    assert found.verdict == "smaller"
    assert found.sentence.startswith("best is smaller than O3 by 10.0 % (900 and 1000 bytes); it has ")
    samples["best"] = {"w/x.y": sized("best", 1000)}
    found = compare_finalists(VARIANTS, samples, "best", Goal(Wanted.SIZE))
    assert (found.verdict, found.sentence) == (None, "nothing in this space is smaller than O3")


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (0.85, "; it has "),
        (0.80, "; but it has "),
        (0.8335, "of the speed of the fastest: whether that is 0.980"),
    ],
)
def test_the_smallest_that_may_lose_so_much_is_compared_with_the_fastest(ratio, words):
    variants = {**VARIANTS, FASTEST: Variant(FASTEST, ("-fast",))}
    samples = {name: {"w/x.y": sized(name, 1000)} for name in ("best", FASTEST, "O2", "O3")}
    samples["best"] = {"w/x.y": sized("best", 900, ratio=ratio)}
    found = compare_finalists(variants, samples, "best", Goal(Wanted.SIZE, 0.02))
    assert words in found.sentence
    assert found.sentence.startswith("best has 900 bytes, the fastest 1000, O3 1000; ")
    assert found.verdict is None, "it is two things at once"


def test_the_best_for_all_is_faster_only_where_it_is_in_every_cell():
    def of(*ratios):
        return {f"w/{b}": rounds(r, seed=i) for i, (b, r) in enumerate(zip("xy", ratios, strict=True))}

    samples = {"best": of(0.95, 0.88), "O2": of(0.85, 0.85), "O3": of(0.85, 0.85)}
    found = compare_finalists(VARIANTS, samples, "best", Goal(Wanted.WORST))
    assert found.verdict == "faster"
    assert found.sentence.startswith("best is faster than O3 in each of 2 cells, by at least ")
    assert ": least in w/y, by 3." in found.sentence
    samples["best"] = of(1.2, 0.84)
    found = compare_finalists(VARIANTS, samples, "best", Goal(Wanted.WORST))
    assert found.verdict is None
    assert "was shown to beat O3 in every cell: the best of it, best, has in w/y 0.98" in found.sentence


def test_compile_times_are_compared_with_an_interval():
    dice = np.random.default_rng(1)
    samples = {}
    for name, usual in {"best": 0.008, "O2": 0.01, "O3": 0.01}.items():
        times = usual * np.exp(dice.normal(0, 0.02, 8))
        own = rounds(0.85)
        samples[name] = {
            "w/x.y": [structs.replace(s, compile_seconds=float(t)) for s, t in zip(own, times, strict=True)]
        }
    found = compare_finalists(VARIANTS, samples, "best", Goal(Wanted.COMPILE))
    assert found.verdict == "compiled sooner"
    assert found.sentence.startswith("best is compiled in less time than O3, by 2")
    samples["best"] = samples["O2"]
    found = compare_finalists(VARIANTS, samples, "best", Goal(Wanted.COMPILE))
    assert found.verdict is None
    assert found.sentence.startswith(
        "nothing in this space was shown to be compiled sooner than O3: best takes "
    )


def test_a_line_for_matrix_toml_does_not_wrap():
    line = result_text.snippet(Variant("long", ("-mllvm",) * 100))
    assert f"\n{line}\n" in result_text.render(structs.replace(result(), snippet=line))


# -- the trial log


def trial(**changes):
    values = {"params": {"a": ""}, "flags": ("-O3",), "status": Status.OK, "seconds": 1.0, **changes}
    return trial_log.Trial(**values)


def test_a_log_of_other_inputs_or_a_damaged_one_is_not_used(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    saved = trial_log.TrialLog(
        key="k" * 64, spent_s=3.5, trials=[trial(module="m", rounds={"w/x.y": [0.1, None]})]
    )
    final = trial_log.Final(budget_s=9, name="best", flags=("-O3",), rounds=8, result=result())
    saved.finals.append(final)
    trial_log.save("x", saved)
    assert trial_log.load("x", "k" * 64) == saved
    # Of the same place by chance.
    assert trial_log.load("x", "k" * 12 + "l" * 52).trials == []
    trial_log.save("x", saved)
    path = tmp_path / trial_log.path("x", saved.key)
    path.write_text(path.read_text()[:-40])
    assert trial_log.load("x", saved.key) == trial_log.TrialLog(key=saved.key)


def test_a_log_of_an_older_schema_is_put_aside_with_its_number(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / trial_log.path("x", "k" * 64)
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"schema": 2, "key": "k" * 64, "finals": [{"result": {"journal": "old"}}]}))
    assert trial_log.load("x", "k" * 64) == trial_log.TrialLog(key="k" * 64)
    assert ": of schema 2; put aside as " in capsys.readouterr().out


def test_reasons_that_differ_in_numbers_are_one():
    reasons = ["at offset 12 of f", "at offset 977 of f", "crcfinal is 0x12"]
    trials = [trial(status=Status.INVALID, reason=r) for r in reasons] + [trial()]
    found = trial_log.TrialLog(key="k", trials=trials).failures()
    assert found == {"invalid: at offset 12 of f": 2, "invalid: crcfinal is 0x12": 1}


# -- what earlier searches found

SPACE = tune_table.space("m", {"level": ["-O3", "-O2"], "a": ["", "-a"], "b": ["", "-b"]})


def finished(key, flags, **changes):
    """The log of a search that ended with these flags."""
    found = structs.replace(result(), **{"verdict": "faster", **changes})
    final = trial_log.Final(budget_s=9, name="best", flags=flags, rounds=8, result=found)
    log = trial_log.TrialLog(key=key * 64, finals=[final])
    trial_log.save("x", log)


def test_winners_of_other_searches_and_hints_are_known_points(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    hints = {"good": Variant("good", ("-O2", "-b")), "other": Variant("other", ("-O3", "-other"))}
    found = known(SPACE, "k" * 64, hints, "zig")
    assert [(each.words, each.point is None) for each in found] == [
        ("hint good of matrix.toml", False),
        ("hint other of matrix.toml", True),
    ]
    finished("1", ("-O3", "-a"))
    finished("2", ("-O3", "-b"), verdict="same within 1.0%")
    finished("3", ("-O2", "-a"), toolchain=ToolchainResult(name="clang-19", version="1", sha256="c" * 64))
    finished("k", ("-O2",))
    (tmp_path / trial_log.path("x", "5" * 64)).write_text("{")
    found = known(SPACE, "k" * 64, hints, "zig")
    assert [each.point for each in found] == [
        {"level": "-O3", "a": "-a", "b": ""},
        {"level": "-O2", "a": "", "b": "-b"},
        None,
    ]
    assert found[0].words.startswith("the winner of x-1111")
