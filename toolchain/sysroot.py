"""A clang of LLVM's own layout with a WASI sysroot beside it: what Debian's clang-N and wasi-sdk share."""

from __future__ import annotations

import functools
import hashlib
import platform
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from toolchain.linking import native_ld, wasm_ld
from toolchain.model import NATIVE, WASM, Identity, Libc, ToolchainError

#: The C library in link order, as (before the objects, after them).
_LIBC = {
    WASM: Libc(("crt1-command.o",), ("libc.a", "libclang_rt.builtins.a")),
    NATIVE: Libc(
        ("crt1.o", "crti.o", "crtbeginT.o"), ("libgcc.a", "libgcc_eh.a", "libc.a", "crtend.o", "crtn.o")
    ),
}
#: Shared libraries that hold the compiler where its programs are thin, {} for its major version; in its
#: own lib folder or, as Debian has them, in the machine's.
_SHARED = ("libLLVM-{}.so*", "libLLVM.so.{}*", "libclang-cpp.so.{}*", "liblld*.so.{}*")
#: Since this version the target has the name wasm32-wasip1, and later ones refuse the older name.
_WASIP1 = 18
_EMULATIONS = {"x86_64": "elf_x86_64", "aarch64": "aarch64linux"}


@dataclass(frozen=True)
class Layout:
    """Where things lie; None and () where they do not."""

    root: Path | None  # the folder of bin/clang, links followed
    includes: Sequence[Path]  # folders of WASI headers, the first that is there is taken
    libraries: Sequence[Path]  # and of crt1-command.o and libc.a
    remedies: Mapping[str, str]  # part -> what brings it
    native: str = ""  # why it does not build natively


class SysrootClang:
    """One compiler; see toolchain.model.Toolchain for what its methods are."""

    def __init__(self, name: str, version: str, layout: Layout) -> None:
        self.name = name
        self._version = version
        self._layout = layout

    def version(self) -> str:
        return self._version if self._layout.root is not None else ""

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

    @functools.cached_property
    def _major(self) -> int:
        """clang's own major version, which its folder of headers is named after; 0 where there is none."""
        root = self._layout.root
        folders = (root / "lib" / "clang").glob("*/include") if root else ()
        return max((_numbers(folder.parent)[0] for folder in folders if _numbers(folder.parent)), default=0)

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
        if root is None or machine not in _EMULATIONS or not (root / "bin" / "ld.lld").is_file():
            return {}
        libraries = [Path(f"/usr/lib/{machine}-linux-gnu"), Path("/usr/lib64"), Path("/usr/lib")]
        compilers = sorted(
            Path("/usr/lib/gcc").glob(f"{machine}-*/*/libgcc.a"),
            key=lambda path: _numbers(path.parent),
            reverse=True,
        )
        folders = [*libraries, *(path.parent for path in compilers)]
        found = {}
        for name in _LIBC[NATIVE].files:
            folder = _first(folders, name)
            if folder is None:
                return {}
            found[name] = folder / name
        return found

    def files(self) -> list[str]:
        return [str(path) for _, path in self._deciding()]

    def _deciding(self) -> Iterator[tuple[str, Path]]:
        """(role, file) of programs and libraries; the role is the same wherever they lie."""
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
        for name in () if self.missing(WASM) else _LIBC[WASM].files:
            yield f"wasm/{name}", self._library(name)
        yield from ((f"native/{name}", path) for name, path in self._native.items())

    def _library(self, name: str) -> Path:
        return self._part("builtins") if "builtins" in name else self._part("WASI libc") / name

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
            said = subprocess.run(
                [str(self._part("clang")), "--version"],
                capture_output=True,
                text=True,
                env=self.environment("/nonexistent"),
                timeout=60,
                check=True,
            ).stdout
        except (OSError, subprocess.SubprocessError, UnicodeDecodeError) as error:
            return Identity(self.name, "", "", present=False, reason=f"{self.name} does not run: {error}")
        number = re.search(r"clang version (\d+(\.\d+)*)", said)
        version = number[1] if number else said.partition("\n")[0]
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

    def _clang(self, target: str) -> list[str]:
        command = [str(self._part("clang")), f"--target={self.triple(target)}"]
        if target == WASM:
            command += ["-nostdlibinc", "-isystem", str(self._part("WASI headers"))]
        return command

    def check(self, target: str, flags: Sequence[str]) -> list[str]:
        # -Werror: a flag that clang only warns about would make the cell something else than its label says.
        command = [*self._clang(target), *flags, "-Werror"]
        return [*command, "-x", "c", "-c", "-", "-o", "/dev/null"]

    def compile(self, target: str, flags: Sequence[str], source: str, output: str) -> list[str]:
        return [*self._clang(target), *flags, "-c", source, "-o", output]

    def libc(self, target: str) -> Libc:
        return _LIBC[target]

    def libc_probe(self, target: str, source: str, output: str) -> list[str]:
        return []  # it is there

    def libc_found(self, target: str, cache: str, printed: str) -> dict[str, str]:
        if target == NATIVE:
            return {name: str(path) for name, path in self._native.items()}
        return {name: str(self._library(name)) for name in _LIBC[WASM].files}

    def link(
        self,
        target: str,
        objects: Sequence[str],
        libc_dir: str | None,
        output: str,
        flags: Sequence[str] = (),
    ) -> list[str]:
        linker = wasm_ld() if target == WASM else native_ld(_EMULATIONS[platform.machine()])
        command = [str(self._part("clang").parent / linker[0]), *linker[1:]]
        command += [*flags, "-o", output]
        if libc_dir is None:
            return [*command, *objects]
        command += [f"{libc_dir}/{name}" for name in self.libc(target).before]
        command += objects
        after = [f"{libc_dir}/{name}" for name in self.libc(target).after]
        archives = [path for path in after if path.endswith(".a")]
        last = [path for path in after if path not in archives]
        # glibc and libgcc need each other; wasm-ld looks into all archives anyway.
        grouped = ["--start-group", *archives, "--end-group"] if target == NATIVE else archives
        return [*command, *grouped, *last]


def _first(folders: Sequence[Path], name: str) -> Path | None:
    return next((folder for folder in folders if (folder / name).is_file()), None)


def _numbers(path: Path) -> list[int]:
    return [int(x) for x in re.findall(r"\d+", path.name)]


@functools.cache
def _listed(folder: Path) -> tuple[Path, ...]:
    return tuple(sorted(path for path in folder.rglob("*") if path.is_file()))


def _below(folder: Path) -> Iterator[tuple[str, Path]]:
    """(role, file) of every header below a folder; compilers of one machine share most of them."""
    for path in _listed(folder):
        yield f"include/{path.relative_to(folder).as_posix()}", path
