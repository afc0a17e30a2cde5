"""Published claims and measurements: each verdict from real estimates, and why there is none."""

import json
import os
import re
import shlex
import shutil

import msgspec
import numpy as np
import pytest
from msgspec import structs

from pipeline.analyses.claims import claim_verdicts, claims_toml, verdicts_text
from pipeline.analyses.claims.claim_verdicts import CONTRADICTED, NOT_TESTABLE, REPRODUCED
from pipeline.analyses.sweep_results import read_sweeps
from pipeline.core import paths
from pipeline.core.errors import BadInput
from pipeline.core.model import Status
from pipeline.experiment import matrix
from pipeline.results import results_json
from pipeline.stats import estimates
from tests import factories
from tests.conftest import ROOT

#: Everything that claims.md of the project's start has, as (scores) and (ratios of the three machines).
SCORES = [30000, 11500, 30088.5, 11635.6, 11565.4, 23022.9, 862.7, 873.6, 23011, 19366, 31348, 12632]
RATIOS = {
    "epyc-7763": {
        "wasmer": 0.96,
        "v8": 0.90,
        "winch": 0.51,
        "singlepass": 0.40,
        "pulley": 0.050,
        "wasm3": 0.049,
    },
    "xeon-8370c": {
        "wasmer": 1.09,
        "v8": 1.08,
        "winch": 0.47,
        "singlepass": 0.46,
        "pulley": 0.069,
        "wasm3": 0.106,
    },
    "m2-pro": {
        "wasmer": 0.97,
        "v8": 0.86,
        "winch": 0.41,
        "singlepass": 0.39,
        "pulley": 0.054,
        "wasm3": 0.089,
    },
}

DATA = ROOT / "tests/data"
LLVM = '{ backend = "wasmer.llvm", published = "Wasmer 5.0 LLVM", version = "5.0", score = 30000 }'
CRANELIFT = (
    '{ backend = "wasmer.cranelift", published = "Wasmer 5.0 Cranelift", version = "5.0", score = 20000 }'
)
HEAD = 'source = "a thread"\nmachine = "unstated"\nstatement = "LLVM is faster."\n'
TOP = 'workload = "json"\n'
RATIO = f'{TOP}[claims.one]\nkind = "ratio"\n{HEAD}numerator = {LLVM}\ndenominator = {CRANELIFT}\n'
ORDER = f'{TOP}[claims.one]\nkind = "order"\n{HEAD}faster = {LLVM}\nslower = {CRANELIFT}\n'
EQUAL = f'{TOP}[claims.one]\nkind = "equal"\n{HEAD}one = {LLVM}\nother = {CRANELIFT}\n'
SCORE = f'{TOP}[claims.one]\nkind = "score"\n{HEAD}cell = {LLVM}\n'.replace("unstated", "AMD EPYC 7763")


@pytest.fixture
def read(tmp_path):
    """Claims from a text."""

    def parse(text):
        path = tmp_path / "claims.toml"
        path.write_text(text, encoding="utf-8")
        return claims_toml.read(str(path))

    return parse


def cell(backend, ratio, rounds=8, process=0.004, version="1.1.0", name="json", variant="O3"):
    """A cell of simulated rounds; with one round: disturbed."""
    generator = np.random.default_rng([*backend.encode(), rounds])
    means = generator.normal(0, process, (rounds, 1))
    # The means of the rounds are moved onto the ratio: what is tested is the rule, not the noise.
    found = estimates.estimate(np.exp(np.log(ratio) + means - means.mean() + np.zeros((rounds, 30))).tolist())
    measured = factories.of_estimate(found, **({"wasm_bytes": None} if backend == "native" else {}))
    return factories.cell(f"{name}/zig/{variant}/{backend}", measured=measured, version=version)


def failed(backend, status, reason):
    return structs.replace(cell(backend, 1.0), status=Status(status), reason=reason, measurement=None)


def results(*cells, cpu="AMD EPYC 7763 64-Core Processor", **changes):
    workloads = [workload(name) for name in dict.fromkeys(c.workload for c in cells)] or [workload("json")]
    values = {"host": factories.host(cpu=cpu), "workloads": tuple(workloads), **changes}
    # Of a workload that was not measured: any cell is needed, and none of the claims is about this one.
    return factories.results(cells or [cell("native", 1.0, variant="Oz")], **values)


