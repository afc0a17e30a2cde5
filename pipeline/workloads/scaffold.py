"""``doit run new workload=NAME from=FILE.c``: a folder with a first workload.toml that runs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from pipeline.core import paths
from pipeline.core.errors import BadInput
from pipeline.core.files import new_folder, write_atomic
from pipeline.core.hints import command
from pipeline.core.text import for_terminal
from pipeline.core.toml_file import named
from pipeline.workloads import (
    included_files,
    module_files,
    program_choice,
    scaffold_text,
    source_tree,
    workload_toml,
)
from pipeline.workloads.program_choice import Choice
from pipeline.workloads.source_tree import Found

#: Files that are copied for one program at most: more are left where they are, unless they are used.
_MOST_COPIED = 1500


def create(name: str | None, source: str | None, main: str | None = None) -> None:
    """Copy a C or C++ file with the files that it includes, or a folder's; add a workload.toml.

    ``name`` is the name of a new folder in workloads/local/, or the path of one; ``main`` is the file of a
    folder that has the program's ``main``. Raises BadInput and then leaves nothing; existing files are not
    overwritten.
    """
    if not name or not source:
        raise BadInput("workload= and from= are needed; run: doit run new workload=NAME from=FILE.c")
    place = Path(os.path.expanduser(source))
    root, found = _found(place, source)
    tree = program_choice.Tree(str(root), found.files, workload_toml.SUFFIXES)
    first = main if place.is_dir() else place.name
    program = os.path.basename(os.path.abspath(root)).lower()
    choice = program_choice.choose(tree, program, first and os.path.normpath(first))
    files = _copied(tree, choice, found)
    folder = Path(os.path.expanduser(name)) if os.sep in name else Path(paths.LOCAL_WORKLOADS) / name
    named("command line", "workload", folder.name)
    if folder.name in workload_toml.project_workloads():
        raise BadInput(f"{folder.name} is a workload of the project; choose a different name")
    if folder.exists():
        raise BadInput(f"{folder} exists; choose a different name, or run: doit run workload={name}")
    text = scaffold_text.toml(name, folder.name, choice, files, str(root))
    _make(folder, root, files, text)
    for line in scaffold_text.notes(choice, found, files, str(root)):
        print(for_terminal(line, 400))
    print(f"{folder}/: {len(files)} files and {paths.WORKLOAD_TOML}; now run: doit run workload={name}")


def _make(folder: Path, root: Path, files: Sequence[str], text: str) -> None:
    """Copy the files: a kill leaves the whole folder or none."""
    with new_folder(folder.parent) as temporary:
        made = Path(temporary) / folder.name
        for relative in files:
            write_atomic(made / relative, (root / relative).read_bytes())
        write_atomic(made / paths.WORKLOAD_TOML, text)
        try:
            workload_toml.read(str(made))
        except BadInput as error:
            raise BadInput(str(error).replace(str(made), str(folder))) from None
        os.rename(made, folder)


def _found(place: Path, source: str) -> tuple[Path, Found]:
    """(folder, what is in it for one program)."""
    if place.is_dir():
        found = source_tree.look(str(place), workload_toml.SUFFIXES)
        if not any(name.endswith(workload_toml.SUFFIXES) for name in found.files):
            kinds = ", ".join(workload_toml.SUFFIXES)
            raise BadInput(f"command line: from: {source}: no {kinds} files in this folder")
        return place, found
    if not place.is_file():
        raise BadInput(f"command line: from: {source}: no such file; expected a program in C or C++")
    if place.suffix == module_files.SUFFIX:
        hint = f"run: {command(given={'module': source})}"
        raise BadInput(f"command line: from: {source}: a module needs no folder; {hint}")
    if place.suffix not in workload_toml.SUFFIXES:
        raise BadInput(f"command line: from: {source}: expected one of {', '.join(workload_toml.SUFFIXES)}")
    # The file, and all that it includes from there and below.
    included = included_files.included("command line", str(place.parent), [place.name], ["."])
    return place.parent, Found(files=[place.name, *included])


def _copied(tree: program_choice.Tree, choice: Choice, found: Found) -> list[str]:
    """The files to copy: all, or where these are too many, those that are used."""
    if len(found.files) <= _MOST_COPIED:
        return found.files
    used = {name for source in choice.sources for name in tree.with_included(source)}
    reason = f"not copied: the folder has more than {_MOST_COPIED} files"
    found.left_out.update((name, reason) for name in found.files if name not in used)
    return sorted(used)
