"""The [variants] table and flags= -> variants: what is told to a compiler, a linker and wasm-opt."""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pipeline.core.errors import BadInput, near_miss
from pipeline.core.toml_checks import NAME, named, only, table
from toolchain.model import Variant

#: Features of WebAssembly by the names that LLVM's target_features section has for them.
FEATURES = (
    "atomics",
    "bulk-memory",
    "call-indirect-overlong",
    "exception-handling",
    "extended-const",
    "legacy-exceptions",
    "memory64",
    "multimemory",
    "multivalue",
    "mutable-globals",
    "nontrapping-fptoint",
    "reference-types",
    "relaxed-simd",
    "sign-ext",
    "simd128",
    "tail-call",
)
_KEYS = ("base", "flags", "link", "wasm_opt", "needs")
#: Flags that name files or folders of the user's: a change there would go unseen.
_FILE_FLAGS = ("@", "-include", "-imacros", "-I", "-isystem", "-iquote", "-fprofile-use", "-fprofile-instr")
_FILE_LINK_FLAGS = ("@", "-l", "-L", "-T", "-o", "--script", "--version-script", "--library", "--output")
_FILE_OPT_FLAGS = ("@", "-o", "--output", "-S", "--emit-text", "--symbolmap", "--output-source-map")


def read(path: str, data: Mapping[str, Any]) -> dict[str, Variant]:
    """Every variant of the matrix, what it inherits included; raises BadInput naming file and key."""
    tables = table(path, data, "variants")
    if not tables:
        raise BadInput(f"{path}: variants: the table is empty; expected e.g. O3 = {{ flags = '-O3' }}")
    for name, entry in tables.items():
        named(path, f"variants.{name}", name)
        only(path, f"variants.{name}", entry, _KEYS)
    return {name: _resolve(path, name, tables, ()) for name in tables}


def _resolve(path: str, name: str, tables: Mapping[str, Mapping[str, Any]], above: Sequence[str]) -> Variant:
    where = f"{path}: variants.{name}"
    if name in above:
        circle = " -> ".join([*above[above.index(name) :], name])
        raise BadInput(f"{where}.base: it inherits from itself: {circle}")
    entry = tables[name]
    base = None
    if "base" in entry:
        if not isinstance(entry["base"], str) or entry["base"] not in tables:
            hint = near_miss(str(entry["base"]), [x for x in tables if x != name])
            raise BadInput(f"{where}.base: unknown variant {entry['base']!r}{hint}")
        base = _resolve(path, entry["base"], tables, [*above, name])
    elif not isinstance(entry.get("flags"), str):
        raise BadInput(f"{where}.flags: expected a string like '-O3 -msimd128'")
    flags = _texts(where, entry, "flags", _FILE_FLAGS, required=base is None)
    link = _texts(where, entry, "link", _FILE_LINK_FLAGS)
    needs = _needs(where, entry)
    opt = _texts(where, entry, "wasm_opt", _FILE_OPT_FLAGS, required=True) if "wasm_opt" in entry else None
    if base is not None:
        flags, link, needs = base.flags + flags, base.link + link, base.needs + needs
        opt = base.wasm_opt if opt is None else opt
    return Variant(name, flags, link, opt, tuple(dict.fromkeys(needs)))


def _needs(where: str, entry: Mapping[str, Any]) -> tuple[str, ...]:
    needs = entry.get("needs", [])
    if not isinstance(needs, list) or not all(isinstance(x, str) for x in needs):
        raise BadInput(f"{where}.needs: expected a list of wasm features, found {needs!r}")
    for feature in needs:
        if feature not in FEATURES:
            raise BadInput(f"{where}.needs: unknown feature {feature!r}{near_miss(feature, FEATURES)}")
    return tuple(dict.fromkeys(needs))


def _texts(
    where: str, entry: Mapping[str, Any], key: str, files: tuple[str, ...], required: bool = False
) -> tuple[str, ...]:
    text = entry.get(key, "")
    if not isinstance(text, str):
        raise BadInput(f"{where}.{key}: expected a string like '-O3 -msimd128', found {text!r}")
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise BadInput(f"{where}.{key}: {text!r}: {error}") from None
    if required and not words:
        raise BadInput(f"{where}.{key}: empty; expected flags like '-O3'")
    _track(f"{where}.{key}", words, files)
    return tuple(words)


def _track(where: str, words: Sequence[str], files: tuple[str, ...]) -> None:
    for word in words:
        if word.startswith(files):
            raise BadInput(f"{where}: {word!r} makes the artifact depend on a file that nothing tracks")


def extra(variables: Mapping[str, str], existing: Mapping[str, Variant]) -> list[Variant]:
    """The variants of flags='…;…'; the first word of each may name a variant that it goes on from."""
    if "flags" not in variables:
        return []
    where = "command line: flags"
    found = dict(existing)
    chosen = []
    for words in _split(where, variables["flags"]):
        base = existing.get(words[0], Variant("", ()))
        flags = tuple(words[1:]) if base.name else tuple(words)
        _track(where, flags, _FILE_FLAGS)
        variant = _named(base, flags, found)
        found[variant.name] = variant
        chosen.append(variant)
    return chosen


def _split(where: str, text: str) -> list[list[str]]:
    """Words as a shell would read them, in lists that ";" separates."""
    if not text.isprintable():  # they are written down, in files that are UTF-8
        raise BadInput(f"{where}: {text!r}: expected printable text")
    lexer = shlex.shlex(text, posix=True, punctuation_chars=";")
    lexer.whitespace_split, lexer.commenters = True, ""
    lists: list[list[str]] = [[]]
    try:
        for word in lexer:
            if set(word) == {";"}:
                lists.append([])
            else:
                lists[-1].append(word)
    except ValueError as error:
        raise BadInput(f"{where}: {text!r}: {error}") from None
    lists = [words for words in lists if words]
    if not lists:
        raise BadInput(f"{where}= is empty; expected e.g. flags='-O3 -msimd128'")
    return lists


def _named(base: Variant, flags: tuple[str, ...], existing: Mapping[str, Variant]) -> Variant:
    """The variant of these flags: one that exists, or a new one, "O3-msimd128" for -O3 -msimd128."""
    whole = Variant("", base.flags + flags, base.link, base.wasm_opt, base.needs)
    for variant in existing.values():
        if Variant("", variant.flags, variant.link, variant.wasm_opt, variant.needs) == whole:
            return variant
    name = re.sub(r"[^A-Za-z0-9._+-]", "_", base.name + "".join(flags)).lstrip("-._+")
    if not NAME.fullmatch(name) or name in existing:
        name = f"{name[:40] or 'flags'}-{digest(whole)[:8]}"
    return Variant(name, whole.flags, whole.link, whole.wasm_opt, whole.needs)


def digest(variant: Variant) -> str:
    """Of all that a variant says but its name."""
    parts = (variant.flags, variant.link, variant.wasm_opt, variant.needs)
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def by_name(variants: Iterable[Variant]) -> dict[str, Variant]:
    return {variant.name: variant for variant in variants}
