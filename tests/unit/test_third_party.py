"""CoreMark is what the manifest says, or it is refused by name."""

import shutil
from pathlib import Path

import pytest

from pipeline.core import paths
from pipeline.core.errors import SourcesError
from pipeline.workloads import third_party

PATCH = """diff --git a/x b/x
--- a/x
+++ b/x
@@ -1,3 +1,4 @@
 one
-two
+2
+2.5
 three
@@ -8,2 +9,2 @@
 eight
-nine
+9
"""
PATCHED = "one\n2\n2.5\nthree\nfour\nfive\nsix\nseven\neight\n9\n"
PRISTINE = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\n"


def test_a_patch_is_reversed():
    assert third_party.reverse_patch(PATCHED, PATCH) == PRISTINE


def test_a_patch_that_does_not_fit_is_refused():
    with pytest.raises(SourcesError, match="does not fit at line 9"):
        third_party.reverse_patch(PRISTINE, PATCH)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty project folder with the real manifest."""
    folder = tmp_path / paths.third_party("coremark")
    folder.mkdir(parents=True)
    shutil.copy(paths.ROOT / paths.manifest("coremark"), folder)
    monkeypatch.chdir(tmp_path)
    return folder


def test_the_package_gives_the_pristine_files(place):
    assert third_party.obtain("coremark", None)["commit"].startswith("0c91314")
    assert "at least 10 secs" in (place / "core_main.c").read_text()
    assert third_party.verify("coremark")["commit"].startswith("0c91314")


def test_an_edited_file_is_refused_by_name_with_both_digests(place):
    third_party.obtain("coremark", None)
    path = place / "core_list_join.c"
    path.write_text(path.read_text() + "\n")
    with pytest.raises(SourcesError) as caught:
        third_party.verify("coremark")
    message = str(caught.value)
    assert "core_list_join.c: expected SHA-256 153b84e9" in message
    assert "core_matrix.c" not in message
    assert "run: rm third_party/coremark/core_list_join.c" in message


def test_a_checkout_is_taken_if_it_is_a_known_revision(place, tmp_path):
    third_party.obtain("coremark", None)
    checkout = tmp_path / "my checkout"
    shutil.copytree(place, checkout)
    for path in place.glob("core*.[ch]"):
        path.unlink()
    third_party.obtain("coremark", str(checkout))
    assert third_party.verify("coremark")["commit"].startswith("0c91314")


def test_a_changed_checkout_is_refused_before_anything_is_written(place, tmp_path):
    third_party.obtain("coremark", None)
    checkout = tmp_path / "mine"
    shutil.copytree(place, checkout)
    (checkout / "core_util.c").write_text("int x;\n")
    for path in place.glob("core*.[ch]"):
        path.unlink()
    with pytest.raises(SourcesError, match=r"core_util\.c: expected SHA-256 1a056bcd.*found "):
        third_party.obtain("coremark", str(checkout))
    assert not list(place.glob("core*.[ch]"))


def test_a_checkout_that_is_not_there_is_named(place):
    with pytest.raises(SourcesError, match="no such folder"):
        third_party.obtain("coremark", "/nowhere/at all")
    Path("empty").mkdir()
    with pytest.raises(SourcesError, match=r"core_list_join\.c: No such file"):
        third_party.obtain("coremark", "empty")


def test_both_known_revisions_are_in_the_manifest():
    manifest = third_party.read_manifest("coremark")
    assert [commit[:7] for commit in manifest.revisions] == ["0c91314", "d5fad6b"]
    assert all(len(digest) == 64 for f in manifest.revisions.values() for digest in f.values())
