"""What is recorded of a module, linked here or prebuilt; a fact that cannot be read is missing."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.core.model import Interface


@dataclass(frozen=True)
class ModuleFacts:
    """See the fields of these names of ``ArtifactRecord``."""

    features: tuple[str, ...] | None
    interface: Interface
    unrunnable: str | None


def facts_of(data: bytes) -> ModuleFacts:
    """Read a module; what cannot be read is no error."""
    from pipeline.wasm import interface  # not for a run that links nothing and takes nothing in
    from pipeline.wasm.features import features_if_valid

    checked = interface.check(data)
    return ModuleFacts(features_if_valid(data), checked.interface, checked.trouble)