def workload(name, variant="O3"):
    reference = structs.replace(factories.workload().reference, variant=variant)
    return factories.workload(name, unit="runs/s", reference=reference)


def of(name, run):
    """The same results of a different workload."""
    return structs.replace(
        run,
        workloads=(workload(name),),
        cells=tuple(structs.replace(each, workload=name) for each in run.cells),
    )


def wasmer(llvm, cranelift, **how):
    return results(cell("wasmer.llvm", llvm, **how), cell("wasmer.cranelift", cranelift, **how))


def checked(claims, *runs):
    [claim] = claims
    return claim_verdicts.check(claim, runs)


def commands(reason):
    """The variables of each command that a reason names; they must be such as the project accepts."""
    found = []
    for command in re.findall(r"doit run (?:claims|sweep)((?: [a-z_]+=(?:'[^']*'|[^\s,;]+))+)", reason):
        found.append(dict(word.split("=", 1) for word in shlex.split(command)))
        matrix.load(found[-1])
    return found


@pytest.mark.parametrize(
    ("llvm", "verdict", "why"),
    [
        (0.75, REPRODUCED, "the published 1.5 is within"),
        (0.80, REPRODUCED, "widened by 10%"),  # 1.6: only because of the tolerance
        (0.90, CONTRADICTED, "the published 1.5 is below"),
        (0.60, CONTRADICTED, "the published 1.5 is above"),
    ],
)
def test_a_ratio_is_reproduced_within_the_interval_widened_by_the_tolerance(read, llvm, verdict, why):
    outcome = checked(read(RATIO), wasmer(llvm, 0.5))
    assert outcome.verdict == verdict
    assert why in outcome.reason
    assert outcome.measured.low < llvm / 0.5 < outcome.measured.high
    assert outcome.measured.ratio == pytest.approx(llvm / 0.5)
    assert outcome.published.ratio == 1.5
    assert outcome.cells == ("json/zig/O3/wasmer.llvm", "json/zig/O3/wasmer.cranelift")


def test_a_claim_has_its_own_tolerance(read):
    assert checked(read(RATIO + "tolerance = 0.01\n"), wasmer(0.80, 0.5)).verdict == CONTRADICTED
    assert checked(read(RATIO + "tolerance = 0.5\n"), wasmer(0.60, 0.5)).verdict == REPRODUCED


def test_an_interval_that_could_hold_anything_reproduces_nothing(read):
    outcome = checked(read(RATIO), wasmer(0.75, 0.5, rounds=3, process=0.2))
    assert outcome.verdict == NOT_TESTABLE
    assert (
        "protocol=precise half_width=2.5 variants=O3 backends='wasmer.llvm,wasmer.cranelift'"
        in outcome.reason
    )
    assert outcome.measured is not None
    # But what lies outside even of a wide one is contradicted.
    assert checked(read(RATIO), wasmer(0.75, 0.05, rounds=3, process=0.2)).verdict == CONTRADICTED


@pytest.mark.parametrize(
    ("llvm", "process", "verdict", "why"),
    [
        (0.55, 0.004, REPRODUCED, "shown to be faster than json/zig/O3/wasmer.cranelift"),
        (0.45, 0.004, CONTRADICTED, "shown to be slower than"),
        (0.50, 0.001, CONTRADICTED, "shown to be same within 2% of"),
        (
            0.505,
            0.05,
            NOT_TESTABLE,
            "which of the two is faster; run: doit run claims workloads=json protocol=precise",
        ),
    ],
)
def test_an_order_is_what_the_verdict_between_the_cells_is(read, llvm, process, verdict, why):
    outcome = checked(read(ORDER), wasmer(llvm, 0.5, process=process))
    assert outcome.verdict == verdict
    assert why in outcome.reason


@pytest.mark.parametrize(
    ("llvm", "process", "verdict"),
    [
        (0.502, 0.002, REPRODUCED),
        (0.55, 0.002, CONTRADICTED),
        (0.45, 0.002, CONTRADICTED),
        (0.51, 0.002, NOT_TESTABLE),
        (0.502, 0.1, NOT_TESTABLE),
    ],
)
def test_equals_lie_within_the_tolerance_with_their_whole_interval(read, llvm, process, verdict):
    assert checked(read(EQUAL), wasmer(llvm, 0.5, process=process)).verdict == verdict


