"""What a C or C++ file defines and uses, read from its text: no compiler, no headers of a system.

An estimate for ``doit run new``, which proposes the sources of a program. Code that a condition leaves out
for certain is left out; a condition that is not understood counts as true.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

_LITERALS = re.compile(
    r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|^[ \t]*\#[ \t]*include[^\n]*""",
    re.DOTALL | re.MULTILINE,
)
_DIRECTIVE = re.compile(r"[ \t]*#[ \t]*(\w+)[ \t]*(.*)")
_DEFINE = re.compile(r"(\w+)(\([^)]*\))?[ \t]*(.*)")
_NAME = re.compile(r"[A-Za-z_]\w*")
_CALL = re.compile(r"([A-Za-z_]\w*)\s*\(")
_TOKEN = re.compile(r"[A-Za-z_]\w*|[{}()\[\];=,:]|[^\s\w]")
_CONDITION = re.compile(r"(!?)[ \t]*(?:defined[ \t]*\(?[ \t]*(\w+)[ \t]*\)?|(\w+))")
#: Macros of compilers and systems that are not used here.
_FOREIGN = re.compile(
    r"_?_?(WIN(32|64|DOWS|CE)|MSC_VER|APPLE|MACOS|MACH|CYGWIN|MINGW\w*|MSDOS|BORLANDC|WATCOMC|AMIGA|OS2|ANDROID"
    r"|EMSCRIPTEN|SUNPRO_C+|INTEL_COMPILER|DJGPP|VMS|HAIKU)_*",
    re.IGNORECASE,
)
_PRESENT = {"__GNUC__", "__clang__", "__STDC__", "__STDC_VERSION__", "__STDC_HOSTED__"}
_NOT_NAMES = {"__attribute__", "__declspec", "defined", "if", "while", "for", "switch", "return", "sizeof"}


@dataclass
class Unit:
    """One file: names, and what it includes."""

    defined: set[str] = field(default_factory=set)  # functions and variables that other files can use
    used: set[str] = field(default_factory=set)  # all names outside of macros
    bodies: dict[str, set[str]] = field(default_factory=dict)  # of macros and functions: names in them
    includes: list[tuple[str, bool]] = field(default_factory=list)  # (name, whether in quotes)
    certain: set[str] = field(default_factory=set)  # those that no unknown condition is around
    called: set[str] = field(default_factory=set)  # names with an argument list
    main: bool = False


def macros_of(text: str) -> set[str]:
    """Names that the text makes macros of, under any condition."""
    return set(re.findall(r"^[ \t]*#[ \t]*define[ \t]+(\w+)", text, re.MULTILINE))


def read(text: str, macros: Collection[str]) -> Unit:
    """The names of a file; ``macros`` are those that any file of the program defines."""
    unit = Unit()
    code = []
    for line, directive, certain in _active(_without_literals(text), macros):
        if directive is None:
            code.append(line)
        elif directive[0] == "define":
            _read_define(directive[1], unit)
        elif directive[0] == "include":
            found = re.match(r'"([^"]+)"|<([^>]+)>', directive[1])
            if found:
                unit.includes.append((found[1] or found[2], bool(found[1])))
                unit.certain |= {found[1] or found[2]} if certain else set()
    joined = "\n".join(code)
    unit.used |= set(_NAME.findall(joined))
    unit.called |= set(_CALL.findall(joined))
    _read_definitions(joined, unit)
    return unit


def _without_literals(text: str) -> str:
    """Without comments, and with empty strings; lines that include stay as they are."""

    def kept(found: re.Match[str]) -> str:
        part = found[0]
        if part.lstrip().startswith("#"):
            return part
        return part[0] * 2 if part[0] in "\"'" else " " + "\n" * part.count("\n")

    return _LITERALS.sub(kept, text.replace("\r\n", "\n").replace("\\\n", " "))


def _active(text: str, macros: Collection[str]) -> Iterator[tuple[str, tuple[str, str] | None, bool]]:
    """(line, directive and its rest, whether it is certain) of each line that may be compiled."""
    states: list[bool | None] = []  # of the conditions around: None where it is not known
    guard = ""
    for line in text.split("\n"):
        directive = _DIRECTIVE.match(line)
        word, rest = (directive[1], directive[2].strip()) if directive else ("", "")
        if word in ("if", "ifdef", "ifndef"):
            states.append(_holds(word, rest, macros))
            guard = rest if word == "ifndef" else ""
        elif word in ("elif", "else") and states:
            # After one that holds none does; after one that is not known, neither is this.
            before = states[-1]
            states[-1] = False if before else None if before is None or word == "elif" else True
        elif word == "endif" and states:
            states.pop()
        elif False not in states:
            if word == "define" and guard and rest.split()[:1] == [guard]:
                states[-1] = True  # a file is read at least once
            guard = "" if word else guard
            yield line, (word, rest) if directive else None, None not in states


