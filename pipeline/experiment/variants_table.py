"""The [variants] table and flags= -> variants: the flags of the compiler, the linker and wasm-opt."""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated

from msgspec import Meta, Struct

from pipeline.core import toml_file
from pipeline.core.errors import BadInput
from pipeline.core.toml_file import NAME, Text
from pipeline.experiment import file_flags
from pipeline.experiment.file_flags import FileFlags
from pipeline.wasm.feature_probes import FEATURES
from toolchain.model import Variant

Flags = Annotated[str, Meta(description="a string like '-O3 -msimd128'")]
Needs = Annotated[tuple[Text, ...], Meta(description="a list of wasm features like ['simd128']")]


class VariantTable(Struct, frozen=True, forbid_unknown_fields=True):
    """An entry of [variants]."""

    base: Text | None = None  # the variant whose flags come first
    flags: Flags | None = None
    link: Flags = ""
    wasm_opt: Flags | None = None
    needs: Needs = ()


def read(path: str, tables: Mapping[str, VariantTable]) -> dict[str, Variant]:
    """Every variant of the matrix, including what it inherits; raises BadInput naming file and key."""
    if not tables:
        raise BadInput(f"{path}: variants: the table is empty; expected e.g. O3 = {{ flags = '-O3' }}")
    return {name: _resolve(path, name, tables, ()) for name in tables}


def _resolve(path: str, name: str, tables: Mapping[str, VariantTable], above: Sequence[str]) -> Variant:
    where = f"{path}: variants.{name}"
    if name in above:
        circle = " -> ".join([*above[above.index(name) :], name])
        raise BadInput(f"{where}.base: it inherits from itself: {circle}")
    table = tables[name]
    own = parse(where, table, name)
    if table.base is None:
        if not own.flags:
            problem = "missing" if table.flags is None else "empty"
            raise BadInput(f"{where}.flags: {problem}; expected a string like '-O3 -msimd128'")
        return own
    toml_file.one_of(f"{where}.base", "variant", table.base, tables)
    base = _resolve(path, table.base, tables, [*above, name])
    opt = base.wasm_opt if own.wasm_opt is None else own.wasm_opt
    needs = tuple(dict.fromkeys(base.needs + own.needs))
    return Variant(name, base.flags + own.flags, base.link + own.link, opt, needs)


def parse(where: str, table: VariantTable, name: str = "") -> Variant:
    """What a table says itself, without its base; raises BadInput. ``where`` begins each message."""
    for feature in table.needs:
        toml_file.one_of(f"{where}.needs", "feature", feature, FEATURES)
    opt = None
    if table.wasm_opt is not None:
        opt = _words(f"{where}.wasm_opt", table.wasm_opt, file_flags.WASM_OPT)
        if not opt:
            raise BadInput(f"{where}.wasm_opt: empty; expected flags like '-O3'")
    flags = _words(f"{where}.flags", table.flags or "", file_flags.COMPILER)
    link = _words(f"{where}.link", table.link, file_flags.LINKER)
    return Variant(name, flags, link, opt, tuple(dict.fromkeys(table.needs)))


def _words(where: str, text: str, files: FileFlags) -> tuple[str, ...]:
    """The words of flags as a shell splits them."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise BadInput(f"{where}: {text!r}: {error}") from None
    files.refuse(where, words)
    return tuple(words)


def extra(variables: Mapping[str, str], existing: Mapping[str, Variant]) -> list[Variant]:
    """The variants of flags='…;…'; the first word of each may be the name of its base."""
    if "flags" not in variables:
        return []
    where = "command line: flags"
    by_names = dict(existing)
    chosen = []
    for words in _split(where, variables["flags"]):
        base = existing.get(words[0], Variant("", ()))
        flags = tuple(words[1:]) if base.name else tuple(words)
        file_flags.COMPILER.refuse(where, flags)
        variant = _named(base, flags, by_names)
        by_names[variant.name] = variant
        chosen.append(variant)
    return chosen


def _split(where: str, text: str) -> list[list[str]]:
    """Words as a shell would read them, in lists that ";" separates."""
    if not text.isprintable():  # it goes into files that are UTF-8
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
    """The digest of a variant without its name."""
    parts = (variant.flags, variant.link, variant.wasm_opt, variant.needs)
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def by_name(variants: Iterable[Variant]) -> dict[str, Variant]:
    return {variant.name: variant for variant in variants}
