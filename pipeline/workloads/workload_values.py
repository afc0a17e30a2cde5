"""Checks of single keys of a workload.toml that its types do not make: a value, or BadInput.

``where`` begins each message: the path of the file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from pipeline.core import toml_file
from pipeline.core.errors import BadInput, near_miss
from pipeline.core.model import ITERATIONS, Figure, Proof
from toolchain.model import CXX, LIBRARIES, is_cxx

#: Flags that decide what a program means, not how well it is optimised: variants have flags for that.
FLAGS = (
    "-fno-strict-aliasing",
    "-fwrapv",
    "-fsigned-char",
    "-funsigned-char",
    "-fno-builtin",
    "-fcommon",
    "-fno-common",
    "-fno-math-errno",
    "-fgnu89-inline",
    "-fms-extensions",
    "-fno-rtti",
    "-ffp-contract=off",
    "-w",
)
#: Those of programs without a native form: proposals that they do not compile without.
WASM_FLAGS = ("-msimd128", "-mrelaxed-simd")
STANDARDS = "one like 'c99' or 'gnu++17', or a list of them"
_STANDARD = re.compile(r"(c|gnu|c\+\+|gnu\+\+)[0-9][0-9a-z]")
_MACRO = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_MOST_ARGUMENTS = 10_000
_MOST_VARIABLES = 100
#: What the loader and the C library of native builds read before the program does.
_LOADERS = re.compile(r"LD_.*|GLIBC_TUNABLES|MALLOC_.*")


def allowed(where: str, key: str, values: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """A list of which every entry is a known one, each once."""
    for each in values:
        if each not in known:
            raise BadInput(f"{where}: {key}: {each!r} is not allowed here{near_miss(each, known)}")
    return tuple(dict.fromkeys(values))


def libraries(where: str, asked: Sequence[str], sources: Sequence[str]) -> tuple[str, ...]:
    """What is linked in addition to the C library; the C++ library where a source is C++."""
    implied = [CXX] if any(map(is_cxx, sources)) else []
    return tuple(dict.fromkeys([*implied, *allowed(where, "libraries", asked, LIBRARIES)]))


def flags_of(native: bool | str) -> tuple[str, ...]:
    """The flags that a program may have."""
    return FLAGS if native else (*FLAGS, *WASM_FLAGS)


def standards(where: str, given: str | tuple[str, ...]) -> tuple[str, ...]:
    """Language standards, such as "c99"."""
    given = (given,) if isinstance(given, str) else given
    return tuple(toml_file.matches(where, "standard", each, _STANDARD, STANDARDS) for each in given)


def defines(where: str, table: Mapping[str, bool | int | str]) -> tuple[tuple[str, str | None], ...]:
    """(macro, value) as a compiler takes them; None for one without a value. ``false`` leaves it out."""
    for name, value in table.items():
        toml_file.matches(where, "defines", name, _MACRO, "the name of a macro")
        if isinstance(value, int) and not -(2**63) <= value < 2**64:
            raise BadInput(f"{where}: defines.{name}: expected a number of 64 bits")
        if isinstance(value, str) and not value.isprintable():
            raise BadInput(f"{where}: defines.{name}: expected printable text, found {value!r}")
    return tuple(
        (name, None if value is True else str(value)) for name, value in table.items() if value is not False
    )


def arguments(where: str, args: tuple[str, ...], key: str = "args") -> tuple[str, ...]:
    """The program's arguments: without NUL, and not endless."""
    toml_file.no_nul(where, key, list(args))
    if sum(map(len, args)) > _MOST_ARGUMENTS:
        raise BadInput(f"{where}: {key}: expected at most {_MOST_ARGUMENTS} characters in all")
    return args


def env(where: str, table: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """(name, value) of each variable of the program's environment."""
    for name, value in table.items():
        key = toml_file.key_path("env", name)
        toml_file.matches(where, key, name, _MACRO, "the name of a variable: letters, digits and _")
        toml_file.no_nul(where, key, value)
        if _LOADERS.fullmatch(name):
            raise BadInput(
                f"{where}: {key}: the loader of native programs reads it, and wasm has none; drop it"
            )
        if ITERATIONS in value:
            raise BadInput(f"{where}: {key}: {ITERATIONS} has its place in args; all runs have the same env")
    most = f"at most {_MOST_VARIABLES} variables of {_MOST_ARGUMENTS} characters in all"
    if len(table) > _MOST_VARIABLES or sum(map(len, table.values())) > _MOST_ARGUMENTS:
        raise BadInput(f"{where}: env: expected {most}")
    return tuple(table.items())


def _check_pattern(where: str, pattern: str | None, groups: int) -> None:
    """Raises BadInput unless it is a regular expression with at least so many groups."""
    if pattern is None:
        return
    import regex  # has a time limit, which the standard library's has not

    try:
        compiled = regex.compile(pattern.encode(), regex.MULTILINE)  # as it is used
    except (regex.error, ValueError, RecursionError) as error:
        raise BadInput(f"{where}: not a regular expression: {error}") from None
    if compiled.groups < groups:
        raise BadInput(f"{where}: expected a group, as in 'time: ([0-9.]+) s', found {pattern!r}")


def proof(where: str, given: Proof, key: str = "proof", *, whole: bool = True) -> Proof:
    """[proof], or that of a case, which checks something of the output if it is the whole proof of a run."""
    _check_pattern(f"{where}: {key}.match", given.match, 0)
    for at, pattern in enumerate(given.ignore):
        _check_pattern(f"{where}: {key}.ignore[{at}]", pattern, 0)
    toml_file.sha256(where, f"{key}.sha256", given.sha256)
    if whole and not given.native and given.text is given.sha256 is given.match is None:
        raise BadInput(f"{where}: {key}: nothing checks the output; expected native, text, sha256 or match")
    return given


def figure(where: str, given: Figure) -> Figure:
    """[figure], which has one source of the time."""
    _check_pattern(f"{where}: figure.match", given.match, 1)
    if given.match is not None and given.time != "guest":
        raise BadInput(
            f"{where}: figure: match is a time that the guest prints; leave out match, or time = "
            f"'{given.time}'"
        )
    return given
