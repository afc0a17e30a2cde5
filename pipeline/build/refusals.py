"""Why a program is not built: what compilers and linkers printed, kept in a file, and the first of it.

A source that the compiler refuses leaves its refusal in place of the object, so that linking can report the
errors of all sources together.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import msgspec

from pipeline.core.artifact import BuildSpec
from pipeline.core.files import NEW, write_atomic
from toolchain import complaints
from toolchain.model import WASM
from toolchain.needs import needs

_HEAD = b'{"refused":'
#: Errors, and warnings, that are shown one by one; a file has the others.
_SHOWN = 3
_MOST_WARNINGS = 20
#: More than this of one compiler's words are not kept.
_MOST_PRINTED = 1 << 20
#: Warnings of compilers that explain a trap: code that they replace by one.
_EXPLAINS_TRAPS = "non-void function does not return a value"


class Refusal(msgspec.Struct, frozen=True):
    """In place of an object or an artifact."""

    refused: str  # what happened, without the words of the compiler
    printed: str = ""  # those
    native_too: bool = False  # whether the native compiler refuses the same source


def save(path: str, refusal: Refusal) -> None:
    """Write a refusal in the place of an object."""
    write_atomic(path, msgspec.json.encode(refusal))


def load(path: str) -> Refusal | None:
    """The refusal in the place of an object; None for a real object."""
    with open(path, "rb") as stream:
        head = stream.read(len(_HEAD))
        return msgspec.json.decode(head + stream.read(), type=Refusal) if head == _HEAD else None


def is_one(path: str) -> bool:
    """Whether a refusal stands in the place of a file; that of a library is tried again in each run."""
    try:
        with open(path, "rb") as stream:
            return stream.read(len(_HEAD)) == _HEAD
    except OSError:
        return False


def words_path(object_path: str) -> str:
    """Where the warnings about a source are kept, next to its object."""
    return f"{object_path}.txt"


def keep_words(path: str, printed: str) -> None:
    """Write what a compiler printed, or remove what it printed before."""
    if printed.strip():
        write_atomic(path, printed[:_MOST_PRINTED])
    else:
        Path(path).unlink(missing_ok=True)


def explain(spec: BuildSpec, refusals: Sequence[Refusal]) -> str:
    """Why there is no artifact, in one line with the name of the file that has all."""
    silent = next((each.refused for each in refusals if not each.printed), None)
    if silent is not None:
        return silent  # a library or a flag: nothing was compiled
    printed = "\n".join(each.printed for each in refusals)
    found = complaints.errors(printed)
    missing = needs(printed) if spec.target == WASM and not any(r.native_too for r in refusals) else ""
    if missing:
        return f"needs {missing}: {_named(spec, found[0].line)} (in full: {spec.artifact.log_path})"
    lines = [_named(spec, each.line) for each in found] or [refusals[0].printed.strip().partition("\n")[0]]
    number = f"{len(lines)} errors" if len(lines) > 1 else "1 error"
    return f"{refusals[0].refused}: {'; '.join(lines[:_SHOWN])} ({number}, in full: {spec.artifact.log_path})"


def warnings(spec: BuildSpec, linker: str) -> tuple[str, ...]:
    """Warnings that explain what a program does later: all of the linker's, some of the compiler's."""
    words = [words_path(path) for path in spec.objects]
    compiler = "".join(Path(path).read_text("utf-8", "replace") for path in words if os.path.exists(path))
    lines = [_named(spec, each.line) for each in complaints.warnings(linker)]
    lines += [_named(spec, x.line) for x in complaints.warnings(compiler) if _EXPLAINS_TRAPS in x.text]
    return tuple(dict.fromkeys(lines))[:_MOST_WARNINGS]


def keep_log(spec: BuildSpec, refusals: Sequence[Refusal], linker: str = "") -> None:
    """All that compilers and the linker printed about one artifact, in the order of its sources."""
    parts = [
        Path(path).read_text("utf-8", "replace")
        for path in map(words_path, spec.objects)
        if os.path.exists(path)
    ]
    parts += [each.printed for each in refusals if each.printed != linker]
    keep_words(
        spec.artifact.log_path, "".join(f"{part.rstrip()}\n" for part in [*parts, linker] if part.strip())
    )


def _named(spec: BuildSpec, line: str) -> str:
    """With sources by the names that workload.toml has for them, also where a linker names objects."""
    for source in spec.workload.sources:
        line = line.replace(spec.object_path(source), source)
    line = line.replace(f"{spec.workload.root}/", "").replace(f"{spec.artifact.directory}/", "")
    return re.sub(rf"{re.escape(NEW)}[^/ ]*/", "", line)  # of bitcode the linker's own object is named
