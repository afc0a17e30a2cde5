"""The native build of each variant, by the same compiler: what the wasm cells are compared with."""

from pipeline.core.model import Backend, Kind, Runtime

RUNTIME = Runtime(name="native", worker="native_worker.py")
BACKENDS = (Backend("native", Kind.NATIVE, RUNTIME, forks=True),)
