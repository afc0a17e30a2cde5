"""Runs a module in SpiderMonkey, inside PythonMonkey, with the compiler that the options name."""

import ctypes
import json
import os
import time
from typing import Any, Tuple

import inputs
import installed
import js_modules
import serve

_CX = ctypes.c_void_p
_STARTED_NS = time.monotonic_ns()
#: Numbers of JSJitCompilerOption; the engine's own table by name says whether they are still right.
_OPTIONS = {"wasm.baseline": 30, "wasm.optimizing": 31}
_ENGINE = """((guest, testing, elapsed, epoch, cpu, page_faults, urandom, sleep) => {
  let module = null;
  let kind;
  // Realtime differs from the other clock by what it had at its start.
  const realtime_at_start = BigInt(epoch);
  const clock = (realtime) => BigInt(elapsed()) + (realtime ? realtime_at_start : 0n);
  const host = {
    clock,
    cpu,
    page_faults,
    sleep,
    random(bytes) {
      const text = urandom(bytes.length);
      for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
    },
    collect: () => testing.gc(),
    env: {},
    stdin: new Uint8Array(0),
    files: null,
  };
  return {
    giveVariables: (text) => void (host.env = JSON.parse(text)),
    giveInput: (data) => void (host.stdin = new Uint8Array(data)),
    giveFiles: () => void (host.files = new Map()),
    giveFile: (name, data) => void host.files.set(name, new Uint8Array(data)),
    load(data, clock_ms, output_bytes) {
      kind = clock_ms;
      guest.limitOutput(output_bytes);
      const bytes = new Uint8Array(data);
      const started = BigInt(clock(false));
      try {
        module = new WebAssembly.Module(bytes);
      } catch (error) {
        return JSON.stringify({ refused: String(error).split("\\n")[0] });
      }
      const compile_seconds = Number(BigInt(clock(false)) - started) / 1e9;
      const refused = guest.refusal(module, kind);
      if (refused) return JSON.stringify({ refused });
      let tier;
      try {
        tier = testing.wasmFunctionTier(guest.start(module, kind));
      } catch (error) {
        return JSON.stringify({ refused: String(error).split("\\n")[0] });
      }
      const { segments, code } = testing.wasmExtractCode(module, tier === "optimized" ? "ion" : tier);
      return JSON.stringify({
        compile_seconds,
        code_bytes: segments.reduce((sum, s) => sum + s.codeEnd - s.codeBegin, 0) || code.length,
        proof: { tier, mode: testing.wasmCompileMode(), guarded: testing.wasmHugeMemorySupported() },
      });
    },
    run: (request) => JSON.stringify(guest.run(module, JSON.parse(request), host, kind)),
  };
})"""


def _testing_functions(cx: _CX) -> None:
    """Make the engine's functions for its own tests the global object ``testing``.

    They tell of a function which compiler made its code; PythonMonkey does not show them.
    """
    functions = _call("_ZN2js19GetTestingFunctionsEP9JSContext", _CX, cx)
    scope = _call("_ZN2JS19CurrentGlobalOrNullEP9JSContext", _CX, cx)
    define = "_Z17JS_DefinePropertyP9JSContextN2JS6HandleIP8JSObjectEEPKcS5_j"
    # A handle is the address of a pointer.
    handles = [ctypes.byref(_CX(pointer)) for pointer in (scope, functions)]
    if not _call(define, ctypes.c_bool, cx, handles[0], b"testing", handles[1], ctypes.c_uint(0)):
        raise RuntimeError("the engine does not give its testing functions")


def _call(name: str, result: Any, *arguments: Any) -> Any:
    """Call a function of the engine, which PythonMonkey has loaded; with the GIL, for it may call back."""
    function = ctypes.PyDLL(_library("/libmozjs"))[name]
    function.restype = result
    return function(*arguments)


def _library(name: str) -> str:
    with open("/proc/self/maps") as stream:
        for line in stream:
            if name in line:
                return line.rstrip("\n").split(maxsplit=5)[5]
    raise RuntimeError("no %s is loaded" % name)


def load(path: str, options: serve.Facts) -> Tuple[serve.Run, serve.Facts]:
    started = time.perf_counter()
    import pythonmonkey

    runtime_seconds = time.perf_counter() - started
    cx = _CX.in_dll(ctypes.PyDLL(_library("/pythonmonkey.so")), "GLOBAL_CX")
    _testing_functions(cx)
    for name, number in _OPTIONS.items():
        _call(
            "_Z29JS_SetGlobalJitCompilerOptionP9JSContext19JSJitCompilerOptionj",
            None,
            cx,
            ctypes.c_int(number),
            ctypes.c_uint32(options[name]),
        )
    stack = ctypes.c_size_t(serve.engine_stack())
    _call("_Z22JS_SetNativeStackQuotaP9JSContextmmm", None, cx, stack, stack, stack)
    settings = json.loads(pythonmonkey.eval("JSON.stringify(testing.getJitCompilerOptions())"))
    guest = pythonmonkey.eval(js_modules.together(*js_modules.GUEST))
    testing = pythonmonkey.eval("testing")
    given = (time.thread_time, serve.page_faults, _random, _sleep)
    epoch = str(time.time_ns() - time.monotonic_ns() + _STARTED_NS)
    engine = pythonmonkey.eval(_ENGINE)(guest, testing, _elapsed, epoch, *given)
    _give(engine, options)
    with open(path, "rb") as module:
        wanted = module.read(), options.get("clock", ""), serve.LIMITS["output_bytes"]
        facts = json.loads(engine["load"](*wanted))  # type: serve.Facts
    if "refused" in facts:
        raise serve.Refused(facts["refused"])

    def run(request: serve.Facts) -> serve.Facts:
        stdin = request.get("stdin", options.get("stdin"))
        if stdin:
            with open(stdin, "rb") as stream:
                engine["giveInput"](stream.read())
        return json.loads(engine["run"](json.dumps(request)))  # type: ignore[no-any-return]

    facts["proof"].update((name, settings.get(name)) for name in _OPTIONS)
    return run, dict(facts, version=installed.version("pythonmonkey"), runtime_seconds=runtime_seconds)


def _give(engine: Any, options: serve.Facts) -> None:
    """Hand over what the guest may read, as bytes, and its environment."""
    if "env" in options:
        engine["giveVariables"](json.dumps(options["env"]))
    if "files" in options:
        engine["giveFiles"]()
        for name, data in inputs.contents(options["files"]).items():
            engine["giveFile"](name, data)


def _elapsed() -> float:
    # Since this process began, so that the number is not rounded. Not as digits: of texts given to the engine
    # by the ten thousand, it stopped answering.
    return float(time.monotonic_ns() - _STARTED_NS)


def _sleep(nanoseconds: float) -> None:
    time.sleep(nanoseconds / 1e9)


def _random(size: float) -> str:
    return os.urandom(int(size)).decode("latin-1")


if __name__ == "__main__":
    serve.serve(load)
