"""One program, tests/guests/languages/words.*, as each language's own compiler makes a WASI command of it.

``build`` gives a module, or raises Missing. What registries gave and the finished modules are kept in the
user's cache, each under a digest of what it was made from.
"""

import hashlib
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "coremark-wasm-tests" / "languages"
SOURCES = Path(__file__).resolve().parent / "guests" / "languages"

#: For what a registry gives to one language, s.
_FETCH_S = 180
_BUILD_S = 600

_TEAVM = "0.10.2"
_KOTLIN = "2.4.20"
_RUST = "1.63.0+dfsg1-2"  # of Debian 12, the last one with a standard library for this target's old name
_LIBRARIES = f"{{tools}}/usr/lib/{platform.machine()}-linux-gnu"
_KOTLINC = (
    "java -cp {tools}/jars/* org.jetbrains.kotlin.cli.js.KotlinWasmCompiler -Xwasm-target=wasm-wasi "
    f"-libraries {{tools}}/jars/kotlin-stdlib-wasm-wasi-{_KOTLIN}.klib -ir-output-dir . -ir-output-name words"
)
_ASC = "node node_modules/assemblyscript/bin/asc.js"
_RUSTC = "{tools}/usr/bin/rustc"
_JARS = "mvn -q -B -ntp dependency:copy-dependencies -DoutputDirectory=jars"


class Missing(Exception):
    """What a language lacks here, and the command that brings it."""


@dataclass(frozen=True)
class Tools:
    """What comes from a registry: commands that run in a new folder, and files that are there before."""

    commands: tuple[str, ...]
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Language:
    """Commands that make words.wasm of the source, in a folder with nothing else in it.

    In them {tools} is the folder of its tools, {python} this interpreter.
    """

    source: str
    commands: tuple[str, ...]
    brings: str  # the command that brings its programs
    version: str = ""  # prints the version of a compiler that is no tool from a registry
    check: str = ""  # fails where the compiler cannot be used
    environment: Mapping[str, str] = field(default_factory=dict)
    tools: Tools | None = None


def _pom(*dependencies: str) -> dict[str, str]:
    """The pom.xml of a project that has these dependencies, GROUP:ARTIFACT:VERSION:TYPE, and nothing else."""
    head = "<modelVersion>4.0.0</modelVersion><groupId>words</groupId><artifactId>tools</artifactId>"
    text = f"<project>{head}<version>1</version><packaging>pom</packaging><dependencies>"
    for dependency in dependencies:
        group, artifact, version, kind = dependency.split(":")
        text += f"<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId>"
        text += f"<version>{version}</version><type>{kind}</type></dependency>"
    return {"pom.xml": f"{text}</dependencies></project>\n"}


LANGUAGES = {
    "c": Language(
        "words.c",
        ("{python} -m ziglang cc -target wasm32-wasi -O2 -s words.c -o words.wasm",),
        brings="pip install -e .",
        version="{python} -m ziglang version",
    ),
    "cpp": Language(
        "words.cc",
        ("{python} -m ziglang c++ -target wasm32-wasi -O2 -s -fno-exceptions words.cc -o words.wasm",),
        brings="pip install -e .",
        version="{python} -m ziglang version",
    ),
    "zig": Language(
        "words.zig",
        ("{python} -m ziglang build-exe -target wasm32-wasi -O ReleaseFast -fstrip words.zig",),
        brings="pip install -e .",
        version="{python} -m ziglang version",
    ),
    "go": Language(
        "words.go",
        ("go build -trimpath -o words.wasm words.go",),
        brings="apt-get install golang, of Go 1.21 or later",
        version="go version",
        check="go list runtime",
        environment={"GOOS": "wasip1", "GOARCH": "wasm"},
    ),
    "rust": Language(
        "words.rs",
        (
            f"{_RUSTC} --sysroot {{tools}}/usr --target wasm32-wasi -C linker={{tools}}/usr/bin/wasm-ld-14 "
            "-O -C strip=debuginfo words.rs -o words.wasm",
        ),
        brings="apt-get install lld-14, on Debian 12",
        check=f"{_RUSTC} --version",
        environment={"LD_LIBRARY_PATH": _LIBRARIES},
        tools=Tools(
            (
                f"apt-get download rustc={_RUST} libstd-rust-1.63={_RUST} libstd-rust-dev-wasm32={_RUST} "
                "lld-14 libllvm14",
                "sh -c 'for deb in *.deb; do dpkg-deb -x $deb . || exit; done'",
                "sh -c 'rm -r *.deb usr/share usr/lib/rustlib/wasm32-unknown-unknown'",
            )
        ),
    ),
    "assemblyscript": Language(
        "words.ts",
        (
            "ln -s {tools}/node_modules .",  # the shim's files are found from a relative path only
            f"{_ASC} words.ts -o words.wasm -O3 "
            "--config node_modules/@assemblyscript/wasi-shim/asconfig.json",
        ),
        brings="apt-get install nodejs npm, of Node.js 20 or later",
        check="node {tools}/node_modules/assemblyscript/bin/asc.js --version",
        tools=Tools(
            ("npm install --ignore-scripts --no-audit --no-fund --fetch-retries=1",),
            {
                "package.json": '{"private": true, "dependencies": '
                '{"assemblyscript": "0.28.20", "@assemblyscript/wasi-shim": "0.1.0"}}\n'
            },
        ),
    ),
    "java": Language(
        "Words.java",
        (
            "javac --release 17 -d . Words.java",
            "java -cp .:{tools}/jars/* org.teavm.cli.TeaVMRunner -t wasm-wasi -O3 -f words.wasm Words",
        ),
        brings="apt-get install openjdk-17-jdk maven",
        tools=Tools(
            (_JARS,), _pom(f"org.teavm:teavm-cli:{_TEAVM}:jar", f"org.teavm:teavm-classlib:{_TEAVM}:jar")
        ),
    ),
    "kotlin": Language(
        "words.kt",
        (f"{_KOTLINC} words.kt", f"{_KOTLINC} -Xinclude=words.klib -Xir-produce-js -Xir-dce"),
        brings="apt-get install openjdk-17-jdk maven",
        tools=Tools(
            (_JARS,),
            _pom(
                f"org.jetbrains.kotlin:kotlin-compiler-embeddable:{_KOTLIN}:jar",
                f"org.jetbrains.kotlin:kotlin-stdlib-wasm-wasi:{_KOTLIN}:klib",
            ),
        ),
    ),
}


