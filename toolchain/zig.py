"""The clang, wasm-ld, compiler-rt, wasi-libc and musl that PyPI's ``ziglang`` wheel carries.

``zig cc`` rewrites -O levels (-O1, -O2 and -O3 give byte-identical modules), so only the raw driver
``zig clang`` and the raw linkers are used on the program; ``zig cc`` and ``zig c++`` build the libraries,
once, at one fixed level, so that they are the same in every variant.
"""

from __future__ import annotations

import hashlib
import importlib.util
import platform
from collections.abc import Collection, Sequence
from importlib import metadata
from pathlib import Path

from toolchain.linking import linked_files, native_ld, wasm_ld
from toolchain.model import (
    BUILD_TIME,
    CXX,
    NATIVE,
    SETJMP,
    TARGETS,
    THROW,
    THROWING_CXX,
    WASM,
    Identity,
    Libc,
    ToolchainError,
    is_cxx,
)
from toolchain.own_libc import MALLOC, SETJMP_SOURCE
from toolchain.unwinding import compiler_flags, linker_flags
from toolchain.zig_cxx import ARCHIVES, DEFINES, TARGET_DEFINES, THROWING_ARCHIVES, throwing_sources

_LLVM = 22  # its clang's version

#: Linux machine name -> (musl triple, header folders below lib/libc/include, linker emulation).
_MACHINES = {
    "x86_64": (
        "x86_64-linux-musl",
        ("x86_64-linux-musl", "generic-musl", "x86-linux-any", "any-linux-any"),
        "elf_x86_64",
    ),
    "aarch64": (
        "aarch64-linux-musl",
        ("aarch64-linux-musl", "generic-musl", "aarch64-linux-any", "any-linux-any"),
        "aarch64linux",
    ),
}
_WASM_HEADERS = ("wasm-wasi-musl", "generic-musl")

#: The wheel has no allocator that C programs meet in practice. An object, not an archive: libzigc.a has weak
#: functions of these names in the object of all its others, which would be taken if it is needed first.
_OWN = {"malloc.o": MALLOC}
#: Names of the C library's files in link order, as (before the objects, after them).
_AFTER = ("malloc.o", "libc.a", "libzigc.a", "libcompiler_rt.a")
_LIBC = {
    WASM: Libc(("crt1-command.o",), _AFTER, {**_OWN, "setjmp.o": SETJMP_SOURCE}, ("setjmp.o",)),
    NATIVE: Libc(("crt1.o",), _AFTER, _OWN),
}


