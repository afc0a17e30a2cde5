"""Flags that name a file or write one: an artifact would depend on it, or leave it, and no task knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.core.errors import BadInput


@dataclass(frozen=True)
class FileFlags:
    """Of one program: how such words begin, and options by their names, with any number of dashes."""

    beginnings: tuple[str, ...]
    names: frozenset[str]
    inputs: tuple[str, ...] = ()  # what the name of an input file ends with
    tracked: tuple[str, ...] = ()  # words that stand for a file of ours

    def refuse(self, where: str, words: Sequence[str]) -> None:
        """Raises BadInput for the first word that names or writes a file."""
        for before, word in zip(("", *words), words, strict=False):
            # Options of LLVM begin as options of the compiler do: -lsr-… is no library.
            own = before.lstrip("-") == "mllvm"
            if self._is_llvms(word) if own else self._is_one(word):
                reason = "makes the artifact depend on a file that nothing tracks, or writes one"
                raise BadInput(f"{where}: {word!r} {reason}; leave it out")

    def _is_llvms(self, word: str) -> bool:
        return word.lstrip("-").partition("=")[0] in self.names

    def _is_one(self, word: str) -> bool:
        if not word.startswith(("-", "@")):
            return bool(self.inputs) and ("/" in word or word.endswith(self.inputs))
        if word in self.tracked:
            return False
        name, _, value = word.lstrip("-").partition("=")
        # What a driver hands on: --mllvm=-stats-file=x.
        passed_on = value.startswith("-") and (
            self._is_llvms(value) if name == "mllvm" else self._is_one(value)
        )
        known = name in self.names or (f"{name}=" in self.names and bool(value))
        return word.startswith(self.beginnings) or known or passed_on


#: Options of LLVM itself, behind -mllvm, that write what they find.
_LLVM = ("stats-file", "stats-json", "info-output-file", "pass-remarks-output", "time-trace-file")

COMPILER = FileFlags(
    (
        *("@", "-I", "-L", "-B", "-o", "-T", "-l", "-M", "-include", "-imacros", "-idirafter", "-isystem"),
        *("-iquote", "-isysroot", "-iprefix", "-iwith", "-iframework", "-iapinotes", "-ivfsoverlay"),
        *("-fprofile-use", "-fprofile-instr", "-fprofile-generate", "-fprofile-sample-use", "-fauto-profile"),
        *("-fprofile-list", "-fprofile-remapping-file", "-fcs-profile-generate", "-fmemory-profile"),
        *("-fmodule", "-fprebuilt-module", "-fplugin", "-fpass-plugin", "-fcodegen-data-", "-fembed-offload"),
        *("-fsanitize-ignorelist", "-fsanitize-blacklist", "-fsanitize-coverage-allowlist"),
        *("-fsanitize-coverage-ignorelist", "-fxray-always", "-fxray-never", "-fxray-attr", "-fthinlto-"),
        *("-fsave-optimization-record", "-foptimization-record", "-fcrash-diagnostics-dir", "-ftime-trace"),
        *("-save-temps", "--save-temps", "-save-stats", "-gsplit-dwarf", "-dump", "-Wl,", "-Wa,", "-Wp,"),
    ),
    frozenset(
        (
            *("config", "sysroot", "include-directory", "embed-dir", "gcc-toolchain", "gcc-install-dir"),
            *("output", "multi-lib-config", "specs", "dependency-dot", "module-dependency-dir", "prefix"),
            *("vfsoverlay", "stdlib++-isystem", "cxx-isystem", "fbuild-session-file", "ld-path", "fuse-ld"),
            *("frandomize-layout-seed-file", "library-directory", "object-file-name", "dsym-dir", "load"),
            *("resource-dir", "serialize-diagnostics", "working-directory", "Xlinker", "Xassembler"),
            *("Xpreprocessor", *_LLVM),
        )
    ),
    tracked=("-fprofile-use",),
)
LINKER = FileFlags(
    ("@", "-o", "-l", "-L", "-T", "-R"),
    frozenset(
        (
            *("o", "output", "library", "library-path", "script", "default-script", "dT", "version-script"),
            *("Map", "reproduce", "dependency-file", "why-extract", "save-temps", "allow-undefined-file"),
            *("thinlto-cache-dir", "thinlto-index-only", "thinlto-emit-index-files", "time-trace"),
            *("thinlto-emit-imports-files", "thinlto-distributor", "thinlto-remote-compiler", "plugin"),
            *("plugin-opt", "load-pass-plugin", "dynamic-list", "export-dynamic-symbol-list", "chroot"),
            *("symbol-ordering-file", "call-graph-ordering-file", "print-symbol-order", "print-gc-sections="),
            *("print-archive-stats", "in-implib", "out-implib", "error-handling-script", "irpgo-profile"),
            *("lto-sample-profile", "lto-cs-profile-file", "lto-obj-path", "opt-remarks-filename"),
            *("just-symbols", "retain-symbols-file", "remap-inputs", "remap-inputs-file", "sysroot", *_LLVM),
        )
    ),
    (".o", ".obj", ".a", ".so", ".bc", ".ld", ".lds", ".wasm"),
)
WASM_OPT = FileFlags(
    ("@",),
    frozenset(
        (
            *("o", "output", "S", "emit-text", "symbolmap", "output-source-map", "osm", "input-source-map"),
            *("ism", "emit-js-wrapper", "ejw", "emit-spec-wrapper", "esw", "emit-wasm2c-wrapper"),
            *("extra-fuzz-command", "efc", "translate-to-fuzz", "ttf", "initial-fuzz", "if"),
        )
    ),
    (".wasm", ".wat", ".wast", ".js"),
)
