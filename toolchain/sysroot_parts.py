"""Where the parts are in LLVM's own layout: the compiler's, its C library, further libraries."""

from __future__ import annotations

import functools
import platform
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from toolchain.model import CXX, DEFINES, MATH, NATIVE, WASM, Libc, ToolchainError

#: The C library in link order, as (before the objects, after them).
_LIBC = {
    WASM: Libc(("crt1-command.o",), ("libc.a", "libclang_rt.builtins.a")),
    NATIVE: Libc(
        ("crt1.o", "crti.o", "crtbeginT.o"), ("libgcc.a", "libgcc_eh.a", "libc.a", "crtend.o", "crtn.o")
    ),
}
#: libc++ in link order.
_LIBCXX = ("libc++.a", "libc++abi.a")
#: What holds libc++ among the headers of C: it is no part of a toolchain for C.
_CXX_FOLDERS = ("c++", "eh", "noeh")
#: Machines that native programs are built on, and the linker's names for them.
EMULATIONS = {"x86_64": "elf_x86_64", "aarch64": "aarch64linux"}


@dataclass(frozen=True)
class Libcxx:
    """Where libc++ for one target may be: the first folder that has it is taken."""

    headers: Sequence[Path]
    archives: Sequence[Path]
    remedy: str  # what brings it


@dataclass(frozen=True)
class Layout:
    """The paths of the parts; None and () for those that are missing."""

    root: Path | None  # the folder of bin/clang, links followed
    includes: Sequence[Path]  # folders of WASI headers, the first that is there is taken
    libraries: Sequence[Path]  # and of crt1-command.o and libc.a
    remedies: Mapping[str, str]  # part -> what brings it
    native: str = ""  # why it does not build natively
    libcxx: Mapping[str, Libcxx] = field(default_factory=dict)  # by target


