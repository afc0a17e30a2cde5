"""A guest's memory in wasm3, as calls of WASI read and write it."""

from typing import Any, List, Tuple  # noqa: F401 - in comments


class Memory:
    """The memory of a pywasm3 runtime. What the guest does not have is an exception, which is a trap."""

    def __init__(self) -> None:
        self.runtime = None  # type: Any

    def bytes(self, at: int, size: int) -> memoryview:
        at, size = at & 0xFFFFFFFF, size & 0xFFFFFFFF
        memory = self.runtime.get_memory(0)  # each time: it moves when it grows
        if at + size > len(memory):
            raise IndexError("a call of WASI names memory that the guest does not have")
        return memory[at : at + size]  # type: ignore[no-any-return]

    def put(self, *values: Tuple[int, int, int]) -> int:
        """Write numbers: (place, value, bytes) of each; returns WASI's number for success."""
        for at, value, size in values:
            self.bytes(at, size)[:] = value.to_bytes(size, "little")
        return 0

    def get(self, at: int, size: int = 4) -> int:
        return int.from_bytes(self.bytes(at, size), "little")

    def text(self, at: int, size: int) -> str:
        return self.bytes(at, size).tobytes().decode("utf-8", "replace")

    def vectors(self, at: int, count: int) -> List[memoryview]:
        """The pieces of memory that a list of them names."""
        each = range(at, at + 8 * (count & 0xFFFFFFFF), 8)
        return [self.bytes(self.get(vector), self.get(vector + 4)) for vector in each]
