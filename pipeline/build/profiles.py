"""Profile-guided optimisation: which paths of a workload are hot, counted natively, for compilers to use.

The flag ``-fprofile-use`` without a file means the workload's own profile. It is made by a clang of the same
release as the toolchain's: an instrumented native build runs once, on what the workload runs on, and counts.
The counts depend on the program and its input only. Both builds name functions by the same paths of sources,
and clang finds them in the profile by the shape of their syntax, which does not depend on the target.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import msgspec

from pipeline.build import refusals
from pipeline.build.artifact_inputs import sources
from pipeline.build.compilers import complaint, run, settled
from pipeline.build.program_flags import program_flags
from pipeline.build.refusals import Refusal
from pipeline.core import own_code, paths
from pipeline.core.artifact import BuildSpec
from pipeline.core.files import digest_of, fresh_file, new_folder, read_record, sha256, write_record
from pipeline.core.model import Workload
from pipeline.core.processes import run_to_end
from toolchain.model import NATIVE, WASM, Toolchain, Variant, is_cxx

#: In place of a file: the workload's own profile.
USE = "-fprofile-use"
#: What is compiled to count; no optimisation removes a counter.
_INSTRUMENTED = Variant("instrumented", ("-O1", "-fprofile-instr-generate"))
#: Functions that only one target has are not in it, or have a different shape there.
_QUIET = ("-Wno-profile-instr-unprofiled", "-Wno-profile-instr-out-of-date", "-Wno-profile-instr-missing")
#: For the run that counts, s.
_TIMEOUT_S = 60.0


class Training(msgspec.Struct, frozen=True):
    """The run that counts: arguments, exit status, environment, and the files that it reads."""

    arguments: tuple[str, ...]
    status: int
    env: dict[str, str]
    stdin: str | None
    files: dict[str, str]  # {name in its folder: path}


class _Made(msgspec.Struct, frozen=True):
    """What a profile was counted from."""

    key: str


def uses(variant: Variant) -> bool:
    """Whether a variant is compiled with the workload's profile."""
    return USE in variant.flags


def without(flags: Sequence[str]) -> tuple[str, ...]:
    """The flags for programs that compile nothing of a workload."""
    return tuple(flag for flag in flags if flag != USE)


def file(workload: Workload, toolchain: Toolchain) -> str:
    """The profile of a workload; a refusal in its place says why there is none."""
    return paths.profile(workload.name, toolchain.name)


def with_profile(spec: BuildSpec, flags: Sequence[str]) -> list[str]:
    """The flags with the file that ``-fprofile-use`` stands for."""
    own = [f"-fprofile-instr-use={file(spec.workload, spec.toolchain)}", *_QUIET]
    return [word for flag in flags for word in (own if flag == USE else [flag])]


def make(workload: Workload, toolchain: Toolchain, training: Training) -> None:
    """Write the profile of a workload, or why there is none; unless it was counted from the same."""
    output = file(workload, toolchain)
    tools = _tools(toolchain)
    if isinstance(tools, str):
        refusals.save(output, Refusal(tools))
        return
    key = _key(workload, toolchain, training, tools)
    record = f"{output}.json"
    with contextlib.suppress(OSError, ValueError):
        if read_record(record, _Made).key == f"{key} {sha256(output)}":
            return
    with fresh_file(output) as temporary, new_folder(paths.BUILD) as folder:
        reason = _count(workload, toolchain, training, tools, folder, temporary)
        if reason is not None:
            Path(temporary).touch()
    if reason is not None:
        refusals.save(output, Refusal(f"no profile: {reason}"))
    else:
        write_record(record, _Made(f"{key} {sha256(output)}"))


