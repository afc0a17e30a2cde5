"""Reading and writing results.json."""

from __future__ import annotations

import os
from typing import TypeVar

import msgspec

from pipeline.core.errors import BadInput
from pipeline.core.files import write_json
from pipeline.core.text import for_terminal
from pipeline.results.model import SCHEMA, Results

#: Of a results.json that is read. One with 1260 cells and all their comparisons has a third of it.
MOST_BYTES = 64 << 20

R = TypeVar("R", bound=Results)


class _Schema(msgspec.Struct):
    schema: int


def read(path: str) -> Results:
    """The content of a results.json; raises BadInput with one line if it is absent or not one."""
    return parse(read_bytes(path), path, Results)


def read_bytes(path: str) -> bytes:
    """The bytes of a results.json, MOST_BYTES + 1 at most; raises BadInput."""
    if not os.path.isfile(path):
        raise BadInput(f"{for_terminal(path)}: no such file; expected a results.json; run: doit run")
    try:
        with open(path, "rb") as stream:
            # A read of at most that many bytes would ask for all of the memory first.
            return stream.read(min(os.fstat(stream.fileno()).st_size, MOST_BYTES) + 1)
    except OSError as error:
        raise BadInput(f"{for_terminal(path)}: {error.strerror}; expected a readable results.json") from None


def parse(raw: bytes, where: str, kind: type[R]) -> R:
    """The results in the bytes of ``where``, which may come from anybody; raises BadInput."""
    if len(raw) > MOST_BYTES:
        raise BadInput(f"{for_terminal(where)}: larger than {MOST_BYTES >> 20} MiB; expected a results.json")
    try:
        schema = msgspec.json.decode(raw, type=_Schema).schema
        if schema != SCHEMA:
            raise ValueError(f"schema {schema}")
        return msgspec.json.decode(raw, type=kind)
    except (ValueError, RecursionError) as error:
        raise BadInput(
            f"{for_terminal(where)}: {for_terminal(str(error))}; expected a results.json of schema {SCHEMA}; "
            "to write one, run: doit run report"
        ) from None


def write(path: str, results: Results) -> None:
    """Write UTF-8, a key a line, keys in the order of the model; atomically."""
    write_json(path, msgspec.to_builtins(results))
