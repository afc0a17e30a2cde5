"""The recorded runs: a folder of JSON documents, one a run, numbered in the order of recording.

A document is linked to its number once it is whole, and a link never replaces a file. So a killed process
leaves a run whole or absent, and two processes, also on two hosts that share the folder, never take the same
number. On a file system without hard links the document is written under its number, which must be free: two
processes never take the same number there either, but a killed one may leave a damaged document.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
from msgspec import structs

from pipeline.core.errors import ProjectError
from pipeline.core.files import new_folder, write_atomic
from pipeline.core.text import for_terminal
from pipeline.results.model import Results
from pipeline.results.model_cell import CellResult
from pipeline.results.model_fields import Digest
from pipeline.results.model_pareto import ParetoFronts

#: A document that the user put aside keeps its number: "run 4" never means two runs.
_NAME = re.compile(r"([0-9]{6,})\.json(\.damaged)?")
#: What os.link raises on a file system without hard links.
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP)


class _Document(msgspec.Struct, frozen=True, tag_field="schema", tag=1):
    """The content of a file."""

    sha256: Digest  # of the bytes of run
    run: msgspec.Raw


@dataclass(frozen=True)
class Entry:
    """A recorded run; numbers count from 1 in the order of recording."""

    number: int
    run: Results  # without what follows from its cells, see ``measured``


@dataclass(frozen=True)
class History:
    """All recorded runs, oldest first."""

    entries: tuple[Entry, ...] = ()
    #: One line a document that cannot be used: which, why, and the command that puts it aside.
    damaged: tuple[str, ...] = ()

    def refuse_damaged(self) -> None:
        """Raise ProjectError if a document cannot be used: one line that names the first."""
        if self.damaged:
            more = f" (and {len(self.damaged) - 1} more)" if len(self.damaged) > 1 else ""
            raise ProjectError(f"{self.damaged[0]}{more}")


def measured(results: Results) -> Results:
    """The results without what follows from their cells, which a later version may conclude differently."""
    return structs.replace(
        results,
        cells=tuple(map(_without_rank, results.cells)),
        comparisons=(),
        warnings=(),
        findings=(),
        pareto_fronts=ParetoFronts(size=(), compile_time=(), compile_time_all_backends=()),
        across_workloads=None,
        other_hosts=(),
    )


def _without_rank(cell: CellResult) -> CellResult:
    if cell.measurement is None:
        return cell
    numbers = structs.replace(cell.measurement, rank_best=None, rank_worst=None)
    return structs.replace(cell, measurement=numbers)


def same(one: Results, other: Results) -> bool:
    """Whether two runs, as ``measured``, are one run; only the fingerprint of the machine counts."""
    same_host = one.host.fingerprint == other.host.fingerprint
    return same_host and structs.replace(one, host=other.host) == other


def add(folder: str, results: Results) -> tuple[int, History]:
    """Record a run; returns its number and the runs that are recorded without it.

    A run that is recorded already keeps its number, and is among them. Raises ProjectError where the folder
    cannot be read or written, or a document cannot be read.
    """
    run = measured(results)
    data = msgspec.json.encode(run)
    document = msgspec.json.encode(_Document(hashlib.sha256(data).hexdigest(), msgspec.Raw(data)))
    try:
        with new_folder(folder) as temporary:
            whole = f"{temporary}/run.json"
            write_atomic(whole, document)
            while True:
                names = _numbers(folder)
                history = _read(folder, names)
                for entry in reversed(history.entries):  # most often it is the last one
                    if same(entry.run, run):
                        return entry.number, history
                # From the same listing: a number that is free in it belongs to no run that was not compared.
                number = max(names.values(), default=0) + 1
                try:
                    _place(whole, f"{folder}/{number:06}.json", document)
                except FileExistsError:  # a different process was faster
                    continue
                _sync(folder)
                return number, history
    except OSError as error:
        raise _refusal(folder, error, "written to") from None


def _place(whole: str, path: str, document: bytes) -> None:
    """Give a complete document its number; raises FileExistsError where the number is taken, and OSError."""
    try:
        os.link(whole, path)
        return
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
    with open(path, "xb") as stream:
        try:
            stream.write(document)
            stream.flush()
            os.fsync(stream.fileno())
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(path)
            raise


def read(folder: str) -> History:
    """Every recorded run; none where there is no folder. Raises ProjectError if it cannot be read."""
    try:
        return _read(folder, _numbers(folder))
    except OSError as error:
        raise _refusal(str(error.filename or folder), error, "read") from None


def _read(folder: str, names: Mapping[str, int]) -> History:
    """The runs in these documents; raises ProjectError for one that cannot be read."""
    entries, damaged = [], []
    for name, number in sorted(names.items(), key=lambda item: item[1]):
        path = f"{folder}/{name}"
        if not name.endswith(".json"):
            continue
        try:
            entries.append(Entry(number, _decode(Path(path).read_bytes())))
        except OSError as error:
            raise ProjectError(
                f"{for_terminal(path)}: {error.strerror}; expected a recorded run that can be read"
            ) from None
        except (ValueError, RecursionError) as error:
            put_aside = f"mv {shlex.quote(path)} {shlex.quote(f'{path}.damaged')}"
            damaged.append(
                f"{path}: {for_terminal(str(error))}; expected a run as this version records it; left out; "
                f"to put the file aside, run: {put_aside}"
            )
    return History(tuple(entries), tuple(damaged))


def _decode(data: bytes) -> Results:
    """The run in a document; raises ValueError (msgspec's errors are ValueErrors)."""
    document = msgspec.json.decode(data, type=_Document)
    if hashlib.sha256(document.run).hexdigest() != document.sha256:
        raise ValueError("the run does not have the digest that was recorded with it")
    return msgspec.json.decode(document.run, type=Results)


def _numbers(folder: str) -> dict[str, int]:
    """{name of a document: its number}, those put aside included."""
    try:
        matches = map(_NAME.fullmatch, os.listdir(folder))
    except FileNotFoundError:
        return {}
    return {match[0]: int(match[1]) for match in matches if match is not None}


def _sync(folder: str) -> None:
    """Make a new name outlast a power failure."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _refusal(path: str, error: OSError, what: str) -> ProjectError:
    return ProjectError(
        f"{for_terminal(path)}: {error.strerror}; expected the history as a folder that can be {what}"
    )
