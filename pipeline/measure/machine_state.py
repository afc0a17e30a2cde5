"""The state of the machine around a round: what else it did, and how it was set up. Linux only.

Everything is read from the kernel's files; what a machine does not show there is None.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

#: {RLIMIT_…: [soft, hard]}, -1 where there is no limit.
Limits = dict[str, list[int]]

_TICK = os.sysconf("SC_CLK_TCK")
_CPU = "sys/devices/system/cpu"
_LIMITS = [f"RLIMIT_{what}" for what in ("AS", "CPU", "DATA", "FSIZE", "MEMLOCK", "NOFILE", "NPROC", "STACK")]


class Conditions(msgspec.Struct, frozen=True, kw_only=True):
    """What happened on the machine during a round, and how it was set up."""

    others_processors: float = 0.0  # used by other programs, mean
    stolen_processors: float = 0.0  # taken by the hypervisor, mean
    swapped_pages: int = 0
    throttled: int | None = None  # events of all processors
    governor: str | None = None
    turbo: bool | None = None
    on_battery: bool | None = None
    clock_source: str | None = None


@dataclass(frozen=True)
class Reading:
    """Counters at one moment, since boot."""

    at: float  # seconds, monotonic
    busy_s: float  # of all processors
    stolen_s: float  # taken by the hypervisor
    swapped_pages: int
    throttled: int | None  # events of all processors


def read(root: Path = Path("/")) -> Reading:
    """Read the counters."""
    # user nice system idle iowait irq softirq steal
    ticks = [int(x) for x in _first_line(root / "proc/stat").split()[1:9]]
    ticks += [0] * (8 - len(ticks))
    swapped = 0
    for line in _text(root / "proc/vmstat").splitlines():
        if line.startswith(("pswpin ", "pswpout ")):
            swapped += int(line.split()[1])
    counts = [_number(path) for path in root.glob(f"{_CPU}/cpu*/thermal_throttle/*_throttle_count")]
    return Reading(
        at=time.monotonic(),
        busy_s=(sum(ticks) - ticks[3] - ticks[4] - ticks[7]) / _TICK,
        stolen_s=ticks[7] / _TICK,
        swapped_pages=swapped,
        throttled=sum(count or 0 for count in counts) if counts else None,
    )


def limits() -> Limits:
    """The limits of a process of ours (ulimit)."""
    return {name: list(resource.getrlimit(getattr(resource, name))) for name in _LIMITS}


def conditions(before: Reading, after: Reading, own_cpu_s: float, root: Path = Path("/")) -> Conditions:
    """What happened between two readings in addition to ``own_cpu_s`` seconds of our own work."""
    seconds = max(after.at - before.at, 1e-9)
    others = max(0.0, after.busy_s - before.busy_s - own_cpu_s)
    counted = before.throttled is not None and after.throttled is not None
    cpu = root / _CPU
    governors = {_first_line(path) for path in cpu.glob("cpu*/cpufreq/scaling_governor")} - {""}
    clock = _first_line(root / "sys/devices/system/clocksource/clocksource0/current_clocksource")
    return Conditions(
        others_processors=round(others / seconds, 2),
        stolen_processors=round((after.stolen_s - before.stolen_s) / seconds, 3),
        swapped_pages=after.swapped_pages - before.swapped_pages,
        throttled=(after.throttled or 0) - (before.throttled or 0) if counted else None,
        governor=",".join(sorted(governors)) or None,
        turbo=_turbo(cpu),
        on_battery=_on_battery(root / "sys/class/power_supply"),
        clock_source=clock or None,
    )


def _turbo(cpu: Path) -> bool | None:
    for path, on in (("intel_pstate/no_turbo", 0), ("cpufreq/boost", 1)):
        value = _number(cpu / path)
        if value is not None:
            return value == on
    return None


def _on_battery(supplies: Path) -> bool | None:
    """Whether a battery is being discharged; None where the machine has none."""
    states = [_first_line(path / "status") for path in _batteries(supplies)]
    return "Discharging" in states if states else None


def _batteries(supplies: Path) -> Iterator[Path]:
    for path in supplies.glob("*"):
        # A mouse's battery has the scope "Device".
        if _first_line(path / "type") == "Battery" and _first_line(path / "scope") != "Device":
            yield path


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _first_line(path: Path) -> str:
    return _text(path).partition("\n")[0].strip()


def _number(path: Path) -> int | None:
    text = _first_line(path)
    return int(text) if text.isdigit() else None
