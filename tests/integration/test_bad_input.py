"""One clear line, exit status 1, nothing changed: through the real command line."""

import pytest


def refused(workspace, *arguments):
    before = workspace.snapshot()
    outcome = workspace.doit("run", *arguments)
    assert outcome.returncode == 1, outcome.stdout + outcome.stderr
    assert "Traceback" not in outcome.stderr
    lines = outcome.stderr.strip().splitlines()
    assert len(lines) == 1, outcome.stderr
    assert lines[0].startswith("error: ")
    after = workspace.snapshot()
    changed = {p for p in {*before, *after} if before.get(p) != after.get(p)}
    assert not {p for p in changed if not p.startswith(".doit.")}, changed
    return lines[0]


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("[variants]", "[variants", "matrix.toml: not TOML"),
        (
            "protocol =",
            "protokol =",
            "matrix.toml: unknown key 'protokol'; did you mean 'protocol'",
        ),
        ('"wasmtime.cranelift"', '"wasmtime.craneleft"', "did you mean 'wasmtime.cranelift'"),
        ('"-O2"', '"-O2 -funrol-loops"', "matrix.toml: variants.O2: flags '-O2 -funrol-loops'"),
        ('"-O2"', '"-O77"', "variants.O2: flags '-O77'"),
    ],
)
def test_a_slip_in_the_matrix(workspace, old, new, complaint):
    workspace.edit("matrix.toml", old, new)
    assert complaint in refused(workspace)


@pytest.mark.parametrize(
    ("argument", "complaint"),
    [
        ("backends=wasmtme.*", "'wasmtme.*' matches nothing; did you mean"),
        ("variant=O2", "unknown variant=; did you mean 'variants'?"),
        ("flags=-O3 -include x.h", "'-include' makes the artifact depend on a file"),
        ("flags=-O3 -mno-such", "command line: flags: flags '-O3 -mno-such'"),
        ("threshold=5", "threshold= belongs to compare or ab; run: doit run compare threshold=5"),
        ("backend=native", "run: doit run tune backend=native; for the matrix: doit run backends=native"),
        ("runtime=wasmtime", "runtime= belongs to sweep; run: doit run sweep runtime=wasmtime"),
        ("artifact=x.wasm", "artifact: x.wasm: No such file or directory; expected a .wasm module"),
        ("coremark=/nowhere", "coremark=/nowhere: no such folder"),
    ],
)
def test_a_slip_on_the_command_line(workspace, argument, complaint):
    assert complaint in refused(workspace, argument)


def test_a_command_is_refused_before_anything_is_built(workspace, tmp_path):
    """With the command that does it, which has what the user gave."""
    place = tmp_path / "my programs/prog"
    place.mkdir(parents=True)
    (place / "main.c").write_text("int main(void) { return 0; }\n")
    (place / "workload.toml").write_text("")
    own, run = f"workload={place}", f"run: doit run lock workload='{place}'"
    line = refused(workspace, "lock", own, "variants=O2", "toolchains=zig")
    assert line == f"error: the lock covers the whole matrix; without variants=O2 toolchains=zig, {run}"
    for task in ("bundle", "verify"):
        assert refused(workspace, task, own).endswith(f"{place}/artifacts.lock; {run}")
    line = refused(workspace, "bundle", "variants=O2")
    assert line == "error: a bundle has the whole matrix; without variants=O2, run: doit run bundle"
    line = refused(workspace, "selftest", "rounds=1", "backends=native")
    assert line.endswith("take rounds=3; run: doit run selftest rounds=3 backends=native")
    (tmp_path / "bad.tar").write_bytes(b"no tar")
    assert "bad.tar: " in refused(workspace, "verify", f"bundle={tmp_path}/bad.tar")


def test_a_task_that_is_not_there(workspace):
    outcome = workspace.doit("run", "mesure")
    assert outcome.returncode != 0
    assert "Traceback" not in outcome.stderr


def test_an_edited_source_is_refused_by_name(workspace):
    workspace.append("third_party/coremark/core_list_join.c", "\n")
    message = refused(workspace)
    assert "core_list_join.c: expected SHA-256 153b84e9" in message
    assert "run: rm third_party/coremark/core_list_join.c" in message
    (workspace.path / "third_party/coremark/core_list_join.c").unlink()
    workspace.run("variants=O3", "backends=native", "rounds=1")


def test_an_edited_source_is_never_overwritten(workspace):
    """Not even when doit has forgotten everything and would obtain the sources again."""
    workspace.append("third_party/coremark/core_list_join.c", "// my experiment\n")
    workspace.doit("forget")
    assert "core_list_join.c: expected SHA-256" in refused(workspace)


def test_a_matrix_whose_reference_does_not_build_is_no_success(workspace):
    workspace.edit("matrix.toml", '"-O3"', '"-O3 -msimd128"')
    outcome = workspace.doit("run")
    assert outcome.returncode == 1
    assert "no cell could be measured: the reasons are listed above" in outcome.stderr
    printed = " ".join(outcome.stdout.split())
    assert printed.count("unsupported option '-msimd128'") == 2, "at once, and in the list"
    assert "native = false" not in printed, "it is the flag, not the program"
    assert printed.endswith("in all cells")
