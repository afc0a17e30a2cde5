"""Two hosts whose samples are in one results folder: reported apart, nothing measured twice."""

import json
import subprocess
import sys

from tests.conftest import environment

#: As if a different kernel ran here: that makes a different host.
AS_OTHER_HOST = ["setarch", "--uname-2.6"]


def there(workspace):
    outcome = subprocess.run(
        [*AS_OTHER_HOST, sys.executable, "-m", "doit", "run", "variants=O2"],
        cwd=workspace.path,
        env=environment(workspace.path),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


def samples(workspace):
    return {path: path.read_bytes() for path in (workspace.path / "results").rglob("round-*.json")}


def test_two_hosts_in_one_folder_are_reported_apart(workspace):
    workspace.run("variants=O2")
    alone = json.loads((workspace.path / "report/results.json").read_text())
    assert alone["elsewhere"] == []
    there(workspace)
    on_other = json.loads((workspace.path / "report/results.json").read_text())
    both = samples(workspace)
    assert len(both) == 2 * 4

    # Back here nothing is measured, although doit remembers the other host's; both are shown.
    workspace.run("variants=O2")
    assert samples(workspace) == both
    results = json.loads((workspace.path / "report/results.json").read_text())
    assert results["cells"] == alone["cells"]
    (other,) = results["elsewhere"]
    assert other["host"] == on_other["host"]
    assert other["host"]["kernel"] != results["host"]["kernel"]
    shown = [(c["toolchain"], c["variant"], c["backend"], c["ratio"], c["score"]) for c in other["cells"]]
    assert shown == [
        (c["toolchain"], c["variant"], c["backend"], c["ratio"], c["score"]) for c in on_other["cells"]
    ]
    for name in ("report.md", "report.txt"):
        text = (workspace.path / "report" / name).read_text()
        assert "On another host" in text
        assert other["host"]["kernel"] in text
    assert workspace.run("variants=O2") == []

    # What goes there, or comes, is seen at the next run; and only a host that is still of these artifacts.
    folder = workspace.path / "results" / on_other["host"]["fingerprint"][:12]
    sample = next(folder.rglob("round-01.json"))
    sample.write_text(sample.read_text().replace('"artifact_bytes": ', '"artifact_bytes": 1'))
    assert workspace.run("variants=O2") == ["report", "export", "remember", "check"]
    (other,) = json.loads((workspace.path / "report/results.json").read_text())["elsewhere"]
    assert len(other["cells"]) == 1
