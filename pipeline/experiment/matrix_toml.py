"""matrix.toml -> Tables: its content, with types and names checked."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Literal

from msgspec import Meta, Struct

from pipeline.core import toml_file
from pipeline.core.toml_file import Text
from pipeline.experiment.backend_selection import RuntimeTable, SweepTable
from pipeline.experiment.prebuilt_table import Entry
from pipeline.experiment.variants_table import VariantTable

_Folder = Annotated[str, Meta(min_length=1, description="a folder like '/opt/wasi-sdk'")]
_Backends = Annotated[
    Literal["installed"] | Annotated[tuple[Text, ...], Meta(min_length=1)],
    Meta(description='"installed" or a list of names or patterns'),
]
#: Tables whose keys are names that a user gives.
_NAMED = ("variants", "protocols", "runtimes", "sweeps", "artifacts", "tune", "hints")


class Reference(Struct, frozen=True, forbid_unknown_fields=True):
    """The native build that every chunk is compared with."""

    toolchain: Text
    variant: Text


class Tables(Struct, frozen=True, forbid_unknown_fields=True):
    """The content of matrix.toml."""

    reference: Annotated[Reference, Meta(description="a table like { toolchain = 'zig', variant = 'O3' }")]
    workloads: tuple[Text, ...] = ()
    toolchains: tuple[Text, ...] = ()
    wasi_sdk: tuple[_Folder, ...] = ()  # folders of wasi-sdk releases
    default_variants: tuple[Text, ...] | None = None
    backends: _Backends = "installed"
    protocol: str = ""
    variants: dict[str, VariantTable] = {}
    protocols: dict[str, dict[str, object]] = {}
    measurement: dict[str, object] = {}
    runtimes: dict[str, RuntimeTable] = {}
    sweeps: dict[str, SweepTable] = {}
    artifacts: dict[str, Entry] = {}
    tune: dict[str, object] = {}  # checked where a search asks for it: see tune_table.py
    hints: dict[str, VariantTable] = {}  # for searches


def read(path: str, parties: Collection[str]) -> tuple[Tables, dict[str, str]]:
    """(tables, {third party: folder of its checkout}); raises BadInput naming file and key."""
    data = toml_file.read(path)
    toml_file.no_nul(path, "", data)
    checkouts = {name: data.pop(name) for name in parties if name in data}
    tables = toml_file.convert(path, data, Tables, also=parties)
    for key in _NAMED:
        for name in getattr(tables, key):
            toml_file.named(path, toml_file.key_path(key, name), name)
    return tables, toml_file.convert(path, checkouts, dict[str, str])