def test_what_is_measured_more_precisely_is_asked_for_more_precisely_still(read):
    """Else the same command would be named again and again."""
    first = checked(read(EQUAL), wasmer(0.51, 0.5, process=0.002)).reason
    again = checked(read(EQUAL), wasmer(0.51, 0.5, process=0.001)).reason
    widths = [float(re.search(r"half_width=([0-9.]+) ", text).group(1)) for text in (first, again)]
    assert 0.01 <= widths[1] < widths[0] < 0.5


def test_a_different_machine_reproduces_but_does_not_contradict(read):
    """What is claimed of no machine in particular is claimed of any."""
    about = RATIO.replace('"unstated"', '"Apple M2 Pro"')
    assert checked(read(about), wasmer(0.75, 0.5)).verdict == REPRODUCED
    found = checked(read(about), wasmer(0.60, 0.5))
    assert (found.verdict, round(found.measured.ratio, 6)) == (NOT_TESTABLE, 1.2)
    assert "but it is a claim about Apple M2 Pro" in found.reason
    there = structs.replace(wasmer(0.60, 0.5), host=factories.host(cpu="Apple M2 Pro"))
    assert checked(read(about), there).verdict == CONTRADICTED
    assert checked(read(RATIO), wasmer(0.60, 0.5)).verdict == CONTRADICTED


def test_a_score_is_compared_on_its_machine_only(read):
    here = results(cell("wasmer.llvm", 0.75))
    assert checked(read(SCORE), here).verdict == REPRODUCED
    assert checked(read(SCORE), here).measured.ratio == pytest.approx(0.75 * 40000 / 30000)
    assert "as published" in checked(read(SCORE), here).reason
    assert checked(read(SCORE), results(cell("wasmer.llvm", 0.5))).verdict == CONTRADICTED
    on_other_machine = checked(read(SCORE), results(cell("wasmer.llvm", 0.75), cpu="AMD EPYC 9754"))
    assert on_other_machine.verdict == NOT_TESTABLE
    assert "it was published for AMD EPYC 7763, this is AMD EPYC 9754" in on_other_machine.reason
    assert on_other_machine.measured is None
    # Nothing that could be measured here would help.
    assert "for one machine only" in checked(read(SCORE), results(cpu="AMD EPYC 9754")).reason
    unstated = checked(read(SCORE.replace("AMD EPYC 7763", "unstated")), here)
    assert (unstated.verdict, unstated.measured) == (NOT_TESTABLE, None)
    assert "without its machine" in unstated.reason


def test_what_is_not_measured_says_why_and_what_to_run(read):
    there = cell("wasmer.cranelift", 0.5)
    absent = checked(read(RATIO), results(there))
    assert absent.verdict == NOT_TESTABLE
    assert absent.measured is None
    assert "nothing was measured for Wasmer 5.0 LLVM; " in absent.reason
    # Both sides in the release that was published, of which there is a host here.
    assert commands(absent.reason) == [
        {"runtime": "wasmer", "versions": "5.0.6", "workloads": "json", "variants": "O3"}
    ]
    gone = checked(
        read(RATIO), results(failed("wasmer.llvm", "unavailable", "no CPython 3.10; run: uv x"), there)
    )
    assert gone.verdict == NOT_TESTABLE
    assert gone.reason == "json/zig/O3/wasmer.llvm is unavailable: no CPython 3.10; run: uv x"
    assert gone.cells == ("json/zig/O3/wasmer.llvm", "json/zig/O3/wasmer.cranelift")
    shaken = checked(read(RATIO), results(cell("wasmer.llvm", 0.75, rounds=1), there))
    assert shaken.verdict == NOT_TESTABLE
    assert commands(shaken.reason) == [
        {"workloads": "json", "rounds": "3", "variants": "O3", "backends": "wasmer.llvm,wasmer.cranelift"}
    ]
    extra = checked(read(RATIO.replace("wasmer.llvm", "wasm3")), results(there))
    assert "pip install -e '.[wasm3]'" in extra.reason
    unknown = checked(read(RATIO.replace("wasmer.llvm", "wamr")), results(there))
    assert "[runtimes.wamr] in matrix.toml" in unknown.reason
    assert checked(read(RATIO)).verdict == NOT_TESTABLE


def releases():
    text = RATIO.replace("wasmer.llvm", "wasmtime.cranelift@46.0.1").replace(
        '"5.0", score = 3', '"46", score = 3'
    )
    return text.replace("wasmer.cranelift", "wasmtime.cranelift@30.0.0").replace('"5.0"', '"30"')


