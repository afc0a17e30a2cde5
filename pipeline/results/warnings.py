"""What disturbed the measurements, what that does to the numbers, and how to cure it.

Found in the samples, so that the report of yesterday's rounds speaks of yesterday's machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.measure.sample import Sample
from pipeline.stats.undisturbed import CPU_SHARE, NEAR

#: Processors that others may use, or a hypervisor take, before it is worth a word.
BUSY_PROCESSORS = 0.2
STOLEN_PROCESSORS = 0.02
#: Share of pairs that may be disturbed, and relative spread of the reference's speed over the rounds.
DISTURBED_SHARE = 0.2
SPEED_SPREAD = 0.05
#: Clocks that a program reads without asking the kernel; any other costs microseconds a reading.
_FAST_CLOCKS = ("tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter")


@dataclass(frozen=True)
class Disturbance:
    """One finding."""

    name: str
    found: str
    effect: str
    remedy: str


def find(samples: Sequence[Sample]) -> list[Disturbance]:
    """Look at the rounds that ended well; nothing is found in none."""
    samples = [s for s in samples if s.scores]
    return [d for look in _LOOKS for d in look(samples)] if samples else []


def _worst(samples: Sequence[Sample], key: str, least: float) -> tuple[float, str] | None:
    """The largest value of a condition and in how many rounds it was over the least, None if in none."""
    values = [getattr(s.conditions, key, None) or 0 for s in samples]
    over = [value for value in values if value > least]
    return (max(over), f"in {len(over)} of {len(samples)} rounds") if over else None


def _load(samples: Sequence[Sample]) -> Iterator[Disturbance]:
    if worst := _worst(samples, "others_processors", BUSY_PROCESSORS):
        yield Disturbance(
            "load",
            f"other programs used up to {worst[0]:.1f} processors ({worst[1]})",
            "chunks lose their processor, or share a core or caches with somebody; what is seen of it is "
            "left out, so fewer pairs remain and intervals get wider",
            "end what `top -o %CPU` shows, or measure on a machine of its own",
        )


def _steal(samples: Sequence[Sample]) -> Iterator[Disturbance]:
    if worst := _worst(samples, "stolen_processors", STOLEN_PROCESSORS):
        yield Disturbance(
            "steal",
            f"the hypervisor took up to {worst[0]:.2f} processors ({worst[1]})",
            "chunks stand still for moments that count as theirs",
            "use a machine type with dedicated processors, or measure at another time",
        )


def _two_speeds(samples: Sequence[Sample]) -> Iterator[Disturbance]:
    relative = [
        reference / speed
        for s in samples
        for speed in [s.series().undisturbed_speed(s.machine_speed or 0.0)]
        for reference, share in zip(s.reference_scores, s.reference_cpu_shares, strict=True)
        if share >= CPU_SHARE
    ]
    slow = [x for x in relative if x < NEAR]
    every = sum(len(s.reference_scores) for s in samples)
    if len(slow) > DISTURBED_SHARE * every:
        yield Disturbance(
            "two speeds",
            f"in {len(slow) / every:.0%} of the time the processor ran slower, at {min(slow):.2f} to "
            f"{max(slow):.2f} of its speed, without any sign of it in the kernel's accounts",
            "most likely another virtual machine on the same core; it slows different programs by different "
            "factors, so such pairs are left out and intervals get wider",
            "use a machine with whole cores of its own, switch SMT off, or add rounds: "
            "doit run protocol=precise",
        )


def _drift(samples: Sequence[Sample]) -> Iterator[Disturbance]:
    speeds: dict[str, list[float]] = {}
    for sample in samples:
        if sample.machine_speed:  # of each workload in its own unit
            speeds.setdefault(sample.cell.partition("/")[0], []).append(sample.machine_speed)
    moved = max(map(_spread, speeds.values()), default=0.0)
    if moved > SPEED_SPREAD:
        yield Disturbance(
            "drift",
            f"the reference's undisturbed speed moved by {moved:.0%} between rounds",
            "ratios stand, because cell and reference move together; scores mix the speeds",
            "fix the frequency (governor, turbo), let the machine cool, delete results/, measure in one go",
        )


def _spread(speeds: list[float]) -> float:
    """How much faster the fast end is than the slow one, without a twentieth at each."""
    ordered = sorted(speeds)
    return ordered[-1 - len(ordered) // 20] / ordered[len(ordered) // 20] - 1


def _throttling(samples: Sequence[Sample]) -> Iterator[Disturbance]:
    if worst := _worst(samples, "throttled", 0):
        yield Disturbance(
            "throttling",
            f"the processor throttled itself {worst[0]:.0f} times ({worst[1]})",
            "it got too hot and ran slower; scores are too low, ratios mostly stand",
            "cool it, switch turbo off, or measure with pauses",
        )


def _swapping(samples: Sequence[Sample]) -> Iterator[Disturbance]:
    if worst := _worst(samples, "swapped_pages", 0):
        yield Disturbance(
            "swapping",
            f"up to {worst[0]:.0f} pages were swapped during a round ({worst[1]})",
            "chunks wait for the disk; compile times too",
            "free memory, or `sudo swapoff -a`",
        )


def _second_try(samples: Sequence[Sample]) -> Iterator[Disturbance]:
    if found := [s for s in samples if s.first_try]:
        yield Disturbance(
            "second try",
            f"{len(found)} of {len(samples)} rounds went well only when they were tried again: "
            f"{found[0].cell}: {found[0].first_try}",
            "what is shown is of the second try; the first was a process that somebody ended, a clock that a "
            "busy machine tore, or a runtime that is wrong now and then",
            "if it comes again, it is the runtime: tell its makers",
        )


def _settings(key: str, is_bad: Callable[[Any], bool], name: str, found: str, effect: str, remedy: str):  # type: ignore[no-untyped-def]
    """A look at one setting of the machine."""

    def look(samples: Sequence[Sample]) -> Iterator[Disturbance]:
        values = {getattr(s.conditions, key, None) for s in samples}
        bad = sorted(str(v) for v in values if v is not None and is_bad(v))
        if bad:
            yield Disturbance(name, found.format(", ".join(bad)), effect, remedy)

    return look


_LOOKS: tuple[Callable[[Sequence[Sample]], Iterator[Disturbance]], ...] = (
    _load,
    _steal,
    _two_speeds,
    _drift,
    _throttling,
    _swapping,
    _second_try,
    _settings(
        "governor",
        lambda v: v != "performance",
        "governor",
        "the frequency governor is {}",
        "the frequency follows the load with delay; the first chunks of a round are slow, scores vary",
        "sudo cpupower frequency-set -g performance",
    ),
    _settings(
        "turbo",
        lambda v: v is True,
        "turbo",
        "turbo is on",
        "speed depends on temperature and on what other cores do; scores vary, ratios mostly stand",
        "echo 1 | sudo tee /sys/devices/system/cpu/intel_pstate/no_turbo, or echo 0 | sudo tee "
        "/sys/devices/system/cpu/cpufreq/boost",
    ),
    _settings(
        "on_battery",
        lambda v: v is True,
        "battery",
        "the machine runs on its battery",
        "firmware limits power and frequency; scores are lower than they could be",
        "plug it in",
    ),
    _settings(
        "clock_source",
        lambda v: v not in _FAST_CLOCKS,
        "clock source",
        "the kernel's clock source is {}",
        "reading the clock costs microseconds and is coarse; chunks are too short for it",
        "see dmesg for why the TSC was given up; clocksource=tsc on the kernel's command line",
    ),
)
