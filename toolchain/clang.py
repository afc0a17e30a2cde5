"""The system's clang with Debian's wasi-libc: every clang-N on PATH is a toolchain."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from toolchain.model import NATIVE, WASM
from toolchain.sysroot import SysrootClang
from toolchain.sysroot_parts import Layout, Libcxx

#: What is named where there is none at all.
_USUAL = "19"
SYSROOT = Path("/usr")


def toolchains(places: Sequence[str]) -> list[SysrootClang]:
    """Every clang-N of PATH, and a plain ``clang`` that is none of them."""
    roots: dict[str, Path] = {}
    for name, path in _programs().items():
        root = Path(os.path.realpath(path)).parent.parent
        if name != "clang" or root not in roots.values():
            roots[name] = root
    if not roots:
        return [toolchain(f"clang-{_USUAL}", None)]
    return [toolchain(name, root) for name, root in roots.items()]


def _programs() -> dict[str, str]:
    """{"clang-19": its first path}, numbered ones first, in the order of their numbers."""
    found: dict[str, str] = {}
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        try:
            names = os.listdir(folder) if os.path.isabs(folder) else []
        except OSError:
            continue
        for name in names:
            if re.fullmatch(r"clang(-\d+)?", name) and os.access(f"{folder}/{name}", os.X_OK):
                found.setdefault(name, f"{folder}/{name}")
    return dict(sorted(found.items(), key=lambda item: (item[0] == "clang", int(item[0][6:] or 0))))


def toolchain(name: str, root: Path | None) -> SysrootClang:
    """The clang of a folder with bin/ and lib/; what is missing is named by Debian's packages."""
    number = name[6:] or next(iter(re.findall(r"\d+", root.name if root else "")), "")
    dash = f"-{number}" if number else ""
    packages = {
        "clang": f"clang{dash}",
        "wasm-ld": f"lld{dash}",
        "builtins": f"libclang-rt{dash}-dev-wasm32",
        "WASI headers": "wasi-libc",
        "WASI libc": "wasi-libc",
        "native": "libc6-dev and gcc",
    }
    if root is None:
        # Where nothing is installed, one command names all packages.
        packages["clang"] = f"clang{dash} lld{dash} libclang-rt{dash}-dev-wasm32 wasi-libc"
    libcxx = {}
    if root is not None:
        # In each clang's own folder, not where Debian links to one of them: headers want their own compiler.
        wasm = "wasm32-wasi"
        places = {
            WASM: ([root / "include" / wasm / "c++" / "v1"], [root / "lib" / wasm], "-dev-wasm32"),
            NATIVE: ([root / "include" / "c++" / "v1"], [root / "lib"], "-dev"),
        }
        libcxx = {
            target: Libcxx(headers, archives, f"apt-get install libc++{dash}{kind} libc++abi{dash}{kind}")
            for target, (headers, archives, kind) in places.items()
        }
    layout = Layout(
        root,
        includes=[SYSROOT / "include" / "wasm32-wasip1", SYSROOT / "include" / "wasm32-wasi"],
        libraries=[SYSROOT / "lib" / "wasm32-wasip1", SYSROOT / "lib" / "wasm32-wasi"],
        remedies={part: f"apt-get install {package}" for part, package in packages.items()},
        libcxx=libcxx,
    )
    return SysrootClang(name, number, layout)
