"""Machines, versions and digests of results.json, each on one line."""

from __future__ import annotations

from pipeline.core.text import for_line
from pipeline.results.model import HostRecord, Results
from pipeline.results.model_cell import CellResult


def machine(host: HostRecord) -> str:
    """A host on one line."""
    parts = (f"{host.cpu} ({host.microarchitecture})", f"{host.cores} cores", host.os, host.kernel)
    return for_line(", ".join(map(str, parts)))


def versioned(name: str, version: str | None) -> str:
    """Name and version of a runtime or a toolchain, the name alone where it has no version."""
    return for_line(f"{name} {version or ''}")


def runtime(cell: CellResult) -> str:
    """Name and version of what ran a cell."""
    return versioned(cell.identity.name, cell.identity.version)


def built_by(cell: CellResult, results: Results) -> tuple[str, str | None]:
    """Toolchain of a cell with its version, and its SHA-256; for a prebuilt module nothing is known."""
    known = next((t for t in results.toolchains if t.name == cell.toolchain), None)
    return (
        (for_line(cell.toolchain), None)
        if known is None
        else (versioned(known.name, known.version), known.sha256)
    )
