"""What the Makefile or CMakeLists.txt of a repository shows of its build, which is not run."""

from __future__ import annotations

import os
import re
from pathlib import Path

#: A macro on a line of a Makefile; not what a build sets for itself.
_FLAG = re.compile(r"(?<![\w-])-D[ \t]*(?!CMAKE_|BUILD_)([A-Z_][A-Z0-9_]+)(?:=([\w.]+))?(?![\w(=])")
_CMAKE = re.compile(
    r"(?:add_definitions|add_compile_definitions|target_compile_definitions)\s*\(([^)]*)\)", re.I
)
_CMAKE_WORDS = re.compile(r"(?:^|\s)(?:-D)?([A-Z_][A-Z0-9_]+)(?:=([\w.]+))?(?=\s|$)")
_KEYWORDS = {"PUBLIC", "PRIVATE", "INTERFACE"}


def macros(root: str) -> dict[str, str]:
    """{macro: value, or ""} that the build files at the top define, under any condition."""
    found: dict[str, str] = {}
    for name in ("Makefile", "makefile", "GNUmakefile", "CMakeLists.txt"):
        text = "\n".join(line for line in _text(root, name).splitlines() if not line.lstrip().startswith("#"))
        if name == "CMakeLists.txt":
            pairs = [pair for block in _CMAKE.findall(text) for pair in _CMAKE_WORDS.findall(block)]
        else:
            pairs = _FLAG.findall(text)
        found.update((macro, value) for macro, value in pairs if macro not in _KEYWORDS)
    return found


def _text(root: str, name: str) -> str:
    path = Path(root, name)
    return path.read_text("utf-8", "replace") if path.is_file() else ""


def template(header: str, root: str) -> str:
    """The file that a configure step makes a header from, or ""."""
    base = os.path.basename(header)
    names = {f"{base}.in", f"{base}.cmake", f"{base}.cmake.in", f"{base}.cmakein", f"{base}.meson"}
    names.add(f"{base.removesuffix('.h')}_h.in")
    for at, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in sorted(names.intersection(files)):
            return os.path.relpath(os.path.join(at, name), root)
    return ""
