"""Two hosts whose samples are in one results folder: reported apart, nothing measured twice."""

import json
import subprocess
import sys

from tests.conftest import environment

#: As if a different kernel ran here: that makes a different host.
OTHER_HOST = ["setarch", "--uname-2.6"]


def there(workspace):
    outcome = subprocess.run(
        [*OTHER_HOST, sys.executable, "-m", "doit", "run", "variants=O2"],
        cwd=workspace.path,
        env=environment(workspace.path),
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


def samples(workspace):
    return {path: path.read_bytes() for path in (workspace.path / "results").rglob("round-*.json")}


def test_two_hosts_in_one_folder_are_reported_apart(workspace):
    workspace.run("variants=O2")
    alone = json.loads((workspace.path / "report/results.json").read_text())
    assert alone["other_hosts"] == []
    there(workspace)
    there_alone = json.loads((workspace.path / "report/results.json").read_text())
    both = samples(workspace)
    assert len(both) == 2 * 4

    # Back here nothing is measured, although doit remembers the other host; both are shown.
    workspace.run("variants=O2")
    assert samples(workspace) == both
    results = json.loads((workspace.path / "report/results.json").read_text())
    assert results["cells"] == alone["cells"]
    (other,) = results["other_hosts"]
    assert other["host"] == there_alone["host"]
    assert other["host"]["kernel"] != results["host"]["kernel"]
    shown = [
        (c["variant"], c["backend"], c["measurement"]["ratio"], c["measurement"]["score"])
        for c in other["cells"]
    ]
    assert shown == [
        (c["variant"], c["backend"], c["measurement"]["ratio"], c["measurement"]["score"])
        for c in there_alone["cells"]
    ]
    for name in ("report.md", "report.txt"):
        text = (workspace.path / "report" / name).read_text()
        assert "On a different host" in text
        assert other["host"]["kernel"] in text
    assert workspace.run("variants=O2") == []

    # Samples that appear or disappear are seen at the next run; only those of these artifacts are shown.
    folder = workspace.path / "results" / there_alone["host"]["fingerprint"][:12]
    sample = next(folder.rglob("round-01.json"))
    sample.write_text(sample.read_text().replace('"artifact_bytes": ', '"artifact_bytes": 1'))
    assert workspace.run("variants=O2") == ["report", "export", "remember", "check"]
    (other,) = json.loads((workspace.path / "report/results.json").read_text())["other_hosts"]
    assert len(other["cells"]) == 1
