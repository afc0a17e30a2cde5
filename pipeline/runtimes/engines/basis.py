"""All that decides a build: our files, the lock, the tools of this machine; and the key made of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import msgspec

from pipeline.core import own_code, paths
from pipeline.core.files import digest_of, sha256
from pipeline.runtimes.engines import record
from pipeline.runtimes.engines.build_process import Unavailable
from pipeline.runtimes.engines.languages import builder_of
from pipeline.runtimes.engines.manifest import Engine, engine, place
from pipeline.runtimes.engines.record import Basis

_KEY_DIGITS = 16
#: What is in a folder of sources and decides nothing.
_LEFT_OUT = ("target", "__pycache__")


def sources(wanted: Engine) -> Iterator[Path]:
    """The files that its host is made of, below ``place()``: not those of hosts of other families."""
    others = {place() / wanted.name / family.folder for family in wanted.manifest.families}
    others -= {place() / wanted.folder, place() / wanted.name}
    for folder in (*builder_of(wanted).shared, *wanted.shared, wanted.name):
        for where, folders, names in os.walk(place() / folder):
            folders[:] = sorted(
                name for name in folders if name not in _LEFT_OUT and Path(where, name) not in others
            )
            yield from (Path(where, name) for name in sorted(names) if name != "engine.toml")


def lock_of(wanted: Engine) -> Path:
    """Where the lock of an engine is, or will be: with the project, or for other releases in the cache."""
    builder = builder_of(wanted)
    if wanted.shipped:
        return place() / wanted.folder / builder.lock
    return record.root() / f"{wanted.id}-{_digest_of_sources(wanted)[:_KEY_DIGITS]}.lock"


def basis_of(wanted: Engine, *, building: bool = False) -> Basis:
    """What decides a build today; raises Unavailable where this machine cannot build it.

    Unless it is to be built now: where a tool is missing or does not answer, what an earlier build of the
    same parts was made with stands for it, because what is built can be used.
    """
    lock = lock_of(wanted)
    basis = Basis(
        sources=_digest_of_sources(wanted),
        lock=sha256(lock) if lock.exists() else "",
        builder=_digest_of_builder(wanted),
        tools={},
    )
    try:
        tools = _tools_today(wanted) if building else _tools(wanted.name, wanted.release)
    except Unavailable:
        earlier = None if building else _earlier_tools(wanted, basis)
        if earlier is None:
            raise
        tools = earlier
    return msgspec.structs.replace(basis, tools=tools)


def key_of(wanted: Engine, basis: Basis) -> str:
    """What names the folder of a build: a different key, a different build."""
    return digest_of({"engine": wanted.id, "made of": msgspec.to_builtins(basis)})[:_KEY_DIGITS]


@cache
def _tools(name: str, release: str) -> dict[str, str]:
    return _tools_today(engine(name, release))


def _tools_today(wanted: Engine) -> dict[str, str]:
    builder = builder_of(wanted)
    if (missing := builder.missing(wanted)) is not None:
        raise Unavailable(missing)
    return builder.tools(wanted)


def _earlier_tools(wanted: Engine, basis: Basis) -> dict[str, str] | None:
    """Those of a build in the cache whose other parts are these."""
    for path in sorted(record.root().glob(f"{wanted.id}-{'[0-9a-f]' * _KEY_DIGITS}")):
        made = record.described(path)
        of = None if made is None else made.made_of
        if of is not None and msgspec.structs.replace(of, tools={}) == basis:
            return of.tools
    return None


def _digest_of_sources(wanted: Engine) -> str:
    """Of all but the lock that lies among them, which is not that of other releases."""
    lock = place() / wanted.folder / builder_of(wanted).lock
    files = {str(path.relative_to(place())): sha256(path) for path in sources(wanted) if path != lock}
    return digest_of({**files, **wanted.manifest.names})


def _digest_of_builder(wanted: Engine) -> str:
    files = [f"{paths.ENGINES}/{name}.py" for name in builder_of(wanted).code]
    return digest_of({path: own_code.digest(path) for path in files})
