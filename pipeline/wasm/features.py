"""Which proposals beyond WebAssembly's first release (MVP) a module really uses, whatever it declares.

Names are LLVM's, as in target_features. Two are finer than the usual list, because backends differ in
just these: ``call-indirect-overlong`` (LLVM's name too) is a table index of several bytes, which wasm-ld
writes for table 0, and ``legacy-exceptions`` the older instructions of exception-handling, which are
reported beside it.

What the first release would refuse is what counts: a type with two results is multivalue, called or not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pipeline.wasm.instructions import REFERENCE_TYPES, Instruction, Reader, instructions, local_types
from pipeline.wasm.module import Function, Module

MVP_TYPES = ("i32", "i64", "f32", "f64")

_OF_OPCODES: tuple[tuple[int, int, tuple[str, ...]], ...] = (
    (0x06, 0x07, ("exception-handling", "legacy-exceptions")),  # try, catch
    (0x08, 0x08, ("exception-handling",)),  # throw is in both
    (0x09, 0x09, ("exception-handling", "legacy-exceptions")),  # rethrow
    (0x0A, 0x0A, ("exception-handling",)),
    (0x12, 0x13, ("tail-call",)),
    (0x18, 0x19, ("exception-handling", "legacy-exceptions")),  # delegate, catch_all
    (0x1C, 0x1C, ("reference-types",)),
    (0x1F, 0x1F, ("exception-handling",)),
    (0x25, 0x26, ("reference-types",)),
    (0xC0, 0xC4, ("sign-ext",)),
    (0xD0, 0xD2, ("reference-types",)),
    (0xFC000, 0xFC007, ("nontrapping-fptoint",)),
    (0xFC008, 0xFC00E, ("bulk-memory",)),
    (0xFC00F, 0xFC011, ("reference-types",)),
    (0xFD000, 0xFD0FF, ("simd128",)),
    (0xFD100, 0xFDFFF, ("simd128", "relaxed-simd")),
    (0xFE000, 0xFEFFF, ("atomics",)),
)
_ARITHMETIC = {0x6A, 0x6B, 0x6C, 0x7C, 0x7D, 0x7E}
_INDIRECT = ("call_indirect", "return_call_indirect")


def features(module: Module) -> frozenset[str]:
    """The features that a module's sections and code use; raises WasmError for malformed code."""
    found = set(_of_sections(module))
    opcodes: set[int] = set(module.initialiser_opcodes)
    for function in module.functions:
        found.update(_of_body(module, function, opcodes))
    found.update(f for opcode in opcodes for f in _of_opcode(opcode))
    return frozenset(found)


def _of_opcode(opcode: int) -> Iterator[str]:
    for first, last, names in _OF_OPCODES:
        if first <= opcode <= last:
            yield from names


def _of_types(types: Iterable[str]) -> Iterator[str]:
    """Of the types of values: parameters, results, variables, blocks."""
    for type_ in types:
        if type_ == "v128":
            yield "simd128"
        elif type_ in REFERENCE_TYPES:
            yield "exception-handling" if type_ == "exnref" else "reference-types"


def _of_sections(module: Module) -> Iterator[str]:
    for signature in module.types:
        yield from _of_types((*signature.parameters, *signature.results))
        if len(signature.results) > 1:
            yield "multivalue"
    yield from _of_types(g.type for g in module.globals)
    yield from _of_types(t.type for t in module.tables if t.type != "funcref")
    imported = sum(i.kind == "global" for i in module.imports)
    exported = [e.index for e in module.exports if e.kind == "global"]
    if any(module.globals[i].mutable for i in (*range(imported), *exported)):
        yield "mutable-globals"
    if module.tags:
        yield "exception-handling"
    if len(module.memories) > 1:
        yield "multimemory"
    if len(module.tables) > 1:
        yield "reference-types"
    limits = [*module.memories, *(t.limits for t in module.tables)]
    if any(size.wide for size in limits):
        yield "memory64"
    if any(size.shared for size in limits):
        yield "atomics"
    if module.initialiser_opcodes & _ARITHMETIC:
        yield "extended-const"
    yield from _of_segments(module)


def _of_segments(module: Module) -> Iterator[str]:
    """Flags of segments came with bulk-memory; declared elements and their types with reference-types."""
    if (
        module.data_count is not None
        or any(d.flags for d in module.data)
        or any(e.flags for e in module.elements)
    ):
        yield "bulk-memory"
    for segment in module.elements:
        if segment.flags & 3 == 3 or segment.table:
            yield "reference-types"
        yield from _of_types([segment.type] if segment.type != "funcref" else [])


def _of_body(module: Module, function: Function, opcodes: set[int]) -> Iterator[str]:
    """What only immediates tell; all opcodes are added to ``opcodes``."""
    variables = local_types(Reader(function.body, base=function.start))
    yield from _of_types(type_ for _, type_ in variables)
    for instruction in instructions(function.body, function.start):
        opcodes.add(instruction.opcode)
        if instruction.immediates:
            yield from _of_immediates(module, instruction)
        if instruction.mnemonic in _INDIRECT and _table_bytes(function, instruction) > 1:
            yield "call-indirect-overlong"


def _table_bytes(function: Function, instruction: Instruction) -> int:
    """How many bytes an indirect call's table index takes: what is left behind the type's."""
    reader = Reader(function.body, instruction.offset - function.start + 1)
    reader.unsigned()
    return instruction.offset - function.start + instruction.size - reader.at


def _of_immediates(module: Module, instruction: Instruction) -> Iterator[str]:
    for shape, value in zip(instruction.shape, instruction.immediates, strict=True):
        if shape == "block" and isinstance(value, str):
            yield from _of_types([value] if value else [])
        elif shape == "block" and isinstance(value, int):
            module.type_at(value, instruction.offset)
            yield "multivalue"  # the first release has no block with a type's index
        elif shape == "types" and isinstance(value, tuple):
            yield from _of_types(map(str, value))
        elif (shape == "memory" and value) or (shape == "memarg" and isinstance(value, tuple) and value[2]):
            yield "multimemory"
        elif shape == "table" and value:
            yield "reference-types"
