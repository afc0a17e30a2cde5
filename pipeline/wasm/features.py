"""Which proposals beyond WebAssembly's first release (MVP) a module uses, independent of what it declares.

A feature is used if the module is valid with all proposals and not without this one. Names are LLVM's, as
in target_features. Two are finer than the usual list, because backends differ in them:
``call-indirect-overlong`` is a table index of several bytes, which wasm-ld writes for table 0, and
``legacy-exceptions`` are the older instructions of exception-handling, which is reported with them.
"""

from __future__ import annotations

from pipeline.wasm import wasm_tools
from pipeline.wasm.sections import WasmError, sections, without_custom

#: feature -> what to switch off in wasm-tools. Those that compilers use without being asked come first.
_SWITCHES = {
    "bulk-memory": "-bulk-memory",
    "sign-ext": "-sign-extension",
    "nontrapping-fptoint": "-saturating-float-to-int",
    "reference-types": "-reference-types,call-indirect-overlong",  # which is a part of it
    "call-indirect-overlong": "-call-indirect-overlong",
    "mutable-globals": "-mutable-global",
    "multivalue": "-multi-value",
    "simd128": "-simd",
    "relaxed-simd": "-relaxed-simd",
    "atomics": "-threads",
    "exception-handling": "-exceptions",
    "legacy-exceptions": "-legacy-exceptions",
    "extended-const": "-extended-const",
    "memory64": "-memory64",
    "multimemory": "-multi-memory",
    "tail-call": "-tail-call",
    "function-references": "-function-references",
    "gc": "-gc",
    "wide-arithmetic": "-wide-arithmetic",
    "custom-page-sizes": "-custom-page-sizes",
    "stack-switching": "-stack-switching",
    "shared-everything-threads": "-shared-everything-threads",
    "custom-descriptors": "-custom-descriptors",
    "compact-imports": "-compact-imports",
    "memory-control": "-memory-control",
}


def features(data: bytes) -> frozenset[str]:
    """The features that a module uses; raises WasmError for one that wasm-tools does not find valid."""
    bare = without_custom(data, sections(data))
    _validate(bare, ["all"])
    used = set(_used(bare, list(_SWITCHES)))
    if "reference-types" in used:
        used.discard("call-indirect-overlong")
    if "legacy-exceptions" in used:
        used.add("exception-handling")
    return frozenset(used)


def features_if_valid(data: bytes) -> tuple[str, ...] | None:
    """The features in the order of their names; None for a module of which wasm-tools cannot say them.

    Engines decide whether such a module runs. Where wasm-tools died, it is asked once more: the machine may
    have been short of memory.
    """
    for _ in range(2):
        try:
            return tuple(sorted(features(data)))
        except wasm_tools.Died:
            continue
        except WasmError:
            break
    return None


def _used(module: bytes, names: list[str]) -> list[str]:
    """Those of the features without which the module is not valid; halves without any need one call."""
    try:
        _validate(module, ["all", *(_SWITCHES[name] for name in names)])
    except wasm_tools.Died:
        raise
    except WasmError:
        half = len(names) // 2
        return _used(module, names[:half]) + _used(module, names[half:]) if half else names
    return []


def _validate(module: bytes, proposals: list[str]) -> None:
    wasm_tools.run(module, "validate", "--features", ",".join(proposals))
