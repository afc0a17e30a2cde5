"""What builds hosts, a module for each language."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from pipeline.runtimes.engines.manifest import Engine
from pipeline.runtimes.engines.progress import Progress


@dataclass(frozen=True)
class Job:
    """A build: from a copy of the sources, with their lock, into a folder."""

    engine: Engine
    sources: Path  # a copy of ``place()`` with the shared code of the language and the engine's folder
    work: Path  # for what is half made: kept from one try to the next
    into: Path
    progress: Progress

    @property
    def host(self) -> Path:
        """The copy of the folder of the host."""
        return self.sources / self.engine.folder


class Builder(Protocol):
    """How hosts in one language are built."""

    #: The name of a lock file, next to the host's source.
    lock: str
    #: Modules of this package whose code decides what is made.
    code: tuple[str, ...]
    #: Folders below ``place()`` that its hosts share.
    shared: tuple[str, ...]

    def missing(self, engine: Engine) -> str | None:
        """What this machine lacks, as one line with the command that brings it. Starts no process."""

    def tools(self, engine: Engine) -> dict[str, str]:
        """{tool: what it says of itself} of all that decides a build; raises Unavailable for one too old."""

    def at_release(self, text: str, engine: Engine) -> str:
        """The content of a file that names the family's release, for the engine's."""

    def resolve(self, job: Job) -> None:
        """Make the lock, where the project has none for this release; raises Unavailable."""

    def build(self, job: Job) -> None:
        """Fill ``job.into`` with what the engine's command names; raises Unavailable."""

    def uses(self, engine: Engine) -> list[str]:
        """Files of this machine that a host of it loads, as absolute paths."""


def builder_of(engine: Engine) -> Builder:
    """The builder of an engine's language."""
    module = importlib.import_module(f"pipeline.runtimes.engines.{engine.manifest.language}")
    return cast(Builder, module.BUILDER)