class SysrootParts:
    """The files of one compiler; see toolchain.model.Toolchain for what its methods are."""

    def __init__(self, name: str, version: str, layout: Layout) -> None:
        self.name = name
        self._version = version
        self._layout = layout

    @functools.cached_property
    def _parts(self) -> dict[str, Path | None]:
        """The parts of a wasm build by the names that ``remedies`` has for them."""
        root = self._layout.root
        library = _first(self._layout.libraries, "crt1-command.o")
        return {
            "clang": root / "bin" / "clang" if root and (root / "bin" / "clang").is_file() else None,
            "wasm-ld": root / "bin" / "wasm-ld" if root and (root / "bin" / "wasm-ld").is_file() else None,
            "WASI headers": _first(self._layout.includes, "stdio.h"),
            "WASI libc": library if library and (library / "libc.a").is_file() else None,
            "builtins": next(self._builtins(), None) if root else None,
        }

    def _builtins(self) -> Iterator[Path]:
        """compiler-rt for wasm32, in the places that it has had since LLVM 11."""
        assert self._layout.root is not None
        library = self._layout.root / "lib"
        for pattern in (
            "clang/*/lib/wasm32-unknown-wasip1/libclang_rt.builtins.a",
            "clang/*/lib/wasm32-unknown-wasi/libclang_rt.builtins.a",
            "clang/*/lib/wasm32-wasi/libclang_rt.builtins.a",
            "clang/*/lib/wasip1/libclang_rt.builtins-wasm32.a",
            "clang/*/lib/wasi/libclang_rt.builtins-wasm32.a",
        ):
            yield from sorted(library.glob(pattern))

    def _part(self, name: str) -> Path:
        found = self._parts[name]
        if found is None:
            raise ToolchainError(self.missing(WASM))
        return found

    def missing(self, target: str) -> str:
        absent = [part for part, path in self._parts.items() if path is None]
        if "clang" in absent:
            absent = ["clang"]  # which says all
        if target == WASM or "clang" in absent:
            return "; ".join(f"{self.name} has no {part}: {self._layout.remedies[part]}" for part in absent)
        if self._layout.native:
            return self._layout.native
        if not self._native:
            return (
                f"{self.name} builds no native programs: there is no static C library, or no ld.lld; "
                f"{self._layout.remedies['native']}"
            )
        return ""

    @functools.cached_property
    def _native(self) -> dict[str, Path]:
        """The files of a static native program, {name in _LIBC: path}; {} where one is missing."""
        machine, root = platform.machine(), self._layout.root
        if root is None or machine not in EMULATIONS or not (root / "bin" / "ld.lld").is_file():
            return {}
        compilers = sorted(
            Path("/usr/lib/gcc").glob(f"{machine}-*/*/libgcc.a"),
            key=lambda path: numbers(path.parent),
            reverse=True,
        )
        folders = [*_machine_folders(), *(path.parent for path in compilers)]
        found = {}
        for name in _LIBC[NATIVE].files:
            folder = _first(folders, name)
            if folder is None:
                return {}
            found[name] = folder / name
        return found

    def _library(self, name: str) -> Path:
        return self._part("builtins") if "builtins" in name else self._part("WASI libc") / name

    def libc(self, target: str) -> Libc:
        return _LIBC[target]

    def libc_probe(self, target: str, source: str, output: str) -> list[str]:
        return []  # it is there

    def libc_found(self, target: str, cache: str, printed: str) -> dict[str, str]:
        if target == NATIVE:
            return {name: str(path) for name, path in self._native.items()}
        return {name: str(self._library(name)) for name in _LIBC[WASM].files}

    def lacks(self, target: str, library: str) -> str:
        if self.missing(target):
            return self.missing(target)
        if library == CXX and not self._libcxx(target):
            where = self._layout.libcxx.get(target)
            return f"{self.name} has no libc++ for {target}: {where.remedy if where else self._layout.native}"
        wanted = f"lib{library}.a"
        if library in DEFINES and target == WASM and not self._library(wanted).is_file():
            return f"{self.name} has no {wanted}: {self._layout.remedies['WASI libc']}"
        return ""

    def library(self, target: str, name: str) -> tuple[str, ...]:
        return tuple(self._archives(target, name))

    def library_files(self, target: str, name: str) -> list[str]:
        archives = self._archives(target, name)
        headers = self._cxx_headers(target) if name == CXX and archives else None
        files = [*archives.values(), *(listed(headers) if headers else ())]
        return [str(path) for path in files]

    def library_probe(self, target: str, name: str, source: str, output: str) -> list[str]:
        return []  # it is there

    def library_parts(self, target: str, name: str, folder: str) -> list[list[str]]:
        return []

    def archive(self, objects: Sequence[str], output: str) -> list[str]:
        raise ToolchainError(f"{self.name} makes no archives")

    def library_found(self, target: str, name: str, cache: str, printed: str) -> dict[str, str]:
        return {name: str(path) for name, path in self._archives(target, name).items()}

    def _archives(self, target: str, library: str) -> dict[str, Path]:
        """{name: path} of a library, in link order; {} where it is not here, or the C library has it all."""
        if self.lacks(target, library):
            return {}
        if library == CXX:
            return {**self._libcxx(target), **(_libm() if target == NATIVE else {})}
        if target == NATIVE:
            return _libm() if library == MATH else {}
        return {f"lib{library}.a": self._library(f"lib{library}.a")} if library in DEFINES else {}

    def _libcxx(self, target: str) -> dict[str, Path]:
        where = self._layout.libcxx.get(target)
        folder = _first(where.archives, _LIBCXX[0]) if where and self._cxx_headers(target) else None
        found = {name: folder / name for name in _LIBCXX} if folder else {}
        return found if all(path.is_file() for path in found.values()) else {}

    def _cxx_headers(self, target: str) -> Path | None:
        where = self._layout.libcxx.get(target)
        return _first(where.headers, "__config") if where else None


def _machine_folders() -> list[Path]:
    """Where the machine's own libraries may be."""
    return [Path(f"/usr/lib/{platform.machine()}-linux-gnu"), Path("/usr/lib64"), Path("/usr/lib")]


@functools.cache
def _libm() -> dict[str, Path]:
    """glibc's mathematics: on some machines libm.a is a text that names the archives."""
    folder = _first(_machine_folders(), "libm.a")
    if folder is None:
        return {}
    text = (folder / "libm.a").read_bytes()
    if text.startswith(b"!<arch>\n"):
        return {"libm.a": folder / "libm.a"}
    named = [Path(path) for path in re.findall(r"/\S+\.a\b", text.decode("utf-8", "replace"))]
    return {path.name: path for path in named}


def _first(folders: Sequence[Path], name: str) -> Path | None:
    return next((folder for folder in folders if (folder / name).is_file()), None)


def numbers(path: Path) -> list[int]:
    """Those in a path's last part."""
    return [int(x) for x in re.findall(r"\d+", path.name)]


@functools.cache
def listed(folder: Path) -> tuple[Path, ...]:
    """Every header below a folder, but libc++'s below C's; compilers of one machine share most of them."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return tuple(sorted(path for path in files if path.relative_to(folder).parts[0] not in _CXX_FOLDERS))
