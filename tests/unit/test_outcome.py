"""What a search reports in the end: only what the confirmation shows; and its trial log."""

import json

import numpy as np
import pytest
from msgspec import structs
from test_stopping_rule import sample

from pipeline.analyses.tune import result_text, trial_log
from pipeline.analyses.tune.outcome import compare_finalists
from pipeline.analyses.tune.search_result import SearchResult, ToolchainResult
from pipeline.core.host import Host
from pipeline.core.model import Status
from toolchain.model import Variant

VARIANTS = {name: Variant(name, (f"-{name}",)) for name in ("best", "O2", "O3")}


def rounds(mean, count=8, seed=0):
    generator = np.random.default_rng([seed, round(mean * 1e6)])
    ratios = mean * np.exp(generator.normal(0, 0.004, (count, 1)) + generator.normal(0, 0.01, (count, 30)))
    return [
        structs.replace(sample(i + 1), scores=(40000 * each).tolist(), reference_scores=[40000.0] * 30)
        for i, each in enumerate(ratios)
    ]


def compared(best, o2=0.85, o3=0.85, winner="best", backends=("x.y",)):
    values = {"best": best, "O2": o2, "O3": o3}
    samples = {name: {b: rounds(v, seed=i) for b in backends} for i, (name, v) in enumerate(values.items())}
    return compare_finalists(VARIANTS, samples, winner)


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
    samples = {name: {"x.y": rounds(0.85)} for name in VARIANTS}
    samples["best"]["x.y"][3] = structs.replace(sample(4, status=Status.TRAP), reason="unreachable")
    found = compare_finalists(VARIANTS, samples, "best")
    assert found.sentence.endswith("to beat O3: best could not be measured again")
    (cell,) = found.variants[0].backends
    assert (cell.status, cell.reason, cell.ratio) == (Status.TRAP, "unreachable", None)
    assert cell.ratio_to_baseline is None
    samples["best"]["x.y"] = rounds(0.95, count=1)
    found = compare_finalists(VARIANTS, samples, "best")
    assert found.sentence.endswith("to beat O3: 1 round has no interval: for one take rounds=3")


def result(backends=("x.y",)):
    comparison = compared(0.90, backends=backends)
    return SearchResult(
        host=Host(fingerprint="f" * 64),
        protocol={"pairs": 30},
        toolchain=ToolchainResult(name="zig", version="1", sha256="c" * 64),
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


def test_a_line_for_matrix_toml_does_not_wrap():
    line = result_text.snippet(Variant("long", ("-mllvm",) * 100))
    assert f"\n{line}\n" in result_text.render(structs.replace(result(), snippet=line))


# -- the trial log


def trial(**changes):
    values = {"params": {"a": ""}, "flags": ("-O3",), "status": Status.OK, "seconds": 1.0, **changes}
    return trial_log.Trial(**values)


def test_a_log_of_other_inputs_or_a_damaged_one_is_not_used(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    saved = trial_log.TrialLog(key="k" * 64, spent_s=3.5, trials=[trial(module="m", rounds=[0.1, None])])
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
