"""matrix.toml and the command line -> Plan: what is to be built and measured, checked to the last key."""

from __future__ import annotations

import fnmatch
import hashlib
import os
import re
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pipeline import choice, layout, protocols
from pipeline.errors import BadInput, near_miss
from pipeline.model import Backend
from pipeline.plan import Plan
from pipeline.tables import NAME, given_number, named, only, table, typed
from toolchain import discover as discover_toolchains
from toolchain.model import Toolchain, Variant

T = TypeVar("T")

#: How often the self-test measures each backend against itself.
DEFAULT_REPEATS = 4

#: What may stand on the command line, as ``name=value``; README.md says what each does.
VARIABLES = (
    "variants",
    "backends",
    "toolchains",
    "flags",
    "protocol",
    "rounds",
    "half_width",
    "budget",
    "repeats",
    "runtime",
    "versions",
    "coremark",
)

_KEYS: dict[str, type] = {
    "toolchains": list,
    "backends": object,
    "protocol": str,
    "reference": dict,
    "coremark": str,
    "variants": dict,
    "protocols": dict,
    "measurement": dict,
    "runtimes": dict,
    "sweeps": dict,
}
#: Flags that name files or folders of the user's: a change there would go unseen.
_FILE_FLAGS = ("@", "-include", "-imacros", "-I", "-isystem", "-iquote", "-fprofile-use", "-fprofile-instr")


def load(variables: Mapping[str, str], path: str = layout.MATRIX) -> Plan:
    """Read the matrix and apply the command line; raises BadInput naming file and key."""
    for name in variables:
        if name not in VARIABLES:
            raise BadInput(f"command line: unknown {name}={near_miss(name, VARIABLES)}")
    data = _read(path)
    known_toolchains = discover_toolchains()
    known_backends = choice.known(path, data)
    variants = {name: _variant(path, name, entry) for name, entry in table(path, data, "variants").items()}
    if not variants:
        raise BadInput(f"{path}: variants: the table is empty; expected e.g. O3 = {{ flags = '-O3' }}")
    default_toolchains = _choose(path, "toolchains", data, known_toolchains)
    sweep = choice.sweep(path, data, variables)
    protocol = protocols.protocol(path, data, variables)
    reference = _reference(path, data, known_toolchains, variants)
    checkout = variables.get("coremark", data.get("coremark"))
    if checkout == "":
        raise BadInput("coremark= is empty; give the folder that holds core_main.c")
    checkout = os.path.expanduser(checkout) if checkout else None

    wanted = variables
    if sweep is not None:
        wanted = {**variables, "variants": ",".join(sweep.variants)}
    chosen_variants = _filter("variants", wanted, list(variants.values()), variants.values())
    for flags in _extra_flags(variables):
        chosen_variants.append(_named_after(flags, {**variants, **_by_name(chosen_variants)}))
    return Plan(
        toolchains=tuple(_filter("toolchains", variables, default_toolchains, known_toolchains.values())),
        variants=tuple(_by_name(chosen_variants).values()),
        backends=tuple(_backends(path, data, variables, known_backends, sweep)),
        protocol=protocol,
        repeats=int(given_number("repeats", "repeats", variables.get("repeats", str(DEFAULT_REPEATS)))),
        reference=reference,
        checkout=checkout,
        sweep=sweep,
        sweeps=tuple(data.get("sweeps", {})),
        known=known_backends,
        origins={name: f"{path}: variants.{name}" for name in variants},
    )


def _backends(
    path: str,
    data: Mapping[str, Any],
    variables: Mapping[str, str],
    known: Mapping[str, Backend],
    sweep: choice.Sweep | None,
) -> list[Backend]:
    if sweep is not None:
        return choice.swept(f"{path}: sweeps.{sweep.runtime}", sweep, known)
    if "backends" not in variables:
        return choice.default(path, data, known)
    patterns = [p.strip() for p in variables["backends"].split(",") if p.strip()]
    if not patterns:
        raise BadInput(f"command line: backends= is empty; known: {', '.join(known)}")
    return choice.pick("command line: backends", patterns, known)


def _read(path: str) -> dict[str, Any]:
    import tomli

    try:
        data = tomli.loads(Path(path).read_text(encoding="utf-8"))
    except tomli.TOMLDecodeError as error:
        raise BadInput(f"{path}: not TOML: {error}") from None
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}; run doit in the project's folder") from None
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: not UTF-8: {error.reason} at byte {error.start}") from None
    for key, value in data.items():
        if key not in _KEYS:
            raise BadInput(f"{path}: unknown key {key!r}{near_miss(key, _KEYS)}")
        typed(path, key, value, _KEYS[key])
    return data


def _variant(path: str, name: str, entry: Mapping[str, Any]) -> Variant:
    where = f"variants.{name}"
    named(path, where, name)
    only(path, where, entry, ["flags"])
    if not isinstance(entry.get("flags"), str):
        raise BadInput(f"{path}: {where}.flags: expected a string like '-O3 -msimd128'")
    return Variant(name, _split(f"{path}: {where}.flags", entry["flags"]))


def _split(where: str, text: str) -> tuple[str, ...]:
    try:
        flags = tuple(shlex.split(text))
    except ValueError as error:
        raise BadInput(f"{where}: {text!r}: {error}") from None
    if not flags:
        raise BadInput(f"{where}: empty; expected compile flags like '-O3'")
    for flag in flags:
        if flag.startswith(_FILE_FLAGS):
            raise BadInput(f"{where}: {flag!r} makes the artifact depend on a file that nothing tracks")
    return flags


def _choose(path: str, key: str, data: Mapping[str, Any], known: Mapping[str, T]) -> list[T]:
    names = data.get(key)
    if not names:
        raise BadInput(f"{path}: {key}: empty; known: {', '.join(known)}")
    for name in names:
        if not isinstance(name, str) or name not in known:
            found = near_miss(name, known) if isinstance(name, str) else ""
            raise BadInput(f"{path}: {key}: unknown {key[:-1]} {name!r}{found}")
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


def _extra_flags(variables: Mapping[str, str]) -> list[tuple[str, ...]]:
    if "flags" not in variables:
        return []
    texts = [text for text in variables["flags"].split(";") if text.strip()]
    if not texts:
        raise BadInput("command line: flags= is empty; expected e.g. flags='-O3 -msimd128'")
    return [_split("command line: flags", text) for text in texts]


def _named_after(flags: tuple[str, ...], existing: Mapping[str, Variant]) -> Variant:
    """The variant of these flags: one that exists, or a new one, "O3-msimd128" for -O3 -msimd128."""
    for variant in existing.values():
        if variant.flags == flags:
            return variant
    name = re.sub(r"[^A-Za-z0-9._+-]", "_", "".join(flags)).lstrip("-._+")
    if not NAME.fullmatch(name) or name in existing:
        name = (name[:40] or "flags") + "-" + hashlib.sha256("\0".join(flags).encode()).hexdigest()[:8]
    return Variant(name, flags)


def _by_name(variants: Iterable[Variant]) -> dict[str, Variant]:
    return {variant.name: variant for variant in variants}
