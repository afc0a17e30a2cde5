"""Which functions of two modules have the same code, where the bytes differ for reasons that are no code.

Bodies are compared with the functions they call by name instead of by number, types by signature, and all
numbers in the range of static data taken for addresses, and as equal: the text of a variant's flags is a
string of the program, so what lies behind it has another address in each variant. Global indexes are
compared as they stand, and so are numbers that stand for functions in a table.

The range begins at the lowest data segment and ends where the linker says that static data end, or else
with the memory that the module starts with. Functions that differ only in numbers from that range are
taken for the same; with our linker's options, which put the stack first, it begins at 8 MiB.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.wasm.instructions import Immediate, Instruction, instructions
from pipeline.wasm.module import PAGE_BYTES, Function, Module

#: Globals of wasm-ld that say where static data end, where it was told to keep or export them.
_ENDS = ("__heap_base", "__data_end")
_STACK = "__stack_pointer"
_ADDRESS = "address of static data"


@dataclass(frozen=True)
class Code:
    """One function of a module. Codes with the same digest are the same, in whichever module."""

    bytes: int  # of the body
    digest: str
    calls: frozenset[str]  # functions called, or taken the address of, by name


@dataclass(frozen=True)
class Change:
    """What became of the functions from one module to the other."""

    same: tuple[str, ...]
    changed: tuple[str, ...]
    gone: tuple[str, ...]  # inlined or removed: not there, so not called either
    new: tuple[str, ...]
    callers: Mapping[str, tuple[str, ...]]  # of those gone, in the one

    @property
    def same_code(self) -> bool:
        return not (self.changed or self.gone or self.new)


def codes(module: Module) -> dict[str, Code]:
    """Every function with a body, by name; raises WasmError.

    A name that occurs again is "name (2)" and so on, in the module's order.
    """
    names = _labels(module)
    data = static_data(module)
    return {names[f.index]: _code(module, f, names, data) for f in module.functions}


def compare(one: Mapping[str, Code], other: Mapping[str, Code]) -> Change:
    """Names in the order of the module that has them."""
    both = [name for name in one if name in other]
    gone = tuple(name for name in one if name not in other)
    callers: dict[str, list[str]] = {name: [] for name in gone}
    for caller, code in one.items():
        for name in code.calls & callers.keys():
            if name != caller:
                callers[name].append(caller)
    return Change(
        same=tuple(name for name in both if one[name].digest == other[name].digest),
        changed=tuple(name for name in both if one[name].digest != other[name].digest),
        gone=gone,
        new=tuple(name for name in other if name not in one),
        callers={name: tuple(found) for name, found in callers.items()},
    )


def static_data(module: Module) -> range:
    """The addresses of static data, as far as they are known; empty without data at known places."""
    segments = [(d.address, d.address + d.size) for d in module.data if d.address is not None]
    if not segments or not module.memories:
        return range(0)
    low, initialised = min(first for first, _ in segments), max(end for _, end in segments)
    known = _named_globals(module)
    for name in (*_ENDS, _STACK):  # a stack behind the data begins at its far end
        if known.get(name, 0) > initialised:
            return range(low, known[name])
    return range(low, max(initialised, module.memories[0].minimum * PAGE_BYTES))


def _named_globals(module: Module) -> dict[str, int]:
    named = {e.name: e.index for e in module.exports if e.kind == "global"}
    named |= {name: index for index, name in module.global_names.items() if index < len(module.globals)}
    values = {name: module.globals[index].value for name, index in named.items()}
    return {name: value for name, value in values.items() if value is not None}


def _labels(module: Module) -> list[str]:
    """A name of its own for each function; of imported ones that of the import."""
    imported = [f"{i.module}.{i.name}" for i in module.imports if i.kind == "function"]
    found: list[str] = []
    seen: Counter[str] = Counter()
    for name in map(_printable, (*imported, *module.names[len(imported) :])):
        seen[name] += 1
        found.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return found


def _printable(name: str) -> str:
    """Names come from the module, which may hold anything; they are shown on terminals."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in name)


def _code(module: Module, function: Function, names: list[str], data: range) -> Code:
    digest = hashlib.sha256()
    calls: set[str] = set()
    first = True
    for instruction in instructions(function.body, function.start):
        if first:  # what comes before it are the local variables
            digest.update(function.body[: instruction.offset - function.start])
            first = False
        values = [
            _normal(module, names, data, instruction, shape, value)
            for shape, value in zip(instruction.shape, instruction.immediates, strict=True)
        ]
        if "function" in instruction.shape:
            calls.update(map(str, values))
        digest.update(repr((instruction.opcode, values)).encode())
    return Code(len(function.body), digest.hexdigest(), frozenset(calls))


def _normal(
    module: Module, names: list[str], data: range, instruction: Instruction, shape: str, value: Immediate
) -> Immediate:
    """An immediate without what differs between modules for reasons that are no code."""
    if isinstance(value, tuple):
        if shape == "memarg" and value[1] in data:
            return (str(value[0]), _ADDRESS, str(value[2]))
    elif isinstance(value, int):
        if shape == "function":
            return names[value] if value < len(names) else f"function {value}"
        if shape in ("type", "block"):
            return str(module.type_at(value, instruction.offset))
        if shape in ("i32", "i64") and value % (1 << int(shape[1:])) in data:
            return _ADDRESS
    return value