def build(name: str, folder: Path) -> Path:
    """Build a language's module into a folder, or take the one that was built before; raises Missing."""
    language = LANGUAGES[name]
    version = _answer(language, language.version, folder) if language.version else ""
    key = _digest((SOURCES / language.source).read_text(encoding="utf-8"), repr(language), version)
    made = _once(CACHE / f"{name}-{key}", lambda place: _make(language, place))
    return Path(shutil.copyfile(made / "words.wasm", folder / f"{name}.wasm"))


def _make(language: Language, place: Path) -> None:
    tools = Path()
    if language.tools:
        key = _digest(repr(language.tools))
        tools = _once(CACHE / f"tools-{key}", lambda folder: _fetch(language, language.tools, folder))
    with tempfile.TemporaryDirectory() as folder:
        if language.check:
            _answer(language, language.check, Path(folder), tools)
        shutil.copy(SOURCES / language.source, folder)
        for command in language.commands:
            outcome = _run(language, command, Path(folder), tools, _BUILD_S)
            assert outcome.returncode == 0, outcome.stdout + outcome.stderr
        shutil.copy(Path(folder, "words.wasm"), place)


def _fetch(language: Language, tools: Tools, folder: Path) -> None:
    for name, text in tools.files.items():
        (folder / name).write_text(text, encoding="utf-8")
    for command in tools.commands:
        try:
            outcome = _run(language, command, folder, folder, _FETCH_S)
        except subprocess.TimeoutExpired:
            raise Missing(f"no answer within {_FETCH_S} s: {command}") from None
        if outcome.returncode:
            raise Missing(f"failed: {command}: {_printed(outcome)}")


def _answer(language: Language, command: str, folder: Path, tools: Path = Path()) -> str:
    """What a compiler prints; raises Missing where it cannot be used."""
    outcome = _run(language, command, folder, tools, _BUILD_S)
    if outcome.returncode:
        raise Missing(f"{command}: {_printed(outcome)}; run: {language.brings}")
    return outcome.stdout


def _printed(outcome) -> str:
    """The first line that names an error, or the first one."""
    lines = [line for line in (outcome.stderr + outcome.stdout).splitlines() if line.strip()] or ["no output"]
    return next((line for line in lines if re.search("error|^E:", line, re.IGNORECASE)), lines[0])[:300]


def _run(language: Language, command: str, folder: Path, tools: Path, timeout_s: float):
    words = [word.format(tools=tools, python=sys.executable) for word in shlex.split(command)]
    if shutil.which(words[0]) is None:
        raise Missing(f"there is no {words[0]}; run: {language.brings}")
    environment = {**os.environ, **{k: v.format(tools=tools) for k, v in language.environment.items()}}
    return subprocess.run(
        words,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout_s,
        check=False,
    )


def _once(folder: Path, fill: Callable[[Path], None]) -> Path:
    """A folder of the cache, filled by the first process that needs it."""
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="new-", dir=folder.parent, ignore_cleanup_errors=True) as new:
        place = Path(new) / folder.name
        place.mkdir()
        fill(place)
        try:
            os.rename(place, folder)
        except OSError:
            assert folder.exists()  # a different process was faster
    return folder


def _digest(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]
