"""No text of anybody's is ever a command, a program or a pickle: by the code, and by trying."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.conftest import ROOT, make_workspace
from tests.faults.harness import cells

FAULTS = "Names and texts that are commands"
PLACES = ("pipeline", "toolchain", "benchmarks", "third_party", ".ci")
_STARTERS = {"run", "Popen", "call", "check_call", "check_output", "create_subprocess_exec"}
_SHELLS = re.compile(r"(.*/)?(sh|bash|dash|zsh|ksh|csh|env)")
#: What starts a shell, or turns text into a program.
_CALLS = re.compile(
    r"os\.(system|popen\d?|spawn[lv]p\w*|exec[lv]p\w*)|.*\b(getoutput|getstatusoutput)|.*create_subprocess_shell"
    r"|eval|exec|__import__|.*yaml\.(unsafe_|full_)?load|pty\.spawn"
)
_MODULES = {"pickle", "marshal", "shelve", "dill", "yaml", "commands", "cPickle", "jsonpickle", "xmlrpc"}
#: The same for JavaScript, where a program may be started by its name and words, and for C. V8's own test
#: functions need its parser: constant text.
_SCRIPTS = re.compile(
    r"(?<!import { spawnSync } from 'node:)child_process|\bshell\s*:|\beval\s*\(|"
    r"(?<![.\w])exec(File)?(Sync)?\s*\(|Bun\.(spawn|\$)|document\.write|\.innerHTML\s*=|"
    r"""new Function\((?!"f", "return %Is\w+\(f\)"\))"""
)
_C = re.compile(r"\b(system|popen|exec[lv]p?e?|posix_spawnp?|dlopen)\s*\(")


def complaints(text: str) -> list[str]:
    """What a Python file does that hands text to a shell or an interpreter."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = getattr(node, "module", None) or ""
            ours = module.startswith(("pipeline.", "toolchain."))  # pipeline.tasks.commands is our own
            names = {module, *(alias.name for alias in node.names if not ours)}
            found += [f"imports {name}" for name in names & _MODULES]
        elif isinstance(node, ast.Call):
            found += _of_call(node)
        elif isinstance(node, ast.List | ast.Tuple):
            words = [each.value for each in node.elts if isinstance(each, ast.Constant)]
            first = words[0] if words else None
            if isinstance(first, str) and _SHELLS.fullmatch(first) and "-c" in words:
                found.append(f"starts {first} -c")
    return found


def _of_call(node: ast.Call) -> list[str]:
    name = ast.unparse(node.func)
    found = [name] if _CALLS.fullmatch(name) else []
    for keyword in node.keywords:
        if keyword.arg == "shell" and not (
            isinstance(keyword.value, ast.Constant) and keyword.value.value is False
        ):
            found.append(f"{name} with shell=")
    text = (ast.Constant, ast.JoinedStr, ast.BinOp)
    if name.rpartition(".")[2] in _STARTERS and "subprocess" in name and node.args:
        command = node.args[0]
        if isinstance(command, text) and not isinstance(getattr(command, "value", ""), list):
            found.append(f"{name} of a text")
    if name.endswith("jinja2.Environment") and not any(k.arg == "autoescape" for k in node.keywords):
        found.append("a template without a word on escaping")
    return found


@pytest.mark.parametrize(
    "bad",
    [
        "subprocess.run(command, shell=True)",
        "subprocess.Popen(command, shell=maybe)",
        "subprocess.run('ls ' + name)",
        "subprocess.run(f'ls {name}')",
        "subprocess.check_output('ls')",
        "subprocess.run(['/bin/sh', '-c', text])",
        "run(('bash', '-c', text))",
        "os.system(text)",
        "os.popen(text)",
        "os.execvp(program, words)",
        "subprocess.getoutput(text)",
        "asyncio.create_subprocess_shell(text)",
        "eval(text)",
        "exec(text)",
        "import pickle",
        "from marshal import loads",
        "yaml.load(text)",
        "jinja2.Environment(loader=loader)",
    ],
)
def test_the_check_sees(bad):
    assert complaints(bad)


