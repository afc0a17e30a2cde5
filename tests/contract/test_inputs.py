"""Under every backend: what a guest may read, that it changes none of it, that its output arrives whole."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.core import paths
from pipeline.experiment import backend_selection, matrix
from pipeline.experiment.backend_selection import RuntimeTable
from pipeline.runtimes.backends import wasmer_cli
from pipeline.runtimes.launch import start
from tests.contract.conftest import compiled
from toolchain.model import NATIVE, WASM

#: JavaScriptCore maps 4 GiB for a memory, for a moment.
MEMORY_MIB = 6144
#: Bytes of output that are passed on.
LIMIT = 1 << 20
#: Those that give a guest a copy of the files: it may change that, and no other run sees it.
COPIES = ("native", "wasmer.", "wasmer-sdk.")

INPUT = bytes(i * 7 % 256 for i in range(30_000))
TABLE = bytes(i % 253 for i in range(100_001))
#: What a guest tries to do to its files.
CHANGES = (
    ("w", "data.txt"),
    ("a", "data.txt"),
    ("r+", "data.txt"),
    ("w", "new"),
    ("truncate", "tables/a.bin"),
    ("unlink", "tables/deep/b"),
    ("rename", "data.txt"),
    ("mkdir", "folder"),
    ("rmdir", "tables/deep"),
    ("link", "data.txt"),
)

FILES = {"data.txt": b"some text\n", "tables/a.bin": TABLE, "tables/deep/b": b"b", "empty": b""}


@pytest.fixture(scope="module")
def backend(distinct):
    return distinct


@pytest.fixture(scope="module")
def guests(prepared, tmp_path_factory):
    """tests/guests/inputs.c for both targets: {target: path}."""
    folder = tmp_path_factory.mktemp("guest modules")
    return {target: compiled(folder, "tests/guests/inputs.c", target) for target in (WASM, NATIVE)}


@pytest.fixture(scope="module")
def protocol():
    return replace(matrix.load({}).protocol, memory_mib=MEMORY_MIB)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """The options of a load with both; next to the folder is a file that is none of its own."""
    place = tmp_path_factory.mktemp("inputs")
    (place / "input").write_bytes(INPUT)
    (place / "secret").write_text("secret")
    for name, content in FILES.items():
        path = place / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (place / "files" / "out").symlink_to(place / "secret")
    (place / "files" / "up").symlink_to("..")
    return {"stdin": str(place / "input"), "files": str(place / "files")}


@pytest.fixture(scope="module")
def loaded(backend, protocol, guests, inputs):
    with start(backend, protocol) as worker:
        load(worker, backend, guests[NATIVE if backend.native else WASM], inputs)
        yield worker


@pytest.fixture(scope="module")
def bare(backend, protocol, guests):
    """A worker whose guest is given nothing."""
    with start(backend, protocol) as worker:
        load(worker, backend, guests[NATIVE if backend.native else WASM], {})
        yield worker


def load(worker, backend, path, inputs):
    options = {**backend.options, **inputs}
    answer = worker.request({"op": "load", "path": path, "options": options}, 60)
    assert not {"refused", "unavailable"} & set(answer), answer
    return answer


def run(worker, *argv):
    answer = worker.request({"op": "run", "argv": ["guest", *argv], "watch": False}, 60)
    assert (answer["outcome"], answer["code"]) == ("exit", 0), answer["message"]
    return answer


def printed(worker, *argv):
    return run(worker, *argv)["stdout"].split()


def sum_of(data):
    total = 0
    for byte in data:
        total = (31 * total + byte) % 2**32
    return str(total)


def shown(data):
    """What the guest shows of a file with this content."""
    size, middle = str(len(data)), len(data) // 2
    return [size, size, size, size, sum_of(data), str(data[middle]), str(middle), "1", "1"]


@pytest.mark.parametrize("piece", [7, 4096, 100_000])
def test_each_run_reads_the_whole_input(loaded, piece):
    """In pieces of any size; at its end there is nothing, again and again."""
    for _ in range(2):
        assert printed(loaded, "sum", str(piece)) == [str(len(INPUT)), sum_of(INPUT), "0", "0"]


def test_what_a_run_leaves_of_the_input_is_not_the_next_ones(loaded):
    for size in (10, 300, 20_000):
        assert run(loaded, "head", str(size))["stdout"].encode("latin-1") == INPUT[:size]
    assert printed(loaded, "sum", "512")[:2] == [str(len(INPUT)), sum_of(INPUT)]


def test_a_run_may_have_an_input_of_its_own(backend, protocol, guests, inputs, tmp_path):
    (tmp_path / "other").write_bytes(b"a second input")
    with start(backend, protocol) as worker:
        load(worker, backend, guests[NATIVE if backend.native else WASM], inputs)
        for path, content in (
            (str(tmp_path / "other"), b"a second input"),
            (None, INPUT),
            (os.devnull, b""),
            (None, INPUT),
        ):
            request = {"op": "run", "argv": ["guest", "sum", "700"], "watch": False}
            answer = worker.request({**request, **({"stdin": path} if path else {})}, 60)
            assert answer["stdout"].split() == [str(len(content)), sum_of(content), "0", "0"], path


def test_an_empty_input_has_its_end_at_once(backend, protocol, guests, tmp_path):
    (tmp_path / "input").touch()
    with start(backend, protocol) as worker:
        load(worker, backend, guests[NATIVE if backend.native else WASM], {"stdin": str(tmp_path / "input")})
        assert printed(worker, "sum", "100") == ["0", "0", "0", "0"]


def test_without_an_input_there_is_nothing_to_read(bare):
    assert printed(bare, "sum", "100") == ["0", "0", "0", "0"]


def test_files_are_read(loaded, backend):
    for _ in range(2):
        assert printed(loaded, "file", "data.txt") == shown(FILES["data.txt"])
        assert printed(loaded, "file", "tables/a.bin") == shown(TABLE)
        assert printed(loaded, "file", "./tables/../tables/deep/b") == shown(b"b")
        assert printed(loaded, "file", "empty") == ["0", "0", "0", "0", "0", "-1", "0", "1", "1"]
        assert printed(loaded, "stat", "tables") == ["ok"]
        for name in ("missing", "tables/missing", "nowhere/data.txt"):
            assert printed(loaded, "file", name) == ["ENOENT"]
            assert printed(loaded, "stat", name) == ["ENOENT"]
    if not backend.native:  # its "/" is the machine's
        assert printed(loaded, "file", "/data.txt") == shown(FILES["data.txt"])
        assert printed(loaded, "file", "/tables/a.bin") == shown(TABLE)
        assert printed(loaded, "file", "/missing") == ["ENOENT"]


def test_many_files_are_open_at_once(loaded):
    assert printed(loaded, "many", "tables/a.bin") == ["40", "0", "-1"]


def test_nothing_else_is_visible(loaded, backend):
    if backend.native:
        pytest.skip("native code is under no sandbox: see docs/backends.md")
    for name in ("../secret", "tables/../../secret", "/../secret", "/etc/passwd", "/../../../../etc/passwd"):
        assert printed(loaded, "open", name) != ["ok"], name
    # Links that lead out of the folder.
    for name in ("out", "up/secret", "up/files/data.txt"):
        assert printed(loaded, "open", name) != ["ok"], name
    assert printed(loaded, "try", "symlink", "x") != ["ok"]


def test_no_run_changes_what_is_read(loaded, backend, inputs):
    for how, name in CHANGES:
        outcome = printed(loaded, "try", how, name)
        if not backend.name.startswith(COPIES):
            assert outcome != ["ok"], how
        folder = inputs["files"]
        found = {
            os.path.relpath(os.path.join(where, file), folder)
            for where, folders, files in os.walk(folder)
            for file in folders + files
        }
        assert found == {*FILES, "tables", "tables/deep", "out", "up"}, how
        # The next run finds all as it was.
        for file in ("data.txt", "tables/a.bin", "tables/deep/b"):
            assert printed(loaded, "file", file) == shown(FILES[file]), how
            assert Path(folder, file).read_bytes() == FILES[file], how
        for file in ("new", "folder", "renamed", "linked"):
            assert printed(loaded, "stat", file) == ["ENOENT"], how


def test_a_guest_without_files_sees_no_folder(bare, backend):
    if backend.native:
        pytest.skip("native code is under no sandbox: see docs/backends.md")
    for name in ("data.txt", "/data.txt", "/etc/passwd"):
        assert printed(bare, "open", name) != ["ok"]
    # Wasmer's SDK has a file system in memory for each run.
    assert printed(bare, "try", "w", "new") != ["ok"] or backend.name.startswith("wasmer-sdk.")
    assert printed(bare, "open", "new") != ["ok"]


#: Their order is the runtime's affair.
VARIABLES = {
    "MODE": "fast",
    "EMPTY": "",
    "QUOTED": "a 'b' \"c\" =$HOME",
    "LONG": "x" * 5000,
    "ORT": "München",
}


def test_its_environment_is_exactly_the_variables_that_are_named(backend, protocol, guests, bare):
    with start(backend, protocol) as worker:
        load(worker, backend, guests[NATIVE if backend.native else WASM], {"env": VARIABLES})
        for _ in range(2):
            found = run(worker, "environment")["stdout"].encode("latin-1").decode().split("\n")[:-1]
            assert sorted(found) == sorted(f"{name}={value}" for name, value in VARIABLES.items())
    assert run(bare, "environment")["stdout"] == ""


def test_every_byte_of_the_output_arrives(bare):
    assert run(bare, "bytes")["stdout"].encode("latin-1") == bytes(range(256))
    for how, size in (("pieces", 3000), ("print", 200_000), ("print", LIMIT)):
        answer = run(bare, how, str(size))
        assert answer["stdout_bytes"] == size
        assert answer["stdout"].encode("latin-1") == (bytes(range(251)) * (size // 251 + 1))[:size]


def test_what_is_beyond_the_limit_is_counted(bare):
    answer = run(bare, "print", str(LIMIT + 1000))
    assert answer["stdout_bytes"] == LIMIT + 1000
    assert len(answer["stdout"]) == LIMIT


@pytest.fixture
def command(tmp_path):
    """A program that prints its words, data.txt of "--dir=FOLDER", which it then removes, and its input."""
    program = tmp_path / "a command"
    program.write_text(
        "#!/bin/sh\n"
        "printf '%s\\n' \"$@\"\n"
        "file=${1#--dir=}/data.txt\n"
        'if [ -f "$file" ]; then cat "$file"; rm "$file"; fi\n'
        "exec cat\n"
    )
    program.chmod(0o755)
    return str(program)


def test_a_command_is_given_a_folder_and_input(command, protocol, inputs):
    argv = [command, "--dir={files}", "{artifact}", "{args}"]
    backend = backend_selection.known("matrix.toml", {"mine": RuntimeTable(tuple(argv))})["mine"]
    with start(backend, protocol) as worker:
        load(worker, backend, "/the module", inputs)
        for _ in range(2):
            option, *words = run(worker, "one", "two words")["stdout"].encode("latin-1").split(b"\n", 4)
            assert option.startswith(b"--dir=/")
            assert not option.endswith(inputs["files"].encode())  # a copy of it
            assert words == [b"/the module", b"one", b"two words", FILES["data.txt"] + INPUT]


@pytest.mark.parametrize(
    "argv",
    [
        ["--dir={files}", "{artifact}", "{args}"],
        ["--dir", "{files}", "{artifact}", "{args}"],
        ["--dir", "/:{files}", "{artifact}", "{args}"],
    ],
)
def test_without_files_a_command_gets_no_word_for_them(command, protocol, argv):
    backend = backend_selection.known("matrix.toml", {"mine": RuntimeTable((command, *argv))})["mine"]
    with start(backend, protocol) as worker:
        load(worker, backend, "/the module", {})
        assert run(worker, "one")["stdout"].splitlines() == ["/the module", "one"]


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--env={env}", "{artifact}", "{args}"], ["--env=A=1", "--env=B={args}", "/the module", "one"]),
        (["-e", "{env}", "{artifact}", "{args}"], ["-e", "A=1", "-e", "B={args}", "/the module", "one"]),
    ],
)
def test_a_command_is_given_each_variable(command, protocol, argv, words):
    backend = backend_selection.known("matrix.toml", {"mine": RuntimeTable((command, *argv))})["mine"]
    for env, expected in (({"A": "1", "B": "{args}"}, words), ({}, ["/the module", "one"])):
        with start(backend, protocol) as worker:
            load(worker, backend, "/the module", {"env": env})
            assert run(worker, "one")["stdout"].splitlines() == expected


def test_a_command_without_a_word_for_variables_is_unavailable_to_a_guest_with_some(command, protocol):
    argv = (command, "{artifact}", "{args}")
    backend = backend_selection.known("matrix.toml", {"mine": RuntimeTable(argv)})["mine"]
    options = {**backend.options, "env": {"A": "1"}}
    with start(backend, protocol) as worker:
        answer = worker.request({"op": "load", "path": "/the module", "options": options}, 60)
    assert answer["unavailable"] == (
        "this command gives no environment to its guest: no word of its argv has {env} in it"
    )


def test_a_command_without_a_word_for_files_is_unavailable_to_a_guest_with_some(command, protocol, inputs):
    backend = backend_selection.known(
        "matrix.toml", {"mine": RuntimeTable((command, "{artifact}", "{args}"))}
    )
    options = {**backend["mine"].options, **inputs}
    with start(backend["mine"], protocol) as worker:
        answer = worker.request({"op": "load", "path": "/the module", "options": options}, 60)
    assert answer["unavailable"] == (
        "this command gives no files to its guest: no word of its argv has {files} in it"
    )


@pytest.mark.parametrize(
    ("version", "flag"),
    [("3.3.0", "--mapdir=/:{files}"), ("7.1.0", "--mapdir=/:{files}"), ("8.0.1-rc", "--volume={files}:/")],
)
def test_wasmers_command_has_a_flag_for_files(monkeypatch, tmp_path, version, flag):
    program = tmp_path / "wasmer"
    program.write_text(f"#!/bin/sh\necho 'wasmer {version}'\necho 'compiler: llvm'\n")
    program.chmod(0o755)
    monkeypatch.setenv("WASMER", str(program))
    monkeypatch.setattr(paths, "WASMER_ANSWERS", str(tmp_path / "runtimes" / "answers.json"))
    wasmer_cli.ask()
    (backend,) = [b for b in wasmer_cli.backends() if b.runtime.version == version]
    assert backend.options["argv"] == [
        str(program),
        "run",
        "--llvm",
        flag,
        "--env={env}",
        "{artifact}",
        "--",
        "{args}",
    ]
