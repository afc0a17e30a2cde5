"""The user's own Wasmer binaries: those that $WASMER names, with ":" between, then every ``wasmer`` on PATH.

Relied on: ``wasmer -vV`` prints "wasmer VERSION …" first and lists the compilers that are built in after
"compiler:", since release 7 after "runtimes:"; ``wasmer run --COMPILER FILE -- ARGUMENTS`` uses that compiler
or fails; ``--mapdir=/:FOLDER`` gives the guest a folder, and from release 8 on ``--volume=FOLDER:/``.
Which compiler made the code that ran is not to be seen from outside, so these prove nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from pipeline.core.files import write_json
from pipeline.core.model import Backend, Kind, Program, Runtime

_KINDS = {"cranelift": Kind.OPTIMIZING, "llvm": Kind.OPTIMIZING, "singlepass": Kind.BASELINE}
#: What each binary has said, so that loading the graph starts nothing: {its identity: [version, compilers]}.
_ANSWERS = Path(__file__).resolve().parents[3] / "build" / "runtimes" / "wasmer-cli-answers.json"
_TIMEOUT_S = 20


#: {path: why it gives no backend}, for doit run doctor.
TROUBLES: dict[str, str] = {}


def find() -> tuple[Backend, ...]:
    """One backend for each compiler of each binary; of two binaries of one version the first counts."""
    answers: dict[str, list[str]] | None = None
    found: dict[str, Backend] = {}
    for path in _binaries():
        if answers is None:
            answers = _read()
        status = os.stat(path)
        identity = f"{path} {status.st_mtime_ns} {status.st_size}"
        if identity not in answers:
            said = _ask(path)
            if not said:  # asked again at the next load: it may have been busy
                TROUBLES[path] = f"{path} -vV does not name its version and compilers"
                continue
            answers[identity] = said
            _write(answers)
        version, *compilers = answers[identity]
        if any(backend.runtime.version == version for backend in found.values()):
            TROUBLES[path] = f"{path} is of version {version}, as one that was found before it"
            continue
        program = Program(path, ("--version",), "it was named by $WASMER or lay on PATH")
        runtime = Runtime(
            f"wasmer-cli@{version}",
            "command_worker.py",
            programs=(program,),
            version=version,
        )
        for compiler in compilers:
            files = "--mapdir=/:{files}" if int(version.split(".")[0]) < 8 else "--volume={files}:/"
            argv = [path, "run", f"--{compiler}", files, "{artifact}", "--", "{args}"]
            name = f"wasmer-cli.{compiler}@{version}"
            backend = Backend(name, _KINDS[compiler], runtime, options={"argv": argv}, forks=True)
            found.setdefault(name, backend)
    return tuple(found.values())


def _binaries() -> Iterator[str]:
    named = [path for path in os.environ.get("WASMER", "").split(os.pathsep) if path]
    for path in named:
        if not (os.path.isfile(path) and os.access(path, os.X_OK)):
            TROUBLES[path] = f"$WASMER names {path}, which is no program"
    on_path = [os.path.join(folder, "wasmer") for folder in os.get_exec_path() if folder]
    seen = set()
    for path in (*named, *on_path):
        real = os.path.realpath(path)
        if real not in seen and os.path.isfile(real) and os.access(real, os.X_OK):
            seen.add(real)
            yield os.path.abspath(path)


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
    version = re.search(r"^wasmer (\d[\w.+-]*)", outcome.stdout, re.MULTILINE)
    listed = re.search(r"^(?:compiler|runtime)s?:(.*)", outcome.stdout, re.MULTILINE)
    if outcome.returncode or not version or not listed:
        return []
    words = re.findall(r"\w+", listed[1])
    return [version[1], *(compiler for compiler in _KINDS if compiler in words)]


def _read() -> dict[str, list[str]]:
    with contextlib.suppress(OSError, ValueError):
        answers = json.loads(_ANSWERS.read_text(encoding="utf-8"))
        if isinstance(answers, dict):
            return {identity: said for identity, said in answers.items() if _is_answer(said)}
    return {}


def _is_answer(said: object) -> bool:
    if not isinstance(said, list) or not all(isinstance(word, str) for word in said):
        return False
    return all(compiler in _KINDS for compiler in said[1:])


def _write(answers: dict[str, list[str]]) -> None:
    with contextlib.suppress(OSError):
        write_json(_ANSWERS, answers)


BACKENDS = find()
