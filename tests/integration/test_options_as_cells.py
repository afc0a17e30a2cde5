"""Options of an engine as a part of a backend's name: they are cells of their own, and refused in time."""

import json
from importlib import metadata

PLAIN = "wasmtime.cranelift"
CHECKED = f"{PLAIN}[signals-based-traps=n]"
SAME = f"{PLAIN}[parallel-compilation=n]"
COUNTED = "wasmtime.winch[epoch-interruption=y,consume-fuel=y]"


def test_each_is_a_cell_and_one_that_changes_nothing_is_told(workspace):
    asked = ("variants=O2", f"backends={PLAIN},{CHECKED},{SAME},{COUNTED}", "rounds=1")
    workspace.run(*asked)
    results = json.loads((workspace.path / "report/results.json").read_text())
    cells = {cell["backend"]: cell for cell in results["cells"]}
    assert list(cells) == [PLAIN, CHECKED, SAME, COUNTED]
    assert all(cell["status"] == "ok" for cell in cells.values()), cells
    bytes_ = {name: cell["measurement"]["code_bytes"] for name, cell in cells.items()}
    assert bytes_[CHECKED] > bytes_[PLAIN] == bytes_[SAME]
    (warning,) = [each for each in results["warnings"] if each["name"] == "options"]
    assert warning["found"] == f"{SAME} makes the same machine code as {PLAIN}"
    assert "signals-based-traps=n" in (workspace.path / "report/report.md").read_text()
    assert workspace.run(*asked) == []


def test_what_an_engine_does_not_take_is_said_before_anything_is_measured(workspace):
    release = metadata.version("wasmtime")
    for options, words in {
        "no-such-thing=1": f"Wasmtime {release} has no setting no-such-thing that is a number or y or n",
        "cranelift-no-such-thing=1": f"Wasmtime {release} refuses cranelift-no-such-thing=1",
        "signals-based-traps=maybe": "signals-based-traps: expected y or n, found 'maybe'",
        "memory-reservation=all": "memory-reservation: expected a number below 2^64, found 'all'",
    }.items():
        asked = f"{PLAIN}[{options}]"
        outcome = workspace.doit("run", "variants=O2", f"backends={PLAIN},{asked}", "rounds=1")
        assert outcome.returncode == 1
        assert f"error: backends: {asked}: the engine does not take this: {words}" in outcome.stderr
        assert "Traceback" not in outcome.stderr
        assert not list(workspace.results.rglob("round-*.json"))
