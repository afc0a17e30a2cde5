"""Settings of Wasmtime's configuration that a backend names, as in wasmtime.cranelift[signals-based-traps=n].

Names are those of its C API: memory-reservation is wasmtime_config_memory_reservation_set. What that has
not and begins with "cranelift-" is a setting of Cranelift, as in cranelift-enable-alias-analysis=false.
"""

import ctypes
from typing import Any, Dict

import serve

_TRUTHS = {"y": True, "true": True, "n": False, "false": False}
_NUMBERS = (ctypes.c_size_t, ctypes.c_uint64)
_CRANELIFT = "cranelift-"


def is_on(options: serve.Facts, name: str) -> bool:
    """Whether such a setting is turned on."""
    return _TRUTHS.get(options.get("settings", {}).get(name, "n"), False)


def apply(ffi: Any, pointer: Any, settings: Dict[str, str], who: str) -> None:
    """Change a configuration; raises serve.Unavailable for what this release does not take."""
    for name, value in settings.items():
        setter = getattr(ffi.dll, "wasmtime_config_%s_set" % name.replace("-", "_"), None)  # type: Any
        types = list(setter.argtypes or ())[1:] if setter is not None else []
        if types == [ctypes.c_bool]:
            setter(pointer, _value(name, value, _TRUTHS))
        elif len(types) == 1 and types[0] in _NUMBERS:
            if not value.isdigit() or int(value) >= 1 << 64:
                raise serve.Unavailable("%s: expected a number below 2^64, found %r" % (name, value))
            setter(pointer, int(value))
        elif setter is None and name.startswith(_CRANELIFT):
            texts = [name[len(_CRANELIFT) :].replace("-", "_").encode(), value.encode()]
            buffers = [ctypes.create_string_buffer(text) for text in texts]
            ffi.wasmtime_config_cranelift_flag_set(pointer, *buffers)
        else:
            raise serve.Unavailable("%s has no setting %s that is a number or y or n" % (who, name))


def _value(name: str, value: str, known: Dict[str, bool]) -> bool:
    if value not in known:
        raise serve.Unavailable("%s: expected y or n, found %r" % (name, value))
    return known[value]
