"""``doit run new workload=NAME from=FILE.c``: a folder with a first workload.toml that runs."""

from __future__ import annotations

import os
import re
from pathlib import Path

from pipeline.core import paths
from pipeline.core.errors import BadInput
from pipeline.core.files import new_folder, write_atomic
from pipeline.core.toml_file import named
from pipeline.workloads import file_patterns, workload_toml

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"\n]+)"', re.MULTILINE)
_TEXT = """# What everything here means: docs/workloads.md. To run it, type: doit run workload={word}
title = {title}
sources = [{sources}]

# The program's arguments. One that is "{{iterations}}" is a number that is chosen so that a run takes some
# 10 ms; without such an argument a run is as long as it is, and a few whole ones are measured.
args = []

# stdin = "input.txt"          # what it reads
# files = ["data/*.txt"]       # what it may open, by the same names
# libraries = ["m"]            # beside the C library
# defines = {{ N = 1000 }}

# Its output must be that of the native build. It may also have to be this, or match a pattern:
[proof]
native = true
# text = "42\\n"
# match = '^ok '

# The time of the whole program, by its own clock. Or one that it prints:
# [figure]
# match = 'time: ([0-9.]+) s'
"""


def create(name: str | None, source: str | None) -> None:
    """Copy a C or C++ file with what it includes from beside it, or those of a folder, and describe them.

    ``name`` is the name of a folder to be made in workloads/local/, or its path. Raises BadInput, and leaves
    nothing then; nothing that lies there is overwritten.
    """
    if not name or not source:
        raise BadInput("which program? Type: doit run new workload=NAME from=FILE.c")
    files = _files(os.path.expanduser(source))
    folder = Path(os.path.expanduser(name)) if os.sep in name else Path(paths.LOCAL_WORKLOADS) / name
    named("command line", "workload", folder.name)
    if folder.name in workload_toml.ready():
        raise BadInput(f"{folder.name} is a workload of the project's; choose another name")
    if folder.exists():
        raise BadInput(f"{folder} is there already; choose another name, or: doit run workload={name}")
    # Whole or not there, also when it is killed.
    with new_folder(folder.parent) as temporary:
        made = Path(temporary) / folder.name
        for relative, path in files.items():
            write_atomic(made / relative, path.read_bytes())
        sources = [relative for relative in files if relative.endswith(workload_toml.SUFFIXES)]
        text = _TEXT.format(
            word=name,
            title=_quoted(folder.name),
            sources=", ".join(map(_quoted, sorted(sources))),
        )
        write_atomic(made / paths.WORKLOAD_TOML, text)
        try:
            workload_toml.read(str(made))
        except BadInput as error:
            raise BadInput(str(error).replace(str(made), str(folder))) from None
        os.rename(made, folder)
    print(f"{folder}/: {len(files)} files and {paths.WORKLOAD_TOML}; now type: doit run workload={name}")


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _files(source: str) -> dict[str, Path]:
    """{name in the new folder: file}: a program's sources, and the headers that lie with them."""
    place = Path(source)
    if place.is_dir():
        patterns = [f"**/*{suffix}" for suffix in workload_toml.SUFFIXES]
        names = file_patterns.matching("command line", "from", source, [*patterns, *workload_toml.HEADERS])
        if not any(name.endswith(workload_toml.SUFFIXES) for name in names):
            raise BadInput(
                f"command line: from: {source}: no {', '.join(workload_toml.SUFFIXES)} files lie there"
            )
        return {name: place / name for name in names}
    if not place.is_file():
        raise BadInput(f"command line: from: {source}: no such file; expected a program in C or C++")
    if place.suffix not in workload_toml.SUFFIXES:
        raise BadInput(f"command line: from: {source}: expected one of {', '.join(workload_toml.SUFFIXES)}")
    found: dict[str, Path] = {}
    _add(place.parent, place.name, found)
    return found


def _add(root: Path, name: str, found: dict[str, Path]) -> None:
    """A file, and what it includes of the files that lie beside and below it."""
    found[name] = root / name
    text = found[name].read_text("utf-8", "replace")
    for included in _INCLUDE.findall(text):
        other = os.path.normpath(os.path.join(os.path.dirname(name), included))
        inside = not os.path.isabs(other) and other.split(os.sep)[0] != os.pardir
        if inside and other not in found and (root / other).is_file():
            _add(root, other, found)
