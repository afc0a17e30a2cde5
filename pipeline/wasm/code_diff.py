"""Which functions of two modules have the same code, where the bytes differ for other reasons.

Compared is the text that wasm-tools prints, with the functions that it calls by name instead of by
number, types by signature, and all numbers in the range of static data taken for addresses, and as equal:
the text of a variant's flags is a string in the program, so what follows it has a different address in each
variant. Global indexes are compared as they are, and so are numbers that stand for functions in a table.

The range begins at the lowest data segment and ends where the linker says that static data end, or else
with the memory that the module starts with. Functions that differ only in numbers from that range are
taken for the same; with our linker's options, which put the stack first, it begins at 8 MiB.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.wasm.module import PAGE_BYTES, Function, Module

#: Globals of wasm-ld that say where static data end, if its options keep or export them.
_ENDS = ("__heap_base", "__data_end")
_STACK = "__stack_pointer"
_ADDRESS = "address of static data"

_COMMENT = re.compile(r" ;; label.*")
_CALL = re.compile(r"((?:return_)?call|ref\.func) (\d+)$")
_CONSTANT = re.compile(r"(i(32|64)\.const) (-?\d+)$")
_TYPE = re.compile(r"\(type (\d+)\)")
_ACCESS = re.compile(r"\w+\.(load|store|atomic\.)")
_OFFSET = re.compile(r" offset=(\d+)")


@dataclass(frozen=True)
class Code:
    """One function of a module. Codes with the same digest are the same, in whichever module."""

    bytes: int  # of the body
    digest: str
    calls: frozenset[str]  # functions called, or taken the address of, by name


@dataclass(frozen=True)
class Change:
    """The functions of one module compared with those of the other."""

    same: tuple[str, ...]
    changed: tuple[str, ...]
    gone: tuple[str, ...]  # inlined or removed: not there, so not called either
    new: tuple[str, ...]
    callers: Mapping[str, tuple[str, ...]]  # of those gone, in the one

    @property
    def same_code(self) -> bool:
        return not (self.changed or self.gone or self.new)


def codes(module: Module) -> dict[str, Code]:
    """Every function with a body, by name.

    A name that occurs again is "name (2)" and so on, in the module's order.
    """
    labels = _labels(module)
    data = static_data(module)
    defined = labels[len(labels) - len(module.functions) :]
    return {
        name: _code(module, function, labels, data)
        for name, function in zip(defined, module.functions, strict=True)
    }


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
    return range(low, max(initialised, module.memories[0] * PAGE_BYTES))


def _named_globals(module: Module) -> dict[str, int]:
    named = {e.name: e.index for e in module.exports if e.kind == "global"}
    named |= {name: index for index, name in module.global_names.items()}
    values = {name: module.globals[index] for name, index in named.items() if index < len(module.globals)}
    return {name: value for name, value in values.items() if value is not None}


def _labels(module: Module) -> list[str]:
    """A different name for each function; imported ones have that of the import."""
    imported = [f"{each.module}.{each.name}" for each in module.imported_functions]
    labels: list[str] = []
    seen: Counter[str] = Counter()
    for name in map(_printable, (*imported, *module.function_names[len(imported) :])):
        seen[name] += 1
        labels.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return labels


def _printable(name: str) -> str:
    """Names come from the module, which may hold anything; they are shown on terminals."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in name)


def _code(module: Module, function: Function, labels: list[str], data: range) -> Code:
    calls: set[str] = set()
    lines = []
    for line in function.code:
        text = _COMMENT.sub("", line)
        if call := _CALL.match(text):
            called = _named(labels, int(call[2]))
            calls.add(called)
            text = f"{call[1]} {called}"
        lines.append(_without_addresses(_with_signatures(text, module), data))
    digest = hashlib.sha256("\n".join(lines).encode())
    return Code(len(function.body), digest.hexdigest(), frozenset(calls))


def _named(labels: list[str], index: int) -> str:
    return labels[index] if index < len(labels) else f"function {index}"


def _with_signatures(text: str, module: Module) -> str:
    """An instruction with its type instead of the type's number."""

    def signature(found: re.Match[str]) -> str:
        index = int(found[1])
        return module.types[index] if index < len(module.types) else found[0]

    return _TYPE.sub(signature, text)


def _without_addresses(text: str, data: range) -> str:
    """An instruction with one word for all addresses of static data."""
    if constant := _CONSTANT.match(text):
        value = int(constant[3]) % (1 << int(constant[2]))
        return f"{constant[1]} {_ADDRESS}" if value in data else text
    if _ACCESS.match(text):
        offset = _OFFSET.search(text)
        if int(offset[1] if offset else 0) in data:
            return f"{_OFFSET.sub('', text)} {_ADDRESS}"
    return text
