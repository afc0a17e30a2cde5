"""What is recorded of a module, linked here or prebuilt; a fact that cannot be read is missing."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from pipeline.core.model import Interface
from pipeline.core.text import for_terminal

#: Of what a module says made it: entries that are kept, and characters of each.
_MOST_PRODUCERS, _LONGEST = 8, 80


@dataclass(frozen=True)
class ModuleFacts:
    """See the fields of these names of ``ArtifactRecord``."""

    features: tuple[str, ...] | None
    interface: Interface
    unrunnable: str | None
    producers: tuple[str, ...]


def facts_of(data: bytes) -> ModuleFacts:
    """Read a module; what cannot be read is no error."""
    from pipeline.wasm import interface  # not for a run that links nothing and takes nothing in
    from pipeline.wasm.features import features_if_valid
    from pipeline.wasm.sections import WasmError, producers, sections

    checked = interface.check(data)
    made_by: list[str] = []
    with contextlib.suppress(WasmError):
        made_by = producers(sections(data))
    shown = tuple(for_terminal(each, _LONGEST) for each in made_by[:_MOST_PRODUCERS])
    return ModuleFacts(features_if_valid(data), checked.interface, checked.trouble, shown)
