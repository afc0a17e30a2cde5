"""wasi-sdk as it is released: $WASI_SDK_PATH, /opt/wasi-sdk*, and folders that matrix.toml names."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from toolchain.model import WASM
from toolchain.sysroot import SysrootClang
from toolchain.sysroot_parts import Layout, Libcxx

_WASIP1, _WASI = "wasm32-wasip1", "wasm32-wasi"


def toolchains(places: Sequence[str]) -> list[SysrootClang]:
    """One toolchain a folder, named by its version; a placeholder where there is none."""
    folders = [Path(place) for place in places]
    # Several, as in PATH.
    given = os.environ.get("WASI_SDK_PATH", "").split(os.pathsep)
    folders += [Path(os.path.abspath(place)) for place in given if place]
    folders += sorted(path for path in Path("/opt").glob("wasi-sdk*") if path.is_dir())
    found: dict[str, SysrootClang] = {}
    for folder in folders:
        toolchain = _toolchain(folder)
        found.setdefault(toolchain.name, toolchain)
    return list(found.values()) or [_toolchain(None)]


def _version(folder: Path) -> str:
    """The release's version, from its file VERSION or its folder's name ("25.0"); "" if neither has one."""
    try:
        text = (folder / "VERSION").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = folder.resolve().name
    number = re.search(r"\d+(\.\d+)*", text)
    return number[0] if number else ""


def _toolchain(folder: Path | None) -> SysrootClang:
    version = _version(folder) if folder is not None else ""
    name = f"wasi-sdk-{version}" if version else "wasi-sdk"
    remedy = (
        "set WASI_SDK_PATH to an unpacked release of wasi-sdk, or name its folder in matrix.toml: wasi_sdk"
    )
    sysroot = folder / "share" / "wasi-sysroot" if folder is not None else Path("/nonexistent")
    libcxx = Libcxx(
        # Since release 31 once with exceptions and once without.
        headers=[sysroot / "include" / x / "c++" / "v1" for x in (f"{_WASIP1}/noeh", _WASIP1, _WASI, ".")],
        archives=[sysroot / "lib" / x for x in (f"{_WASIP1}/noeh", _WASIP1, _WASI)],
        remedy=remedy,
    )
    layout = Layout(
        folder.resolve() if folder is not None else None,
        includes=[sysroot / "include" / x for x in (_WASIP1, _WASI, ".")],
        libraries=[sysroot / "lib" / x for x in (_WASIP1, _WASI)],
        remedies=dict.fromkeys(("clang", "wasm-ld", "builtins", "WASI headers", "WASI libc"), remedy),
        native=f"{name} builds wasm only",
        libcxx={WASM: libcxx},
    )
    return SysrootClang(name, version, layout)
