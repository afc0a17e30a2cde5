"""Runs a module in Wasmer 7, through its SDK.

The SDK compiles a module when a command of it is first run. A command with a NUL in an argument is refused
after that and before any code of the guest runs: so a module is compiled alone, and timed.

A guest always has a file system, in memory. Its files are the package's: what a run changes is its own.
Only /workspace stays with a sandbox, so a guest with files has a sandbox for each run.
"""

import asyncio
import glob
import importlib
import os
import re
import time
from typing import Any, Dict, Optional, Set, Tuple

import elf
import inputs
import installed
import scratch
import serve
from no_terminal import without_terminal

_GENERATOR = re.compile(rb"(?:lib/compiler-[a-z]+|cranelift-codegen-[0-9.]+)/")
#: The largest file that the parent allows.
_FILE_LIMIT = 64 * 1024 * 1024
_REFUSED_AS_ASKED = "argument contains null byte"


def load(path: str, options: serve.Facts) -> Tuple[serve.Run, serve.Facts]:
    if "clock" in options:
        reason = "Wasmer's SDK runs WASI commands only: it cannot give the module env.clock_ms"
        raise serve.Unavailable(reason)
    with scratch.folder() as cache:
        started = time.perf_counter()
        wasmer_sdk = importlib.import_module("wasmer_sdk")  # type: Any
        runtime_seconds = time.perf_counter() - started
        with open(path, "rb") as stream:
            data = without_terminal(stream.read())
        files = inputs.contents(options["files"]) if "files" in options else {}
        loop = asyncio.new_event_loop()
        before = elf.executable_bytes()
        started = time.perf_counter()
        try:
            make, sandbox = loop.run_until_complete(_compile(wasmer_sdk, data, files, cache))
        except wasmer_sdk.WasmerError as error:
            raise serve.Refused(str(error).splitlines()[0]) from None
        compile_seconds = time.perf_counter() - started
        code_bytes = elf.executable_bytes() - before
        proof = _proof(cache, wasmer_sdk.__file__)

    def run(request: serve.Facts) -> serve.Facts:
        given = None
        if "stdin" in options:
            with open(request.get("stdin") or options["stdin"], "rb") as stream:
                given = stream.read()
        return loop.run_until_complete(again(request["argv"], given))

    async def again(argv: Any, given: Optional[bytes]) -> serve.Facts:
        place = await make() if files else sandbox
        command = place.command("guest", argv[1:], env=options.get("env", {}))
        return await _run(wasmer_sdk, command, given)

    return run, {
        "compile_seconds": compile_seconds,
        "runtime_seconds": runtime_seconds,
        "code_bytes": code_bytes,
        "version": installed.version("wasmer-sdk"),
        "proof": proof,
    }


async def _compile(sdk: Any, data: bytes, files: Dict[str, bytes], cache: str) -> Any:
    """A function that makes sandboxes in which the guest is a command, and a first one."""
    client = sdk.Wasmer(cache_root=cache)
    command = sdk.PackageCommandDefinition(module="guest")
    paths = {"/" + name: content for name, content in files.items()}
    definition = sdk.PackageDefinition(modules={"guest": data}, commands={"guest": command}, files=paths)
    package = await client.packages.create(definition)

    def make() -> Any:
        return client.sandboxes.create(packages=[package], network=sdk.NetworkPolicy.DISABLED)

    sandbox = await make()
    try:
        await sandbox.command("guest", ["\0"]).run(check=False)
    except sdk.WasmerError as error:
        if _REFUSED_AS_ASKED not in str(error):
            raise
        return make, sandbox
    raise RuntimeError("the guest ran when it should only be compiled")


async def _run(sdk: Any, command: Any, given: Optional[bytes]) -> serve.Facts:
    before = os.fstat(2).st_size
    started = time.perf_counter()
    source = "closed" if given is None else "pipe"
    # Kept by the SDK itself: handing over each block while the guest runs takes four times as long. What a
    # guest printed before it trapped is lost, and not needed.
    process = await command.spawn(stdin=source, stdout="capture", stderr="pipe", output_bytes=_FILE_LIMIT)
    errors = asyncio.ensure_future(_keep(process.stderr))
    feeder = None if given is None else asyncio.ensure_future(_feed(sdk, process.stdin, given))
    try:
        output = await process.wait()
        printed = memoryview(output.stdout.bytes)
        os.write(1, printed[: serve.LIMITS["output_bytes"]])
        # What was not kept counts too.
        os.ftruncate(1, len(printed))
    except sdk.WasmerError as error:
        raise _trap(str(error)) from None
    finally:
        # The guest's in place of the SDK's own.
        os.ftruncate(2, before)
        os.pwrite(2, await errors, before)
        if feeder:
            await feeder
    wall = time.perf_counter() - started
    if output.reason is not sdk.ExitReason.EXITED:
        raise serve.Trap(output.reason.value)
    if output.exit_code:
        raise serve.Exit(output.exit_code, {"wall_seconds": wall})
    return {"wall_seconds": wall}


async def _keep(stream: Any) -> bytes:
    """The beginning of what the guest writes there."""
    kept = b""
    async for chunk in stream:
        kept += chunk[: serve.STDERR_LIMIT - len(kept)]
    return kept


async def _feed(sdk: Any, stdin: Any, given: bytes) -> None:
    try:
        await stdin.write(given)
        await stdin.close()
    except sdk.WasmerError:  # it ended without reading all: that is the guest's affair
        pass


def _trap(message: str) -> serve.Trap:
    """Wasmer's message: a line, of which all is left out that it says of every failure, and the functions."""
    frames = re.findall(r"^ +at (.+) \(", message, re.MULTILINE)
    return serve.Trap(message.splitlines()[0].rpartition("failed: ")[2], frames)


def _proof(cache: str, library: str) -> serve.Facts:
    """Where the runtime itself put the code that it made: one file, below the names of target and compiler.

    And which code generators the library contains, by the names of source files that its messages quote.
    """
    found = glob.glob(os.path.join(glob.escape(cache), "*", "compiled", "*", "*", "*", "*.bin"))
    assert len(found) == 1, found
    target, compiler, settings = found[0].split(os.sep)[-4:-1]
    with open(found[0], "rb") as stream:
        engine = stream.read(16).decode("ascii", "replace")
    generators = ", ".join(sorted(_generators(library)))
    return {
        "compiler": compiler,
        "engine": engine,
        "settings": settings,
        "target": target,
        "code_generators": generators,
    }


def _generators(library: str) -> Set[str]:
    found = set()  # type: Set[str]
    tail = b""
    # In pieces, so that the library's 100 MB do not count as this process's memory.
    with open(os.path.join(os.path.dirname(library), "libwasmer_sdk_uniffi.so"), "rb") as stream:
        for piece in iter(lambda: stream.read(1 << 20), b""):
            for match in _GENERATOR.finditer(tail + piece):
                found.add(match[0][:-1].decode())
            tail = piece[-64:]
    return found


if __name__ == "__main__":
    serve.serve(load)
