"""matrix.toml and the command line -> Plan: what is to be built and measured, checked to the last key."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pipeline.core import paths
from pipeline.core.errors import BadInput, near_miss
from pipeline.core.model import Backend
from pipeline.core.toml_checks import given_number, no_nul, only, read_toml, typed
from pipeline.experiment import backend_selection, prebuilt_table, protocols, search_space
from pipeline.experiment.plan import Plan, Sweep
from pipeline.experiment.variants import by_name, extra
from pipeline.experiment.variants import read as read_variants
from pipeline.workloads import selection, validators
from toolchain import discover as discover_toolchains
from toolchain.model import Toolchain, Variant

T = TypeVar("T")

#: How often the self-test measures each backend against itself.
DEFAULT_REPEATS = 4

_KEYS: dict[str, type] = {
    "toolchains": list,
    "wasi_sdk": list,
    "default_variants": list,
    "backends": object,
    "protocol": str,
    "reference": dict,
    "workloads": list,
    "variants": dict,
    "protocols": dict,
    "measurement": dict,
    "runtimes": dict,
    "sweeps": dict,
    "tune": dict,
    "artifacts": dict,
}


def load(variables: Mapping[str, str], path: str = paths.MATRIX, *, every: bool = False) -> Plan:
    """Read the matrix and apply the command line; raises BadInput naming file and key.

    ``every``: all of the project's workloads are meant where none is named.
    """
    parties = selection.third_parties()
    data = _read(path, parties)
    known_toolchains = discover_toolchains(_places(path, data))
    known_backends = backend_selection.known(path, data)
    variants = read_variants(path, data)
    default_toolchains = _choose(path, "toolchains", data, known_toolchains)
    sweep = backend_selection.sweep(path, data, variables)
    tuning = search_space.tuning(path, data, variables, variants)
    # budget= is the search's then, and not that of a cell's rounds.
    protocol = protocols.protocol(path, data, variables if tuning is None else _without(variables, "budget"))
    reference = _reference(path, data, known_toolchains, variants)
    workloads = selection.chosen(path, data, variables, every=every)
    wanted = variables
    if sweep is not None:
        wanted = {**variables, "variants": ",".join(sweep.variants)}
    default_variants = list(variants.values())
    if "default_variants" in data:
        default_variants = _choose(path, "default_variants", data, variants)
    chosen_variants = _filter("variants", wanted, default_variants, variants.values())
    chosen_variants += extra(variables, variants)
    toolchains = _filter("toolchains", variables, default_toolchains, known_toolchains.values())
    others = prebuilt_table.chosen(path, data, variables, variants)
    if len(workloads) > 1 and "artifact" in variables:
        raise BadInput("command line: artifact=: of which workload is it? Name one, as workload=NAME")
    # Judges are looked at only where there is something to judge.
    theirs = "artifact" in variables or others
    modules = [each.name for each in workloads if validators.modules_of(each)] if theirs else []
    if "artifact" in variables and not modules:
        raise BadInput(
            f"command line: artifact=: how others' modules of {workloads[0].name} are run is not known here"
        )
    if len(workloads) > 1 or not modules:
        others = ()  # they are modules of one, which is not this
    if sweep is not None and "artifact" not in variables:
        others = ()  # a sweep is of what [sweeps] says
    if tuning is not None:
        workloads = _only_one(
            "workloads", workloads, given=bool(variables.keys() & {"workload", "workloads"})
        )
        chosen_variants = list(tuning.baselines)
        toolchains = _only_one("toolchains", toolchains, given="toolchains" in variables)
        others = ()
    if "artifact" in variables and not variables.keys() & {"toolchains", "variants", "flags"}:
        toolchains, chosen_variants = [], []
    backends = _backends(path, data, variables, known_backends, sweep)
    if "artifact" in variables and all(backend.native for backend in backends):
        raise BadInput("command line: backends: native runs no wasm module; name another beside artifact=")
    return Plan(
        workloads=tuple(workloads),
        toolchains=tuple(toolchains),
        variants=tuple(by_name(chosen_variants).values()),
        backends=tuple(backends),
        protocol=protocol,
        repeats=int(given_number("repeats", "repeats", variables.get("repeats", str(DEFAULT_REPEATS)))),
        reference=reference,
        checkouts=selection.checkouts(path, data, variables, parties),
        sweep=sweep,
        sweeps=tuple(data.get("sweeps", {})),
        known=known_backends,
        known_toolchains=known_toolchains,
        origins={name: f"{path}: variants.{name}" for name in variants},
        tune=tuning,
        prebuilt=others,
        bundle=_bundle(variables),
        threshold=float(given_number("threshold", "threshold_percent", variables.get("threshold", "2"))),
        given=dict(variables),
    )


def _backends(
    path: str,
    data: Mapping[str, Any],
    variables: Mapping[str, str],
    known: Mapping[str, Backend],
    sweep: Sweep | None,
) -> list[Backend]:
    if sweep is not None:
        return backend_selection.swept(f"{path}: sweeps.{sweep.runtime}", sweep, known)
    # Never both: space.tuning refuses that.
    key = "backend" if "backend" in variables else "backends"
    if key not in variables:
        return backend_selection.default(path, data, known)
    patterns = [p.strip() for p in variables[key].split(",") if p.strip()]
    if not patterns:
        raise BadInput(f"command line: {key}= is empty; known: {', '.join(known)}")
    return backend_selection.pick(f"command line: {key}", patterns, known)


def _bundle(variables: Mapping[str, str]) -> str | None:
    if variables.get("bundle") == "":
        raise BadInput("command line: bundle= is empty; give a file that doit run bundle made")
    return os.path.expanduser(variables["bundle"]) if "bundle" in variables else None


def _without(variables: Mapping[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in variables.items() if key != name}


def _only_one(key: str, found: list[T], *, given: bool) -> list[T]:
    """What a search is about: the first of the matrix, or the one that was asked for."""
    if given and len(found) > 1:
        names = ", ".join(each.name for each in found)  # type: ignore[attr-defined]
        raise BadInput(f"command line: {key}: a search takes one {key[:-1]}, these are {names}")
    return found[:1]


def _read(path: str, parties: Iterable[str]) -> dict[str, Any]:
    data = read_toml(path)
    known = {**_KEYS, **dict.fromkeys(parties, str)}
    for key, value in data.items():
        if key not in known:
            raise BadInput(f"{path}: unknown key {key!r}{near_miss(key, known)}")
        typed(path, key, value, known[key])
        no_nul(path, key, value)
    return data


def _places(path: str, data: Mapping[str, Any]) -> dict[str, list[str]]:
    """Folders of toolchains that the user named, as absolute paths."""
    folders = data.get("wasi_sdk", [])
    if not all(isinstance(folder, str) and folder for folder in folders):
        raise BadInput(
            f"{path}: wasi_sdk: expected a list of folders like '/opt/wasi-sdk', found {folders!r}"
        )
    return {"wasi_sdk": [os.path.abspath(os.path.expanduser(folder)) for folder in folders]}


def _choose(path: str, key: str, data: Mapping[str, Any], known: Mapping[str, T]) -> list[T]:
    names = data.get(key)
    if not names:
        raise BadInput(f"{path}: {key}: empty; known: {', '.join(known)}")
    for name in names:
        if not isinstance(name, str) or name not in known:
            found = near_miss(name, known) if isinstance(name, str) else ""
            what = key.rpartition("_")[2][:-1]
            raise BadInput(f"{path}: {key}: unknown {what} {name!r}{found}")
    return [known[name] for name in dict.fromkeys(names)]


def _reference(
    path: str,
    data: Mapping[str, Any],
    toolchains: Mapping[str, Toolchain],
    variants: Mapping[str, Variant],
) -> tuple[Toolchain, Variant]:
    entry = data.get("reference", {})
    only(path, "reference", entry, ["toolchain", "variant"])
    known: Mapping[str, Any]
    for key, known in (("toolchain", toolchains), ("variant", variants)):
        name = entry.get(key)
        if not isinstance(name, str) or name not in known:
            hint = near_miss(name, known) if isinstance(name, str) else f"; known: {', '.join(known)}"
            raise BadInput(f"{path}: reference.{key}: unknown {key} {name!r}{hint}")
    return toolchains[entry["toolchain"]], variants[entry["variant"]]


def _filter(key: str, variables: Mapping[str, str], default: list[T], known: Iterable[T]) -> list[T]:
    """The known things whose names match one of the patterns; the default without patterns."""
    if key not in variables:
        return list(default)
    names = {item.name: item for item in [*default, *known]}  # type: ignore[attr-defined]
    patterns = [p.strip() for p in variables[key].split(",") if p.strip()]
    if not patterns:
        raise BadInput(f"command line: {key}= is empty; known: {', '.join(names)}")
    chosen: set[str] = set()
    for pattern in patterns:
        found = fnmatch.filter(names, pattern)
        if not found:
            raise BadInput(f"command line: {key}: {pattern!r} matches nothing{near_miss(pattern, names)}")
        chosen.update(found)
    return [item for name, item in names.items() if name in chosen]
