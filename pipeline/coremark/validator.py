"""Validate CoreMark runs: how it is called, what it prints, and whether that is to be believed.

Nothing outside of this package knows a CoreMark argument, line or CRC. Its main returns 0 even when it
found errors, so only its output is validated.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipeline.core.model import Workload
from pipeline.workloads.validators.model import Invalid, NoTime, Run, Validator

NAME = "coremark"
#: The module that knows EEMBC's rules for official results.
OFFICIAL = "pipeline.coremark.official_run"
#: The module that runs what others built: published ports do not take our arguments.
PREBUILT_SESSIONS = "pipeline.coremark.prebuilt_sessions"
#: What a build that calibrates itself aims at, s.
SELF_TIMED_S = 10.0

#: Iterations of a validation run: few, so that the slowest interpreter takes a fraction of a second.
VALIDATION_ITERATIONS = 10


@dataclass(frozen=True)
class SeedSet:
    """One of EEMBC's seed sets with the CRCs it must give (core_main.c's own tables, 2K size)."""

    name: str
    seeds: tuple[int, int, int]
    seedcrc: int
    crclist: int
    crcmatrix: int
    crcstate: int


PERFORMANCE = SeedSet("performance", (0, 0, 0x66), 0xE9F5, 0xE714, 0x1FD7, 0x8E3A)
VALIDATION = SeedSet("validation", (0x3415, 0x3415, 0x66), 0x18F2, 0xE3C1, 0x0747, 0x8D84)
SEED_SETS = (PERFORMANCE, VALIDATION)

#: A run of under ten seconds says so; expected of a chunk, and no error of the guest's.
_TOO_SHORT = "ERROR! Must execute for at least 10 secs for a valid result!"


def arguments(seeds: SeedSet, iterations: int) -> list[str]:
    """The argument vector of one run, program name first."""
    return [NAME, *(f"0x{seed:x}" for seed in seeds.seeds), str(iterations)]


def validate(output: str, seeds: SeedSet, iterations: int | None) -> Run:
    """Believe a run's output, or raise Invalid saying what it should have been.

    Checks CoreMark's own verdict, every CRC of the seed set, the iteration count (None: any that the
    program chose), and that the guest's clock moved.
    """
    for line in output.splitlines():
        if "ERROR" in line and line.strip() != _TOO_SHORT:
            raise Invalid(f"CoreMark says: {line.strip()[:200]}")
    expected = {
        "seedcrc": seeds.seedcrc,
        "[0]crclist": seeds.crclist,
        "[0]crcmatrix": seeds.crcmatrix,
        "[0]crcstate": seeds.crcstate,
    }
    for name, value in expected.items():
        found = int(_field(output, name, r"0x([0-9a-f]{4})"), 16)
        if found != value:
            raise Invalid(f"{name} is 0x{found:04x}, expected 0x{value:04x}")
    done = int(_field(output, "Iterations", r"(\d+)"))
    if done < 1 or iterations not in (None, done):
        raise Invalid(f"it did {done} iterations, {iterations or 'some'} were asked for")
    seconds = float(_field(output, "Total time (secs)", r"(\d+\.\d+)"))
    if not 0 < seconds < 1e6:
        raise NoTime(f"the guest's clock says {seconds:g} s: it stands still or is wrong")
    rate = float(_field(output, "Iterations/Sec", r"(\d+\.\d+)"))
    # Both are rounded to a millionth.
    if abs(rate * seconds / done - 1) > 1e-6 / seconds + 1e-5:
        raise Invalid(f"it says {rate:g} iterations/s, but {done} in {seconds:g} s")
    ticks = int(_field(output, "Total ticks", r"(\d+)"))
    final = int(_field(output, "[0]crcfinal", r"0x([0-9a-f]{4})"), 16)
    return Run(done, seconds, final, seconds / ticks if ticks else 0.0, clock_s=seconds)


def _field(output: str, name: str, pattern: str) -> str:
    """The value of the only line ``name : value``; raises Invalid."""
    found: list[str] = re.findall(rf"^{re.escape(name)}\s*:\s*{pattern}\s*$", output, re.MULTILINE)
    if len(found) != 1:
        problem = "no line" if not found else f"{len(found)} lines"
        start = " ".join(output.split())[:80]
        raise Invalid(f"{problem} {name!r} in its output ({start!r})")
    return found[0]


@dataclass(frozen=True)
class CoreMark:
    """See pipeline/workloads/validators/model.py; a case is a seed set."""

    cases: tuple[SeedSet, ...] = SEED_SETS
    timed: tuple[SeedSet, ...] = (PERFORMANCE,)
    iterates: bool = True
    proportional: bool = True  # what it prints is the time of its iterations alone
    host_timed: bool = False
    validation_iterations: int = VALIDATION_ITERATIONS
    #: Its own CRCs are known.
    needs_reference_check: bool = False
    proof: str = "CRCs of both seed sets, final CRC equal to native"
    time: str = "the guest's clock, as CoreMark prints it"

    def arguments(self, case: SeedSet, iterations: int) -> list[str]:
        """Seeds and iterations."""
        return arguments(case, iterations)

    def stdin(self, case: SeedSet) -> str | None:
        """It reads nothing."""
        return None

    def status(self, case: SeedSet) -> int:
        """Its main returns 0 even when it found errors."""
        return 0

    def validate(self, output: bytes, case: SeedSet, iterations: int | None, wall_s: float) -> Run:
        """By the CRCs; the guest's own time is the figure."""
        return validate(output.decode("utf-8", "replace"), case, iterations)

    def name(self, case: SeedSet) -> str:
        """By what EEMBC calls the seeds."""
        return f"{case.name} run"

    def knows_result(self, case: SeedSet) -> bool:
        """By its CRCs."""
        return True

    def difference(self, found: int, expected: int, iterations: int) -> str | None:
        """The first iteration's CRCs are checked by ``validate``; the rest shows in the final one only."""
        if found == expected:
            return None
        return f"crcfinal is 0x{found:04x}, native's is 0x{expected:04x}"

    def manual(self) -> str:
        """The commands of both seed sets and their CRCs."""
        seeds, others = (" ".join(arguments(each, 0)[1:-1]) for each in SEED_SETS)
        good = PERFORMANCE
        return (
            f"Arguments: {seeds} 300000 (the last is the number of iterations: one that takes ten seconds). "
            f"A run is right if it prints seedcrc 0x{good.seedcrc:04x}, crclist 0x{good.crclist:04x}, "
            f"crcmatrix 0x{good.crcmatrix:04x} and crcstate 0x{good.crcstate:04x}; ignore its exit status. "
            "The rules for what may be called a CoreMark score ask, among other things, for ten seconds and "
            f"for both seed sets (the other: {others}). CoreMark is EEMBC's, under its own terms, and a "
            "trademark of EEMBC: see LICENSES/."
        )


def validator_of(workload: Workload) -> Validator:
    """See pipeline/workloads/validators/__init__.py."""
    return CoreMark()