def test_no_code_of_ours_uses_a_shell(tried):
    files = [ROOT / "dodo.py", *(p for place in PLACES for p in (ROOT / place).rglob("*") if p.is_file())]
    patterns = {".js": _SCRIPTS, ".mjs": _SCRIPTS, ".jinja": _SCRIPTS, ".c": _C, ".h": _C}
    looked = 0
    for path in files:
        text = path.read_text(encoding="utf-8") if path.suffix in {".py", *patterns} else ""
        looked += bool(text)
        where = path.relative_to(ROOT)
        if path.is_relative_to(ROOT / "third_party" / "dlmalloc"):
            continue  # obtained, not ours; it has these words in comments
        if where == Path("toolchain/libc/absent.h"):
            continue  # for modules: it declares these, and each only fails
        if path.suffix == ".py":
            assert complaints(text) == [], where
        elif path.suffix in patterns:
            lines = [line for line in text.splitlines() if patterns[path.suffix].search(line)]
            assert lines == [], where
    assert looked > 150
    tried("a shell, eval or pickle in our code", "there is none (by its syntax trees)", looked)


@pytest.mark.parametrize(
    ("pattern", "bad"),
    [
        (_SCRIPTS, 'require("child_process")'),
        (_SCRIPTS, "spawnSync(program, { shell: true })"),
        (_SCRIPTS, "eval(text)"),
        (_SCRIPTS, "new Function(text)"),
        (_SCRIPTS, "cell.innerHTML = name"),
        (_C, "system(text);"),
    ],
)
def test_the_patterns_see(pattern, bad):
    assert pattern.search(bad)


def test_the_page_escapes():
    """Names and reasons are text on it, even where they look like commands."""
    text = (ROOT / "pipeline/report/page/render.py").read_text(encoding="utf-8")
    (call,) = [n for n in ast.walk(ast.parse(text)) if "Environment(" in ast.unparse(n) and _is_call(n)]
    (escape,) = [k.value for k in call.keywords if k.arg == "autoescape"]
    assert isinstance(escape, ast.Constant)
    assert escape.value is True


def _is_call(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "jinja2.Environment"


def test_what_looks_like_a_command_is_a_word(prepared, tmp_path, tried):
    """A program whose every text is a command, in a folder whose name is one, measured for real."""
    touch = f"$(touch {tmp_path}/pwned)`touch {tmp_path}/pwned`; touch {tmp_path}/pwned; #"
    workspace = make_workspace(tmp_path / "a copy; touch pwned; $(touch pwned)", prepared)
    place = workspace.path / "workloads" / "local" / "mine"
    place.mkdir(parents=True)
    source = "a; touch pwned; $(touch pwned).c"
    (place / source).write_text(
        "#include <stdio.h>\nint main(int c, char **v) { puts(TEXT); puts(v[1]); return c != 2; }\n"
    )
    quoted = touch.replace('"', '\\"')
    (place / "workload.toml").write_text(
        f"title = '{touch}'\nargs = ['{touch}']\nsources = ['{source}']\nstdin = 'in; touch pwned'\n"
        f"[defines]\nTEXT = '\"{quoted}\"'\n[figure]\ntime = 'host'\n"
    )
    (place / "in; touch pwned").write_text("x")
    command = 'argv = ["/bin/true", "; touch pwned", "$(touch pwned)", "{artifact}", "{args}"]'
    workspace.append("matrix.toml", f"\n[runtimes.mine]\n{command}\n")
    for arguments in (
        ("workload=mine", "variants=O3", "rounds=1"),
        ("workload=mine", "variants=O3", "rounds=1", "backends=native", f"flags=-O1 '-DNAME={touch}'"),
    ):
        outcome = workspace.doit("run", *arguments)
        assert outcome.returncode == 0, outcome.stdout + outcome.stderr
        assert {status for name, status in cells(workspace).items() if name.startswith("mine/")} == {"ok"}
    refused = (
        f"variants={touch}",
        f"backends={touch}",
        f"artifact={touch}",
        f"coremark={touch}",
        "backends=mine",
    )
    for argument in refused:
        outcome = workspace.doit("run", argument, "variants=O3", "rounds=1")
        assert "Traceback" not in outcome.stderr, outcome.stderr
        assert outcome.returncode in (0, 1)
    assert list(tmp_path.rglob("pwned*")) == []
    assert not Path("/pwned").exists()
    tried("commands as names, arguments, flags and texts", "words like any others", 2 + len(refused))
