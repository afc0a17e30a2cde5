"""An artifact: what names it, where its files are, what is recorded of it, and what it is built from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from pipeline.core import paths
from pipeline.core.files import read_record, write_record
from pipeline.core.model import EXECUTABLE, PREBUILT, Interface, Workload
from toolchain.model import NATIVE, Toolchain, Variant, suffix


@dataclass(frozen=True)
class Artifact:
    """A program for one target, by its name. All paths are relative to the project's root."""

    workload: str
    toolchain: str
    variant: str
    target: str

    @property
    def id(self) -> str:
        """Its name in artifacts.lock, "coremark/zig/O3/wasm"."""
        return f"{self.workload}/{self.toolchain}/{self.variant}/{self.target}"

    @property
    def task_name(self) -> str:
        """The same as a part of a task's name, where doit allows no slash."""
        return self.id.replace("/", ":")

    @property
    def directory(self) -> str:
        return f"{paths.ARTIFACTS}/{self.id}"

    @property
    def path(self) -> str:
        """The program itself; an empty file where it could not be built."""
        return f"{self.directory}/{self.workload}{suffix(self.target)}"

    @property
    def log_path(self) -> str:
        """All that compilers and linker printed; there is none where they printed nothing."""
        return f"{self.directory}/build.log"

    @property
    def record_path(self) -> str:
        return f"{self.directory}/artifact.json"

    @property
    def provenance_path(self) -> str:
        """What it was built from, and how."""
        return f"{self.directory}/provenance.json"


def reference_of(workload: Workload, built: tuple[str, str]) -> Artifact:
    """What the chunks of a workload are paired with; ``built``: by which toolchain and variant, if it is."""
    paired = workload.paired
    return Artifact(paired.name, *(built if paired.built else (PREBUILT, EXECUTABLE)), NATIVE)


class ArtifactRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The file artifact.json: what was built, or why nothing was."""

    present: bool
    reason: str | None  # why it is not present
    workload: str
    toolchain: str
    variant: str
    flags: tuple[str, ...]
    link: tuple[str, ...]
    wasm_opt: tuple[str, ...] | None
    #: Features of WebAssembly: what the variant says that it needs, and what was found in the module.
    needs: tuple[str, ...]
    #: None where it is not known: wasm-tools does not find the module valid.
    features: tuple[str, ...] | None
    #: The compiler's name for the target; that of the project where it is not present.
    target: str
    sha256: str | None
    bytes: int | None
    #: Why no backend can run it; None where its interface is right.
    unrunnable: str | None = None
    #: Of a prebuilt module: how it is run, and the name of the file that it was.
    interface: Interface | None = None
    file: str | None = None
    producers: tuple[str, ...] = ()  # what it says made it
    #: What the linker, or a compiler, warned of and built all the same.
    warnings: tuple[str, ...] = ()

    @property
    def used_features(self) -> tuple[str, ...]:
        """All features that are known to be needed to run it."""
        return (*(self.features or ()), *self.needs)


def load_record(artifact: Artifact, root: Path = Path()) -> ArtifactRecord:
    """The record of an artifact of a project; raises OSError, or ValueError for a damaged one."""
    return read_record(root / artifact.record_path, ArtifactRecord)


def save_record(artifact: Artifact, record: ArtifactRecord) -> None:
    write_record(artifact.record_path, record)


@dataclass(frozen=True)
class BuildSpec:
    """What an artifact is built from."""

    workload: Workload
    toolchain: Toolchain
    variant: Variant
    target: str
    most_s: float | None = None  # that a compiler or a linker may take; None: as long as it takes

    @property
    def artifact(self) -> Artifact:
        return Artifact(self.workload.name, self.toolchain.name, self.variant.name, self.target)

    @property
    def objects(self) -> list[str]:
        """The paths of its object files in the order of linking."""
        return [self.object_path(source) for source in self.workload.sources]

    def object_path(self, source: str) -> str:
        """The path of the object of a source, which is named relative to the workload's root."""
        names = [each.replace("/", "__").rpartition(".")[0] for each in self.workload.sources]
        name = source.replace("/", "__")
        stem = name.rpartition(".")[0]
        return f"{self.artifact.directory}/{stem if names.count(stem) == 1 else name}.o"