def test_releases_are_looked_for_in_sweeps(read):
    main = results(cell("wasmtime.cranelift", 0.8))
    assert (
        "doit run sweep runtime=wasmtime versions='46.0.1,30.0.0'" in checked(read(releases()), main).reason
    )
    sweep = results(
        cell("wasmtime.cranelift@30.0.0", 0.5, version="30.0.0"),
        cell("wasmtime.cranelift@46.0.1", 0.75, version="46.0.1"),
    )
    outcome = checked(read(releases()), main, sweep)
    assert outcome.verdict == REPRODUCED
    assert outcome.versions == {
        "json/zig/O3/wasmtime.cranelift@46.0.1": "wasmtime 46.0.1",
        "json/zig/O3/wasmtime.cranelift@30.0.0": "wasmtime 30.0.0",
    }
    vague = [cell(f"wasmtime.cranelift@{v}", r, 3, 0.2, v) for v, r in (("46.0.1", 0.75), ("30.0.0", 0.5))]
    reason = checked(read(releases()), main, results(*vague)).reason
    how = "workloads=json protocol=precise half_width=2.5 variants=O3"
    assert f"versions='46.0.1,30.0.0' {how}, then: doit run claims; measured" in reason
    assert commands(reason)[0]["half_width"] == "2.5"
    # Two cells of two runs have no reference in common.
    apart = [results(each) for each in sweep.cells]
    assert "not measured together" in checked(read(releases()), *apart).reason


def test_the_published_release_is_preferred_and_releases_are_not_mixed(read):
    old = [cell("wasmer.llvm", 0.9), cell("wasmer.cranelift", 0.5)]
    one = cell("wasmer.llvm@5.0.4", 0.75, version="5.0.4")
    other = cell("wasmer.cranelift@5.0.4", 0.5, version="5.0.4")
    unlike = [cell(f"wasmer.{name}@5.01", 0.1, version="5.01") for name in ("llvm", "cranelift")]
    package = ("json/zig/O3/wasmer.llvm", "json/zig/O3/wasmer.cranelift")
    assert checked(read(RATIO), results(*old, *unlike)).cells == package
    # A pattern does not mean releases that it does not name.
    patterns = RATIO.replace("wasmer.llvm", "wasmer.l*").replace("wasmer.cranelift", "wasmer.c*")
    assert "nothing was measured for" in checked(read(patterns), results(*unlike)).reason
    assert checked(read(patterns), results(*old, *unlike)).cells == package
    mixed = checked(read(RATIO), results(*old, one))
    assert mixed.cells == package
    assert "measured: wasmer 1.1.0 for Wasmer 5.0 LLVM and " in mixed.reason
    assert mixed.reason.endswith("on AMD EPYC 7763 64-Core Processor, published for an unstated machine")
    both = checked(read(RATIO), results(*old, one, other))
    assert both.cells == ("json/zig/O3/wasmer.llvm@5.0.4", "json/zig/O3/wasmer.cranelift@5.0.4")
    assert both.verdict == REPRODUCED


def test_a_side_may_have_several_cells_and_the_first_that_was_measured_counts(read):
    text = RATIO.replace('"wasmer.llvm"', '["v8.turbofan", "wasmer.l*"]')
    cells = [cell("wasmer.llvm", 0.75), cell("wasmer.cranelift", 0.5)]
    assert checked(read(text), results(*cells)).cells[0] == "json/zig/O3/wasmer.llvm"
    assert (
        checked(read(text), results(*cells, cell("v8.turbofan", 0.9))).cells[0] == "json/zig/O3/v8.turbofan"
    )
    gone = failed("v8.turbofan", "crash", "it died")
    assert checked(read(text), results(*cells, gone)).cells[0] == "json/zig/O3/wasmer.llvm"


def test_a_cell_is_not_compared_with_itself(read):
    text = RATIO.replace("wasmer.llvm", "wasmer.*").replace("wasmer.cranelift", "wasmer.*")
    assert len(set(checked(read(text), wasmer(0.75, 0.5)).cells)) == 2
    alone = checked(read(text), results(cell("wasmer.llvm", 0.75)))
    assert (alone.verdict, alone.measured) == (NOT_TESTABLE, None)


