"""Which proposals beyond WebAssembly's first release (MVP) a module uses, independent of what it declares.

A feature is used if the module is valid with all proposals and not without this one. Names are LLVM's, as
in target_features. Two are finer than the usual list, because backends differ in them:
``call-indirect-overlong`` is a table index of several bytes, which wasm-ld writes for table 0, and
``legacy-exceptions`` are the older instructions of exception-handling, which is reported with them.
"""

from __future__ import annotations

from pipeline.wasm import wasm_tools
from pipeline.wasm.sections import WasmError, sections, without_custom

#: feature -> what to switch off in wasm-tools. Its reference-types include call-indirect-overlong.
_SWITCHES = {
    "atomics": "-threads",
    "bulk-memory": "-bulk-memory",
    "call-indirect-overlong": "-call-indirect-overlong",
    "exception-handling": "-exceptions",
    "extended-const": "-extended-const",
    "legacy-exceptions": "-legacy-exceptions",
    "memory64": "-memory64",
    "multimemory": "-multi-memory",
    "multivalue": "-multi-value",
    "mutable-globals": "-mutable-global",
    "nontrapping-fptoint": "-saturating-float-to-int",
    "reference-types": "-reference-types,call-indirect-overlong",
    "relaxed-simd": "-relaxed-simd",
    "sign-ext": "-sign-extension",
    "simd128": "-simd",
    "tail-call": "-tail-call",
}


def features(data: bytes) -> frozenset[str]:
    """The features that a module uses; raises WasmError for one that wasm-tools does not find valid."""
    bare = without_custom(data, sections(data))
    _validate(bare, "all")
    used = {name for name, switch in _SWITCHES.items() if not _is_valid(bare, f"all,{switch}")}
    if "reference-types" in used:
        used.discard("call-indirect-overlong")  # a part of it
    if "legacy-exceptions" in used:
        used.add("exception-handling")
    return frozenset(used)


def _validate(module: bytes, proposals: str) -> None:
    wasm_tools.run(module, "validate", "--features", proposals)


def _is_valid(module: bytes, proposals: str) -> bool:
    try:
        _validate(module, proposals)
    except WasmError:
        return False
    return True
