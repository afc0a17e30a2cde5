"""The user's own Wasmer binaries: those that $WASMER names, with ":" between, then every ``wasmer`` on PATH.

Relied on: ``wasmer -vV`` prints "wasmer VERSION …" first and lists the compilers that are built in after
"compiler:", since release 7 after "runtimes:"; ``wasmer run --COMPILER FILE -- ARGUMENTS`` uses that compiler
or fails; ``--mapdir=/:FOLDER`` gives the guest a folder, and from release 8 on ``--volume=FOLDER:/``;
``--env=NAME=VALUE`` gives it a variable.
Which compiler made the code that ran is not visible from outside, so these backends prove nothing.

What a binary is can only be asked by starting it. ``ask`` does that once for each binary, before a run;
``backends`` reads the answers and starts nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
from pathlib import Path

from pipeline.core import paths
from pipeline.core.files import write_json
from pipeline.core.model import Backend, Kind, Program, Runtime

_KINDS = {"cranelift": Kind.OPTIMIZING, "llvm": Kind.OPTIMIZING, "singlepass": Kind.BASELINE}
_TIMEOUT_S = 20
_VERSION = re.compile(r"\d+[\w.+-]*")
#: Answers that could not be written: for this process only.
_UNWRITTEN: dict[str, list[str]] = {}


def backends() -> tuple[Backend, ...]:
    """One backend for each compiler of each binary that was asked; the first binary of a version counts."""
    return tuple(
        _backend(path, version, compiler)
        for path, (version, *compilers) in _first_of_each_version().items()
        for compiler in compilers
    )


def troubles() -> list[str]:
    """Why a binary gives no backend, for doit run doctor."""
    binaries, not_programs = _binaries()
    answers, used = _read_answers(), _first_of_each_version()
    reasons = [f"$WASMER names {path}, which is not a program" for path in not_programs]
    for path, identity in binaries.items():
        if identity not in answers:
            reasons.append(f"{path} -vV does not name its version and compilers")
        elif path not in used:
            reasons.append(f"{path} has version {answers[identity][0]}, as a binary found before it")
    return reasons


def ask() -> None:
    """Start every binary that was not asked yet, and keep its answer.

    One that does not answer is asked again next time: it may have been busy.
    """
    binaries, _ = _binaries()
    if not binaries:
        return
    answers = _read_answers()
    new = {identity: _ask(path) for path, identity in binaries.items() if identity not in answers}
    new = {identity: answer for identity, answer in new.items() if answer}
    if new:
        try:
            write_json(paths.WASMER_ANSWERS, {**answers, **new})
        except OSError:
            _UNWRITTEN.update(new)


def _first_of_each_version() -> dict[str, list[str]]:
    """{path: [version, compiler, …]}."""
    binaries, _ = _binaries()
    answers = _read_answers() if binaries else {}
    first: dict[str, tuple[str, list[str]]] = {}
    for path, identity in binaries.items():
        if identity in answers:
            first.setdefault(answers[identity][0], (path, answers[identity]))
    return dict(first.values())


def _backend(path: str, version: str, compiler: str) -> Backend:
    program = Program(path, ("--version",), "it was named by $WASMER or was on PATH")
    runtime = Runtime(f"wasmer-cli@{version}", "command_worker.py", programs=(program,), version=version)
    files = "--mapdir=/:{files}" if int(version.split(".")[0]) < 8 else "--volume={files}:/"
    argv = [path, "run", f"--{compiler}", files, "--env={env}", "{artifact}", "--", "{args}"]
    name = f"wasmer-cli.{compiler}@{version}"
    return Backend(name, _KINDS[compiler], runtime, options={"argv": argv}, forks=True)


def _binaries() -> tuple[dict[str, str], list[str]]:
    """({path: what identifies the binary}, what $WASMER names that is not a program); each binary once."""
    named = [path for path in os.environ.get("WASMER", "").split(os.pathsep) if path]
    on_path = [os.path.join(folder, "wasmer") for folder in os.get_exec_path() if folder]
    identities: dict[str, str] = {}
    seen = set()
    for path in (*named, *on_path):
        real = os.path.realpath(path)
        if real not in seen and _is_program(real):
            seen.add(real)
            path, status = os.path.abspath(path), os.stat(path)
            identities[path] = f"{path} {status.st_mtime_ns} {status.st_size}"
    return identities, [path for path in named if not _is_program(path)]


def _is_program(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)


def _ask(path: str) -> list[str]:
    """[version, compiler, …]; nothing where it does not say so."""
    try:
        outcome = subprocess.run(
            [path, "-vV"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    version = re.search(rf"^wasmer ({_VERSION.pattern})", outcome.stdout, re.MULTILINE)
    listed = re.search(r"^(?:compiler|runtime)s?:(.*)", outcome.stdout, re.MULTILINE)
    if outcome.returncode or not version or not listed:
        return []
    words = re.findall(r"\w+", listed[1])
    return [version[1], *(compiler for compiler in _KINDS if compiler in words)]


def _read_answers() -> dict[str, list[str]]:
    with contextlib.suppress(OSError, ValueError):
        answers = json.loads(Path(paths.WASMER_ANSWERS).read_text(encoding="utf-8"))
        if isinstance(answers, dict):
            kept = {identity: answer for identity, answer in answers.items() if _is_answer(answer)}
            return {**kept, **_UNWRITTEN}
    return dict(_UNWRITTEN)


def _is_answer(answer: object) -> bool:
    if not isinstance(answer, list) or not answer or not all(isinstance(word, str) for word in answer):
        return False
    return bool(_VERSION.fullmatch(answer[0])) and all(compiler in _KINDS for compiler in answer[1:])
