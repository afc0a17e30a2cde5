"""The state of a machine from the kernel's files, read from trees like its own."""

import os
from pathlib import Path

from pipeline.measure import machine_state
from pipeline.measure.machine_state import Conditions

TICK = os.sysconf("SC_CLK_TCK")


def tree(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_what_happened_between_two_readings(tmp_path):
    cpu = "sys/devices/system/cpu/cpu{}/thermal_throttle/core_throttle_count"
    before = machine_state.read(
        tree(
            tmp_path / "a",
            {
                "proc/stat": f"cpu  {10 * TICK} 0 {5 * TICK} 100 7 0 0 {TICK} 0 0\ncpu0 1 2 3\n",
                "proc/vmstat": "pgpgin 5\npswpin 10\npswpout 20\n",
                cpu.format(0): "1\n",
                cpu.format(1): "2\n",
            },
        )
    )
    after = machine_state.read(
        tree(
            tmp_path / "b",
            {
                "proc/stat": f"cpu  {13 * TICK} 0 {6 * TICK} 900 9 0 0 {2 * TICK} 0 0\n",
                "proc/vmstat": "pgpgin 5\npswpin 11\npswpout 22\n",
                cpu.format(0): "4\n",
                cpu.format(1): "2\n",
            },
        )
    )
    one = machine_state.Reading(0.0, before.busy_s, before.stolen_s, before.swapped_pages, before.throttled)
    other = machine_state.Reading(2.0, after.busy_s, after.stolen_s, after.swapped_pages, after.throttled)
    assert machine_state.conditions(one, other, 1.0, tmp_path) == Conditions(
        others_processors=1.5, stolen_processors=0.5, swapped_pages=3, throttled=3
    )


#: Two readings of nothing.
IDLE = machine_state.Reading(0.0, 0.0, 0.0, 0, None)


def setup(root):
    return machine_state.conditions(IDLE, IDLE, 0.0, root)


def test_how_a_laptop_is_set_up(tmp_path):
    cpu = "sys/devices/system/cpu"
    root = tree(
        tmp_path,
        {
            f"{cpu}/cpu0/cpufreq/scaling_governor": "powersave\n",
            f"{cpu}/cpu1/cpufreq/scaling_governor": "powersave\n",
            f"{cpu}/intel_pstate/no_turbo": "0\n",
            "sys/class/power_supply/BAT0/type": "Battery\n",
            "sys/class/power_supply/BAT0/status": "Discharging\n",
            "sys/class/power_supply/mouse/type": "Battery\n",
            "sys/class/power_supply/mouse/scope": "Device\n",
            "sys/class/power_supply/mouse/status": "Full\n",
            "sys/devices/system/clocksource/clocksource0/current_clocksource": "hpet\n",
        },
    )
    assert setup(root) == Conditions(governor="powersave", turbo=True, on_battery=True, clock_source="hpet")
    tree(root, {"sys/class/power_supply/BAT0/status": "Charging\n", f"{cpu}/intel_pstate/no_turbo": "1\n"})
    changed = setup(root)
    assert (changed.turbo, changed.on_battery) == (False, False)


def test_amd_has_a_different_file(tmp_path):
    root = tree(tmp_path, {"sys/devices/system/cpu/cpufreq/boost": "1\n"})
    assert setup(root).turbo is True


def test_what_a_machine_does_not_show_is_none(tmp_path):
    assert setup(tmp_path) == Conditions()
    root = tree(tmp_path, {"proc/stat": "cpu  1 2 3 4\n"})
    reading = machine_state.read(root)
    assert reading.throttled is None
    assert machine_state.conditions(reading, reading, 0.0, root).throttled is None


def test_this_machine_counts_its_work():
    before = machine_state.read(Path("/"))
    while os.times().user < 0.3:
        pass
    end = os.times().user + 0.3
    while os.times().user < end:
        pass
    after = machine_state.read(Path("/"))
    assert after.busy_s - before.busy_s > 0.2
    assert machine_state.conditions(before, after, 0.0).others_processors > 0.2