class Zig:
    """The bundled toolchain; the module's docstring says which parts are used."""

    name = "zig"

    def _root(self) -> Path:
        spec = importlib.util.find_spec("ziglang")
        if spec is None or not spec.submodule_search_locations:
            raise ToolchainError("ziglang is not installed; run: pip install -e .")
        return Path(next(iter(spec.submodule_search_locations)))

    def version(self) -> str:
        try:
            return metadata.version("ziglang")
        except metadata.PackageNotFoundError:
            return ""

    def missing(self, target: str) -> str:
        try:
            self._root()
            if target == NATIVE:
                self._machine()
        except ToolchainError as error:
            return str(error)
        return ""

    def headers(self) -> list[str]:
        return []  # the wheel's RECORD stands for them

    def files(self) -> list[str]:
        try:
            root = self._root()
            records = root.parent.glob(f"ziglang-{self.version()}.dist-info/RECORD")
            return [str(root / "zig"), *map(str, records)]
        except ToolchainError:
            return []

    def identify(self) -> Identity:
        try:
            root = self._root()
            digest = hashlib.sha256()
            folders = {folder for target in TARGETS for folder in self._headers(target)}
            headers = {path for folder in folders for path in folder.rglob("*") if path.is_file()}
            for path in [root / "zig", *sorted(headers)]:
                digest.update(path.relative_to(root).as_posix().encode() + b"\0")
                digest.update(hashlib.sha256(path.read_bytes()).digest())
        except (ToolchainError, OSError) as error:
            return Identity(self.name, "", "", present=False, reason=str(error))
        where = "in this Python environment"
        return Identity(self.name, self.version(), digest.hexdigest(), present=True, where=where)

    def environment(self, cache: str) -> dict[str, str]:
        return {
            "PATH": "/usr/bin:/bin",
            "LC_ALL": "C",
            "TZ": "UTC",
            "HOME": cache,
            "SOURCE_DATE_EPOCH": str(BUILD_TIME),
            "ZIG_GLOBAL_CACHE_DIR": cache,
            "ZIG_LOCAL_CACHE_DIR": cache,
        }

    def places(self) -> dict[str, str]:
        return {} if self.missing(WASM) else {str(self._root()): "{ziglang}"}

    def _machine(self) -> tuple[str, tuple[str, ...], str]:
        machine = platform.machine()
        if platform.system() != "Linux" or machine not in _MACHINES:
            raise ToolchainError(
                f"no native build for {platform.system()} on {machine}; "
                f"known: Linux on {', '.join(_MACHINES)}"
            )
        return _MACHINES[machine]

    def triple(self, target: str) -> str:
        return "wasm32-wasip1" if target == WASM else self._machine()[0]

    def _headers(self, target: str) -> list[Path]:
        """Folders of headers, in the order in which the compiler looks through them."""
        library = self._root() / "lib"
        names = _WASM_HEADERS if target == WASM else self._machine()[1]
        return [library / "include", *(library / "libc" / "include" / name for name in names)]

    def _clang(self, target: str, cxx: bool = False, unwinding: Collection[str] = ()) -> list[str]:
        library = self._root() / "lib"
        command = [str(self._root() / "zig"), "clang", f"--target={self.triple(target)}", "-nostdlibinc"]
        command += compiler_flags(unwinding, _LLVM) if target == WASM else []
        folders = self._headers(target)
        if cxx:
            folders = [library / "libcxx" / "include", library / "libcxxabi" / "include", *folders]
            command += [] if THROW in unwinding else ["-fno-exceptions"]
            command += [f"-D{define}" for define in (*DEFINES, *TARGET_DEFINES[target])]
        for folder in folders:
            command += ["-isystem", str(folder)]
        return command

    def check(self, target: str, flags: Sequence[str]) -> list[str]:
        # -Werror: a flag that clang only warns about ("unused", "treated as -O3") would make the
        # cell something else than its label says.
        command = [*self._clang(target), *flags, "-Werror"]
        return [*command, "-x", "c", "-c", "-", "-o", "/dev/null"]

    def compile(
        self, target: str, flags: Sequence[str], source: str, output: str, unwinding: Collection[str] = ()
    ) -> list[str]:
        return [*self._clang(target, is_cxx(source), unwinding), *flags, "-c", source, "-o", output]

    def unwinds(self, target: str) -> tuple[str, ...]:
        return (SETJMP, THROW) if target == WASM else (THROW,)

    def libc(self, target: str) -> Libc:
        return _LIBC[target]

    def libc_probe(self, target: str, source: str, output: str) -> list[str]:
        return self._build(target, "cc", source, output)

    def libc_found(self, target: str, cache: str, printed: str) -> dict[str, str]:
        return self._linked(target, self.libc(target).given, cache, printed)

    def lacks(self, target: str, library: str) -> str:
        return self.missing(target)

    def library(self, target: str, name: str) -> tuple[str, ...]:
        found = {CXX: ARCHIVES[target], THROWING_CXX: THROWING_ARCHIVES[target]}
        return found.get(name, ()) if not self.missing(target) else ()

    def library_files(self, target: str, name: str) -> list[str]:
        return []  # the wheel's RECORD stands for their sources and headers

    def library_probe(self, target: str, name: str, source: str, output: str) -> list[str]:
        return self._build(target, "c++", source, output) if self.library(target, CXX) else []

    def library_parts(self, target: str, name: str, folder: str) -> list[list[str]]:
        if name != THROWING_CXX or target != WASM:
            return []
        return [
            [
                *self._clang(target, is_cxx(source), (THROW,)),
                *(*flags, "-c", source, "-o", f"{folder}/{number:02}-{Path(source).stem}.o"),
            ]
            for number, (source, flags) in enumerate(throwing_sources(self._root() / "lib"))
        ]

    def archive(self, objects: Sequence[str], output: str) -> list[str]:
        return [str(self._root() / "zig"), "ar", "rcsD", output, *objects]

    def library_found(self, target: str, name: str, cache: str, printed: str) -> dict[str, str]:
        return self._linked(target, self.library(target, name), cache, printed)

    def _build(self, target: str, language: str, source: str, output: str) -> list[str]:
        """A command that links a program, which builds what it is linked to, and says where it is."""
        triple = "wasm32-wasi" if target == WASM else self.triple(target)
        command = [str(self._root() / "zig"), language, "-target", triple, "-O2", "-s", "-static"]
        return [*command, "--verbose", source, "-o", output]

    def _linked(self, target: str, names: Sequence[str], cache: str, printed: str) -> dict[str, str]:
        """The paths of the files, from the linker's command line."""
        found = linked_files("wasm-ld" if target == WASM else "ld.lld", names, cache, printed)
        for name in names:
            if name not in found:
                raise ToolchainError(f"zig named no {name} for {target}: is this ziglang {self.version()}?")
        return found

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
        linker = wasm_ld() if target == WASM else native_ld(self._machine()[2])
        command = [str(self._root() / "zig"), *linker]
        libc = self.libc(target) if libc_dir is not None else Libc((), ())
        command += linker_flags(unwinding, _LLVM) if target == WASM else []
        command += [*flags, "-o", output]
        command += [f"{libc_dir}/{name}" for name in libc.before]
        command += [*objects, *libraries]
        command += [f"{libc_dir}/{name}" for name in libc.setjmp if SETJMP in unwinding]
        return command + [f"{libc_dir}/{name}" for name in libc.after]


def toolchains(places: Sequence[str]) -> list[Zig]:
    """The one that comes with the project."""
    return [Zig()]
