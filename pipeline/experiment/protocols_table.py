"""The [protocols] and [measurement] tables, and what the command line changes of them -> Protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, get_type_hints

from pipeline.core import toml_file
from pipeline.core.errors import BadInput
from pipeline.core.limits import OF_WORKLOADS
from pipeline.core.model import Protocol

_OTHER = {"name", *OF_WORKLOADS}
#: {key: its type and bounds}: any other field of a protocol.
KEYS = {key: kind for key, kind in get_type_hints(Protocol, include_extras=True).items() if key not in _OTHER}
_OPTIONAL = {"half_width_percent", "most_rounds", "budget_s", "undisturbed"}
#: Variables of the command line that set one field of the protocol.
_VARIABLES = {"rounds": "rounds", "half_width": "half_width_percent", "budget": "budget_s"}

Table = Mapping[str, object]


def read(path: str, protocols: Mapping[str, Table], measurement: Table, name: str) -> Protocol:
    """The protocol of a name; all are checked. Raises BadInput naming file and key."""
    shared = _checked(path, "measurement", measurement)
    tables = {each: _checked(path, f"protocols.{each}", table) for each, table in protocols.items()}
    settings = {**shared, **tables[name]}
    missing = sorted(KEYS.keys() - _OPTIONAL - settings.keys())
    if missing:
        raise BadInput(f"{path}: protocols.{name}: {missing[0]} is missing, also in [measurement]")
    # Without this key a round has all its pairs.
    settings.setdefault("undisturbed", settings["pairs"])
    most = settings.get("most_rounds")
    if most is not None and most < settings["rounds"]:
        raise BadInput(
            f"{path}: protocols.{name}: most_rounds {most} is less than rounds {settings['rounds']}; "
            "expected at least as many"
        )
    return Protocol(name=name, **settings)


def choose(
    path: str, protocols: Mapping[str, Table], measurement: Table, default: str, variables: Mapping[str, str]
) -> Protocol:
    """The protocol that the command line names, or the default, with what else the command line says."""
    where = "command line: protocol" if "protocol" in variables else f"{path}: protocol"
    name = variables.get("protocol", default)
    toml_file.one_of(where, "protocol", name, protocols)
    changed = {
        key: toml_file.given(variable, variables[variable], KEYS[key])
        for variable, key in _VARIABLES.items()
        if variable in variables
    }
    # Who asks for a number of rounds gets that; who asks for a width gets the rounds that it takes.
    if changed.keys() & {"half_width_percent", "budget_s"}:
        changed["most_rounds"] = None
    elif "rounds" in changed:
        changed.update(half_width_percent=None, most_rounds=None, budget_s=None)
    return replace(read(path, protocols, measurement, name), **changed)


def _checked(path: str, where: str, table: Table) -> dict[str, Any]:
    for key in table:
        toml_file.one_of(f"{path}: {where}", "key", key, KEYS)
    return {key: toml_file.convert(path, value, KEYS[key], f"{where}.{key}") for key, value in table.items()}
