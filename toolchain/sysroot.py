"""A clang of LLVM's own layout with a WASI sysroot: what Debian's clang-N and wasi-sdk share."""

from __future__ import annotations

import functools
import hashlib
import platform
import re
import subprocess
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from toolchain.linking import native_ld, wasm_ld
from toolchain.model import (
    BUILD_TIME,
    CXX,
    NATIVE,
    SETJMP,
    THROW,
    WASM,
    Identity,
    Libc,
    ToolchainError,
    is_cxx,
)
from toolchain.own_libc import SETJMP_SOURCE
from toolchain.sysroot_parts import EMULATIONS, SysrootParts, listed, numbers
from toolchain.unwinding import FIRST, compiler_flags, linker_flags

#: Shared libraries that hold the compiler where its programs are thin, {} for its major version; in its
#: own lib folder or, as Debian has them, in the machine's.
_SHARED = ("libLLVM-{}.so*", "libLLVM.so.{}*", "libclang-cpp.so.{}*", "liblld*.so.{}*")
#: Before this version SOURCE_DATE_EPOCH is ignored.
_DATES = 16
_STAMP = time.asctime(time.gmtime(BUILD_TIME))
_FIXED_DATES = (
    "-Wno-builtin-macro-redefined",
    f'-D__DATE__="{_STAMP[4:10]}{_STAMP[19:]}"',
    f'-D__TIME__="{_STAMP[11:19]}"',
    f'-D__TIMESTAMP__="{_STAMP}"',
)
#: Since this version the target has the name wasm32-wasip1, and later ones refuse the older name.
_WASIP1 = 18


