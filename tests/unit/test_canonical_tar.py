"""Bundles come from others: any other form than ours is refused, and nothing is ever written."""

import io
import os
import random
import tarfile
from pathlib import Path

import pytest

from pipeline.core.errors import BadInput
from pipeline.reproducibility import bundle, canonical_tar

MEMBERS = {"top/a.exe": b"x" * 700, "top/b/c.json": b"{}", "top/empty": b""}


def test_tar_reads_what_is_packed_and_it_is_the_same_everywhere():
    data = canonical_tar.pack(MEMBERS)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        found = {each.name: (tar.extractfile(each).read(), each.mode, each.mtime) for each in tar}
    assert found["top/a.exe"] == (b"x" * 700, 0o755, 0)
    assert found["top/b/c.json"] == (b"{}", 0o644, 0)
    assert data == canonical_tar.pack(dict(reversed(MEMBERS.items())))
    assert canonical_tar.unpack(data, "it") == MEMBERS


def crafted(*entries, form=tarfile.USTAR_FORMAT):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=form) as tar:
        for name, kind, content in entries:
            info = tarfile.TarInfo(name)
            info.type, info.size, info.linkname = kind, len(content), "/etc/passwd"
            tar.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def negative():
    info = tarfile.TarInfo("a")
    info.size = -1
    return info.tobuf(tarfile.GNU_FORMAT)


def prefixed(prefix):
    """A header whose prefix field makes a different name of it."""
    header = bytearray(canonical_tar.header("y", 0))
    header[345 : 345 + len(prefix)] = prefix
    header[148:156] = b" " * 8
    header[148:156] = f"{sum(header):06o}\0 ".encode()
    return bytes(header) + bytes(1024)


FILE = tarfile.REGTYPE
MALICIOUS = {
    "prefix out of the folder": (prefixed(b".."), "a name of more than 99 bytes"),
    "absolute prefix": (prefixed(b"/etc"), "a name of more than 99 bytes"),
    "long prefix": (prefixed(b"a" * 120), "a name of more than 99 bytes"),
    "NUL in a name": (canonical_tar.header("a", 0)[:1] + b"\0b" + bytes(509), "no ustar archive"),
    "traversal": (crafted(("coremark-wasm/../../x", FILE, b"")), "a path out of its folder"),
    "absolute": (crafted(("/tmp/x", FILE, b"")), "an absolute path"),
    "backslash": (crafted(("a\\..\\x", FILE, b"")), "characters or components"),
    "control": (crafted(("a\x1b[2J", FILE, b"")), "characters or components"),
    "empty component": (crafted(("a//x", FILE, b"")), "characters or components"),
    "symlink": (crafted(("a", tarfile.SYMTYPE, b"")), "a symbolic link"),
    "hard link": (crafted(("a", tarfile.LNKTYPE, b"")), "a hard link"),
    "device": (crafted(("a", tarfile.CHRTYPE, b"")), "type '3'"),
    "fifo": (crafted(("a", tarfile.FIFOTYPE, b"")), "a fifo"),
    "folder": (crafted(("a", tarfile.DIRTYPE, b"")), "a folder"),
    "pax": (crafted(("ü" * 60, FILE, b""), form=tarfile.PAX_FORMAT), "type 'x'"),
    "gnu": (crafted(("a" * 200, FILE, b""), form=tarfile.GNU_FORMAT), "type 'L'"),
    "gzip": (b"\x1f\x8b\x08" + b"x" * 600, "no ustar archive"),
    "text": (b"hello", "no ustar archive"),
    "truncated": (canonical_tar.pack(MEMBERS)[:900], "its size exceeds the archive"),
    "trailing": (canonical_tar.pack(MEMBERS) + b"\0" * 512, "order, padding or end"),
    "twice": (canonical_tar.pack({"a": b""})[:512] * 2 + bytes(1024), "occurs twice"),
    "case": (canonical_tar.pack({"a": b""})[:512] + canonical_tar.pack({"A": b""}), "occurs twice"),
    "order": (canonical_tar.pack({"b": b""})[:512] + canonical_tar.pack({"a": b""}), "order, padding or end"),
    "huge": (canonical_tar.header("a", 8**11 - 1) + bytes(1024), "its size exceeds the archive"),
    "negative": (negative(), "its size exceeds the archive"),
    "many": (b"".join(canonical_tar.header(f"a{n}", 0) for n in range(2001)), "more than 2000 members"),
}


@pytest.mark.parametrize("name", MALICIOUS)
def test_what_is_malicious_is_refused_and_writes_nothing(name, tmp_path, monkeypatch):
    data, reason = MALICIOUS[name]
    path = tmp_path / "given.tar"
    path.write_bytes(data)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match=reason) as caught:
        bundle.read("given.tar")
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert [each.name for each in tmp_path.iterdir()] == ["given.tar"]


def test_what_is_no_file_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for path in ("/dev/zero", str(tmp_path / "fifo"), str(tmp_path)):
        with pytest.raises(BadInput, match=r"not a regular file|Is a directory"):
            canonical_tar.load(path)
    with pytest.raises(BadInput, match="No such file"):
        canonical_tar.load(str(tmp_path / "absent"))
    with open(tmp_path / "sparse", "wb") as stream:
        stream.truncate(canonical_tar.MOST_BYTES + 1)
    with pytest.raises(BadInput, match="a bundle has at most"):
        canonical_tar.load(str(tmp_path / "sparse"))


def test_every_flipped_bit_is_refused(tmp_path):
    data = canonical_tar.pack(MEMBERS)
    chance = random.Random(1)
    for at in range(0, len(data), 3):
        flipped = bytearray(data)
        flipped[at] ^= 1 << chance.randrange(8)
        try:
            assert canonical_tar.unpack(bytes(flipped), "it") != MEMBERS
        except BadInput:
            continue
    assert not list(Path(tmp_path).iterdir())