def test_the_variant_is_the_references_unless_said(read):
    other = [cell(b, r, variant="O0") for b, r in (("wasmer.llvm", 0.9), ("wasmer.cranelift", 0.5))]
    both = results(*other, *wasmer(0.75, 0.5).cells)
    assert checked(read(RATIO), both).cells[0] == "json/zig/O3/wasmer.llvm"
    assert checked(read(RATIO + 'variant = "O0"\n'), both).cells[0] == "json/zig/O0/wasmer.llvm"
    assert "variants=O0" in checked(read(RATIO + 'variant = "O0"\n'), results()).reason


def test_only_cells_of_the_claims_workload_count(read):
    """They may be of any workload that was measured, by that one's own reference."""
    other = of("nbody", wasmer(0.60, 0.5))
    workloads = (workload("json"), workload("nbody", variant="Os"))
    both = results(*wasmer(0.75, 0.5).cells, *other.cells, workloads=workloads)
    assert checked(read(RATIO), both).verdict == REPRODUCED
    mine = RATIO + 'workload = "nbody"\n'
    assert "nothing was measured for Wasmer 5.0 LLVM and" in checked(read(mine), both).reason
    outcome = checked(read(mine + 'variant = "O3"\n'), both)
    assert (outcome.verdict, outcome.workload) == (CONTRADICTED, "nbody")
    assert outcome.cells == ("nbody/zig/O3/wasmer.llvm", "nbody/zig/O3/wasmer.cranelift")
    assert outcome.published.unit == "runs/s"


def test_a_workload_that_was_not_measured_is_named(read):
    """And chosen by name, or by the folder that its owner knows."""
    outcome = checked(read(RATIO), of("nbody", wasmer(0.75, 0.5)))
    assert (outcome.verdict, outcome.cells) == (NOT_TESTABLE, ())
    assert outcome.reason.startswith("nothing was measured of the workload json; ")
    assert commands(outcome.reason) == [{"workloads": "json", "runtime": "wasmer", "versions": "5.0.6"}]
    reason = checked(read(releases()), of("nbody", results())).reason
    assert reason.startswith("nothing was measured of the workload json; ")
    assert commands(reason) == [{"workloads": "json", "runtime": "wasmtime", "versions": "46.0.1,30.0.0"}]
    own = checked(read(RATIO.replace("json", "mine")), results()).reason
    assert "doit run sweep runtime=wasmer versions='5.0.6' workload=FOLDER/mine" in own


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            'kind = "ratio"',
            'kind = "ratios"',
            "claims.one.kind: unknown value 'ratios'; did you mean 'ratio'?",
        ),
        ('kind = "ratio"', "kind = 3", "claims.one.kind: unknown value 3; known: ratio, order"),
        ("machine =", "machin =", "claims.one: unknown key 'machin'; did you mean 'machine'?"),
        ('machine = "unstated"\n', "", "claims.one.machine: missing; expected one line of text"),
        ('source = "a thread"', 'source = " "', "claims.one.source: expected one line of text, found only"),
        ('source = "a thread"', 'source = ""', "claims.one.source: expected one line of text, found ''"),
        ("score = 30000", 'score = "30000"', "claims.one.numerator.score: expected a number above 0"),
        ("score = 30000", "score = nan", "claims.one.numerator.score: expected a number above 0"),
        ("score = 30000", "score = inf", "claims.one.numerator.score: expected a number above 0"),
        ("score = 30000", "score = true", "claims.one.numerator.score: expected a number above 0"),
        ("score = 30000", "score = -1", "claims.one.numerator.score: expected a number above 0"),
        (", score = 30000", "", "claims.one: one side has a score; expected both or none"),
        (
            "score = 30000",
            "scores = 30000",
            "claims.one.numerator: unknown key 'scores'; did you mean 'score'?",
        ),
        (
            'backend = "wasmer.llvm"',
            "backend = []",
            "claims.one.numerator.backend: expected a name, a pattern",
        ),
        (
            'backend = "wasmer.llvm"',
            'backend = ["a", 1]',
            "claims.one.numerator.backend[1]: expected a string, found 1",
        ),
        (
            '"wasmer.llvm"',
            '"wasmer.llvm\'; rm -r x"',
            "claims.one.numerator.backend: expected a name, a pattern",
        ),
        ('version = "5.0"', "version = 5.0", "claims.one.numerator.version: expected a string like"),
        (
            f"denominator = {CRANELIFT}",
            "denominator = 1",
            "claims.one.denominator: expected a table, found 1",
        ),
        (f"denominator = {CRANELIFT}\n", "", "claims.one.denominator: missing; expected a table"),
        (
            "[claims.one]\n",
            "[claims.one]\ntolerance = 2\n",
            "claims.one.tolerance: expected a number above 0, at most 1, found 2",
        ),
        (
            "[claims.one]\n",
            "[claims.one]\nratio = 1.5\n",
            "claims.one: expected either ratio or the scores of both",
        ),
        ("[claims.one]\n", '[claims.one]\nvariant = "a/b"\n', "claims.one.variant: expected a name: "),
        (TOP, "", "claims.one.workload: missing; expected it here or at the top"),
        (TOP, "workload = 1\n", "workload: expected a string, found 1"),
        ("[claims.one]\n", '[claims.one]\nworkload = "a/b"\n', "claims.one.workload: expected a name: "),
        ("[claims.one]\n", '[claims."a\\nb"]\n', r"claims.'a\nb': expected a name: "),
        ("[claims.one]\n", "[claim.one]\n", "unknown key 'claim'; did you mean 'claims'?"),
        ("[claims.one]\n", "[claims]\none = 1\n[x]\n", "unknown key 'x'"),
        ("[claims.one]\n", "[claims\n", "not TOML"),
    ],
)
def test_a_malformed_file_is_refused_by_file_and_key(read, tmp_path, old, new, says):
    assert old in RATIO
    with pytest.raises(BadInput) as caught:
        read(RATIO.replace(old, new, 1))
    assert str(caught.value).startswith(f"{tmp_path / 'claims.toml'}: {says}")
    assert "\n" not in str(caught.value)


