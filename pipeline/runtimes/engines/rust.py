"""Hosts in Rust: built by the cargo of this machine, from a lock with digests."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import tomli

from pipeline.core.files import digest_of
from pipeline.runtimes.engines import llvm, record
from pipeline.runtimes.engines.build_process import Failed, Unavailable, run, says
from pipeline.runtimes.engines.languages import Job
from pipeline.runtimes.engines.manifest import Engine, number

#: Of the user's environment, what would change what a compiler makes.
_DECIDING = re.compile(
    r"RUST(FLAGS|DOCFLAGS|C.*)|CARGO_(BUILD_(?!JOBS)|PROFILE|TARGET|ENCODED|INCREMENTAL).*|.*(CFLAGS|LDFLAGS).*"
    r"|(HOST_|TARGET_)?(CC|CXX|AR|RANLIB)(_.*)?"
)
_BAR = re.compile(r"\s*Building \[.*\] (\d+)/(\d+)")
#: Tables of cargo's configuration that only say where packages come from, and how cargo shows itself.
_NOT_DECIDING = {
    *("source", "registry", "registries", "net", "http", "credential-alias", "cache"),
    *("term", "alias", "install", "doc", "cargo-new", "future-incompat-report"),
}
_NO_ROUTE = "check the route to the registry of crates, and free disk space, then run doit again"
_INSTALL = "install Rust: apt-get install cargo, or rustup for a newer one"


class _Cargo:
    lock = "Cargo.lock"
    code = ("rust", "llvm", "debian")
    shared = ("hosts/rust",)

    def missing(self, engine: Engine) -> str | None:
        for program in ("cargo", "rustc"):
            if _find(program) is None:
                return f"{engine.manifest.title} is built by {program}, which is not on PATH; {_INSTALL}"
        if shutil.which("cc") is None:
            return f"{engine.manifest.title} is linked by cc, which is not on PATH; run: apt-get install gcc"
        return llvm.missing(engine)

    def tools(self, engine: Engine) -> dict[str, str]:
        # Where cargo will run: which rustc a name is can depend on the folder.
        rustc = says(str(_find("rustc")), "-Vv", environment=_environment(), folder=next(_places()))
        found = re.match(r"rustc (\S+)", rustc)
        wanted = engine.family.needs.get("rust")
        if found is None:
            raise Unavailable(f"rustc -Vv does not print its release; {_INSTALL}")
        if wanted is not None and number(found[1]) < number(wanted):
            title = f"{engine.manifest.title} {engine.release}"
            raise Unavailable(
                f"{title} wants Rust {wanted} or later, rustc is {found[1]}; run: rustup update"
            )
        compiler = says("cc", "--version").partition("\n")[0]
        return {"rustc": rustc, "cc": compiler, **_configured(), **llvm.tools(engine)}

    def at_release(self, text: str, engine: Engine) -> str:
        return text.replace(f'"={engine.family.release}"', f'"={engine.release}"')

    def resolve(self, job: Job) -> None:
        try:
            _cargo(job, "generate-lockfile")
        except Failed as error:
            # A release that was withdrawn, or one that never was.
            no_such = "yanked" in str(error) or "candidate versions" in str(error)
            helps = "name a release that the registry has" if no_such else _NO_ROUTE
            raise Unavailable(f"{job.engine.id}: {error}; {helps}") from None

    def build(self, job: Job) -> None:
        try:
            _cargo(job, "fetch", "--locked", "--offline")
        except Failed:
            job.progress.say("downloading its packages")
            try:
                _cargo(job, "fetch", "--locked")
            except Failed as error:
                of_lock = any(words in str(error) for words in ("checksum", "lock file"))
                helps = record.lock_remedy(job.engine) if of_lock else _NO_ROUTE
                raise Unavailable(f"{error}; {helps}") from None
        try:
            environment = llvm.provide(job)
        except Failed as error:
            raise Unavailable(f"{error} (building {job.engine.id}; what was fetched is kept)") from None
        job.progress.begin()
        # A host without its feature "llvm" says at load why.
        without = ["--no-default-features"] if llvm.left_out(job.engine) else []
        made = job.work / "target" / "release" / f"coremark-{job.engine.name}"
        made.unlink(missing_ok=True)
        try:
            _cargo(job, "build", "--release", "--locked", "--offline", *without, more=environment)
        except Failed as error:
            raise Unavailable(f"{error} (building {job.engine.id}; what is done is kept)") from None
        if not made.exists():
            why = "cargo's configuration names a different build.target"
            raise Unavailable(f"{job.engine.id}: the host is not where it should be: {why}; take that out")
        shutil.copy2(made, job.into / "host")

    def uses(self, engine: Engine) -> list[str]:
        return llvm.libraries(engine)


BUILDER = _Cargo()


def _home() -> Path:
    return Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")


def _find(program: str) -> str | None:
    """On PATH, or where rustup puts it."""
    return shutil.which(program) or shutil.which(program, path=str(_home() / "bin"))


def _environment() -> dict[str, str]:
    """The user's, without what changes what is made; with the user's proxies and registries."""
    kept = {name: value for name, value in os.environ.items() if not _DECIDING.fullmatch(name)}
    cargo = _find("cargo")
    path = kept.get("PATH", "")
    return {**kept, "PATH": f"{os.path.dirname(cargo)}:{path}" if cargo else path, "LC_ALL": "C.UTF-8"}


def _places() -> Iterator[Path]:
    """The folder in which cargo will run, as far as it is there, and all above it."""
    return (path for path in (record.root(), *record.root().parents) if path.is_dir())


def _configured() -> dict[str, str]:
    """{"configuration": a digest} of what the user's configuration of cargo decides, if that is anything."""
    # Once, where the cache is below the folder that has cargo's own.
    folders = dict.fromkeys((*(place / ".cargo" for place in _places()), _home()))
    decided = []
    for path in (folder / name for folder in folders for name in ("config.toml", "config")):
        with contextlib.suppress(OSError):
            text = path.read_text(encoding="utf-8", errors="replace")
            try:
                tables: dict[str, object] = tomli.loads(text)
            except tomli.TOMLDecodeError:
                tables = {"unreadable": text}
            decided += [(name, str(table)) for name, table in tables.items() if name not in _NOT_DECIDING]
    return {"configuration": digest_of(decided)} if decided else {}


