"""Each of EEMBC's rules can fail."""

from dataclasses import replace

import pytest

from pipeline.coremark import validator
from pipeline.coremark.official_run import Certificate, statement
from pipeline.coremark.run_rules import Official, check_rules
from pipeline.experiment import matrix
from pipeline.runtimes.identity import RuntimeIdentity
from pipeline.workloads import third_party

OUTPUT = """2K {kind} run parameters for coremark.
CoreMark Size    : 666
Total ticks      : 11000000
Total time (secs): 11.000000
Iterations/Sec   : 36363.636364
Iterations       : 400000
Compiler version : Clang 22.1.8
Compiler flags   : -O3
Memory location  : STACK
seedcrc          : 0xe9f5
[0]crcfinal      : 0x33ff
Correct operation validated. See README.md for run and reporting rules.
CoreMark 1.0 : 36363.636364 / Clang 22.1.8 -O3 / STACK
"""


@pytest.fixture(scope="module", autouse=True)
def sources():
    """A rule looks at the sources themselves, which a new clone does not have."""
    third_party.obtain("coremark", None)


@pytest.fixture
def plan():
    return matrix.load({"variants": "O3", "backends": "wasmtime.*"})


def official(log="run1.log", **changes):
    run = validator.Run(400000, 11.0, 0x33FF)
    return Official(
        log, **{"output": OUTPUT, "run": run, "agreement": 1.0, "reference_crcfinal": 0x33FF, **changes}
    )


def failed(plan, *runs):
    return [rule.rule for rule in check_rules(plan, plan.cells()[0], list(runs)) if not rule.kept]


def test_a_good_pair_of_runs_passes_every_rule(plan):
    rules = check_rules(plan, plan.cells()[0], [official(), official("run2.log")])
    assert len(rules) == 12
    assert all(rule.kept for rule in rules)
    assert all(rule.found for rule in rules)


SHORT = validator.Run(300000, 9.999, 0x33FF)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"run": SHORT}, "takes at least 10 s"),
        (
            {"output": OUTPUT + "ERROR! Must execute for at least 10 secs for a valid result!\n"},
            "at least 10 s",
        ),
        ({"output": OUTPUT.replace("Correct operation", "Operation")}, "validates"),
        ({"reference_crcfinal": 1}, "what native code computes"),
        ({"output": OUTPUT.replace(": 666", ": 400")}, "2000 bytes"),
        ({"output": OUTPUT.replace(": -O3", ": -O2")}, "compiler and flags reported"),
        ({"output": OUTPUT.replace("Compiler version : Clang 22.1.8", "")}, "compiler and flags reported"),
        ({"agreement": 0.5}, "timer"),
        ({"output": OUTPUT.replace("CoreMark 1.0 :", "CoreMark 0.9 :")}, "N / C / P / M"),
    ],
)
def test_each_rule_can_fail(plan, changes, rule):
    (broken,) = failed(plan, official(**changes), official("run2.log"))
    assert rule in broken


def test_files_compiled_differently_are_seen(plan):
    toolchain = plan.toolchains[0]

    class Uneven:
        name = toolchain.name

        def compile(self, target, flags, source, output):
            extra = ["-O1"] if source.endswith("core_matrix.c") else []
            return [*toolchain.compile(target, flags, source, output), *extra]

    assert failed(replace(plan, toolchains=(Uneven(),)), official(), official("run2.log")) == [
        "all files compiled with the same flags"
    ]


def test_the_statement_names_what_failed(plan):
    rules = check_rules(plan, plan.cells()[0], [official(run=SHORT), official("run2.log")])
    text = statement(
        Certificate(
            cell="coremark/zig/O3/wasmtime.cranelift",
            measured="2026-01-01T00:00:00+00:00",
            artifact_sha256="abc",
            runtime=RuntimeIdentity(name="wasmtime"),
            line="CoreMark 1.0 : 1 / 2 / 3",
            rules=rules,
        )
    )
    assert "not certified" in text
    assert "CoreMark 1.0 : 1 / 2 / 3" not in text.splitlines()[1], "no score without every rule"
    assert "  FAIL  performance run" in text
