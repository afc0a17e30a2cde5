"""TOML files -> checked objects: read by tomli, converted by msgspec, refused in one line.

A type describes a file: Structs with ``forbid_unknown_fields=True``, and ``Annotated[..., Meta(...)]`` for
bounds. ``Meta(description=…)`` is what a message says was expected, in place of the words for the type.
Not ``Meta(pattern=…)``: msgspec 0.22 miscounts references to patterns, which crashes Python in a union of a
string and a list (msgspec issue 717). ``matches`` is in its place.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Collection, Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct

from pipeline.core.errors import BadInput, near_miss

T = TypeVar("T")

#: No "=": doit takes a task of such a name for a variable. No "@": a version follows it.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,79}")
#: A string that is not empty.
Text = Annotated[str, Meta(min_length=1, description="a string")]
Texts = Annotated[tuple[Text, ...], Meta(min_length=1, description="a list of strings, one at least")]

_SHA256 = re.compile(r"[0-9a-f]{64}")
_WORDS = {
    str: "a string",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    date: "a date",
}
_BARE_KEY = re.compile(r"[A-Za-z0-9_.+@-]+")
_LONGEST_LINE = 300
_MOST_SHOWN = 80


def read(path: str) -> dict[str, Any]:
    """The content of a TOML file; raises BadInput naming it."""
    import tomli

    try:
        return tomli.loads(Path(path).read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: not UTF-8: {error.reason} at byte {error.start}") from None
    except (ValueError, RecursionError) as error:  # tomli's own is a ValueError, and so are endless numbers
        raise BadInput(f"{path}: not TOML: {str(error)[:200]}") from None
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}; run doit in the project's folder") from None


def convert(path: str, data: object, kind: type[T], key: str = "", also: Collection[str] = ()) -> T:
    """The data as an object of a type; raises BadInput: ``path: key: expected …, found …``.

    ``path`` is the file, or "command line"; ``key`` is where in it the data is, "" for all of it.
    An unknown key is reported with the nearest known one; ``also`` are further known keys at the top.
    """
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        found = next(_problems(key, data, kind, also), f"{key}: {error}")
        raise BadInput(f"{path}: {found}") from None


def convert_parts(path: str, data: dict[str, Any], kind: type[T]) -> tuple[T, list[str]]:
    """(the data without the keys at its top that are wrong, as an object; all that is wrong with those).

    For types all of whose keys have a default.
    """
    found = {key: list(_problems("", {key: value}, kind)) for key, value in data.items()}
    kept = {key: value for key, value in data.items() if not found[key]}
    return convert(path, kept, kind), [problem for problems in found.values() for problem in problems]


def one_of(where: str, word: str, value: str, known: Collection[str]) -> None:
    """Raises BadInput unless the value is a known one; ``word`` is what it is: "variant", "toolchain"."""
    if value not in known:
        raise BadInput(f"{where}: unknown {word} {value!r}{near_miss(value, known)}")


def matches(path: str, key: str, text: str, pattern: re.Pattern[str], expected: str) -> str:
    """The text if all of it matches the pattern; raises BadInput saying what was expected."""
    if not pattern.fullmatch(text):
        raise BadInput(f"{path}: {key}: expected {expected}, found {_shown(text)}")
    return text


def named(path: str, where: str, name: str) -> str:
    """A name that a user gives: it becomes part of paths, task names and patterns. Raises BadInput."""
    rule = "a name: letters, digits and . _ + -, at most 80, the first a letter or a digit"
    return matches(path, where, name, NAME, rule)


def sha256(path: str, key: str, digest: str | None) -> str | None:
    """A SHA-256 as it is written, or None; raises BadInput."""
    return digest if digest is None else matches(path, key, digest, _SHA256, "64 hexadecimal digits")


def line(where: str, text: str) -> str:
    """Text that a terminal can print as it is; raises BadInput for control and invisible characters."""
    if not text.isprintable() or len(text) > _LONGEST_LINE:
        raise BadInput(f"{where}: expected one line of at most {_LONGEST_LINE} printable characters")
    return text


def key_path(table: str, key: str) -> str:
    """How messages write a key of a table: "variants.O3", quoted where TOML wants it; "" is the top."""
    shown = key if _BARE_KEY.fullmatch(key) else _shown(key)
    return f"{table}.{shown}" if table else shown


def no_nul(path: str, key: str, value: object) -> None:
    """Raises BadInput for NUL, the one character that no file name and no argument can have."""
    if isinstance(value, str) and "\0" in value:
        raise BadInput(f"{path}: {key}: expected text without NUL, found {_shown(value)}")
    if isinstance(value, dict):
        for name, entry in value.items():
            no_nul(path, key_path(key, name), entry)
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            no_nul(path, f"{key}[{index}]", entry)


def given(variable: str, text: str, kind: type[T]) -> T:
    """A number of the command line, ``variable=text``; raises BadInput."""
    value: int | float
    if re.fullmatch(r"[0-9]{1,20}", text):
        value = int(text)
    elif re.fullmatch(r"[0-9]{0,20}\.[0-9]{1,20}", text):
        value = float(text)
    else:
        raise BadInput(f"command line: {variable}: expected {_expected(kind)}, found {_shown(text)}")
    return convert("command line", value, kind, variable)


def _problems(at: str, value: object, kind: Any, also: Collection[str] = ()) -> Iterator[str]:
    """What is wrong with a value of a type, in its parts if they are: ``key: expected …, found …``."""
    try:
        msgspec.convert(value, kind)
        return
    except msgspec.ValidationError:
        pass
    description, bare = _split(kind)
    members = _members(bare)
    parts = [*_wrong_tag(at, value, members)] if isinstance(value, dict) else []
    for member in members:
        parts += _inside(at, value, _split(member)[1], also)
    if parts:
        yield from parts
        return
    literals = [x for member in members if _is_literal(member) for x in typing.get_args(member)]
    prefix = f"{at}: " if at else ""
    if isinstance(value, str) and literals and not description:
        yield f"{prefix}unknown value {_shown(value)}{near_miss(value, literals)}"
    yield f"{prefix}expected {description or _expected(kind)}, found {_shown(value)}"


def _wrong_tag(at: str, value: dict[str, Any], members: list[Any]) -> Iterator[str]:
    """Where a key of the table says which of several types it has (``tag_field``): an unknown one."""
    configs = [member.__struct_config__ for member in members if hasattr(member, "__struct_config__")]
    tags = {str(config.tag): config.tag_field for config in configs if config.tag_field is not None}
    for field in dict.fromkeys(tags.values()):
        if field not in value:
            yield f"{key_path(at, field)}: missing; expected {' or '.join(map(repr, tags))}"
        elif (tag := value[field]) not in list(tags):
            yield f"{key_path(at, field)}: unknown value {_shown(tag)}{near_miss(str(tag), tags)}"


def _inside(at: str, value: object, kind: Any, also: Collection[str]) -> Iterator[str]:
    """What is wrong with the parts of a table or a list, if the type is one as well."""
    arguments = typing.get_args(kind)
    if isinstance(value, dict) and isinstance(kind, type) and issubclass(kind, Struct):
        yield from _inside_struct(at, value, kind, also)
    elif isinstance(value, dict) and typing.get_origin(kind) is dict:
        for key, entry in value.items():
            yield from _problems(key_path(at, key), key, arguments[0])
            yield from _problems(key_path(at, key), entry, arguments[1])
    elif isinstance(value, list) and typing.get_origin(kind) in (list, tuple):
        for index, entry in enumerate(value):
            yield from _problems(f"{at}[{index}]", entry, arguments[0])


def _inside_struct(
    at: str, value: dict[str, Any], kind: type[Struct], also: Collection[str]
) -> Iterator[str]:
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    tag = kind.__struct_config__.tag_field
    if tag is not None and value.get(tag) != kind.__struct_config__.tag:
        return
    for key in value:
        if key not in fields and key != tag:
            yield f"{f'{at}: ' if at else ''}unknown key {key!r}{near_miss(key, [*fields, *also])}"
    for key, field in fields.items():
        if key in value:
            yield from _problems(key_path(at, key), value[key], field.type)
        elif field.required:
            yield f"{key_path(at, key)}: missing; expected {_expected(field.type)}"


def _split(kind: Any) -> tuple[str, Any]:
    """(description, type without its annotations)."""
    if typing.get_origin(kind) is not Annotated:
        return "", kind
    bare, *metas = typing.get_args(kind)
    return next((meta.description for meta in metas if isinstance(meta, Meta) and meta.description), ""), bare


def _members(kind: Any) -> list[Any]:
    """The types of a union that TOML can have; any other type by itself."""
    if typing.get_origin(kind) not in (typing.Union, types.UnionType):
        return [kind]
    return [each for each in typing.get_args(kind) if each not in (type(None), msgspec.UnsetType)]


def _expected(kind: Any) -> str:
    """The type in words: "a whole number from 1 to 1000"."""
    description, bare = _split(kind)
    if description:
        return description
    members = _members(bare)
    if len(members) > 1:
        return " or ".join(map(_expected, members))
    (bare,) = members
    if bare is not kind and typing.get_origin(bare) is Annotated:  # of X | None
        return _expected(bare)
    if _is_literal(bare):
        return " or ".join(repr(value) for value in typing.get_args(bare))
    if typing.get_origin(bare) in (list, tuple):
        words = _expected(typing.get_args(bare)[0])
        return "a list of strings" if words == "a string" else f"a list; each: {words}"
    return f"{_WORDS.get(bare, 'a table')}{_bounds(kind)}"


def _is_literal(kind: Any) -> bool:
    return typing.get_origin(kind) is typing.Literal


def _bounds(kind: Any) -> str:
    metas = typing.get_args(kind)[1:] if typing.get_origin(kind) is Annotated else ()
    words = ""
    for meta in metas:
        for bound, word in (("gt", "above"), ("ge", "from"), ("lt", "below"), ("le", "to")):
            if (value := getattr(meta, bound)) is not None:
                words += f" {word} {value}"
    return words


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 1]}…"
