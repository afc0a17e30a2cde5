"""Which proposals beyond WebAssembly's first release (MVP) a module uses, independent of what it declares.

A feature is used if the module is valid with all proposals and not without this one. Names are LLVM's, as
in target_features. Two are finer than the usual list, because backends differ in them:
``call-indirect-overlong`` is a table index of several bytes, which wasm-ld writes for table 0, and
``legacy-exceptions`` are the older instructions of exception-handling, which is reported with them.
"""

from __future__ import annotations

from pipeline.wasm import wasm_tools
from pipeline.wasm.sections import WasmError, sections, without_custom

#: feature -> what to switch off in wasm-tools.
_SWITCHES = {
    "bulk-memory": "-bulk-memory",
    "sign-ext": "-sign-extension",
    "nontrapping-fptoint": "-saturating-float-to-int",
    "reference-types": "-reference-types,call-indirect-overlong",  # the first turns both off
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

#: What compilers use without being asked: most modules use all of these and nothing else.
_USUAL = ["bulk-memory", "sign-ext", "nontrapping-fptoint", "call-indirect-overlong"]


def features(data: bytes) -> frozenset[str]:
    """The features that a module uses; raises WasmError for one that wasm-tools does not find valid."""
    bare = without_custom(data, sections(data))
    _validate(bare, ["all"])
    used = set()
    for names in (_USUAL, [name for name in _SWITCHES if name not in _USUAL]):
        used.update(_used(bare, names))
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


def _used(module: bytes, names: list[str], *, all_off: bool | None = None) -> list[str]:
    """Those of the features without which the module is not valid; few calls where few are used.

    ``all_off``: whether it is valid without all of them, where that is known.
    """
    if all_off is None:
        all_off = _is_valid(module, names)
    if all_off:
        return []
    if len(names) == 1:
        return names
    half = len(names) // 2
    first = _used(module, names[:half])
    # If the first half is not why, the second is.
    return first + _used(module, names[half:], all_off=None if first else False)


def _is_valid(module: bytes, without: list[str]) -> bool:
    try:
        _validate(module, ["all", *(_SWITCHES[name] for name in without)])
    except wasm_tools.Died:
        raise
    except WasmError:
        return False
    return True


def _validate(module: bytes, proposals: list[str]) -> None:
    wasm_tools.run(module, "validate", "--features", ",".join(proposals))