def test_what_a_kind_needs(read, tmp_path):
    with pytest.raises(BadInput, match=r"claims\.one: the slower side has the higher score"):
        read(ORDER.replace("score = 20000", "score = 40000"))
    with pytest.raises(BadInput, match=r"claims\.one: unknown key 'tolerance'"):
        read(ORDER + "tolerance = 0.1\n")
    with pytest.raises(BadInput, match=r"claims\.one\.cell\.score: missing"):
        read(SCORE.replace(", score = 30000", ""))
    with pytest.raises(BadInput, match=r"claims\.one: expected a table, found 1"):
        read("[claims]\none = 1\n")
    with pytest.raises(BadInput, match="claims: missing; expected a table"):
        read("")
    with pytest.raises(BadInput, match="run doit in the project's folder"):
        claims_toml.read(str(tmp_path / "nowhere.toml"))
    (tmp_path / "latin.toml").write_bytes(b'x = "\xe9"')
    with pytest.raises(BadInput, match="not UTF-8"):
        claims_toml.read(str(tmp_path / "latin.toml"))


@pytest.mark.parametrize("hostile", [r"\u001b[2J", r"\u202e", r"a\nb", "x" * 301])
def test_text_that_would_act_on_a_terminal_is_refused(read, hostile):
    for key in ("a thread", "unstated", "LLVM is faster.", "Wasmer 5.0 LLVM"):
        with pytest.raises(BadInput, match="one line of"):
            read(RATIO.replace(f'"{key}"', f'"{hostile}"'))


def test_hostile_results_and_markup_are_only_text(read):
    found = read(RATIO.replace("LLVM is faster.", "[red]LLVM[/red] <script>alert(1)</script>"))
    gone = failed("wasmer.llvm", "crash", "it\x1b[2J\u202e said\n[bold]no[/bold]")
    outcome = checked(found, results(gone, cell("wasmer.cranelift", 0.5)))
    assert outcome.reason == "json/zig/O3/wasmer.llvm is crash: it said [bold]no[/bold]"
    hostile = results(*wasmer(0.75, 0.5, version="1\x07").cells, cpu="\x1b]0;x")
    named = checked(found, hostile)
    assert "\x07" not in json.dumps(named.versions, ensure_ascii=False)
    text = verdicts_text.render([outcome, named])
    assert "[red]LLVM[/red] <script>" in text
    assert all(c.isprintable() for line in text.splitlines() for c in line)


def test_every_command_that_the_shipped_claims_name_is_one():
    outcomes = [claim_verdicts.check(each, [of("coremark", results())]) for each in claims_toml.read()]
    assert {outcome.verdict for outcome in outcomes} == {NOT_TESTABLE}
    for outcome in outcomes:
        known = outcome.kind == "score" or "[runtimes." in outcome.reason
        assert known or commands(outcome.reason), outcome.reason


