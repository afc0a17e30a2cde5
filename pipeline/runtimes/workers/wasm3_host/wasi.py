"""WASI preview 1 for wasm3: functions in Python that pywasm3 links to a module."""

import os
import time
from typing import Any, Dict, List, Optional

import bench
import clock
from wasm3_host.calls import Calls, DescriptorCalls  # noqa: F401 - in comments
from wasm3_host.files import BADF, INVAL, NOTSUP, OK, Failed, Files, Memory

_IO = 29
_CLOCKS = (time.time_ns, time.monotonic_ns, time.process_time_ns, time.thread_time_ns)


class Wasi:
    """What the guest may ask for: arguments, environment, the time, random bytes, input, output, files.

    ``calls`` is how often it has asked.
    """

    def __init__(
        self,
        argv: List[str],
        contents: Optional[Dict[str, bytes]] = None,
        env: Optional[Dict[str, str]] = None,
        speed: Optional[float] = None,
    ) -> None:
        self._argv = [word.encode() + b"\0" for word in argv]
        self._env = [("%s=%s" % item).encode() + b"\0" for item in (env or {}).items()]
        self._files = Files(contents)
        self._memory = Memory()
        self.calls = 0
        self.part = bench.TimedPart()
        #: In place of the machine's.
        self.clock = None if speed is None else clock.Clock(speed)
        self.exit_code = None  # type: Optional[int]

    def link(self, module: Any, runtime: Any) -> None:
        self._memory.runtime = runtime
        functions = {
            "args_get": ("i(ii)", lambda *at: self._texts_get(self._argv, *at)),
            "args_sizes_get": ("i(ii)", lambda *at: self._text_sizes_get(self._argv, *at)),
            "clock_res_get": ("i(ii)", self._clock_res_get),
            "clock_time_get": ("i(iIi)", self._clock_time_get),
            "environ_get": ("i(ii)", lambda *at: self._texts_get(self._env, *at)),
            "environ_sizes_get": ("i(ii)", lambda *at: self._text_sizes_get(self._env, *at)),
            "fd_write": ("i(iiii)", self._fd_write),
            "proc_exit": ("v(i)", self._proc_exit),
            "proc_raise": ("i(i)", lambda *_: NOTSUP),
            "random_get": ("i(ii)", self._random_get),
            "sched_yield": ("i()", lambda: OK),
        }  # type: Calls
        functions.update(DescriptorCalls(self._files, self._memory).all())
        for name, (signature, function) in functions.items():
            module.link_function("wasi_snapshot_preview1", name, signature, self._counted(function))
        module.link_function(bench.NAMESPACE, "start", "v()", self.part.start)
        module.link_function(bench.NAMESPACE, "end", "v()", self.part.end)

    def _counted(self, function: Any) -> Any:
        def call(*values: int) -> Any:
            self.calls += 1
            return function(*values)

        return call

    def _text_sizes_get(self, texts: List[bytes], count: int, size: int) -> int:
        return self._memory.put((count, len(texts), 4), (size, sum(map(len, texts)), 4))

    def _texts_get(self, texts: List[bytes], pointers: int, buffer: int) -> int:
        for i, word in enumerate(texts):
            self._memory.put((pointers + 4 * i, buffer & 0xFFFFFFFF, 4))
            self._memory.bytes(buffer, len(word))[:] = word
            buffer += len(word)
        return OK

    def _clock_res_get(self, clock: int, at: int) -> int:
        return self._memory.put((at, 1, 8)) if 0 <= clock < len(_CLOCKS) else INVAL

    def _clock_time_get(self, clock: int, _precision: int, at: int) -> int:
        if not 0 <= clock < len(_CLOCKS):
            return INVAL
        if self.clock is not None:
            status = self._memory.put((at, self.clock.wasi_ns(clock), 8))
            self.clock.leave()
            return status
        return self._memory.put((at, _CLOCKS[clock](), 8))

    def _random_get(self, at: int, size: int) -> int:
        data = self._memory.bytes(at, size)
        data[:] = os.urandom(len(data))
        return OK

    def _fd_write(self, fd: int, vectors: int, count: int, at: int) -> int:
        total = 0
        try:
            host = self._files.output(fd)
            for data in self._memory.vectors(vectors, count):
                done = 0
                while done < len(data):
                    done += os.write(host, data[done:])
                total += len(data)
        except Failed:
            return BADF
        except OSError:  # the file is as large as the parent allows
            return _IO
        return self._memory.put((at, total, 4))

    def _proc_exit(self, code: int) -> None:
        self.exit_code = code & 0xFFFFFFFF
        raise SystemExit  # unwinds the guest
