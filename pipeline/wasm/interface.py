"""What a module wants from its host and offers it, checked once, before any runtime gets it.

Two interfaces can be run: a WASI command, and an export ``run`` that gets a clock. What is wrong with a
module that has neither is one sentence, the same for all backends, in place of what each of them would make
of it: an import of a wrong type ends one with a trap and the next with a compiler's error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile

from pipeline.core.model import Interface
from pipeline.core.text import for_terminal
from pipeline.wasm.module import Import, Module, read, read_interface
from pipeline.wasm.sections import COMPONENT, WasmError, sections
from pipeline.wasm.wasi_preview1 import FUNCTIONS, NAMESPACE

EXPECTED = (
    f"expected a WASI command (exports _start and memory, imports functions of {NAMESPACE} only) or a module "
    "that exports run: () -> f32 and imports env.clock_ms: () -> i32 or i64 only"
)
_COMMANDS_ONLY = f"expected functions of {NAMESPACE} only"
_NO_TYPE = "(func)"
#: By the type of its clock.
_RUN = {"(func (result i32))": Interface.RUN32, "(func (result i64))": Interface.RUN64}
_MOST_NAMED = 4
_CALLS = re.compile(r"call (\d+)$")
#: After these instructions the next one may not be reached.
_DECIDES = ("if", "br", "return", "unreachable", "throw", "try", "call_indirect", "call_ref")


@dataclass(frozen=True)
class Checked:
    """How a module is run, and why nothing here can run it; None where it can be run."""

    interface: Interface
    trouble: str | None


def check(data: bytes) -> Checked:
    """Read a module's interface.

    One that wasm-tools cannot read is taken for a command: engines may know what that does not.
    """
    if data.startswith(COMPONENT):
        return Checked(Interface.NONE, "it is a component (WASI 0.2); give a core module")
    try:
        sections(data)
    except WasmError as error:
        return Checked(Interface.NONE, for_terminal(f"it is no WebAssembly module: {error}"))
    try:
        module = read_interface(data)
        if module.start is not None:
            module = read(data)
    except WasmError:
        return Checked(Interface.COMMAND, None)
    return _checked(module)


def _checked(module: Module) -> Checked:
    """The same for a module that was read."""
    exports = {each.name: each for each in module.exports}
    wants_clock = [(each.kind, each.module, each.name) for each in module.imports] == [
        ("func", "env", "clock_ms")
    ]
    if wants_clock and "run" in exports and exports["run"].kind == "func":
        run, clock = module.signatures[exports["run"].index], module.signatures[0]
        if run == "(func (result f32))" and clock in _RUN:
            return Checked(_RUN[clock], next(_of_exports(module, ("_initialize",)), None))
        types = f"its export run has the type {run}, its import env.clock_ms the type {clock}"
        return Checked(Interface.NONE, f"{types}; {EXPECTED}")
    troubles = (*_of_imports(module), *_of_entry(module), *_of_memory(module), *_of_start(module))
    kind = Interface.COMMAND if any(each.name == "_start" for each in module.exports) else Interface.NONE
    if kind is Interface.COMMAND and any(map(_of_bench, module.imports)):
        kind = Interface.BENCH
    return Checked(kind, for_terminal(troubles[0]) if troubles else None)


def _of_imports(module: Module) -> Iterator[str]:
    """What is wrong with what it imports, the most telling first."""
    others = [each for each in module.imports if each.module != NAMESPACE and not _of_bench(each)]
    types = iter(module.signatures)
    for each in module.imports:
        type_ = next(types) if each.kind == "func" else None
        if _of_bench(each) and type_ != _NO_TYPE:
            yield f"it imports bench.{each.name} as {type_ or each.kind}; expected {_NO_TYPE}"
    for each in others:
        where = f"it imports {each.module}.{each.name}"
        if each.module.startswith("wasi:"):
            wanted = "expected WASI preview 1: build it for wasm32-wasip1"
            yield f"it imports {each.module} ({each.name}), of WASI 0.2 or later; {wanted}"
        elif each.module == "wasi_unstable":
            yield f"{where}, of the WASI before preview 1; {_COMMANDS_ONLY}: build it with a newer SDK"
        elif (each.module, each.name) == ("wasi", "thread-spawn"):
            yield f"{where}: it needs threads, which no guest has here"
    memories = [each for each in others if each.kind == "memory"]
    if memories:
        yield f"it imports the memory {_named(memories)}; expected a memory of its own, exported as memory"
    if others:
        yield f"it imports {_named(others)}, which no host here gives; {_COMMANDS_ONLY}"
    yield from _of_wasi(module)


def _of_bench(each: Import) -> bool:
    """Whether it says with this which part of a run is timed: see runtimes/workers/bench.py."""
    return each.module == "bench" and each.name in ("start", "end")


def _of_wasi(module: Module) -> Iterator[str]:
    """What is wrong with what it imports of WASI."""
    types = iter(module.signatures)
    for each in module.imports:
        type_ = next(types) if each.kind == "func" else None
        if each.module != NAMESPACE:
            continue
        where = f"it imports {each.module}.{each.name}"
        expected = FUNCTIONS.get(each.name)
        if type_ is None:
            yield f"{where}, a {each.kind}; WASI has functions only"
        elif expected is None:
            yield f"{where}, which WASI preview 1 does not have"
        elif type_ != expected:
            of = (
                " of a 64-bit memory" if type_.replace("i64", "i32") == expected.replace("i64", "i32") else ""
            )
            yield f"{where} as {type_}{of}; WASI preview 1 has {expected}"


def _of_entry(module: Module) -> Iterator[str]:
    """What is wrong with the function that is to be called."""
    exports = {each.name: each for each in module.exports}
    if "_start" in exports:
        yield from _of_exports(module, ("_start",))
    elif "_initialize" in exports:
        yield "it is a reactor: it exports _initialize and no _start; expected a command, which has _start"
    else:
        has = ", ".join(list(exports)[:_MOST_NAMED]) or "nothing"
        yield f"it exports {has} and imports {_named(module.imports) or 'nothing'}; {EXPECTED}"


def _of_exports(module: Module, names: tuple[str, ...]) -> Iterator[str]:
    """Those of the exports that are no functions without parameters and results."""
    for each in module.exports:
        if each.name not in names:
            continue
        found = module.signatures[each.index] if each.kind == "func" else f"a {each.kind}"
        if found != _NO_TYPE:
            yield f"its export {each.name} is {found}; expected a function without parameters and results"


def _of_memory(module: Module) -> Iterator[str]:
    """WASI reads and writes the memory that is exported by its one name."""
    wanted = "WASI wants its memory exported as memory"
    for each in module.exports:
        if each.name == "memory" and each.kind == "memory":
            return
    if other := next((each.name for each in module.exports if each.kind == "memory"), None):
        yield f"it exports its memory as {other}; {wanted}"
    else:
        yield f"it exports no memory; {wanted}"


def _of_start(module: Module) -> Iterator[str]:
    """Hosts in JavaScript have no memory of a module before its start function is over."""
    if module.start is None:
        return
    imported = module.imported_functions
    called = {index for index in _reached(module, module.start) if index < len(imported)}
    if called:
        names = _named([imported[index] for index in sorted(called)])
        yield f"its start section calls {names}, before a host can reach its memory; call it from _start"


def _reached(module: Module, first: int) -> set[int]:
    """The functions that a call of one calls in any case: before anything is decided.

    What it may call besides, mostly to print why it fails, is left to the engines.
    """
    imported = len(module.imported_functions)
    seen: set[int] = set()
    waiting = [first]
    while waiting:
        index = waiting.pop()
        if index in seen:
            continue
        seen.add(index)
        code = module.functions[index - imported].code if index >= imported else ()
        for line in takewhile(lambda line: not line.startswith(_DECIDES), code):
            if found := _CALLS.match(line):
                waiting.append(int(found[1]))
    return seen


def _named(imports: list[Import]) -> str:
    """The first of them, and how many more there are."""
    names = ", ".join(f"{each.module}.{each.name}" for each in imports[:_MOST_NAMED])
    more = len(imports) - _MOST_NAMED
    return f"{names} and {more} more" if more > 0 else names
