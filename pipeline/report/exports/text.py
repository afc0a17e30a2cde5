"""Text from outside (flags, module names, CPU names, reasons), before it becomes part of another format."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.core.text import printable


def one_line(value: object) -> str:
    """The same with every run of white space as one space, none at the ends."""
    return " ".join(printable(value).split())


def machine(host: Mapping[str, Any]) -> str:
    """The "host" object of results.json in one line."""
    parts = (
        f"{host['cpu']} ({host['microarchitecture']})",
        f"{host['cores']} cores",
        host["os"],
        host["kernel"],
    )
    return one_line(", ".join(map(str, parts)))


def versioned(identity: Mapping[str, Any]) -> str:
    """Name and version of an "identity" object or of a toolchain, the name alone where it has no version."""
    return one_line(f"{identity['name']} {identity['version'] or ''}")


def artifact_sha256(cell: Mapping[str, Any]) -> str:
    """Hex SHA-256 of what a cell ran: its wasm module or its native executable."""
    return str(cell["wasm_sha256"] or cell["native_sha256"])


def built_by(cell: Mapping[str, Any], results: Mapping[str, Any]) -> tuple[str, str | None]:
    """Toolchain of a cell with its version, and its SHA-256; of somebody else's module nothing is known."""
    known = next((t for t in results["toolchains"] if t["name"] == cell["toolchain"]), None)
    return (one_line(cell["toolchain"]), None) if known is None else (versioned(known), known["sha256"])
