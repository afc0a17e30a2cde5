"""EEMBC's run and reporting rules, each checked by what official runs printed.

The rules are those of CoreMark's README.md (sections on running and on reporting).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from pipeline.build.program_flags import program_flags
from pipeline.core.artifact import BuildSpec
from pipeline.core.model import Cell
from pipeline.coremark.validator import PERFORMANCE, VALIDATION, SeedSet
from pipeline.experiment.plan import Plan
from pipeline.measure.session import CLOCK_AGREEMENT
from pipeline.workloads import third_party
from pipeline.workloads.validators.model import Run
from toolchain.model import NATIVE, WASM, Toolchain

LEAST_SECONDS = 10.0
LOGS = {"run1.log": PERFORMANCE, "run2.log": VALIDATION}
#: N / C / P: iterations per second, compiler and flags, memory. M, the way contexts run in parallel, is
#: left out for a single context, by CoreMark itself and by the rules.
LINE = re.compile(r"^CoreMark 1\.0 : \d+\.\d+ / \S.* / \S+$", re.MULTILINE)


@dataclass(frozen=True)
class Official:
    """One run of at least ten seconds."""

    log: str
    output: str
    run: Run
    agreement: float  # guest over host seconds
    reference_crcfinal: int  # of native code, for the same seeds and iterations


class Rule(msgspec.Struct, frozen=True):
    """A rule, whether the runs keep it, and what was found."""

    rule: str
    kept: bool
    found: str


def check_rules(plan: Plan, cell: Cell, runs: list[Official]) -> list[Rule]:
    """Every rule, one by one; ``runs`` are the performance and the validation run."""
    rules = [rule for run, seeds in zip(runs, LOGS.values(), strict=True) for rule in _run_rules(run, seeds)]
    return [*rules, *_build_rules(plan, cell, runs[0]), *_report_rules(cell, runs)]


def _run_rules(official: Official, seeds: SeedSet) -> Iterator[Rule]:
    """The rules for one run."""
    values = ",".join(f"0x{seed:x}" for seed in seeds.seeds)
    seconds, errors = official.run.seconds, "ERROR" in official.output
    yield Rule(
        f"{seeds.name} run (seeds {values}) takes at least {LEAST_SECONDS:g} s",
        seconds >= LEAST_SECONDS and not errors,
        f"{official.log}: {seconds:.3f} s, {official.run.iterations} iterations",
    )
    yield Rule(
        f"{seeds.name} run validates",
        "Correct operation validated." in official.output,
        f"{official.log}: every CRC is the one that its seeds must give",
    )
    yield Rule(
        f"{seeds.name} run computes what native code computes",
        official.run.result == official.reference_crcfinal,
        f"crcfinal 0x{official.run.result:04x}, native 0x{official.reference_crcfinal:04x}",
    )


def _build_rules(plan: Plan, cell: Cell, performance: Official) -> Iterator[Rule]:
    """The rules for what is compiled, and how."""
    size = _field(performance.output, "CoreMark Size")
    # Three algorithms share 2000 bytes.
    yield Rule("2000 bytes of data", size == str(2000 // 3), f"CoreMark Size {size}")
    assert cell.workload.third_party is not None
    revision = third_party.verify(cell.workload.third_party)
    sources = f"SHA-256 of all files, {revision['commit']}"
    yield Rule("sources unchanged but for core_portme.*", True, sources)
    yield _same_flags(next(t for t in plan.toolchains if t.name == cell.toolchain), cell)


def _report_rules(cell: Cell, runs: list[Official]) -> Iterator[Rule]:
    """The rules for what is reported."""
    output, flags = runs[0].output, " ".join(cell.variant.flags)
    compiler = [_field(output, f"Compiler {what}") for what in ("version", "flags")]
    reported = bool(compiler[0]) and compiler[1] == flags
    yield Rule("compiler and flags reported", reported, " ".join(compiler))
    least = CLOCK_AGREEMENT[cell.backend.forks]
    yield Rule(
        "the timer measures wall time",
        all(least <= run.agreement <= 1 for run in runs),
        "guest over host seconds " + ", ".join(f"{run.agreement:.4f}" for run in runs),
    )
    line = LINE.search(output)
    printed = line[0] if line else "CoreMark printed no result line"
    yield Rule("reported as CoreMark 1.0 : N / C / P / M", line is not None, printed)


def _same_flags(toolchain: Toolchain, cell: Cell) -> Rule:
    """The commands that compile the files, less the names of the files, must be one command."""
    target = NATIVE if cell.backend.native else WASM
    spec = BuildSpec(cell.workload, toolchain, cell.variant, target)
    commands = set()
    for source in cell.workload.sources:
        command = toolchain.compile(target, program_flags(spec, source), source, "OBJECT")
        commands.add(tuple("FILE" if part == source else part for part in command))
    return Rule("all files compiled with the same flags", len(commands) == 1, " ".join(cell.variant.flags))


def _field(output: str, name: str) -> str:
    found = re.search(rf"^{re.escape(name)}\s*:\s*(.*?)\s*$", output, re.MULTILINE)
    return found[1] if found else ""
