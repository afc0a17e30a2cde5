"""The machine that measures: what of it decides a score, and what a reader wants to know."""

from __future__ import annotations

import os
import platform
from functools import lru_cache
from types import NoneType
from typing import Any

from pipeline.core.files import digest_of

#: Lines of /proc/cpuinfo that tell processors apart (x86 and Arm names).
_CPU_KEYS = (
    "vendor_id",
    "model name",
    "cpu family",
    "model",
    "stepping",
    "CPU implementer",
    "CPU part",
    "CPU variant",
    "flags",
    "Features",
)


#: Of ``describe()``, with their types.
KEYS: dict[str, tuple[type, ...]] = {
    "fingerprint": (str,),
    "cpu": (str,),
    "microarchitecture": (str,),
    "cores": (int, NoneType),
    "memory_bytes": (int, NoneType),
    "os": (str,),
    "kernel": (str,),
    "python": (str,),
}


@lru_cache(maxsize=1)
def _cpuinfo() -> dict[str, str]:
    """The first processor's block of /proc/cpuinfo; empty where there is none."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as stream:
            text = stream.read(16384).split("\n\n", 1)[0]
    except OSError:
        return {}
    pairs = (line.partition(":") for line in text.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def memory_bytes() -> int | None:
    """Physical memory of the machine."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return None


@lru_cache(maxsize=1)
def fingerprint() -> str:
    """Digest of what makes scores of two machines incomparable: processor, cores, kernel.

    Cheap enough for every load of the task graph: reads one file of the kernel's, starts nothing.
    """
    cpu = _cpuinfo()
    return digest_of(
        {
            "cpu": {key: cpu[key] for key in _CPU_KEYS if key in cpu},
            "machine": platform.machine(),
            "cores": os.cpu_count(),
            "kernel": platform.release(),
            "memory_gib": round((memory_bytes() or 0) / 2**30),
        }
    )


def describe() -> dict[str, Any]:
    """The "host" object of results.json. Slow: asks archspec for the microarchitecture."""
    import archspec.cpu

    cpu = _cpuinfo()
    return {
        "fingerprint": fingerprint(),
        "cpu": cpu.get("model name") or platform.processor() or platform.machine(),
        "microarchitecture": archspec.cpu.host().name,
        "cores": os.cpu_count(),
        "memory_bytes": memory_bytes(),
        "os": _os_name(),
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def _os_name() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()
