"""The [protocols] and [measurement] tables, and what the command line changes of them -> Protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from pipeline.core.errors import BadInput, near_miss
from pipeline.core.model import Protocol
from pipeline.core.toml_checks import given_number, named, number, only, table

_PROTOCOL_FIELDS = {f.name for f in fields(Protocol)} - {"name"}
_OPTIONAL_FIELDS = {"half_width_percent", "budget_s", "undisturbed"}
#: Variables of the command line that set one field of the protocol.
_PROTOCOL_VARIABLES = {"rounds": "rounds", "half_width": "half_width_percent", "budget": "budget_s"}


def protocol(path: str, data: Mapping[str, Any], variables: Mapping[str, str]) -> Protocol:
    protocols = table(path, data, "protocols")
    shared = data.get("measurement", {})
    name = variables.get("protocol", data.get("protocol"))
    if name not in protocols:
        where = "command line: protocol" if "protocol" in variables else f"{path}: protocol"
        raise BadInput(f"{where}: unknown protocol {name!r}{near_miss(str(name), protocols)}")
    only(path, "measurement", shared, _PROTOCOL_FIELDS)
    for each, entry in protocols.items():
        named(path, f"protocols.{each}", each)
        only(path, f"protocols.{each}", entry, _PROTOCOL_FIELDS)
        for key, value in {**shared, **entry}.items():
            where = f"protocols.{each}.{key}" if key in entry else f"measurement.{key}"
            number(f"{path}: {where}", key, value)
    settings = {**shared, **protocols[name]}
    missing = sorted(_PROTOCOL_FIELDS - _OPTIONAL_FIELDS - settings.keys())
    if missing:
        raise BadInput(f"{path}: protocols.{name}: {missing[0]} is missing, also in [measurement]")
    # A round without this number has all its pairs.
    settings.setdefault("undisturbed", settings["pairs"])
    chosen = Protocol(name=str(name), **settings)
    for variable, key in _PROTOCOL_VARIABLES.items():
        if variable in variables:
            value = given_number(variable, key, variables[variable])
            chosen = replace(chosen, **{key: value})  # type: ignore[arg-type]
    return chosen
