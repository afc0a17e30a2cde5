"""suite=FOLDER of the command line -> a workload a module, each with its inputs and what it must print.

The layout is that of the Bytecode Alliance's benchmarks (Sightglass, benchmarks/README.md): a module imports
bench.start and bench.end around what is timed, its inputs are in its folder, which is where it runs, and
NAME.stdout.expected next to NAME.wasm is what it prints.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import msgspec

from pipeline.core.errors import BadInput
from pipeline.core.limits import MOST_OUTPUT_KIB
from pipeline.core.model import Proof, Workload
from pipeline.workloads import file_patterns, module_files, module_option

_WHERE = "command line: suite"
#: The name of a module that is the only one of its folder, which then names the program.
_USUAL = "benchmark"
_EXPECTED = ".stdout.expected"
#: No inputs of a module: other modules, what they print, how they are made.
_NO_INPUTS = (module_files.SUFFIX, ".expected", ".md", ".toml", ".lock", ".c", ".h", ".rs", ".sh", ".patch")
#: A longer output is compared by its digest.
_MOST_TEXT = 1 << 20


def workloads(variables: Mapping[str, str]) -> list[Workload]:
    """The workloads of suite=, in the order of their folders; raises BadInput."""
    folder = os.path.expanduser(variables["suite"])
    if not os.path.isdir(folder):
        raise BadInput(f"{_WHERE}: {folder or 'nothing'}: no such folder; expected one with .wasm files")
    found: dict[str, Workload] = {}
    for file in module_option.files_of(_WHERE, folder):
        module_files.check(_WHERE, file)
        stem = os.path.basename(file).removesuffix(module_files.SUFFIX)
        text = os.path.basename(os.path.dirname(os.path.abspath(file))) if stem == _USUAL else stem
        name = module_option.name_for(text, found)
        found[name] = _with_inputs(replace(module_option.workload_of(file, name), title=name), file)
    return list(found.values())


def _with_inputs(workload: Workload, file: str) -> Workload:
    """With the files of its folder, and the output that is expected."""
    where = f"{_WHERE}: {file}"
    folder = Path(workload.folder)
    inputs = sorted(each.name for each in folder.iterdir() if _is_input(each))
    usable = tuple(name for name in inputs if file_patterns.usable(name))
    expected = Path(file).with_name(os.path.basename(file).removesuffix(module_files.SUFFIX) + _EXPECTED)
    try:
        output = expected.read_bytes() if expected.exists() else None
    except OSError as error:
        raise BadInput(f"{where}: {expected.name}: {error.strerror}") from None
    if output is None:
        return replace(workload, files=usable)
    if len(output) > MOST_OUTPUT_KIB << 10:
        raise BadInput(
            f"{where}: {expected.name}: {len(output)} bytes; expected at most {MOST_OUTPUT_KIB} KiB"
        )
    kib = max(1, len(output) // 1024 + 1)
    limits = msgspec.structs.replace(workload.limits, output_kib=max(1024, kib))
    return replace(workload, files=usable, proof=_proof(output), limits=limits)


def _proof(output: bytes) -> Proof:
    try:
        text = output.decode() if len(output) <= _MOST_TEXT else None
    except UnicodeDecodeError:
        text = None
    return Proof(text=text) if text is not None else Proof(sha256=hashlib.sha256(output).hexdigest())


def _is_input(path: Path) -> bool:
    if path.name.startswith((".", "Dockerfile")) or path.name.endswith(_NO_INPUTS):
        return False
    return path.is_file() and not path.is_symlink() and path.stat().st_size <= file_patterns.MOST_BYTES
