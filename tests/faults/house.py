"""Evil names, command lines that they stand in, and a house around a workspace that must stay as it is."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.conftest import Workspace, make_workspace

EVIL = (
    *("..", ".", "...", "../x", "../../../x", "a/../../x", "./../x", "a/b", "a//b", "/", "/x", "//x", "a/"),
    *(
        "",
        " ",
        "  x",
        "~",
        "~/x",
        "~root",
        "$HOME",
        "${HOME}/x",
        "%2e%2e%2fx",
        "..%2fx",
        "%00",
        "..\\x",
        "a\\b",
    ),
    *("a\0b", "a\nb", "a\rb", "a\tb", "\x1b[31mx", "\x7f", "\u202ex", "\u2215etc", "\uff0e\uff0e\uff0fx"),
    *(
        "\u2024\u2024/x",
        "e\u0301",
        "\ufeffx",
        "CON",
        "nul.txt",
        "a.",
        "a..",
        ".hidden",
        "-rf",
        "--help",
        "@x",
    ),
    *(
        "a=b",
        "a@1",
        "a:b",
        "a*",
        "[a]",
        "{a}",
        "a,b",
        "x" * 81,
        "x" * 300,
        "x/" * 3000,
        "file:///x",
        "\udcff",
        "\udcff/x",
        "a|b",
        "a;b",
    ),
)
#: Command lines that a name stands in.
LINES = (
    *(
        "workload={}",
        "workloads={}",
        "variants={}",
        "backends={}",
        "toolchains={}",
        "protocol={}",
        "flags={}",
    ),
    *(
        "artifact={}",
        "coremark={}",
        "backends=wasmtime.cranelift@{}",
        "rounds={}",
        "flags=-D{}",
        "flags=-o{}",
    ),
    *("sweep runtime={}", "sweep runtime=wasmtime versions={}", "tune backend={}", "compare old={} new=last"),
    *("compare hosts={}", "verify bundle={}", "new workload={} from=mine.c", "new workload=mine from={}"),
)


def make_house(house: Path, prepared: Path) -> Workspace:
    """A workspace in a folder that has others of its names."""
    for folder in ("x", "results", "build", "report", "local", "a", "etc"):
        (house / folder).mkdir()
        (house / folder / "x").write_text("of the house")
    made = make_workspace(house / "rooms" / "a copy", prepared)
    (made.path / "mine.c").write_text("int main(void) { return 0; }\n")
    shutil.copy(next(made.path.glob("build/artifacts/coremark/zig/O3/wasm/*.wasm")), made.path / "good.wasm")
    return made


def house_of(workspace: Workspace) -> Path:
    return workspace.path.parents[1]


def state(workspace: Workspace) -> tuple[Any, ...]:
    """All that is in the house but not in the workspace, and the names in / and in the home folder."""
    house = house_of(workspace)
    found = {str(p): p.read_bytes() if p.is_file() else b"" for p in _below(house, workspace.path)}
    # Programs keep their caches in hidden folders.
    home = sorted(name for name in os.listdir(Path.home()) if not name.startswith("."))
    return found, sorted(os.listdir("/")), home


def _below(folder: Path, without: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path != without:
            yield path
            if path.is_dir() and not path.is_symlink():
                yield from _below(path, without)
