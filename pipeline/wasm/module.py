"""What a WebAssembly module holds, from the text that wasm-tools prints: a line for each thing.

The text is that of the module without custom sections, so everything in it is referred to by number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from pipeline.core.text import for_terminal
from pipeline.wasm import wasm_tools
from pipeline.wasm.sections import Section, WasmError, bodies, names, sections, without_custom

PAGE_BYTES = 65536

_STRING = r'"((?:[^"\\]|\\.)*)"'
_KIND = r"\((func|table|memory|global|tag) "
_TYPE = re.compile(r"\(type \(;\d+;\) (.*)\)$")
_IMPORT = re.compile(rf"\(import {_STRING} {_STRING} ({_KIND}.*\))\)$")
#: Of a group of imports from one module; a type for all of them may stand in a line of its own behind them.
_ITEM = re.compile(rf"\(item {_STRING}(?: ({_KIND}.*\)))?\)$")
_DEFINITION = re.compile(_KIND)
_EXPORT = re.compile(rf"\(export {_STRING} {_KIND}(\d+)\)\)$")
_DATA = re.compile(r'\(data \(;\d+;\) (?:\(memory \d+\) )?(?:\(i(32|64)\.const (-?\d+)\) )?.*?"(.*)"\)$')
_FUNCTION_TYPE = re.compile(r"\(type (\d+)\)")
_PAGES = re.compile(r"\(memory (?:\(;\d+;\) )?(?:i64 )?(\d+)(?:.*\(pagesize (0x[0-9a-f]+)\))?")
_START = re.compile(r"\(start (\d+)\)$")
_INTEGER_GLOBAL = re.compile(r"\(global \(;\d+;\) (?:\w+|\(mut \w+\)) i(?:32|64)\.const (-?\d+)\)$")


@dataclass(frozen=True)
class Import:
    """``kind`` is func, table, memory, global or tag."""

    module: str
    name: str
    kind: str


@dataclass(frozen=True)
class Export:
    """``index`` counts things of its kind, imported ones first."""

    name: str
    kind: str
    index: int


@dataclass(frozen=True)
class Data:
    """A data segment; ``address`` is None if it is passive or not one constant."""

    address: int | None
    size: int  # bytes


@dataclass(frozen=True)
class Function:
    """A function with a body."""

    name: str  # from the name section or an export, else "function 12"
    body: bytes = field(repr=False)  # as in the code section: local variables, then instructions
    code: tuple[str, ...] = field(repr=False)  # the lines of its text: "(local i32)", "i32.load offset=16"


@dataclass
class Module:
    """What a module holds; all lists that code refers to by index begin with what is imported."""

    sections: list[Section]
    types: list[str] = field(default_factory=list)  # "(func (param i32 i32) (result i32))"
    imports: list[Import] = field(default_factory=list)
    signatures: list[str] = field(default_factory=list)  # of functions, by index: the text of their types
    memories: list[int] = field(default_factory=list)  # their initial sizes in pages of PAGE_BYTES
    globals: list[int | None] = field(default_factory=list)  # initial values that are one constant integer
    exports: list[Export] = field(default_factory=list)
    start: int | None = None  # the function that runs when the module is instantiated
    data: list[Data] = field(default_factory=list)
    function_names: list[str] = field(default_factory=list)
    global_names: dict[int, str] = field(default_factory=dict)
    functions: list[Function] = field(default_factory=list)  # those with a body

    @property
    def imported_functions(self) -> list[Import]:
        return [each for each in self.imports if each.kind == "func"]

    def section_bytes(self, number: int) -> int:
        """Size of the content of the sections with a number."""
        return sum(len(section.content) for section in self.sections if section.number == number)


def read(data: bytes) -> Module:
    """Read a whole module; raises WasmError."""
    return _read(data, "print", "--indent", "0")


def read_interface(data: bytes) -> Module:
    """Read all but the instructions and data: functions have no ``code``, and ``data`` is empty."""
    return _read(data, "print", "--indent", "0", "--skeleton")


def _read(data: bytes, *command: str) -> Module:
    module = Module(sections(data))
    text = wasm_tools.run(without_custom(data, module.sections), *command).decode("utf-8")
    try:
        codes = _things(iter(text.split("\n")), module)
        _name_functions(module)
        defined = module.function_names[len(module.imported_functions) :]
        for name, body, code in zip(defined, bodies(module.sections), codes, strict=True):
            module.functions.append(Function(name, body, code))
        for each in module.exports:
            if each.kind == "func" and each.index >= len(module.signatures):
                raise WasmError(f"function {each.index} of {len(module.signatures)} is exported")
    except (IndexError, ValueError) as error:  # an index of nothing, functions without bodies
        raise WasmError(f"its parts contradict each other: {for_terminal(str(error))}") from None
    return module


def _things(lines: Iterator[str], module: Module) -> list[tuple[str, ...]]:
    """Take in every line of the text; returns the lines of each function."""
    codes = []
    for line in lines:
        if line.startswith("(import "):
            _take_imports(line, lines, module)
        elif found := _DEFINITION.match(line):
            _take_definition(found[1], line, module)
            if found[1] == "func":
                whole = line.count("(") == line.count(")")
                codes.append(() if whole else tuple(iter(lines.__next__, ")")))
        elif found := _TYPE.match(line):
            module.types.append(found[1])
        elif found := _EXPORT.match(line):
            module.exports.append(Export(_unescaped(found[1]), found[2], int(found[3])))
        elif found := _START.match(line):
            module.start = int(found[1])
        elif found := _DATA.match(line):
            bits, value, text = found.groups()
            address = None if value is None else int(value) % (1 << int(bits))
            module.data.append(Data(address, len(re.sub(r"\\..", ".", text))))
    return codes


def _take_imports(line: str, lines: Iterator[str], module: Module) -> None:
    """One import, or a group of them."""
    if single := _IMPORT.match(line):
        where, items = single[1], [(single[2], single[3])]
    else:
        group = list(iter(lines.__next__, ")"))
        where, items = line.partition('"')[2].rpartition('"')[0], []
        for item in filter(None, map(_ITEM.match, group)):
            items.append((item[1], item[2] or group[-1]))
    for name, type_ in items:
        if kind := _DEFINITION.match(type_):
            module.imports.append(Import(_unescaped(where), _unescaped(name), kind[1]))
            _take_definition(kind[1], type_, module)


def _take_definition(kind: str, text: str, module: Module) -> None:
    if kind == "func" and (type_ := _FUNCTION_TYPE.search(text)):
        module.signatures.append(module.types[int(type_[1])])
    elif kind == "memory" and (pages := _PAGES.match(text)):
        size = int(pages[1]) * (int(pages[2], 16) if pages[2] else PAGE_BYTES)
        module.memories.append(-(-size // PAGE_BYTES))
    elif kind == "global":
        value = _INTEGER_GLOBAL.match(text)
        module.globals.append(int(value[1]) if value else None)


def _name_functions(module: Module) -> None:
    known = names(module.sections)
    imported = [f"{each.module}.{each.name}" for each in module.imported_functions]
    exported = {each.index: each.name for each in reversed(module.exports) if each.kind == "func"}
    named = {**exported, **dict(enumerate(imported)), **known.functions}
    module.function_names = [named.get(i, f"function {i}") for i in range(len(module.signatures))]
    module.global_names = known.globals


def _unescaped(text: str) -> str:
    return re.sub(r"\\u\{([0-9a-f]+)\}", lambda found: chr(int(found[1], 16)), text)