def _holds(word: str, rest: str, macros: Collection[str]) -> bool | None:
    """Whether a condition holds; None where that is not known."""
    if word != "if":
        rest = f"defined({rest.split()[0] if rest else ''})"
    if re.fullmatch(r"\d+[uUlL]*", rest):
        return int(rest.rstrip("uUlL")) != 0
    found = _CONDITION.fullmatch(rest)
    if not found:
        return None
    name = found[2] or found[3]
    holds: bool | None = None
    if name in _PRESENT:
        holds = True
    elif _FOREIGN.fullmatch(name) or (name not in macros and not name.startswith("__")):
        holds = False
    negated = bool(found[1]) != (word == "ifndef")
    return holds if holds is None or not negated else not holds


def _read_define(rest: str, unit: Unit) -> None:
    found = _DEFINE.match(rest)
    if found:
        unit.bodies.setdefault(found[1], set()).update(_NAME.findall(found[3]))


def _read_definitions(code: str, unit: Unit) -> None:
    """Functions and variables at the top of a file."""
    declaration: list[str] = []
    depth, body = 0, set[str]()
    name = ""
    for token in _TOKEN.findall(code):
        if depth:
            depth += (token == "{") - (token == "}")
            body.add(token)
            if not depth and name:
                unit.bodies.setdefault(name, set()).update(body)
                declaration, name = [], ""
        elif token == "{":
            if _transparent(declaration):
                declaration = []
                continue
            name = _function(declaration, unit)
            depth, body = 1, set()
        elif token == ";" and _old_style(declaration):
            declaration.append(token)
        elif token == ";":
            _variable(declaration, unit)
            declaration = []
        elif token == "}":
            declaration = []
        else:
            declaration.append(token)


def _old_style(declaration: list[str]) -> bool:
    """Whether it may be the head of a function before C89: main(argc, argv) int argc; char **argv; { }"""
    if "(" not in declaration or ")" not in declaration:
        return False
    begin, end = declaration.index("("), declaration.index(")")
    listed, after = declaration[begin + 1 : end], declaration[end + 1 : end + 3]
    return bool(listed) and len(after) == 2 and all(map(_NAME.fullmatch, [*listed[::2], after[0]]))


def _transparent(declaration: list[str]) -> bool:
    """Whether what follows the brace is as outside of it: of ``extern "C"`` and a namespace."""
    words = [word for word in declaration if word not in ('"', "inline")]
    return words == ["extern"] or words[:1] == ["namespace"]


def _function(declaration: list[str], unit: Unit) -> str:
    """Note the function whose body begins; "" where it is a type or a value."""
    if "=" in declaration or "(" not in declaration:
        return ""
    depth, names = 0, []
    for at, token in enumerate(declaration):
        if token == ":" and depth == 0 and declaration[at - 1] == ")":
            break  # what a constructor initializes
        if token == "(" and depth == 0 and at and _NAME.fullmatch(declaration[at - 1]):
            names.append(declaration[at - 1])
            if declaration[at + 2 : at + 4] == [")", "("]:  # a name in a macro, as in int API(f)(void)
                names[-1] = declaration[at + 1]
        depth += (token == "(") - (token == ")")
    names = [name for name in names if name not in _NOT_NAMES]
    # A macro in front of the name, as in EXPORT(int) f(void), is none.
    name = next((name for name in names if not name.isupper()), names[0] if names else "")
    if name == "main":
        unit.main = True
    elif name and not _static(declaration, unit):
        unit.defined.add(_class_of(name, declaration) or name)
    return name


def _class_of(name: str, declaration: list[str]) -> str:
    """The class that a function is a member of: who uses it names that; "" if it is none."""
    at = declaration.index(name)
    member = declaration[at - 2 : at] == [":", ":"] and at > 2
    return declaration[at - 3] if member else ""


def _static(declaration: list[str], unit: Unit) -> bool:
    """Whether no other file can use it; also by a macro that stands for ``static``."""
    return any(word == "static" or "static" in unit.bodies.get(word, ()) for word in declaration)


def _variable(declaration: list[str], unit: Unit) -> None:
    """Note the variable that a declaration at the top defines, if it does."""
    declaration = declaration[: _end(declaration)]
    without = {"typedef", "extern", "using", "("} & set(declaration) or _static(declaration, unit)
    names = [token for token in declaration if _NAME.fullmatch(token)]
    if len(names) > 1 and not without and not (len(names) == 2 and names[0] in ("struct", "enum", "union")):
        unit.defined.add(names[-1])


def _end(declaration: list[str]) -> int:
    """Where the name of what is declared ends."""
    return next(
        (at for at, token in enumerate(declaration) if token in ("=", "[", ",", ":")), len(declaration)
    )
