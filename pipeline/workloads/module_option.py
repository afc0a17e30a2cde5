"""module=FILE.wasm of the command line -> a workload a module: a program of which nothing more is known."""

from __future__ import annotations

import glob
import os
import shlex
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

from pipeline.core import paths, toml_file
from pipeline.core.errors import BadInput
from pipeline.core.limits import Limits
from pipeline.core.model import ONLY_MODULE, Figure, Prebuilt, Workload
from pipeline.core.text import for_terminal
from pipeline.workloads import module_files, workload_toml, workload_values
from pipeline.workloads.validators import OUTPUT

#: A run may take so long, s: such a program has no workload.toml that could say more.
_RUN_TIMEOUT_S = 60.0
#: Of one command line, modules.
_MOST_MODULES = 500
_WHERE = "command line: module"


def workloads(variables: Mapping[str, str]) -> list[Workload]:
    """The workloads of module= and args=, each named by its file; raises BadInput."""
    args = _arguments(variables.get("args", ""))
    found: dict[str, Workload] = {}
    for file in _files(variables["module"]):
        module_files.check(_WHERE, file)
        name = name_for(os.path.basename(file).removesuffix(module_files.SUFFIX), found)
        found[name] = replace(workload_of(file, name), args=args)
    return list(found.values())


def workload_of(file: str, name: str) -> Workload:
    """A module as a program without arguments, files or a proof of its own: its backends must agree."""
    folder = os.path.dirname(file) or "."
    return Workload(
        name=name,
        title=for_terminal(os.path.basename(file)) or name,
        stresses="",
        note=None,
        folder=folder,
        root=paths.staged_sources(name),
        sources=(),
        headers=(),
        figure=Figure(time="host"),
        validator=OUTPUT,
        limits=Limits(run_timeout_s=_RUN_TIMEOUT_S),
        yardstick=workload_toml.yardstick(),
        modules=(Prebuilt(ONLY_MODULE, file),),
    )


def name_for(text: str, others: Collection[str]) -> str:
    """A name for the workload of a module, none that is taken."""
    taken = {*others, *workload_toml.project_workloads(), *workload_toml.TAKEN}
    return module_files.name_of(text, taken, len(others))


def _arguments(text: str) -> tuple[str, ...]:
    where = "command line"
    toml_file.no_nul(where, "args", text)
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise BadInput(f"{where}: args: {error}; expected words as in a shell, found {text!r}") from None
    return workload_values.arguments(where, tuple(words))


def _files(text: str) -> list[str]:
    """The files that are named: one by the whole text, or several between commas, patterns and folders."""
    whole = os.path.expanduser(text)
    words = (
        [whole] if os.path.exists(whole) else [os.path.expanduser(word.strip()) for word in text.split(",")]
    )
    words = [word for word in words if word]
    if not words:
        raise BadInput(f"{_WHERE}= is empty; give a .wasm file")
    found = list(dict.fromkeys(file for word in words for file in _matching(word)))
    if len(found) > _MOST_MODULES:
        raise BadInput(f"{_WHERE}: {len(found)} modules; expected at most {_MOST_MODULES}")
    return found


def files_of(where: str, folder: str) -> list[str]:
    """The modules below a folder; raises BadInput where there is none, or too many."""
    found = sorted(str(path) for path in Path(folder).rglob(f"*{module_files.SUFFIX}") if path.is_file())
    if not 0 < len(found) <= _MOST_MODULES:
        wanted = f"1 to {_MOST_MODULES}"
        raise BadInput(f"{where}: {folder}: {len(found)} {module_files.SUFFIX} files; expected {wanted}")
    return found


def _matching(word: str) -> list[str]:
    """The modules of a folder, those that a pattern matches, or a file of any name."""
    if os.path.isdir(word):
        return files_of(_WHERE, word)
    if os.path.exists(word) or not glob.has_magic(word):
        return [word]
    matching = sorted(file for file in glob.glob(word, recursive=True) if os.path.isfile(file))
    if not matching:
        raise BadInput(f"{_WHERE}: {word}: no file matches")
    return matching
