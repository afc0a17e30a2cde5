"""The machine that measures: what decides its scores, and what a reader wants to know."""

from __future__ import annotations

import os
import platform
from functools import lru_cache
from typing import Annotated

import msgspec
from msgspec import Meta

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


#: With the bounds of results.json, so that what is read from a different host's file fits in there.
_Text = Annotated[str, Meta(min_length=1)]
_AtLeastOne = Annotated[int, Meta(ge=1, le=2**62)]


class Host(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A machine: the "host" object of results.json, and the file host.json. None: not known."""

    fingerprint: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]  # see ``fingerprint()``
    cpu: _Text | None = None
    microarchitecture: _Text | None = None  # as archspec names it
    cores: _AtLeastOne | None = None
    memory_bytes: _AtLeastOne | None = None
    os: _Text | None = None
    kernel: _Text | None = None
    python: _Text | None = None  # version of the Python that runs the pipeline


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


def describe() -> Host:
    """This machine. Slow: asks archspec for the microarchitecture."""
    import archspec.cpu

    cpu = _cpuinfo()
    return Host(
        fingerprint=fingerprint(),
        cpu=cpu.get("model name") or platform.processor() or platform.machine() or "unknown processor",
        microarchitecture=archspec.cpu.host().name or "unknown",
        cores=os.cpu_count(),
        memory_bytes=memory_bytes(),
        os=_os_name(),
        kernel=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
    )


def _os_name() -> str:
    try:
        name = platform.freedesktop_os_release().get("PRETTY_NAME")
    except OSError:
        name = None
    return name or platform.system() or "unknown system"
