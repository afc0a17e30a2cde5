"""The keys of a workload.toml, for real: the complete example of the documents under several backends."""

import json
import re
import shutil

import msgspec
import pytest
import tomli

from pipeline.core import paths
from pipeline.core.limits import Limits
from pipeline.core.model import Figure, Proof
from pipeline.workloads import cases_table, workload_toml
from tests.conftest import ROOT, installed

BACKENDS = ("native", "wasmtime.cranelift", "v8.turbofan", "wasm3", "wasm2c.clang-O1")
CHOICE = ("variants=O2", "rounds=1", "protocol=quick")


def example() -> str:
    """The TOML in docs/workloads.md."""
    (found,) = re.findall(r"```toml\n(.*?)```", (ROOT / "docs/workloads.md").read_text(), re.DOTALL)
    return found


@pytest.fixture
def words(tmp_path):
    place = tmp_path / "words"
    shutil.copytree(ROOT / "tests/guests/words", place)
    (place / paths.WORKLOAD_TOML).write_text(example())
    return place


def cells(workspace):
    found = json.loads((workspace.path / "report/results.json").read_text())["cells"]
    return {(c["workload"], c["backend"]): c for c in found}


def test_the_example_has_every_key():
    table = tomli.loads(example())
    cases = {key for case in table["case"] for key in case}
    tables = (
        (set(table) | {"module"}, workload_toml._Table),  # which takes the place of sources
        (set(table["proof"]) | cases & {"text", "sha256"}, Proof),
        (set(table["figure"]), Figure),
        (set(table["limits"]), Limits),
        (cases, cases_table.CaseTable),
    )
    for keys, kind in tables:
        assert keys == {field.name for field in msgspec.structs.fields(kind)}, kind


def test_the_example_runs(workspace, words):
    backends = installed(*BACKENDS)
    choice = (f"workload={words}", f"backends={','.join(backends)}", *CHOICE)
    outcome = workspace.doit("run", *choice)
    assert outcome.returncode == 0, outcome.stderr
    found = cells(workspace)
    assert len(found) == len(backends)
    assert {c["status"] for c in found.values()} == {"ok"}, [c["reason"] for c in found.values()]
    assert workspace.run(*choice) == []
    # What a run is given decides its samples, and nothing that is built.
    for old, new in (('"reverse"', '"forward"'), ("status = 3", "status = 4"), ("^took", "^(took|none)")):
        text = (words / paths.WORKLOAD_TOML).read_text()
        assert text.count(old) == 1
        (words / paths.WORKLOAD_TOML).write_text(text.replace(old, new))
        workspace.doit("run", f"workload={words}", "backends=native,wasm3", *CHOICE)
        reason = cells(workspace)["words", "wasm3"]["reason"] or ""
        assert ("exited with 3, expected 4" in reason) == (new == "status = 4"), reason
        (words / paths.WORKLOAD_TOML).write_text(text)


ECHO = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(int argc, char **argv)
{
    char line[100] = "";
    unsigned sum = 7;
    if (!fgets(line, sizeof line, stdin))
        strcpy(line, "nothing\\n");
    for (long i = 0; i < atol(argv[2]) * 1000 * (argc > 3 ? 60 : 1); i++)
        sum = sum * 31 + line[i % strlen(line)];
    printf("%s %s%u\\n", argv[1], line, sum);
    return !strcmp(argv[1], "last") ? 2 : 0;
}
"""


def test_a_chunk_runs_all_cases_and_its_time_is_the_sum(workspace, tmp_path):
    place = tmp_path / "echo"
    place.mkdir()
    (place / "main.c").write_text(ECHO)
    for name in ("one", "two"):
        (place / f"{name}.txt").write_text(f"{name}\n")
    cases = (
        '[[case]]\nargs = ["first", "{iterations}"]\nstdin = "one.txt"\n'
        '[[case]]\nname = "two"\nargs = ["second", "{iterations}"]\nstdin = "two.txt"\n'
        '[[case]]\nargs = ["last", "{iterations}", "long"]\nstatus = 2\nmatch = "^last nothing"\n'
    )
    backends = "backends=native,wasmtime.cranelift,wasm3"
    (place / paths.WORKLOAD_TOML).write_text(cases)
    outcome = workspace.doit("run", f"workload={place}", backends, *CHOICE)
    assert outcome.returncode == 0, outcome.stderr
    every = cells(workspace)["echo", "native"]["measurement"]["score"]
    (place / paths.WORKLOAD_TOML).write_text(cases + '[figure]\ncase = "two"\n')
    outcome = workspace.doit("run", f"workload={place}", backends, *CHOICE)
    assert outcome.returncode == 0, outcome.stderr
    one = cells(workspace)["echo", "native"]["measurement"]["score"]
    assert one / every > 10, "the sum is 62 times as long, on a quiet machine"
    (place / paths.WORKLOAD_TOML).write_text(cases.replace("status = 2", "status = 1"))
    outcome = workspace.doit("run", f"workload={place}", "backends=wasm3", *CHOICE)
    assert outcome.returncode == 1
    assert "exited with 2, expected 1 (proof.status)" in cells(workspace)["echo", "wasm3"]["reason"]


def test_a_whole_repository_is_built_and_measured(workspace, tmp_path):
    """File names that shells, make and doit would mistake; a program among tests."""
    place = tmp_path / "my project's"
    sources = {
        "src/prog.c": '#include "a b.h"\n#include <stdio.h>\n'
        'int main(void) { printf("%d\\n", odd() + VALUE); return 0; }\n',
        "src/a b.h": "#define VALUE 4\nint odd(void);\n",
        "src/odd $(x) 'name' #1 [é].c": '#include "a b.h"\nint odd(void) { return VALUE; }\n',
        "test/test.c": "int main(void) { return 1; }\n",
    }
    for name, content in sources.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(content)
    made = workspace.doit("run", "new", "workload=odd", f"from={place}")
    assert made.returncode == 0, made.stderr
    assert "other programs: test/test.c" in made.stdout
    outcome = workspace.doit("run", "workload=odd", "backends=native,wasmtime.cranelift", *CHOICE)
    assert outcome.returncode == 0, outcome.stderr
    assert workspace.run("workload=odd", "backends=native,wasmtime.cranelift", *CHOICE) == []
