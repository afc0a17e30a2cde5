"""The content of explain.json; sizes are bytes."""

from __future__ import annotations

from typing import Any

from msgspec import Struct, to_builtins


class ModuleContents(Struct, frozen=True):
    """What a module is made of."""

    sha256: str
    bytes: int
    code_bytes: int  # its code section
    data_bytes: int  # its static data
    functions: int
    features: tuple[str, ...] | None  # that it uses; None for a module that can be read but is not valid
    declared: list[str]  # features, by its own custom section
    static_data: tuple[int, int]  # addresses, from the first to after the last
    instructions: dict[str, int]  # by kind


class ExplainedArtifact(Struct, frozen=True):
    """An artifact: what made it, and its contents or why there are none."""

    artifact: str  # workload/toolchain/variant
    flags: tuple[str, ...]
    link: tuple[str, ...] = ()
    wasm_opt: tuple[str, ...] | None = None
    reason: str | None = None
    contents: ModuleContents | None = None

    @property
    def names(self) -> tuple[str, str, str]:
        """Of the workload, the toolchain and the variant."""
        workload, toolchain, variant = self.artifact.split("/")
        return workload, toolchain, variant


class FunctionSizes(Struct, frozen=True):
    """A function of a workload in each of its artifacts."""

    function: str
    same: bool  # whether all have the same code of it
    bytes: dict[str, int | None]  # {artifact: size; None where it is not there}


class ChangedFunction(Struct, frozen=True):
    """A function that two artifacts have with different code."""

    function: str
    one_bytes: int
    other_bytes: int


class OwnFunction(Struct, frozen=True, omit_defaults=True):
    """A function that only one of two artifacts has."""

    function: str
    bytes: int
    callers: tuple[str, ...] | None = None  # of one that is gone: in the artifact that has it


class PairOfArtifacts(Struct, frozen=True):
    """What differs between two artifacts that differ in one thing."""

    one: str
    other: str
    same_file: bool
    same_code: bool
    same_functions: int
    same_bytes: int  # of these functions
    changed: tuple[ChangedFunction, ...]
    gone: tuple[OwnFunction, ...]
    new: tuple[OwnFunction, ...]


class Explanation(Struct, frozen=True, kw_only=True):
    schema: int = 1
    artifacts: list[ExplainedArtifact]
    functions: list[FunctionSizes]  # those that differ first
    pairs: list[PairOfArtifacts]


def as_json(found: Explanation) -> dict[str, Any]:
    """The document; an artifact's contents are keys of its own, null where there is no artifact."""
    nothing = dict.fromkeys(ModuleContents.__struct_fields__)
    document: dict[str, Any] = to_builtins(found)
    document["artifacts"] = [
        {**artifact, **(artifact.pop("contents") or nothing)} for artifact in document["artifacts"]
    ]
    return document
