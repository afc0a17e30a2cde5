"""The share of a guest's time that the kernel takes: for page faults, mapping memory, reading, writing."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.measure.guest import Guest
from pipeline.stats.undisturbed import CPU_SHARE


@dataclass
class KernelShare:
    """What some chunks of one guest used. Chunks that were preempted do not count.

    The kernel's accounts are for all that is done for a run, a guest's clock is for the guest alone. What is
    between them is starting and ending a process, or an instance, and nearly all of that is the kernel's.
    """

    chunks: int = 0
    guest_s: float = 0.0
    cpu_s: float = 0.0
    system_s: float = 0.0

    def add(self, guest: Guest, seconds: float) -> None:
        """Add the guest's last run, which took so long by its clock."""
        used = guest.used
        if used is None or guest.cpu_share < CPU_SHARE:
            return
        self.chunks += 1
        self.guest_s += seconds
        self.cpu_s += used.cpu_seconds
        self.system_s += used.system_seconds

    @property
    def share(self) -> float | None:
        """Of the guest's time, 0 to 1; None where it is not known."""
        if not self.chunks:
            return None
        outside = max(0.0, self.cpu_s - self.guest_s)
        return round(min(1.0, max(0.0, self.system_s - outside) / self.guest_s), 4)
