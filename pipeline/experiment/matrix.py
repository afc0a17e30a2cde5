"""matrix.toml and the command line -> Plan: what is to be built and measured, checked to the last key.

Three steps: ``matrix_toml.read`` checks the file, ``select`` finds what is asked for, ``resolve`` finds it on
this machine. Only the last one looks for toolchains and runtimes.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from pipeline.core import paths, toml_file
from pipeline.core.errors import BadInput
from pipeline.core.model import Backend, Prebuilt, Protocol, Workload
from pipeline.experiment import (
    backend_selection,
    matrix_toml,
    prebuilt_table,
    protocols_table,
    tune_table,
    variants_table,
)
from pipeline.experiment.choose_by_name import choose, filtered, only_one, words
from pipeline.experiment.matrix_toml import Tables
from pipeline.experiment.plan import DEFAULT_THRESHOLD_PERCENT, Plan, Sweep
from pipeline.experiment.search_space import Tuning
from pipeline.workloads import selection, validators
from toolchain import discover as discover_toolchains
from toolchain.model import Toolchain, Variant

#: How often the self-test measures each backend against itself.
DEFAULT_REPEATS = 4

#: With artifact=, any of these asks for builds of our own as well.
_BUILD_VARIABLES = {"toolchains", "variants", "flags"}

_Repeats = Annotated[int, Meta(ge=1, le=1000)]
_Threshold = Annotated[float, Meta(ge=0, le=99)]


@dataclass(frozen=True)
class Request:
    """The tables of matrix.toml, whose path is for messages, and the variables of the command line."""

    path: str
    tables: Tables
    variables: Mapping[str, str]


@dataclass(frozen=True)
class Selection:
    """What matrix.toml and the command line ask for, before this machine is searched for it."""

    workloads: tuple[Workload, ...]
    all_variants: Mapping[str, Variant]
    variants: tuple[Variant, ...]
    builds: bool  # whether anything but the reference is built
    protocol: Protocol
    sweep: Sweep | None
    tuning: Tuning | None
    prebuilt: tuple[Prebuilt, ...]


def load(variables: Mapping[str, str], path: str = paths.MATRIX, *, every: bool = False) -> Plan:
    """Read the matrix and apply the command line; raises BadInput naming file and key.

    ``every``: all of the project's workloads are meant where none is named.
    """
    parties = selection.third_parties()
    tables, folders = matrix_toml.read(path, parties)
    folders |= {name: variables[name] for name in parties if name in variables}
    checkouts = selection.checkouts(folders)
    asked = Request(path, tables, variables)
    return resolve(asked, select(asked, every=every), checkouts)


def select(asked: Request, *, every: bool = False) -> Selection:
    """What is asked for; reads files that matrix.toml and the command line name. Raises BadInput."""
    all_variants = variants_table.read(asked.path, asked.tables.variants)
    sweep = backend_selection.sweep(asked.path, asked.tables.sweeps, asked.variables)
    tuning = tune_table.tuning(
        asked.path, asked.tables.tune, asked.tables.hints, asked.variables, all_variants
    )
    workloads = selection.chosen(asked.path, asked.tables.workloads, asked.variables, every=every)
    if tuning is not None and not asked.variables.keys() & {"workload", "workloads"}:
        workloads = workloads[:1]  # a search for all of them takes long: it is asked for
    # With backend=, budget= is the search's, with old= the comparison's, and not that of a cell's rounds.
    others = tuning is not None or "old" in asked.variables
    own = {key: value for key, value in asked.variables.items() if not others or key != "budget"}
    builds = "artifact" not in asked.variables or bool(asked.variables.keys() & _BUILD_VARIABLES)
    builds = builds and any(workload.built for workload in workloads)
    return Selection(
        workloads=tuple(workloads),
        all_variants=all_variants,
        variants=tuple(_variants(asked, all_variants, sweep, tuning)) if builds else (),
        builds=builds,
        protocol=protocols_table.choose(
            asked.path, asked.tables.protocols, asked.tables.measurement, asked.tables.protocol, own
        ),
        sweep=sweep,
        tuning=tuning,
        prebuilt=_prebuilt(asked, all_variants, workloads, sweep or tuning),
    )


def _variants(
    asked: Request, known: Mapping[str, Variant], sweep: Sweep | None, tuning: Tuning | None
) -> Sequence[Variant]:
    if tuning is not None:
        return tuning.baselines
    default = list(known.values())
    if asked.tables.default_variants is not None:
        default = choose(asked.path, "default_variants", asked.tables.default_variants, known)
    if sweep is not None:
        default = filtered("variants", {"variants": ",".join(sweep.variants)}, default, known.values())
    else:
        default = filtered("variants", asked.variables, default, known.values())
    by_name = {variant.name: variant for variant in (*default, *variants_table.extra(asked.variables, known))}
    return list(by_name.values())


def _prebuilt(
    asked: Request, names: Mapping[str, Variant], workloads: Sequence[Workload], other: Sweep | Tuning | None
) -> tuple[Prebuilt, ...]:
    """The prebuilt modules to measure; those of [artifacts] only in a plain run of one workload."""
    if "artifact" in asked.variables:
        modules = prebuilt_table.from_command_line(asked.variables["artifact"], names)
        if len(workloads) > 1:
            raise BadInput("command line: artifact=: of which workload is it? Name one, as workload=NAME")
        if not validators.prebuilt_sessions_of(workloads[0]):
            raise BadInput(
                f"command line: artifact=: there is no way to run prebuilt modules of {workloads[0].name}"
            )
        return modules
    modules = prebuilt_table.from_matrix(asked.path, asked.tables.artifacts, names)
    if not modules or other is not None or len(workloads) > 1:
        return ()
    return modules if validators.prebuilt_sessions_of(workloads[0]) else ()


def resolve(asked: Request, chosen: Selection, checkouts: Mapping[str, str]) -> Plan:
    """The plan for this machine: looks for toolchains and runtimes. Raises BadInput."""
    places = {"wasi_sdk": [os.path.abspath(os.path.expanduser(folder)) for folder in asked.tables.wasi_sdk]}
    known_toolchains = discover_toolchains(places)
    known_backends = backend_selection.known(asked.path, asked.tables.runtimes)
    backends = _backends(asked, known_backends, chosen.sweep)
    if "engines" in asked.variables:
        named = words("engines", asked.variables)
        backends = backend_selection.with_engines("command line: engines", backends, named)
    if "artifact" in asked.variables and all(backend.native for backend in backends):
        raise BadInput("command line: backends: native runs no wasm module; artifact= needs one that does")
    return Plan(
        workloads=chosen.workloads,
        toolchains=tuple(_toolchains(asked, known_toolchains, chosen)),
        variants=chosen.variants,
        backends=tuple(backends),
        protocol=chosen.protocol,
        repeats=toml_file.given("repeats", asked.variables.get("repeats", str(DEFAULT_REPEATS)), _Repeats),
        reference=_reference(asked.path, asked.tables.reference, known_toolchains, chosen.all_variants),
        checkouts=checkouts,
        sweep=chosen.sweep,
        sweeps=tuple(asked.tables.sweeps),
        known=known_backends,
        known_toolchains=known_toolchains,
        origins={name: f"{asked.path}: variants.{name}" for name in chosen.all_variants},
        tune=chosen.tuning,
        prebuilt=chosen.prebuilt,
        bundle=_bundle(asked.variables),
        baseline=_baseline(asked.variables, backends),
        threshold=toml_file.given(
            "threshold", asked.variables.get("threshold", str(DEFAULT_THRESHOLD_PERCENT)), _Threshold
        ),
        given=dict(asked.variables),
    )


def _toolchains(asked: Request, known: Mapping[str, Toolchain], chosen: Selection) -> list[Toolchain]:
    default = choose(asked.path, "toolchains", asked.tables.toolchains, known)
    found = filtered("toolchains", asked.variables, default, known.values())
    if chosen.tuning is not None:
        found = only_one("toolchains", found, given="toolchains" in asked.variables)
    return found if chosen.builds else []


def _backends(asked: Request, known: Mapping[str, Backend], sweep: Sweep | None) -> list[Backend]:
    if sweep is not None:
        return backend_selection.swept(f"{asked.path}: sweeps.{sweep.runtime}", sweep, known)
    # Never both: tune_table.tuning refuses that.
    key = "backend" if "backend" in asked.variables else "backends"
    if key not in asked.variables:
        return backend_selection.default(asked.path, asked.tables.backends, known)
    return backend_selection.pick(f"command line: {key}", words(key, asked.variables, known), known)


def _reference(
    path: str,
    reference: matrix_toml.Reference,
    toolchains: Mapping[str, Toolchain],
    known: Mapping[str, Variant],
) -> tuple[Toolchain, Variant]:
    toml_file.one_of(f"{path}: reference.toolchain", "toolchain", reference.toolchain, toolchains)
    toml_file.one_of(f"{path}: reference.variant", "variant", reference.variant, known)
    return toolchains[reference.toolchain], known[reference.variant]


def _baseline(variables: Mapping[str, str], backends: Sequence[Backend]) -> str | None:
    if "baseline" not in variables:
        return None
    names = [backend.name for backend in backends if not backend.native]
    toml_file.one_of("command line: baseline", "backend", variables["baseline"], names)
    return variables["baseline"]


def _bundle(variables: Mapping[str, str]) -> str | None:
    if variables.get("bundle") == "":
        raise BadInput("command line: bundle= is empty; give a file that doit run bundle made")
    return os.path.expanduser(variables["bundle"]) if "bundle" in variables else None