def _cargo(job: Job, command: str, *options: str, more: Mapping[str, str] = {}) -> None:
    """Run cargo, with more of an environment; raises Failed."""
    environment = _environment()
    # For every crate, in place of all that the user's configuration says: no path of this machine gets in.
    flags = [f"--remap-path-prefix={path}={name}" for path, name in _folders(job)]
    environment |= {
        **more,
        "CARGO_ENCODED_RUSTFLAGS": "\x1f".join(flags),
        "CARGO_TARGET_DIR": str(job.work / "target"),
        "COREMARK_WITHOUT_LLVM": llvm.left_out(job.engine) or "",
        "CARGO_TERM_PROGRESS_WHEN": "always",
        "CARGO_TERM_PROGRESS_WIDTH": "80",
    }

    def on_line(line: str) -> None:
        if bar := _BAR.match(line):
            job.progress.step(int(bar[1]), int(bar[2]), "parts")

    # A build of many minutes does not keep a processor from what its user does.
    run([str(_find("cargo")), command, *options], folder=job.host, environment=environment, on_line=on_line)


def _folders(job: Job) -> list[tuple[str, str]]:
    """(folder, the name that it has in what is built), the innermost last, which counts."""
    # Below the target are sources that crates write as they are built.
    found = [(str(_home()), "cargo"), (str(job.sources), "host"), (str(job.work / "target"), "target")]
    with contextlib.suppress(OSError):
        # The name of such a folder has that of a registry in it.
        found += [(str(path), "crates") for path in sorted((_home() / "registry" / "src").iterdir())]
    return found
