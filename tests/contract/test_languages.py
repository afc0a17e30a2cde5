"""One program in several languages, each built by its own compiler: all print the same, and are measured."""

import functools
import json
from importlib import metadata
from pathlib import Path

import pytest
import wasmtime

from tests.languages import LANGUAGES, Missing, build

BACKENDS = ("wasmtime.cranelift", "wasmtime.winch")
ONCE = "primes 2262\nsum 522882678\n"
THREE_TIMES = "primes 2262\nsum 2873688381\n"
_KOTLIN = "exception-handling, function-references, gc, reference-types"
#: What is not ok: {(language, backend): (status, reason)}.
LACKS = {
    ("kotlin", "wasmtime.winch"): (
        "unavailable",
        f"needs {_KOTLIN}, which wasmtime.winch ({metadata.version('wasmtime')}) does not have",
    ),
}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """``built(language)``: the path of its module, all in one folder, or Missing; each is tried one time."""
    folder = tmp_path_factory.mktemp("languages") / "words"
    folder.mkdir()

    @functools.cache
    def look(language):
        try:
            return build(language, folder)
        except Missing as missing:
            return missing

    return look


def printed(module: Path, runs: list[list[str]]) -> list[str]:
    """What a command prints under Wasmtime with each of the lists of arguments; it must end with 0."""
    config = wasmtime.Config()
    config.wasm_gc = config.wasm_function_references = config.wasm_exceptions = True
    engine = wasmtime.Engine(config)
    code, output = wasmtime.Module.from_file(engine, str(module)), module.with_suffix(".out")
    found = []
    for arguments in runs:
        store, linker, wasi = wasmtime.Store(engine), wasmtime.Linker(engine), wasmtime.WasiConfig()
        wasi.argv = ["words", *arguments]
        wasi.stdout_file = str(output)
        store.set_wasi(wasi)
        linker.define_wasi()
        try:
            linker.instantiate(store, code).exports(store)["_start"](store)
        except wasmtime.ExitTrap as ended:
            if ended.code != 0:
                raise
        found.append(output.read_text())
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_makes_the_same_program(language, built):
    module = built(language)
    if isinstance(module, Missing):
        pytest.skip(str(module))
    assert printed(module, [[], ["1"], ["3"]]) == [ONCE, ONCE, THREE_TIMES]


def test_all_languages_are_measured_in_one_table(workspace, built):
    modules = {name: path for name in LANGUAGES if isinstance(path := built(name), Path)}
    folder = modules["c"].parent
    table = "".join(f'{name} = "{path.name}"\n' for name, path in modules.items())
    text = f"args = [\"{{iterations}}\"]\n[module]\n{table}[proof]\nmatch = '^primes '\n"
    (folder / "workload.toml").write_text(text)
    backends = f"backends={','.join(BACKENDS)}"
    outcome = workspace.doit("run", f"workload={folder}", backends, "rounds=1")
    results = json.loads((workspace.path / "report/results.json").read_text())
    found = {
        (cell["variant"], cell["backend"]): (cell["status"], cell["reason"]) for cell in results["cells"]
    }
    cells = [(language, backend) for language in modules for backend in BACKENDS]
    assert found == {cell: LACKS.get(cell, ("ok", None)) for cell in cells}, outcome.stdout