class SysrootClang(SysrootParts):
    """One compiler; see toolchain.model.Toolchain for what its methods are."""

    def version(self) -> str:
        return self._version if self._layout.root is not None else ""

    @functools.cached_property
    def _major(self) -> int:
        """clang's own major version, which its folder of headers is named after; 0 where there is none."""
        root = self._layout.root
        folders = (root / "lib" / "clang").glob("*/include") if root else ()
        return max((numbers(folder.parent)[0] for folder in folders if numbers(folder.parent)), default=0)

    def files(self) -> list[str]:
        return [str(path) for _, path in self._deciding()]

    def _deciding(self) -> Iterator[tuple[str, Path]]:
        """(role, file) of programs and libraries; the role is the same in every place."""
        root = self._layout.root
        if root is None:
            return
        for name in ("clang", "wasm-ld", "ld.lld"):
            if (root / "bin" / name).is_file():
                yield f"bin/{name}", (root / "bin" / name).resolve()
        libraries = (root / "lib", root.parent / f"{platform.machine()}-linux-gnu")
        patterns = [pattern.format(self._major) for pattern in _SHARED]
        shared = {path.resolve() for folder in libraries for x in patterns for path in folder.glob(x)}
        yield from ((f"lib/{path.name}", path) for path in sorted(shared))
        for name in () if self.missing(WASM) else self.libc(WASM).given:
            yield f"wasm/{name}", self._library(name)
        yield from ((f"native/{name}", path) for name, path in self._native.items())

    def headers(self) -> list[str]:
        return [str(path) for _, path in self._headers()]

    def _headers(self) -> Iterator[tuple[str, Path]]:
        if self._layout.root is None:
            return
        if self._parts["WASI headers"] is not None:
            yield from _below(self._parts["WASI headers"])
        for folder in sorted((self._layout.root / "lib" / "clang").glob("*/include")):
            yield from _below(folder)

    def identify(self) -> Identity:
        reason = self.missing(WASM)
        if reason:
            return Identity(self.name, "", "", present=False, reason=reason)
        digest = hashlib.sha256()
        try:
            for role, path in [*self._deciding(), *self._headers()]:
                digest.update(f"{role}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
            printed = subprocess.run(
                [str(self._part("clang")), "--version"],
                capture_output=True,
                text=True,
                env=self.environment("/nonexistent"),
                timeout=60,
                check=True,
            ).stdout
        except (OSError, subprocess.SubprocessError, UnicodeDecodeError) as error:
            return Identity(self.name, "", "", present=False, reason=f"{self.name} does not run: {error}")
        number = re.search(r"clang version (\d+(\.\d+)*)", printed)
        version = number[1] if number else printed.partition("\n")[0]
        if self._version not in version:
            version = f"{self._version} (clang {version})"
        where = str(self._layout.root)
        return Identity(self.name, version, digest.hexdigest(), present=True, where=where)

    def environment(self, cache: str) -> dict[str, str]:
        # Since clang 16: no settings of the machine's or the user's.
        return {
            "PATH": "/usr/bin:/bin",
            "LC_ALL": "C",
            "TZ": "UTC",
            "HOME": cache,
            "CLANG_NO_DEFAULT_CONFIG": "1",
            "SOURCE_DATE_EPOCH": str(BUILD_TIME),
        }

    def places(self) -> dict[str, str]:
        named = {self._layout.root: f"{{{self.name}}}", self._parts["WASI headers"]: "{wasi headers}"}
        return {str(path): name for path, name in named.items() if path is not None}

    def triple(self, target: str) -> str:
        if target == WASM:
            return "wasm32-wasip1" if self._major >= _WASIP1 else "wasm32-wasi"
        if self.missing(NATIVE):
            raise ToolchainError(self.missing(NATIVE))
        return f"{platform.machine()}-pc-linux-gnu"

    def _clang(self, target: str, cxx: bool = False, unwinding: Collection[str] = ()) -> list[str]:
        command = [str(self._part("clang")), f"--target={self.triple(target)}"]
        if cxx:
            headers = self._cxx_headers(target)
            if headers is None:
                raise ToolchainError(self.lacks(target, CXX))
            command += [] if THROW in unwinding else ["-fno-exceptions"]
            command += ["-nostdinc++", "-isystem", str(headers)]
        if self._major < _DATES:
            command += _FIXED_DATES
        if target == WASM:
            command += compiler_flags(unwinding, self._major)
            command += ["-nostdlibinc", "-isystem", str(self._part("WASI headers"))]
        return command

    def check(self, target: str, flags: Sequence[str]) -> list[str]:
        # -Werror: a flag that clang only warns about would make the cell something else than its label says.
        command = [*self._clang(target), *flags, "-Werror"]
        return [*command, "-x", "c", "-c", "-", "-o", "/dev/null"]

    def libc(self, target: str) -> Libc:
        base = super().libc(target)
        if SETJMP not in self.unwinds(target):
            return base
        return replace(base, own={"setjmp.o": SETJMP_SOURCE}, setjmp=("setjmp.o",))

    def compile(
        self,
        target: str,
        flags: Sequence[str],
        source: str,
        output: str,
        unwinding: Collection[str] = (),
    ) -> list[str]:
        command = self._clang(target, is_cxx(source), unwinding)
        return [*command, *flags, "-c", source, "-o", output]

    def unwinds(self, target: str) -> tuple[str, ...]:
        if target == NATIVE:
            return (THROW,)
        return (SETJMP,) if self._major >= FIRST else ()

    def link(
        self,
        target: str,
        objects: Sequence[str],
        libc_dir: str | None,
        output: str,
        flags: Sequence[str] = (),
        libraries: Sequence[str] = (),
        unwinding: Collection[str] = (),
    ) -> list[str]:
        linker = wasm_ld() if target == WASM else native_ld(EMULATIONS[platform.machine()])
        command = [str(self._part("clang").parent / linker[0]), *linker[1:]]
        if libraries and target == NATIVE:
            # Debian's libc++ asks for -lpthread and -lrt, which glibc has within libc.a.
            command.append("--no-dependent-libraries")
        command += linker_flags(unwinding, self._major) if target == WASM else []
        command += [*flags, "-o", output]
        if libc_dir is None:
            return [*command, *objects, *libraries]
        command += [f"{libc_dir}/{name}" for name in self.libc(target).before]
        command += objects
        command += [f"{libc_dir}/{name}" for name in self.libc(target).setjmp if SETJMP in unwinding]
        after = [f"{libc_dir}/{name}" for name in self.libc(target).after]
        archives = [*libraries, *(path for path in after if path.endswith(".a"))]
        last = [path for path in after if not path.endswith(".a")]
        # glibc, libgcc and libc++ need each other; wasm-ld looks into all archives anyway.
        grouped = ["--start-group", *archives, "--end-group"] if target == NATIVE else archives
        return [*command, *grouped, *last]


def _below(folder: Path) -> Iterator[tuple[str, Path]]:
    """(role, file) of every header below a folder."""
    for path in listed(folder):
        yield f"include/{path.relative_to(folder).as_posix()}", path
