"""Accepted verdicts: what a person has reviewed, kept in syrupy's amber files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import pytest
from syrupy.data import Snapshot, SnapshotCollection, SnapshotCollections
from syrupy.extensions.amber import AmberSnapshotExtension
from syrupy.extensions.amber.serializer import AmberDataSerializer
from syrupy.extensions.base import SnapshotCollectionStorage
from syrupy.location import PyTestLocation

from llm_claims.errors import RecordingError
from llm_claims.judging.reasons import read_reasons
from llm_claims.relations.verdict import Verdict, Word

UNTESTABLE = str(Word.UNTESTABLE)
Update = Literal["nothing", "new", "all"]
"""What a run may accept: nothing, cases that have no accepted verdict yet, or whatever differs."""


def accepted_line(verdict: Verdict, *, live: bool) -> str:
    """Return the part of a verdict that is stable enough to be accepted.

    Of a recording: verdict, effect, interval and the effects of all comparisons, which change only with its figures
    or with the code. Of a live source: the verdict, and the side on which an effect left its margin; never a timing.
    """
    if not live:
        return str(verdict)
    sided = verdict.relation in {"similar", "flat", "proportional"} and verdict.word is Word.CONTRADICTED
    if not sided or verdict.effect is None:
        return str(verdict.word)
    return f"{verdict.word} ({'above' if verdict.effect > 1 else 'below'} the margin)"


def is_verdict(name: str, line: object) -> bool:
    """Whether an entry of an amber file is an accepted verdict, and not a snapshot of somebody else's."""
    word, _, _ = str(line).partition(" ")
    return name.endswith("]") and word in set(Word) and "\n" not in str(line)


def read_accepted(path: Path) -> dict[str, str]:
    """Return the entries of an amber file by name; none if there is no such file.

    Raises
    ------
    RecordingError
        The file is none that syrupy wrote.
    """
    try:
        at = path.stat()
    except FileNotFoundError:
        return {}
    return _entries(path, (at.st_ino, at.st_mtime_ns, at.st_size))


@lru_cache(maxsize=256)
def _entries(path: Path, _: tuple[int, int, int]) -> dict[str, str]:
    """Read a file once, and again when it has changed."""
    return {snapshot.name: str(snapshot.data) for snapshot in _collection(path)}


def check_accepted(path: Path) -> None:
    """Make sure that an amber file can be relied on.

    Raises
    ------
    RecordingError
        It is none that this syrupy wrote.
    """
    if _collection(path).tainted:
        raise RecordingError(
            f"{path} does not begin with `# serializer version: {AmberDataSerializer.VERSION}`: another syrupy or an "
            "editor wrote it (with a byte order mark?). Restore it from version control, or accept anew "
            "with --snapshot-update."
        )


def _collection(path: Path) -> SnapshotCollection:
    try:
        return AmberDataSerializer.read_file(str(path))
    except Exception as error:
        raise RecordingError(f"{path}: the accepted verdicts cannot be read: {error!r}") from None


def place_of(item: pytest.Item) -> tuple[Path, str]:
    """Return where syrupy would keep a snapshot of a test: the amber file, and the name in it."""
    location = PyTestLocation(item)
    path = AmberSnapshotExtension.get_location(test_location=location, index=0)
    return Path(path), AmberSnapshotExtension.get_snapshot_name(test_location=location)


@dataclass(frozen=True)
class AcceptedVerdict:
    """The accepted verdict of one case: an entry of the amber file of its module, named after its test.

    ``lock`` is held while the file is rewritten: workers of one run share it.
    """

    path: Path
    name: str
    update: Update
    lock: Callable[[], AbstractContextManager[Any]]

    @classmethod
    def of(cls, item: pytest.Item, update: Update, lock: Callable[[], AbstractContextManager[Any]]) -> AcceptedVerdict:
        """Return that of a claim's test item."""
        return cls(*place_of(item), update, lock)

    def read(self) -> str | None:
        """Return the accepted line, or ``None`` if nobody has accepted one yet."""
        return read_accepted(self.path).get(self.name)

    def because(self) -> str:
        """Return the reason that was given for the accepted line; empty if none was."""
        reason = read_reasons(self.path).get(self.name)
        return reason.because if reason is not None and reason.accepted == self.read() else ""

    def agrees(self, line: str) -> bool:
        """Compare with the accepted line; where the run may accept ``line`` instead, do."""
        before = self.read()
        if before == line:
            return True
        if self.update == "nothing" or (self.update == "new" and before is not None):
            return False
        with self.lock():
            self._write(line)
        return True

    def _write(self, line: str) -> None:
        entries = _collection(self.path)
        entries.add(Snapshot(name=self.name, data=line))
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # Whoever reads meanwhile reads the old file or the new one, and an interrupt leaves one of them.
        entries.location = str(self.path.with_name(f".{self.path.name}.{os.getpid()}"))
        try:
            AmberDataSerializer.write_file(entries, file_lock=False)
            os.replace(entries.location, self.path)
        finally:
            Path(entries.location).unlink(missing_ok=True)


@contextmanager
def hidden_from_syrupy() -> Iterator[None]:
    """Let syrupy overlook accepted verdicts when it looks for snapshots that no test used.

    A run judges some sources and leaves others alone: syrupy would report the verdicts of those, or delete them. It has
    no setting for that, so the method that lists what lies in a folder is wrapped.
    """
    discover = SnapshotCollectionStorage.discover_snapshots

    def discover_others(storage: SnapshotCollectionStorage, **given: Any) -> SnapshotCollections:
        found = SnapshotCollections()
        for collection in discover(storage, **given):
            verdicts = [one.name for one in collection if is_verdict(one.name, one.data)]
            if verdicts and len(verdicts) == len(collection):
                continue
            for name in verdicts:
                collection.remove(name)
            found.add(collection)
        return found

    SnapshotCollectionStorage.discover_snapshots = discover_others  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        SnapshotCollectionStorage.discover_snapshots = discover  # type: ignore[method-assign]