def _key(workload: Workload, toolchain: Toolchain, training: Training, tools: Path) -> str:
    """Of all that decides the counts."""
    read = [*sources(workload), *training.files.values(), *([training.stdin] if training.stdin else [])]
    return digest_of(
        {
            "files": {path: own_code.digest(path) for path in read},
            "toolchain": own_code.digest(paths.toolchain_identity(toolchain.name)),
            "tools": [(tools / name).stat().st_size for name in ("clang", "llvm-profdata")],
            "training": msgspec.to_builtins(training),
            "workload": repr(replace(workload, folder="")),
        }
    )


def _tools(toolchain: Toolchain) -> Path | str:
    """The folder of a clang of the same release and its llvm-profdata; or what is missing."""
    if why := toolchain.missing(WASM):
        return why
    number = _clang_release(toolchain)
    if not number:
        return f"no profile: {toolchain.name} does not say which release of clang it is"
    clang = shutil.which(f"clang-{number}")
    folder = Path(os.path.realpath(clang)).parent if clang else None
    if folder is None or not all((folder / name).exists() for name in ("clang", "llvm-profdata")):
        packages = f"clang-{number} llvm-{number} libclang-rt-{number}-dev libc6-dev gcc"
        return f"a profile is counted by clang {number}: apt-get install {packages}"
    return folder


def _clang_release(toolchain: Toolchain) -> str:
    """The first number of its clang's version; that of zig is a different one."""
    with new_folder(paths.BUILD) as folder:
        source, output = f"{folder}/asked.c", f"{folder}/answer"
        Path(source).write_text("__clang_major__\n", encoding="utf-8")
        run(toolchain, toolchain.compile(WASM, ("-E", "-P"), source, output))
        found = (
            re.fullmatch(r"\d+", Path(output).read_text("utf-8").strip()) if Path(output).exists() else None
        )
    return found.group() if found else ""


def _count(
    workload: Workload, toolchain: Toolchain, training: Training, tools: Path, folder: str, output: str
) -> str | None:
    """Build, run, and convert; returns why that does not work."""
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
    spec = BuildSpec(workload, toolchain, _INSTRUMENTED, NATIVE)
    objects = []
    for number, source in enumerate(workload.sources):
        objects.append(f"{folder}/{number}.o")
        flags = [*program_flags(spec, source), "-w"]
        command = [_driver(tools, [source]), *flags, "-c", f"{workload.root}/{source}", "-o", objects[-1]]
        compiled = settled(partial(run_to_end, command, environment), f"clang on {source}")
        if compiled.returncode != 0:
            return f"{source} does not compile natively: {complaint(compiled.stderr)}"
    program = os.path.abspath(f"{folder}/program")
    command = [_driver(tools, workload.sources), "-fprofile-instr-generate", *objects, "-lm", "-o", program]
    linked = settled(partial(run_to_end, command, environment), "linking an instrumented build")
    if linked.returncode != 0:
        return f"the instrumented build does not link: {complaint(linked.stderr)}"
    raw, place = os.path.abspath(f"{folder}/raw"), f"{folder}/files"
    os.mkdir(place)
    for name, path in training.files.items():  # copies: a program may write to them
        Path(place, name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, Path(place, name))
    own = {**environment, **training.env, "LLVM_PROFILE_FILE": raw}
    try:
        ran = run_to_end(
            [program, *training.arguments],
            own,
            folder=place,
            stdin=training.stdin or os.devnull,
            timeout_s=_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        return f"the instrumented program did not end within {_TIMEOUT_S:g} s"
    if ran.returncode != training.status or not Path(raw).exists():
        return f"the instrumented program ended with {ran.returncode}, expected {training.status}"
    merge = [str(tools / "llvm-profdata"), "merge", "-o", output, raw]
    merged = settled(partial(run_to_end, merge, environment), "llvm-profdata")
    return f"llvm-profdata: {complaint(merged.stderr)}" if merged.returncode != 0 else None


def _driver(tools: Path, compiled: Sequence[str]) -> str:
    return str(tools / ("clang++" if any(map(is_cxx, compiled)) else "clang"))
