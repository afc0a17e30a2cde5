"""A WebAssembly module's sections, functions and names, from its bytes.

Strict and safe, like ``wasm_code``, on which it rests: anything that is not a well-formed module raises
WasmError. Checked beyond form: the order of sections, and every index that is followed here. Of custom
sections name, producers and target_features are read, as strictly; the others are skipped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from pipeline.wasm.instructions import (
    REFERENCE_TYPES,
    VALUE_TYPES,
    Instruction,
    Reader,
    WasmError,
    expression,
)
from pipeline.wasm.module import (
    Data,
    Elements,
    Export,
    Function,
    Global,
    Import,
    Limits,
    Module,
    Section,
    Signature,
    Table,
)

CODE = 10
_MAGIC = b"\0asm\1\0\0\0"
#: The order in which sections must stand: tags before globals, the count of data segments before code.
_ORDER = (1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, CODE, 11)
_KINDS = {0: "function", 1: "table", 2: "memory", 3: "global", 4: "tag"}
_REFERENCES = {byte: name for byte, name in VALUE_TYPES.items() if name in REFERENCE_TYPES}
_HAS_MAXIMUM, _SHARED, _WIDE = 1, 2, 4
_CONSTANT = ("constant", "reference")
_CONSTANT_TOO = (
    "global.get",
    "v128.const",
    *(f"{type_}.{name}" for type_ in ("i32", "i64") for name in ("add", "sub", "mul")),
)


def parse(data: bytes) -> Module:
    """Read a module; raises WasmError. Instructions of functions are left to ``wasm_code``."""
    reader = Reader(data)
    if data[:8] != _MAGIC:
        raise WasmError("not a WebAssembly module of version 1", 0)
    reader.skip(8, "head")
    module = Module()
    names: dict[int, str] = {}
    last = -1
    while reader.at < reader.end:
        start = reader.at
        number = reader.byte()
        content = reader.part(reader.unsigned(), "section")
        name = content.name("name of a section") if number == 0 else ""
        if number != 0:
            place = _ORDER.index(number) if number in _ORDER else -1
            if place <= last:
                raise reader.error(f"section {number} is unknown or out of order", start)
            last = place
        module.sections.append(Section(number, name, content.at, content.end - content.at))
        if name == "name":
            _read_names(content, module, names)
        elif (read := _CUSTOM.get(name) if number == 0 else _SECTIONS[number]) is not None:
            read(content, module)
            content.finish(f"section {name or number}")
    _name_functions(module, names)
    if len(module.functions) != len(module.signatures) - _imported(module):
        raise reader.error("functions without code")
    if module.data_count not in (None, len(module.data)):
        raise reader.error(f"{len(module.data)} data segments where {module.data_count} are declared")
    return module


def _imported(module: Module) -> int:
    return sum(i.kind == "function" for i in module.imports)


def _name_functions(module: Module, names: dict[int, str]) -> None:
    imported = [f"{i.module}.{i.name}" for i in module.imports if i.kind == "function"]
    exported = {e.index: e.name for e in reversed(module.exports) if e.kind == "function"}
    known = {**exported, **dict(enumerate(imported)), **names}
    module.names = [known.get(i, f"function {i}") for i in range(len(module.signatures))]
    module.functions = [replace(f, name=module.names[f.index]) for f in module.functions]


def _types(reader: Reader, module: Module) -> None:
    for _ in range(reader.count("types")):
        reader.choice({0x60: "function"}, "kind of type")
        parameters, results = (
            tuple(reader.value_type() for _ in range(reader.count(what)))
            for what in ("parameters", "results")
        )
        module.types.append(Signature(parameters, results))


def _signature(reader: Reader, module: Module) -> Signature:
    start = reader.at
    return module.type_at(reader.unsigned(), reader.base + start)


def _limits(reader: Reader, most: int) -> Limits:
    start = reader.at
    flags = reader.byte()
    if flags > most:
        raise reader.error(f"unknown limits 0x{flags:02x}", start)
    bits = 64 if flags & _WIDE else 32
    minimum = reader.unsigned(bits)
    maximum = reader.unsigned(bits) if flags & _HAS_MAXIMUM else None
    return Limits(minimum, maximum, bool(flags & _SHARED), bool(flags & _WIDE))


def _table(reader: Reader) -> Table:
    return Table(reader.choice(_REFERENCES, "type of table"), _limits(reader, _HAS_MAXIMUM | _WIDE))


def _memory(reader: Reader) -> Limits:
    return _limits(reader, _HAS_MAXIMUM | _SHARED | _WIDE)


def _global(reader: Reader) -> Global:
    return Global(reader.value_type(), bool(reader.choice({0: "", 1: "mutable"}, "mutability")), None)


def _tag(reader: Reader, module: Module) -> Signature:
    reader.choice({0: "exception"}, "kind of tag")
    return _signature(reader, module)


def _constant(reader: Reader, module: Module) -> list[Instruction]:
    """The instructions of an initialiser, without its end."""
    *found, _ = expression(reader)
    for instruction in found:
        if instruction.kind not in _CONSTANT and instruction.mnemonic not in _CONSTANT_TOO:
            raise WasmError(f"{instruction.mnemonic} in an initialiser", instruction.offset)
        module.initialiser_opcodes.add(instruction.opcode)
    return found


def _integer(found: list[Instruction]) -> int | None:
    """The value of an initialiser that is one constant integer, as written (signed)."""
    if len(found) == 1 and found[0].mnemonic in ("i32.const", "i64.const"):
        value = found[0].immediates[0]
        return value if isinstance(value, int) else None
    return None


def _imports(reader: Reader, module: Module) -> None:
    for _ in range(reader.count("imports")):
        where, name = reader.name("module of an import"), reader.name("name of an import")
        kind = reader.choice(_KINDS, "kind of import")
        module.imports.append(Import(where, name, kind))
        if kind == "function":
            module.signatures.append(_signature(reader, module))
        elif kind == "table":
            module.tables.append(_table(reader))
        elif kind == "memory":
            module.memories.append(_memory(reader))
        elif kind == "global":
            module.globals.append(_global(reader))
        else:
            module.tags.append(_tag(reader, module))


def _functions(reader: Reader, module: Module) -> None:
    module.signatures += [_signature(reader, module) for _ in range(reader.count("functions"))]


def _tables(reader: Reader, module: Module) -> None:
    module.tables += [_table(reader) for _ in range(reader.count("tables"))]


def _memories(reader: Reader, module: Module) -> None:
    module.memories += [_memory(reader) for _ in range(reader.count("memories"))]


def _globals(reader: Reader, module: Module) -> None:
    for _ in range(reader.count("globals")):
        found = _global(reader)
        module.globals.append(replace(found, value=_integer(_constant(reader, module))))


def _tags(reader: Reader, module: Module) -> None:
    module.tags += [_tag(reader, module) for _ in range(reader.count("tags"))]


def _indexed(module: Module, kind: str) -> int:
    """How many things of a kind there are."""
    things: dict[str, list[Signature] | list[Table] | list[Limits] | list[Global]] = {
        "function": module.signatures,
        "table": module.tables,
        "memory": module.memories,
        "global": module.globals,
        "tag": module.tags,
    }
    return len(things[kind])


def _index(reader: Reader, module: Module, kind: str) -> int:
    start = reader.at
    index = reader.unsigned()
    if index >= _indexed(module, kind):
        raise reader.error(f"{kind} {index} of {_indexed(module, kind)}", start)
    return index


def _exports(reader: Reader, module: Module) -> None:
    for _ in range(reader.count("exports")):
        name, kind = reader.name("name of an export"), reader.choice(_KINDS, "kind of export")
        module.exports.append(Export(name, kind, _index(reader, module, kind)))


def _start(reader: Reader, module: Module) -> None:
    module.start = _index(reader, module, "function")


def _elements(reader: Reader, module: Module) -> None:
    for _ in range(reader.count("element segments")):
        start = reader.at
        flags = reader.unsigned()
        if flags > 7:
            raise reader.error(f"unknown element segment {flags}", start)
        passive, second, expressions = flags & 1, flags & 2, flags & 4
        table = reader.unsigned() if second and not passive else 0
        if not passive:
            _constant(reader, module)
        kind = "funcref"
        if flags & 3:
            kind = reader.choice(_REFERENCES if expressions else {0: "funcref"}, "kind of element")
        functions: list[int] = []
        for _ in range(reader.count("elements")):
            if expressions:
                parts = _constant(reader, module)
                named = (i for part in parts if part.mnemonic == "ref.func" for i in part.immediates)
                functions += [index for index in named if isinstance(index, int)]
            else:
                functions.append(_index(reader, module, "function"))
        module.elements.append(Elements(flags, table, kind, tuple(functions)))


def _code(reader: Reader, module: Module) -> None:
    start = reader.at
    first = _imported(module)
    count = reader.count("function bodies")
    if count != len(module.signatures) - first:
        raise reader.error(f"{count} bodies of {len(module.signatures) - first} functions", start)
    for index in range(first, first + count):
        size = reader.unsigned()
        offset = reader.base + reader.at
        body = reader.take(size, "function body")
        module.functions.append(Function(index, "", module.signatures[index], offset, body))


def _data(reader: Reader, module: Module) -> None:
    bits = 64 if any(m.wide for m in module.memories) else 32
    for _ in range(reader.count("data segments")):
        start = reader.at
        flags = reader.unsigned()
        if flags > 2:
            raise reader.error(f"unknown data segment {flags}", start)
        if flags == 2:
            _index(reader, module, "memory")
        value = None if flags == 1 else _integer(_constant(reader, module))
        size = reader.unsigned()
        reader.skip(size, "data segment")
        address = None if value is None else value % (1 << bits)
        module.data.append(Data(flags, address, size))


def _data_count(reader: Reader, module: Module) -> None:
    module.data_count = reader.unsigned()


def _read_names(reader: Reader, module: Module, functions: dict[int, str]) -> None:
    """Names of functions (1) and globals (7); of locals, labels and the rest nothing is needed."""
    while reader.at < reader.end:
        number = reader.byte()
        part = reader.part(reader.unsigned(), "names")
        found = {1: functions, 7: module.global_names}.get(number)
        if found is not None:
            for _ in range(part.count("names")):
                index = part.unsigned()
                found[index] = part.name("name")
            part.finish("names")


def _producers(reader: Reader, module: Module) -> None:
    for _ in range(reader.count("fields")):
        values = module.producers.setdefault(reader.name("field"), {})
        for _ in range(reader.count("values")):
            name = reader.name("name")
            values[name] = reader.name("version")


def _target_features(reader: Reader, module: Module) -> None:
    for _ in range(reader.count("features")):
        sign = reader.choice({ord(c): c for c in "+-="}, "prefix of a feature")
        module.target_features.append(sign + reader.name("feature"))


_SECTIONS: dict[int, Callable[[Reader, Module], None]] = {
    1: _types,
    2: _imports,
    3: _functions,
    4: _tables,
    5: _memories,
    6: _globals,
    7: _exports,
    8: _start,
    9: _elements,
    CODE: _code,
    11: _data,
    12: _data_count,
    13: _tags,
}
_CUSTOM = {"producers": _producers, "target_features": _target_features}
