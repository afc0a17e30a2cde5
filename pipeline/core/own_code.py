"""Which of our own files decide what a function does, derived from imports; and their digests.

A list of files kept by hand drifts from the imports, and a result that should be made again is then shown
as it is. So each task depends on the import closure of the module that does its work. Comments and
docstrings are not part of a digest: editing them makes nothing stale.
"""

from __future__ import annotations

import ast
import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("pipeline", "toolchain")
_WORKERS = "pipeline/runtimes/workers"

#: An import statement at any indentation. Of text, because parsing all modules takes half a second; the
#: tests hold it against what the parser finds.
_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+(?P<module>[\w.]+)[ \t]+import[ \t]+(?P<names>\([^)]*\)|[^\n]+)"
    r"|import[ \t]+(?P<modules>[^\n]+))",
    re.MULTILINE,
)
_NAME = re.compile(r"[\w.]+")
#: A string of one or more lines, or a comment. Not the strings within braces of an f-string that have its own
#: quotes, which Python takes from 3.12 on: the tests hold it against the tokenizer for all files of ours.
_STRING_OR_COMMENT = re.compile(
    r"""(\"{3}|'{3})(?:\\.|(?!\1).)*\1|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|\#[^\n]*""", re.DOTALL
)
#: A quoted file name in a worker: the files that it reads, compiles or loads.
_QUOTED = re.compile(r"[\"'](?:\./)?([\w.-]+\.(?:py|js|c|h))[\"']")


@cache
def files_of(*modules: str) -> tuple[str, ...]:
    """The files of these modules and of all of ours that they import, at any depth, relative to the project.

    Raises ValueError for a module that is none of ours.
    """
    seen: dict[str, None] = {}
    waiting = list(modules)
    for module in modules:
        if _file(module) is None:
            raise ValueError(f"{module}: no module of this project")
    while waiting:
        module = waiting.pop()
        if module not in seen:
            seen[module] = None
            waiting += _imports(module)
    return tuple(sorted(path for module in seen if (path := _file(module)) is not None))


@cache
def worker_files(*scripts: str) -> tuple[str, ...]:
    """Worker scripts, and all files of their folder that they import or name, at any depth."""
    seen: dict[str, None] = {}
    waiting = list(scripts)
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen[name] = None
            waiting += _next_to(name)
    return tuple(sorted(f"{_WORKERS}/{name}" for name in seen))


def digest(path: str | Path) -> str:
    """SHA-256, hexadecimal, of a file; of a Python file of ours without its comments and docstrings."""
    if is_own(path):
        state = os.stat(path)
        return _own_digest(
            os.path.abspath(path), state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns
        )
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


@cache
def _own_digest(path: str, *_state: int) -> str:
    """Once for each state of a file: each sample's key asks for 60 of them, and parsing takes 3 ms."""
    return hashlib.sha256(_bare(Path(path).read_bytes())).hexdigest()


def is_own(path: str | Path) -> bool:
    """Whether it is a Python file of this project, by its relative path."""
    name = os.fspath(path)
    return name.endswith(".py") and name.startswith(tuple(f"{package}/" for package in PACKAGES))


@cache
def _file(module: str) -> str | None:
    """The path of a module of ours; None for others."""
    if module.partition(".")[0] not in PACKAGES:
        return None
    path = module.replace(".", "/")
    for candidate in (f"{path}.py", f"{path}/__init__.py"):
        if (ROOT / candidate).is_file():
            return candidate
    return None


@cache
def _imports(module: str) -> tuple[str, ...]:
    """The modules of ours that a module imports, with the packages that they are in."""
    path = _file(module)
    text = (ROOT / path).read_text(encoding="utf-8") if path is not None else ""
    own = (name for name in _named(text) if _file(name) is not None)
    return tuple(dict.fromkeys(package for name in own for package in _with_packages(name)))


def _named(text: str) -> Iterator[str]:
    """Every dotted name that an import statement could mean."""
    for found in _IMPORT.finditer(text):
        module = found["module"]
        if module is None:
            for part in found["modules"].split(","):
                yield from _NAME.findall(part)[:1]
            continue
        yield module
        names = re.sub(r"#[^\n]*", "", found["names"]).strip("() \n")
        for part in names.split(","):
            for name in _NAME.findall(part)[:1]:
                yield f"{module}.{name}"


def _with_packages(module: str) -> Iterator[str]:
    parts = module.split(".")
    for length in range(1, len(parts) + 1):
        yield ".".join(parts[:length])


@cache
def _next_to(name: str) -> tuple[str, ...]:
    """The files of the workers' folder that one of them imports or names."""
    folder = ROOT / _WORKERS
    text = (folder / name).read_text(encoding="utf-8")
    named: Iterable[str] = _QUOTED.findall(text)
    if name.endswith(".py"):
        paths = (module.replace(".", "/") for module in _named(text))
        named = [*named, *(f"{path}{end}" for path in paths for end in (".py", "/__init__.py"))]
    return tuple(other for other in dict.fromkeys(named) if other != name and (folder / other).is_file())


def _bare(raw: bytes) -> bytes:
    """Python source without comments, docstrings and blank lines; what is not Python as it is.

    The text and not the syntax tree: different Pythons have different trees for the same text. Strings and
    comments are found by a pattern, since all of it with the tokenizer took three times as long.
    """
    try:
        text = raw.decode("utf-8")
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return raw
    lines = text.split("\n")
    verbatim: set[int] = set()
    row = at = 0
    for found in _STRING_OR_COMMENT.finditer(text):
        row += text.count("\n", at, found.start())
        at = found.start()
        if text[at] == "#":
            lines[row] = lines[row][: at - text.rfind("\n", 0, at) - 1].rstrip()
        else:  # blank lines of a string are its text
            verbatim.update(range(row, row + text.count("\n", at, found.end())))
    left_out = {each for node in _documented(tree) for each in _docstring(node, lines)}
    kept = (
        line
        for row, line in enumerate(lines)
        if row + 1 not in left_out and (line.strip() or row in verbatim)
    )
    return "\n".join(kept).encode("utf-8")


def _documented(
    tree: ast.Module,
) -> Iterator[ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]:
    """Everything that may have a docstring; expressions hold no such thing."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
        for part in ("body", "orelse", "handlers", "finalbody", "cases"):
            inner = getattr(node, part, ())
            if isinstance(inner, list):
                waiting += inner


def _docstring(
    node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef, lines: list[str]
) -> range:
    """The lines, from 1, that a node's docstring has for itself."""
    first = node.body[0] if node.body else None
    if not (isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)):
        return range(0)
    if not isinstance(first.value.value, str) or first.end_lineno is None or first.end_col_offset is None:
        return range(0)
    before = lines[first.lineno - 1].encode("utf-8")[: first.col_offset]
    after = lines[first.end_lineno - 1].encode("utf-8")[first.end_col_offset :]
    return range(0) if before.strip() or after.strip() else range(first.lineno, first.end_lineno + 1)
