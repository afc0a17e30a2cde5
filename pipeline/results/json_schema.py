"""The JSON Schema of results.json, made of its types."""

from __future__ import annotations

from typing import Any

import msgspec

from pipeline.core.model import Status
from pipeline.results.model import SCHEMA, Results

#: What the schema says of keys that depend on each other, as far as a reader may rely on it.
_CONDITIONS: dict[str, dict[str, Any]] = {
    "CellResult": {
        "if": {"properties": {"status": {"const": Status.OK.value}}},
        "then": {"properties": {"reason": {"type": "null"}, "measurement": {"type": "object"}}},
        "else": {"properties": {"reason": {"type": "string"}, "measurement": {"type": "null"}}},
    },
    "ToolchainResult": {
        "if": {"properties": {"present": {"const": True}}},
        "then": {
            "properties": {
                "reason": {"type": "null"},
                "version": {"minLength": 1},
                "sha256": {"minLength": 1},
            }
        },
        "else": {"properties": {"reason": {"type": "string"}}},
    },
}


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of results.json."""
    (root,), definitions = msgspec.json.schema_components([Results])
    for name, condition in _CONDITIONS.items():
        definitions[name].update(condition)
    for definition in definitions.values():
        if "description" in definition:
            definition["description"] = " ".join(definition["description"].split())
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:coremark-wasm:results:{SCHEMA}",
        "title": "report/results.json of coremark-wasm",
        **root,
        "$defs": definitions,
    }
