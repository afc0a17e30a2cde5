"""Write the keys of results.json into docs/results.md, from the types in pipeline/results/model.py.

python docs/make_results_keys.py
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.results.json_schema import json_schema

PLACE = Path(__file__).resolve().parent / "results.md"
BEGIN, END = "<!-- made by docs/make_results_keys.py -->", "<!-- end -->"


def keys(definitions: dict[str, Any]) -> str:
    """A section for each object of a JSON Schema: what it is, and a list of its keys."""
    parts = []
    for name, definition in definitions.items():
        if "properties" in definition:
            lines = [
                f"- `{key}`" + _content(value, definitions) for key, value in definition["properties"].items()
            ]
            parts += [f"### {name}", definition["description"], "\n".join(lines)]
    return "\n\n".join(parts).replace("``", "`").replace("**", r"\*\*")


def _content(schema: dict[str, Any], definitions: dict[str, Any]) -> str:
    words = [schema["description"]] if "description" in schema else []
    for part in _parts(schema):
        name = part.get("$ref", "").rpartition("/")[2]
        if "properties" in definitions.get(name, ()):
            words.append(f"[{name}](#{name.lower()})")
        values = definitions.get(name, part).get("enum", ())
        words += [", ".join(f"`{value}`" for value in values if value is not None)] if values else []
    return f": {'; '.join(words)}" if words else ""


def _parts(schema: Any) -> Iterator[dict[str, Any]]:
    """A schema and all schemas in it."""
    if isinstance(schema, dict):
        yield schema
    for each in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from _parts(each)


def main() -> None:
    before, _, rest = PLACE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    made = keys(json_schema()["$defs"])
    PLACE.write_text(f"{before}{BEGIN}\n\n{made}\n\n{END}{after}", encoding="utf-8")
    subprocess.run([sys.executable, "-m", "mdformat", str(PLACE)], check=True)


if __name__ == "__main__":
    main()
