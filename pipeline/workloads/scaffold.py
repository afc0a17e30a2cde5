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
_TEXT = """# docs/workloads.md explains all keys. To measure this program, run: doit run workload={word}
title = {title}
sources = [{sources}]

# Arguments of the program. In place of "{{iterations}}" it gets a number with which one run takes about
# 10 ms. Without "{{iterations}}" the whole program is timed a few times.
args = []

# stdin = "input.txt"          # its standard input
# files = ["data/*.txt"]       # files that it may open, by the same names
# libraries = ["m"]            # linked in addition to the C library
# defines = {{ N = 1000 }}

# The output must equal that of the native build. It may also be compared with a text or a pattern:
[proof]
native = true
# text = "42\\n"
# match = '^ok '

# The time is that of the whole program, by its own clock. A time that the program prints is used with:
# [figure]
# match = 'time: ([0-9.]+) s'
"""


def create(name: str | None, source: str | None) -> None:
    """Copy a C or C++ file with the local files that it includes, or a folder; add a workload.toml.

    ``name`` is the name of a new folder in workloads/local/, or the path of one. Raises BadInput and then
    leaves nothing; existing files are not overwritten.
    """
    if not name or not source:
        raise BadInput("workload= and from= are needed; run: doit run new workload=NAME from=FILE.c")
    files = _files(os.path.expanduser(source))
    folder = Path(os.path.expanduser(name)) if os.sep in name else Path(paths.LOCAL_WORKLOADS) / name
    named("command line", "workload", folder.name)
    if folder.name in workload_toml.project_workloads():
        raise BadInput(f"{folder.name} is a workload of the project; choose a different name")
    if folder.exists():
        raise BadInput(f"{folder} exists; choose a different name, or run: doit run workload={name}")
    # A kill leaves the whole folder or none.
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
    print(f"{folder}/: {len(files)} files and {paths.WORKLOAD_TOML}; now run: doit run workload={name}")


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _files(source: str) -> dict[str, Path]:
    """{name in the new folder: file}: the sources of a program, and their headers."""
    place = Path(source)
    if place.is_dir():
        patterns = [f"**/*{suffix}" for suffix in workload_toml.SUFFIXES]
        names = file_patterns.matching("command line", "from", source, [*patterns, *workload_toml.HEADERS])
        if not any(name.endswith(workload_toml.SUFFIXES) for name in names):
            raise BadInput(
                f"command line: from: {source}: no {', '.join(workload_toml.SUFFIXES)} files in this folder"
            )
        return {name: place / name for name in names}
    if not place.is_file():
        raise BadInput(f"command line: from: {source}: no such file; expected a program in C or C++")
    if place.suffix not in workload_toml.SUFFIXES:
        raise BadInput(f"command line: from: {source}: expected one of {', '.join(workload_toml.SUFFIXES)}")
    return _with_includes(place.parent, place.name)


def _with_includes(root: Path, first: str) -> dict[str, Path]:
    """{name: file} of a file in ``root``, and of all that it includes from there and below."""
    files: dict[str, Path] = {}
    queue = [first]
    while queue:
        name = queue.pop()
        if name in files:
            continue
        files[name] = root / name
        for included in _INCLUDE.findall(files[name].read_text("utf-8", "replace")):
            other = os.path.normpath(os.path.join(os.path.dirname(name), included))
            inside = not os.path.isabs(other) and other.split(os.sep)[0] != os.pardir
            if inside and (root / other).is_file():
                queue.append(other)
    return files