def test_every_published_number_is_there():
    found = claims_toml.read()
    scores = {side.score for claim in found for side in claim.sides}
    assert set(SCORES) <= scores
    by_name = {claim.name: claim for claim in found}
    for machine, ratios in RATIOS.items():
        for backend, ratio in ratios.items():
            assert by_name[f"{machine}-{backend}"].ratio == ratio
    assert by_name["puzzle-wasmer"].ratio == 30000 / 11500
    assert by_name["m2-pro-releases"].ratio == 31348 / 12632
    assert {claim.kind for claim in found} == set(claims_toml.SIDES)
    # A registry's or a site's name has no place in a project that names none.
    with open(paths.CLAIMS, encoding="utf-8") as stream:
        assert not re.search(r"://|\b[a-z0-9-]+\.(com|org|io|net)\b", stream.read())


def test_doit_run_claims_prints_and_writes(tmp_path, monkeypatch, capsys):
    shutil.copy(paths.CLAIMS, tmp_path)
    monkeypatch.chdir(tmp_path)
    os.mkdir("report")
    known = of("coremark", wasmer(0.99, 0.78))
    results_json.write(paths.RESULTS_JSON, known)
    verdicts_text.show()
    printed = capsys.readouterr().out
    with open(paths.CLAIMS_JSON, encoding="utf-8") as stream:
        written = json.load(stream)
    assert (written["schema"], written["created"]) == (2, known.created)
    by_name = {claim["name"]: claim for claim in written["claims"]}
    assert list(by_name) == [claim.name for claim in claims_toml.read()]
    assert by_name["puzzle-order"]["verdict"] == REPRODUCED
    assert by_name["issue-5195-llvm"]["verdict"] == CONTRADICTED
    assert by_name["m2-pro-wasmtime"]["verdict"] == NOT_TESTABLE
    rows = {line.split()[0]: line for line in printed.splitlines() if line.startswith(" ") and len(line) > 60}
    for name, claim in by_name.items():
        assert rows[name].endswith(claim["verdict"])
        assert claim["reason"].split(";")[0] in " ".join(printed.split())
    assert max(map(len, printed.splitlines())) <= 120
    counts = [
        sum(c["verdict"] == v for c in by_name.values()) for v in (REPRODUCED, CONTRADICTED, NOT_TESTABLE)
    ]
    assert "{} reproduced, {} contradicted, {} not testable here.".format(*counts) in printed


@pytest.mark.parametrize(
    ("numbers", "shown"),
    [
        ((0.0848, 0.0743, 0.0967), "0.0848 (0.0743 – 0.0967)"),
        ((1.271, 1.25, 1.3), "1.27 (1.25 – 1.30)"),
        (None, ""),
    ],
)
def test_small_ratios_are_shown_with_their_digits(read, numbers, shown):
    outcome = checked(read(RATIO), results())
    found = numbers and claim_verdicts.MeasuredRatio(*numbers)
    assert verdicts_text.measured(structs.replace(outcome, measured=found)) == shown


def test_sweeps_are_whole_from_this_host_and_of_the_current_schema(tmp_path, monkeypatch):
    known = results_json.read(str(DATA / "results.json"))
    sweep = json.loads((DATA / "sweep-wasmtime.json").read_text())
    sweep["host"] = msgspec.to_builtins(known.host)
    other_host = {**sweep, "host": {**sweep["host"], "fingerprint": "0" * 64}}
    monkeypatch.chdir(tmp_path)
    os.mkdir("report")
    several = {
        "good": sweep,
        "other-host": other_host,
        "older": {**sweep, "schema": 2},
        "no-chart": {key: value for key, value in sweep.items() if key != "chart"},
        "short-chart": {**sweep, "chart": sweep["chart"][1:]},
        "empty": {},
        "list": [],
        "none": {**sweep, "cells": [], "chart": []},
    }
    for name, content in several.items():
        with open(f"report/sweep-{name}.json", "w", encoding="utf-8") as stream:
            json.dump(content, stream)
    with open("report/sweep-broken.json", "w", encoding="utf-8") as stream:
        stream.write("{")
    (found,) = read_sweeps(known)
    assert msgspec.json.decode(msgspec.json.encode(found)) == sweep
