"""Programs of one's own, for real: built, run under several backends, validated, cached; and hostile ones."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from pipeline.build import unwinding
from pipeline.workloads import workload_toml
from tests.conftest import alone
from toolchain import discover
from toolchain.model import TARGETS, THROW

BACKENDS = "native,wasmtime.cranelift"
CHOICE = (f"backends={BACKENDS}", "variants=O2", "rounds=1")

SUM = """
#include <stdio.h>
#include <stdlib.h>
#include "step.h"
int main(int argc, char *argv[])
{
    unsigned sum = (unsigned)argc;
    long n = strtol(argv[1], NULL, 10) * 20000;
    for (long i = 0; i < n; i++)
        sum = STEP(sum, (unsigned)i);
    printf("first line\\nsum %u\\n", sum);
    return 0;
}
"""
WHOLE = """
#include <stdio.h>
static int lines(FILE *file)
{
    char line[80];
    int n = 0;
    while (file && fgets(line, sizeof line, file))
        printf("%d %s", n++, line);
    return n;
}
int main(void)
{
    int n = lines(fopen("data/words.txt", "r")) + 10 * lines(stdin);
    printf("%d\\n", n);
    return 0;
}
"""
HOSTILE = {
    # name: (C source, more of workload.toml, status, the reason, under native and under the other)
    "threads": (
        "#include <pthread.h>\nstatic void *f(void *p) { return p; }\n"
        "int main(void) { pthread_t t; return pthread_create(&t, 0, f, 0); }",
        "",
        {"wasmtime.cranelift": ("unavailable", "needs threads")},
    ),
    "jumps": (
        "#include <setjmp.h>\nstatic jmp_buf b;\nint main(void) { if (setjmp(b)) return 0; longjmp(b, 1); }",
        "",
        {"native": ("ok", ""), "wasmtime.cranelift": ("ok", "")},
    ),
    "asks": (
        "#include <stdio.h>\n#ifdef __wasm__\n"
        '__attribute__((import_module("env"), import_name("host_now"))) double host_now(void);\n'
        "#else\nstatic double host_now(void) { return 0; }\n#endif\n"
        'int main(void) { printf("%d\\n", host_now() > 1e300); return 0; }',
        "",
        {
            "native": ("ok", ""),
            "wasmtime.cranelift": (
                "unavailable",
                "it imports env.host_now, which no host here gives; expected ",
            ),
        },
    ),
    "peeks": (
        '#include "OUTSIDE"\nint main(void) { return 0; }',
        "",
        dict.fromkeys(BACKENDS.split(","), ("unavailable", "which is not in its folder")),
    ),
    "endless": (
        "int main(void) { for (volatile int i = 0;; i++) ; }",
        "[limits]\nrun_timeout_s = 1",
        {"native": ("timeout", "1 s"), "wasmtime.cranelift": ("timeout", "1 s")},
    ),
    "talks": (
        '#include <stdio.h>\nint main(void) { for (;;) puts("again and again"); }',
        "[limits]\nrun_timeout_s = 5",
        {"native": (None, ""), "wasmtime.cranelift": (None, "")},
    ),
    "grows": (
        "#include <stdlib.h>\n#include <string.h>\nint main(void) {\n"
        "for (int i = 0; i < 64; i++) {\n"
        "char *volatile p = malloc(8 << 20); if (!p) return 3; memset(p, i, 8 << 20); }\n"
        "return 0; }",
        "[limits]\nmemory_mib = 256",
        {"native": (None, ""), "wasmtime.cranelift": (None, "")},
    ),
    "shell": (
        "#include <stdio.h>\n"
        'int main(int argc, char *argv[]) { printf("%s|%s\\n", argv[1], TEXT); return argc != 2; }',
        """args = ["$(touch pwned); `touch pwned` | 'x' && touch pwned"]
        defines = { TEXT = '"$(touch pwned);`touch pwned`"' }
        [proof]
        text = "$(touch pwned); `touch pwned` | 'x' && touch pwned|$(touch pwned);`touch pwned`\\n"
        """,
        dict.fromkeys(BACKENDS.split(","), ("ok", "")),
    ),
    "environment": (
        "#include <stdio.h>\nextern char **environ;\n"
        'int main(void) { int n = 0; while (environ && environ[n]) n++; printf("%d variables\\n", n); }',
        '[proof]\ntext = "0 variables\\n"',
        {"native": ("ok", ""), "wasmtime.cranelift": ("ok", "")},
    ),
}


def program(folder: Path, name: str, source: str, more: str = "") -> Path:
    place = folder / name
    place.mkdir(parents=True)
    (place / "main.c").write_text(source)
    (place / "workload.toml").write_text(f"{more}\n")
    return place


def cells(workspace):
    found = json.loads((workspace.path / "report/results.json").read_text())["cells"]
    return {(c["workload"], c["backend"]): c for c in found}


@pytest.fixture
def summing(tmp_path):
    """A program with a number of iterations, and a header."""
    place = program(tmp_path / "somewhere else", "summing", SUM, 'args = ["{iterations}"]')
    (place / "step.h").write_text("#define STEP(s, i) ((s) * 33u ^ (i))\n")
    return place


def test_a_program_of_ones_own_is_cached_like_any_other(workspace, summing, tmp_path):
    choice = (f"workload={summing},json", *CHOICE)
    first = workspace.run(*choice)
    assert sum(task.startswith("measure ") for task in first) == 2 * 2
    found = cells(workspace)
    assert {c["status"] for c in found.values()} == {"ok"}
    report_json = json.loads((workspace.path / "report/results.json").read_text())
    assert [w["name"] for w in report_json["workloads"]] == ["summing", "json"]
    assert "across_workloads" in report_json
    report = (workspace.path / "report/report.md").read_text()
    assert "summing" in report
    assert "JSON parsing" in report
    assert workspace.run(*choice) == []
    # Only what was changed runs again.
    (summing / "step.h").write_text("#define STEP(s, i) ((s) * 31u ^ (i))\n")
    again = workspace.run(*choice)
    assert {t.split()[1] for t in again if t.startswith(("compile", "link", "measure"))} == {"summing"}
    assert sum(task.startswith("measure ") for task in again) == 2
    # What only proves is no reason to build; what is not named is no reason for anything.
    with open(summing / "workload.toml", "a") as stream:
        stream.write("[proof]\nmatch = '^sum '\n")
    (summing / "Makefile").write_text("all:\n\tfalse\n")
    again = workspace.run(*choice)
    assert not [t for t in again if t.startswith(("compile", "link"))]
    assert sum(task.startswith("measure ") for task in again) == 2
    # The same program in a different folder gives the same bytes, and no path of the user is in them.
    moved = tmp_path / "moved" / "summing"
    shutil.copytree(summing, moved)
    module = workspace.path / "build/artifacts/summing/zig/O2/wasm/summing.wasm"
    before = module.read_bytes()
    again = workspace.run(f"workload={moved},json", *CHOICE)
    assert not [t for t in again if t.startswith(("link", "measure"))]
    assert module.read_bytes() == before
    assert b"somewhere else" not in before


def test_a_new_workload_runs_at_once(workspace, tmp_path):
    (tmp_path / "his").mkdir()
    (tmp_path / "his/prog.c").write_text(SUM.replace("argv[1]", '"5"'))
    (tmp_path / "his/step.h").write_text("#define STEP(s, i) ((s) * 33u ^ (i))\n")
    source = tmp_path / "his/prog.c"
    made = workspace.doit("run", "new", "workload=fresh", f"from={source}")
    assert made.returncode == 0, made.stderr
    assert (workspace.path / "workloads/local/fresh/step.h").exists()
    again = workspace.doit("run", "new", "workload=fresh", f"from={source}")
    assert again.returncode == 1
    assert "exists; choose a different name" in again.stderr
    assert "Traceback" not in again.stderr
    workspace.run("workload=fresh", *CHOICE)
    found = cells(workspace)
    assert {c["status"] for c in found.values()} == {"ok"}
    assert found["fresh", "native"]["measurement"]["score"] > 0


def test_one_backend_that_computes_something_else_is_named(workspace, summing):
    """A runtime of ours that runs the module rightly, and then changes one digit of what it says."""
    liar = workspace.path / "liar.py"
    liar.write_text(
        "import sys, wasmtime\n"
        "engine = wasmtime.Engine(); store = wasmtime.Store(engine)\n"
        "wasi = wasmtime.WasiConfig(); wasi.argv = ['x', *sys.argv[2:]]\n"
        "out = sys.argv[0] + '.out'; wasi.stdout_file = out; store.set_wasi(wasi)\n"
        "linker = wasmtime.Linker(engine); linker.define_wasi()\n"
        "module = wasmtime.Module.from_file(engine, sys.argv[1])\n"
        "try: linker.instantiate(store, module).exports(store)['_start'](store)\n"
        "except wasmtime.ExitTrap: pass\n"
        "text = open(out).read(); head, _, tail = text.partition('sum ')\n"
        "sys.stdout.write(head + 'sum ' + str((int(tail[0]) + 1) % 10) + tail[1:])\n"
    )
    workspace.append(
        "matrix.toml",
        f'\n[runtimes.liar]\nargv = ["{sys.executable}", "{liar}", "{{artifact}}", "{{args}}"]\n',
    )
    chosen = (f"workload={summing}", f"backends={BACKENDS},liar", "variants=O2", "rounds=1")
    outcome = workspace.doit("run", *chosen)
    assert outcome.returncode == 1
    assert "1 of 3 cells failed" in outcome.stderr, outcome.stderr
    found = cells(workspace)
    assert found["summing", "wasmtime.cranelift"]["status"] == "ok"
    assert found["summing", "liar"]["status"] == "invalid", found["summing", "liar"]["reason"]
    assert found["summing", "liar"]["measurement"] is None
    reason = found["summing", "liar"]["reason"]
    assert "line 2 is 'sum " in reason
    assert "native and wasmtime.cranelift print 'sum " in reason
    assert "it is liar, not the program" in reason
    assert "liar" in outcome.stderr


NOT_FOR_WASM = """
#ifdef __wasm__
#include "no such.h"
#endif
int main(void) { return 0; }
"""


def test_a_program_without_any_wasm_cell_is_a_failure(workspace, tmp_path):
    """Also where it does not compile, and its native build is measured; the compiler is quoted once."""
    place = program(tmp_path, "nowhere", NOT_FOR_WASM)
    choice = (f"workload={place}", "backends=native,wasmtime.*", "variants=O2,O3", "rounds=1")
    outcome = workspace.doit("run", *choice)
    assert outcome.returncode == 1
    error = "error: no wasm cell of nowhere could be measured: the reasons are listed above"
    assert outcome.stderr.startswith(error), outcome.stderr
    found = cells(workspace)
    assert found["nowhere", "native"]["status"] == "ok", found["nowhere", "native"]["reason"]
    assert found["nowhere", "wasmtime.winch"]["status"] == "unavailable"
    printed = " ".join(outcome.stdout.split())
    assert printed.count("'no such.h' file not found") == 2, "when it was seen, and in the list"
    assert printed.endswith("in all wasm cells")
    for report in ("report.md", "results.md"):
        text = (workspace.path / "report" / report).read_text().replace("\\", "")
        assert text.count("file not found") == 1, report
    again = workspace.doit("run", "check", *choice)
    assert again.returncode == 1
    assert again.stderr.startswith(error)


#: Throws a few times: natively that takes longer than in wasm.
THROWS = """
#include <cstdio>
#include <stdexcept>
int main()
{
    unsigned sum = 1;
    for (int n = 0; n < 1000000; n++) {
        try { sum = sum * 33 + n; if (n % 100000 == 7) throw std::runtime_error("now"); }
        catch (const std::runtime_error &) { sum ^= 1; }
    }
    std::printf("%u\\n", sum);
}
"""


@pytest.fixture
def libcxx(prepared):
    """libc++ with exceptions in the project itself, for all tests that need it: it takes its time."""
    with alone():
        for target in TARGETS:
            unwinding.build_library(discover()["zig"], target, [THROW])


def test_a_program_that_throws_is_measured_where_the_engine_has_exceptions(libcxx, workspace, tmp_path):
    place = program(tmp_path, "throws", "", 'sources = ["main.cc"]')
    (place / "main.c").rename(place / "main.cc")
    (place / "main.cc").write_text(THROWS)
    backends = "backends=native,wasmtime.cranelift,wasmtime.winch"
    workspace.run(f"workload={place}", backends, "variants=O2", "rounds=1")
    found = cells(workspace)
    for backend in BACKENDS.split(","):
        assert found["throws", backend]["status"] == "ok", found["throws", backend]["reason"]
    winch = found["throws", "wasmtime.winch"]
    assert winch["status"] == "unavailable"
    assert winch["reason"].startswith("needs exception-handling, reference-types, which wasmtime.winch (")


def test_hostile_and_needy_programs_are_statuses_and_the_rest_runs(workspace, tmp_path):
    (tmp_path / "outside.h").write_text("/* a secret */\n")
    sources = {
        name: source.replace("OUTSIDE", f"{tmp_path}/outside.h") for name, (source, _, _) in HOSTILE.items()
    }
    places = [program(tmp_path, name, sources[name], more) for name, (_, more, _) in HOSTILE.items()]
    whole = program(tmp_path, "whole", WHOLE, 'files = ["data/*"]\nstdin = "words.txt"')
    (whole / "data").mkdir()
    (whole / "data/words.txt").write_text("one\ntwo\none\n")
    (whole / "words.txt").write_text("two\nthree\n")
    outcome = workspace.doit("run", f"workload={','.join(map(str, [*places, whole]))}", *CHOICE)
    assert outcome.returncode == 1
    assert "Traceback" not in outcome.stderr
    found = cells(workspace)
    for name, (_, _, expected) in HOSTILE.items():
        for backend, (status, reason) in expected.items():
            cell = found[name, backend]
            if status is None:
                assert cell["status"] in ("invalid", "trap", "crash", "timeout"), (
                    name,
                    backend,
                    cell["status"],
                )
            else:
                assert cell["status"] == status, (name, backend, cell["reason"])
            assert reason in (cell["reason"] or ""), (name, backend, cell["reason"])
    for backend in BACKENDS.split(","):
        assert found["whole", backend]["status"] == "ok", found["whole", backend]["reason"]
    assert not list(workspace.path.rglob("pwned"))
    # What it read is what was staged; its folder is as it was.
    assert workload_toml.read(str(whole)).files == ("data/words.txt",)
    assert sorted(p.name for p in whole.rglob("*")) == [
        "data",
        "main.c",
        "words.txt",
        "words.txt",
        "workload.toml",
    ]
