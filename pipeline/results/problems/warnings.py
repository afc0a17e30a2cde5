"""What disturbed the measurements, its effect on the numbers, and the remedy.

Found in the samples, so that a report on yesterday's rounds describes yesterday's machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pipeline.measure.sample import Sample
from pipeline.results import host_calls
from pipeline.results.model import MeasurementWarning
from pipeline.results.run_work import median_of
from pipeline.stats.undisturbed import CPU_SHARE, NEAR

#: Processors that other programs may use, or a hypervisor may take, without a warning.
BUSY_PROCESSORS = 0.2
STOLEN_PROCESSORS = 0.02
#: Share of pairs that may be disturbed, and relative spread of the reference's speed over the rounds.
DISTURBED_SHARE = 0.2
SPEED_SPREAD = 0.05
#: Share of the reference's time from which on the kernel decides a ratio.
KERNEL_SHARE = 0.1
#: Clocks that a program reads without asking the kernel; reading any other takes microseconds.
_FAST_CLOCKS = ("tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter")


#: Looks for one kind of disturbance in the rounds that ended well, of which there is at least one.
_Look = Callable[[Sequence[Sample]], Iterator[MeasurementWarning]]


def find_warnings(samples: Sequence[Sample]) -> list[MeasurementWarning]:
    """What disturbed the rounds that ended well; [] if there are none."""
    samples = [s for s in samples if s.scores]
    return [warning for look in _LOOKS for warning in look(samples)] if samples else []


def _worst(samples: Sequence[Sample], key: str, least: float) -> tuple[float, str] | None:
    """The largest value of a condition, and in how many rounds it was above ``least``; None if in none."""
    values = [getattr(s.conditions, key, None) or 0 for s in samples]
    over = [value for value in values if value > least]
    return (max(over), f"in {len(over)} of {len(samples)} rounds") if over else None


def _load(samples: Sequence[Sample]) -> Iterator[MeasurementWarning]:
    if worst := _worst(samples, "others_processors", BUSY_PROCESSORS):
        yield MeasurementWarning(
            name="load",
            found=f"other programs used up to {worst[0]:.1f} processors ({worst[1]})",
            effect=(
                "chunks lose their processor, or share a core or caches with others; where this is seen "
                "they are left out, so fewer pairs remain and intervals are wider"
            ),
            remedy="end the programs that `top -o %CPU` shows, or measure on a machine without other load",
        )


def _steal(samples: Sequence[Sample]) -> Iterator[MeasurementWarning]:
    if worst := _worst(samples, "stolen_processors", STOLEN_PROCESSORS):
        yield MeasurementWarning(
            name="steal",
            found=f"the hypervisor took up to {worst[0]:.2f} processors ({worst[1]})",
            effect="chunks are stopped for moments that count as their run time",
            remedy="use a machine type with dedicated processors, or measure at a different time",
        )


def _two_speeds(samples: Sequence[Sample]) -> Iterator[MeasurementWarning]:
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
        yield MeasurementWarning(
            name="two speeds",
            found=(
                f"in {len(slow) / every:.0%} of the time the processor ran slower, at {min(slow):.2f} to "
                f"{max(slow):.2f} of its speed, without a trace in the kernel's accounting"
            ),
            effect=(
                "most likely a second virtual machine on the same core; it slows different "
                "programs by different factors, so such pairs are left out and intervals are wider"
            ),
            remedy=(
                "use a machine with dedicated cores, switch SMT off, or add rounds: doit run protocol=precise"
            ),
        )


def _drift(samples: Sequence[Sample]) -> Iterator[MeasurementWarning]:
    speeds: dict[str, list[float]] = {}
    for sample in samples:
        if sample.machine_speed:  # each workload has its own unit
            speeds.setdefault(sample.cell.partition("/")[0], []).append(sample.machine_speed)
    moved = max(map(_spread, speeds.values()), default=0.0)
    if moved > SPEED_SPREAD:
        yield MeasurementWarning(
            name="drift",
            found=f"the reference's undisturbed speed moved by {moved:.0%} between rounds",
            effect=(
                "ratios are valid, since cell and reference change together; "
                "scores are averages over different speeds of the machine"
            ),
            remedy=(
                "fix the frequency (governor, turbo), let the machine cool, delete results/, "
                "and measure everything in one run"
            ),
        )


def _spread(speeds: list[float]) -> float:
    """Relative distance between slow and fast speeds, without the outer twentieth on each side."""
    ordered = sorted(speeds)
    return ordered[-1 - len(ordered) // 20] / ordered[len(ordered) // 20] - 1


def _throttling(samples: Sequence[Sample]) -> Iterator[MeasurementWarning]:
    if worst := _worst(samples, "throttled", 0):
        yield MeasurementWarning(
            name="throttling",
            found=f"the processor throttled itself {worst[0]:.0f} times ({worst[1]})",
            effect="it got too hot and ran slower; scores are too low, most ratios are still valid",
            remedy="cool it, switch turbo off, or measure with pauses",
        )


def _swapping(samples: Sequence[Sample]) -> Iterator[MeasurementWarning]:
    if worst := _worst(samples, "swapped_pages", 0):
        yield MeasurementWarning(
            name="swapping",
            found=f"up to {worst[0]:.0f} pages were swapped during a round ({worst[1]})",
            effect="chunks wait for the disk; compile times too",
            remedy="free memory, or `sudo swapoff -a`",
        )


def _kernel(samples: Sequence[Sample]) -> Iterator[MeasurementWarning]:
    much = []
    # What a program without a native form is paired with is a different one.
    native = [sample for sample in samples if sample.printed is None]
    for name in dict.fromkeys(sample.cell.partition("/")[0] for sample in native):
        own = [sample for sample in native if sample.cell.partition("/")[0] == name]
        share = median_of(s.reference_system_share for s in own)
        faults = median_of(s.reference_page_faults for s in own) or 0
        if share is not None and share >= KERNEL_SHARE:
            much.append(f"{share:.0%} of its time in {name} (page faults: {faults:,.0f} a run)")
    if much:
        yield MeasurementWarning(
            name="kernel",
            found=f"the native reference spends in the kernel {', '.join(much)}",
            effect=(
                "these ratios say more about mapping memory, page faults, input and output than about code, "
                "and a WebAssembly runtime does these differently"
            ),
            remedy=(
                "let the program reuse its memory, and read and write less while it is timed, or let it "
                "print the time of the part that is to be compared (figure.match in workload.toml)"
            ),
        )


def _host_calls(samples: Sequence[Sample]) -> Iterator[MeasurementWarning]:
    much = []
    for cell in dict.fromkeys(sample.cell for sample in samples):
        share = host_calls.least_share([sample for sample in samples if sample.cell == cell])
        if share is not None and share >= host_calls.MUCH:
            much.append((min(share, 1.0), cell))
    if much:
        share, cell = max(much)
        others = "1 other cell" if len(much) == 2 else f"{len(much) - 1} other cells"
        more = f", and a tenth or more of {others}" if len(much) > 1 else ""
        yield MeasurementWarning(
            name="host calls",
            found=f"calls to the host are {share:.0%} of the time of {cell} or more{more}",
            effect=(
                "these ratios say more about WASI than about code; that of JavaScript engines and of wasm3 "
                "is this project's own, see docs/performance.md"
            ),
            remedy="let the program write more at a time, and ask less often for the time",
        )


def _second_try(samples: Sequence[Sample]) -> Iterator[MeasurementWarning]:
    if found := [s for s in samples if s.first_try]:
        yield MeasurementWarning(
            name="second try",
            found=(
                f"{len(found)} of {len(samples)} rounds succeeded only at the second attempt: "
                f"{found[0].cell}: {found[0].first_try}"
            ),
            effect=(
                "the numbers are from the second attempt; the first failed because a process was killed, "
                "a busy machine stopped the clock, or a runtime fails at times"
            ),
            remedy="if it happens again, report it to the runtime's authors",
        )


def _settings(
    key: str, is_bad: Callable[[Any], bool], name: str, found: str, effect: str, remedy: str
) -> _Look:
    """Warn if a setting of the machine is bad."""

    def look(samples: Sequence[Sample]) -> Iterator[MeasurementWarning]:
        values = {getattr(s.conditions, key, None) for s in samples}
        bad = sorted(str(v) for v in values if v is not None and is_bad(v))
        if bad:
            yield MeasurementWarning(
                name=name, found=found.format(", ".join(bad)), effect=effect, remedy=remedy
            )

    return look


_LOOKS: tuple[_Look, ...] = (
    _load,
    _steal,
    _two_speeds,
    _drift,
    _throttling,
    _swapping,
    _kernel,
    _host_calls,
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
        "speed depends on temperature and on what other cores do; scores vary, most ratios are still valid",
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
