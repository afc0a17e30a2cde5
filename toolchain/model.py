"""What a compiler is to this project, and what it promises."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

WASM = "wasm"
NATIVE = "native"
TARGETS = (WASM, NATIVE)
#: SOURCE_DATE_EPOCH of every compiler: 2020-01-01 00:00:00 UTC, so that a program which prints when it was
#: compiled (__DATE__, __TIME__, __TIMESTAMP__) is the same bytes each time.
BUILD_TIME = 1577836800

#: Ways of leaving several functions at a time, which not every engine has in wasm.
SETJMP = "setjmp"
THROW = "C++ exceptions"

#: What a file's name ends with that is compiled as C++.
CXX_SUFFIXES = (".cc", ".cpp", ".cxx", ".C")
#: {what wasi-libc has as a library of its own, and no native C library has: the macro that its headers want}.
DEFINES = {
    "wasi-emulated-getpid": "_WASI_EMULATED_GETPID",
    "wasi-emulated-mman": "_WASI_EMULATED_MMAN",
    "wasi-emulated-process-clocks": "_WASI_EMULATED_PROCESS_CLOCKS",
    "wasi-emulated-signal": "_WASI_EMULATED_SIGNAL",
}
CXX = "c++"
#: libc++ that throws, where CXX does not. Not to be asked for by name: a program that throws gets it.
THROWING_CXX = "c++ with exceptions"
MATH = "m"
#: Functions that WASI lacks, which only fail: a header of ours.
ABSENT = "absent-functions"
#: All that a program may ask for in addition to the C library.
LIBRARIES = (CXX, MATH, *DEFINES, ABSENT)


def suffix(target: str) -> str:
    """What the name of a linked file for a target ends with."""
    return ".wasm" if target == WASM else ".exe"


def is_cxx(source: str) -> bool:
    """Whether a file is C++, by its name."""
    return source.endswith(CXX_SUFFIXES)


def library_source(name: str) -> tuple[str, str]:
    """The name and the text of an empty program in the language of a library."""
    return ("probe.cc" if name == CXX else "probe.c"), "int main(void) { return 0; }\n"


class ToolchainError(Exception):
    """A toolchain is not what its module expects; the message says what to do."""


@dataclass(frozen=True)
class Identity:
    """What exactly a toolchain is: enough to tell two of them apart by their output."""

    name: str
    version: str
    digest: str  # SHA-256 of what decides the output
    present: bool
    reason: str = ""  # why it is not present, and what to do
    where: str = ""  # it is, for doctor; may be a path, so it is recorded nowhere


@dataclass(frozen=True)
class Variant:
    """A named way to compile and link."""

    name: str
    flags: tuple[str, ...]
    #: The linker's own flags (wasm-ld's, ld.lld's), not those of a compiler driver.
    link: tuple[str, ...] = ()
    #: Flags of wasm-opt, which rewrites the linked module; None where there is no such pass.
    wasm_opt: tuple[str, ...] | None = None
    #: Features of WebAssembly that its module needs, in addition to those that are found in it.
    needs: tuple[str, ...] = ()
    #: What the program prints as its flags, in place of these: so that equal code gives equal modules.
    text: str | None = None


@dataclass(frozen=True)
class OwnSource:
    """A source of ours that is a part of a C library; paths are relative to the project's folder."""

    path: str
    flags: tuple[str, ...]
    includes: tuple[str, ...] = ()  # further files that it consists of
    third_party: str | None = None  # the folder of third_party/ that these are obtained in

    @property
    def files(self) -> tuple[str, ...]:
        return (self.path, *self.includes)


@dataclass(frozen=True)
class Libc:
    """The C library of one target, as files below one folder."""

    before: tuple[str, ...]  # what the linker takes before the program's objects
    after: tuple[str, ...]  # and what after them
    own: Mapping[str, OwnSource] = field(default_factory=dict)  # those of them that are compiled from ours
    setjmp: tuple[str, ...] = ()  # linked only into programs with setjmp

    @property
    def files(self) -> tuple[str, ...]:
        return self.before + self.after + self.setjmp

    @property
    def given(self) -> tuple[str, ...]:
        """Those that come with the toolchain."""
        return tuple(name for name in self.files if name not in self.own)


class Toolchain(Protocol):
    """A compiler with its linker and C library.

    Methods return command lines and start nothing, except ``identify``. Paths are relative to the
    folder that the commands run in, so that no absolute path of the user's reaches an artifact.
    """

    name: str

    def version(self) -> str:
        """A cheap version string, "" where the toolchain is missing; starts no process."""

    def missing(self, target: str) -> str:
        """Why it cannot build for a target and what brings what it lacks; "" where it can. Cheap."""

    def files(self) -> list[str]:
        """Files whose change means a different compiler; empty where it is missing. Cheap."""

    def headers(self) -> list[str]:
        """All else that it may read: listed and looked at by every load, so keep it short."""

    def identify(self) -> Identity:
        """Read and hash what decides the output. Takes a second or so."""

    def environment(self, cache: str) -> dict[str, str]:
        """The whole environment that its commands run in."""

    def places(self) -> dict[str, str]:
        """Folders that its commands name, {absolute path: what a record calls it}; cheap."""

    def triple(self, target: str) -> str:
        """The compiler's name for WASM or NATIVE; raises ToolchainError for an unknown machine."""

    def check(self, target: str, flags: Sequence[str]) -> list[str]:
        """A command that reads C from stdin, fails if the flags are refused, and writes nothing."""

    def compile(
        self,
        target: str,
        flags: Sequence[str],
        source: str,
        output: str,
        unwinding: Collection[str] = (),
    ) -> list[str]:
        """A command that compiles one C or C++ file to an object.

        Without THROW in ``unwinding`` neither target has C++'s exceptions, without SETJMP wasm has no setjmp.
        """

    def unwinds(self, target: str) -> tuple[str, ...]:
        """Which of SETJMP and THROW it can build for a target, as far as that has to be asked for. Cheap."""

    def libc(self, target: str) -> Libc:
        """The names of the C library's files."""

    def libc_probe(self, target: str, source: str, output: str) -> list[str]:
        """A command that makes the C library by linking ``source``, and prints its path.

        Empty where there is nothing to make."""

    def libc_found(self, target: str, cache: str, printed: str) -> dict[str, str]:
        """From what that command printed: {name in libc(): path of the file in the cache}."""

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
        """A command that links objects and the C library, if there is to be one, to an artifact.

        ``libraries`` are paths of further archives, in link order."""

    def lacks(self, target: str, library: str) -> str:
        """Why there is no such one of LIBRARIES and what brings it; "" where it can be had. Cheap."""

    def library(self, target: str, name: str) -> tuple[str, ...]:
        """The names of a library's files in link order; () where the C library has it all. Cheap.

        Of one that it ``lacks`` there are none."""

    def library_files(self, target: str, name: str) -> list[str]:
        """Files, not in ``files``, whose change means a different library; with its headers. Cheap."""

    def library_probe(self, target: str, name: str, source: str, output: str) -> list[str]:
        """A command that makes a library by linking ``source``, and prints its path.

        Empty where there is nothing to make."""

    def library_parts(self, target: str, name: str, folder: str) -> list[list[str]]:
        """Commands that compile the objects of a library, of which the last word is the object.

        Empty where there is nothing to compile; else ``archive`` makes the one file of ``library``."""

    def archive(self, objects: Sequence[str], output: str) -> list[str]:
        """A command that makes an archive of objects, the same bytes each time."""

    def library_found(self, target: str, name: str, cache: str, printed: str) -> dict[str, str]:
        """From what that command printed: {name in library(): path of the file}."""
