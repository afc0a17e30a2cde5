"""Binaryen's wasm-opt, the pass after linking: $WASM_OPT or the one on PATH (Debian: binaryen)."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from toolchain.model import Identity

NAME = "wasm-opt"
_REMEDY = "apt-get install binaryen, or npm install -g binaryen, or set WASM_OPT to one"


def find() -> str | None:
    """The absolute path of the program, links followed; None where there is none."""
    found = shutil.which(os.environ.get("WASM_OPT") or NAME)
    return None if found is None else os.path.realpath(found)


def missing() -> str:
    """Why there is none, and what brings it; "" where there is one."""
    if find() is not None:
        return ""
    if os.environ.get("WASM_OPT"):
        return f"WASM_OPT names no program: {os.environ['WASM_OPT']}"
    return f"there is no wasm-opt on PATH; type: {_REMEDY}"


def files() -> list[str]:
    """What decides its output: itself, and the library that Debian splits off or the script's node."""
    program = find()
    if program is None:
        return []
    prefix = Path(program).parent.parent
    folders = (prefix / name for name in ("lib", "lib64", f"lib/{platform.machine()}-linux-gnu"))
    around = (path for folder in folders for path in folder.glob("libbinaryen.so*"))
    node = shutil.which("node") if _script(program) else None
    return [program, *sorted({str(path.resolve()) for path in around}), *([node] if node else [])]


def _script(program: str) -> bool:
    with open(program, "rb") as stream:
        return stream.read(2) == b"#!"


def environment() -> dict[str, str]:
    """The whole environment that it runs in: npm's is a script that looks for node."""
    node = shutil.which("node")
    folders = ["/usr/bin", "/bin", *([os.path.dirname(node)] if node else [])]
    return {"PATH": ":".join(dict.fromkeys(folders)), "LC_ALL": "C", "BINARYEN_CORES": "1"}


def identify() -> Identity:
    """Its version and the digest of ``files``; asks it, which takes a tenth of a second."""
    program = find()
    if program is None:
        return Identity(NAME, "", "", present=False, reason=missing())
    digest = hashlib.sha256()
    try:
        for path in files():
            digest.update(hashlib.sha256(Path(path).read_bytes()).digest())
        outcome = subprocess.run(
            [program, "--version"], capture_output=True, text=True, env=environment(), timeout=60, check=False
        )
        version = re.search(r"version (\d+)", outcome.stdout)
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError) as error:
        return Identity(NAME, "", "", present=False, reason=f"wasm-opt does not run: {error}")
    if outcome.returncode != 0 or version is None:
        return Identity(
            NAME, "", "", present=False, reason=f"wasm-opt does not say its version; type: {_REMEDY}"
        )
    return Identity(NAME, version[1], digest.hexdigest(), present=True, where=program)


def places() -> dict[str, str]:
    """Like a toolchain's."""
    program = find()
    return {os.path.dirname(program): "{binaryen}"} if program else {}


def command(flags: Sequence[str], module: str, output: str) -> list[str]:
    """A command that rewrites a module; -g keeps the functions' names, which the other variants have too."""
    return [find() or NAME, *flags, "-g", module, "-o", output]
