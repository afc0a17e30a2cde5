"""CoreMark as a workload: how it is called, what it prints, and whether that is to be believed.

Nothing else in the project knows a CoreMark argument, line or CRC. Its main returns 0 even when it
found errors, so only its output is judged.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

NAME = "coremark"
SOURCES = (
    "core_list_join.c",
    "core_main.c",
    "core_matrix.c",
    "core_state.c",
    "core_util.c",
    "core_portme.c",
)
HEADERS = ("coremark.h", "core_portme.h")
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


@dataclass(frozen=True)
class Run:
    """What a valid run printed."""

    iterations: int
    seconds: float  # guest's monotonic clock
    crcfinal: int  # depends on the seeds and on the number of iterations, on nothing else
    tick_s: float = 0.0  # of the guest's clock, as far as it shows

    @property
    def score(self) -> float:
        """Iterations per second."""
        return self.iterations / self.seconds


class Invalid(Exception):
    """The output is not that of a correct run; the message says what is wrong."""


class NoTime(Invalid):
    """Right but for its time: too short for the guest's clock, which stands still, lies, or is coarse."""


def arguments(seeds: SeedSet, iterations: int) -> list[str]:
    """The argument vector of one run, program name first."""
    return [NAME, *(f"0x{seed:x}" for seed in seeds.seeds), str(iterations)]


def judge(output: str, seeds: SeedSet, iterations: int | None) -> Run:
    """Believe a run's output, or raise Invalid saying what it should have been.

    Checks CoreMark's own verdict, every CRC of the seed set, the iteration count (None: whatever the
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
        raise NoTime(f"the guest's clock says {seconds:g} s: it stands still or lies")
    rate = float(_field(output, "Iterations/Sec", r"(\d+\.\d+)"))
    # Both are rounded to a millionth.
    if abs(rate * seconds / done - 1) > 1e-6 / seconds + 1e-5:
        raise Invalid(f"it says {rate:g} iterations/s, but {done} in {seconds:g} s")
    ticks = int(_field(output, "Total ticks", r"(\d+)"))
    final = int(_field(output, "[0]crcfinal", r"0x([0-9a-f]{4})"), 16)
    return Run(done, seconds, final, seconds / ticks if ticks else 0.0)


def _field(output: str, name: str, pattern: str) -> str:
    """The value of the only line ``name : value``; raises Invalid."""
    found: list[str] = re.findall(rf"^{re.escape(name)}\s*:\s*{pattern}\s*$", output, re.MULTILINE)
    if len(found) != 1:
        problem = "no line" if not found else f"{len(found)} lines"
        start = " ".join(output.split())[:80]
        raise Invalid(f"{problem} {name!r} in its output ({start!r})")
    return found[0]
