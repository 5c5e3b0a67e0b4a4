"""What a run measured live, as recordings: at its end, and while it goes on."""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Container, Iterator
from contextlib import ExitStack, suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock, Timeout

from llm_claims.errors import ClaimsError, RecordingError, Untestable, UsageError
from llm_claims.evidence.recordings import Recording, unfinished, why_not_writable, write_recording
from llm_claims.workloads.shown import count

if TYPE_CHECKING:
    from llm_claims.evidence.evidence import Evidence
    from llm_claims.judging.suite import Suite
    from llm_claims.sources.base import Source

UNBOUNDED_ROUNDS = 1000
"""What a recording states whose rounds time alone bounded: more than three, so it was looked at several times."""
SECONDS_BETWEEN = 10.0


class Unfinished:
    """Keeps the recordings of a run that goes on, so that one that is ended by force leaves what it measured.

    To be called after each round; writes every ten seconds at most.
    """

    def __init__(self, suite: Suite) -> None:
        self._suite = suite
        self._last = 0.0

    def __call__(self) -> None:
        """Write what was measured so far, if this run records and nothing was written just now."""
        named = self._suite.options.record
        if named is None or time.monotonic() - self._last < SECONDS_BETWEEN:
            return
        # What is wrong stops no measuring: the recording at the end meets the same, and says so.
        with suppress(ClaimsError, OSError):
            measured = _measured(self._suite, named)
            for path, (source, evidence) in measured.items():
                # Workers of a run that is ended may still measure when the whole recording is there.
                if not path.exists():
                    recording = _recording_of(self._suite, path.stem, source, evidence, complete=False)
                    write_recording(recording, unfinished(path), new=False)
            if len(measured) > 1:
                # What it had while one source alone had measured is among the others' now.
                unfinished(named).unlink(missing_ok=True)
        self._last = time.monotonic()


class Recorder:
    """Writes the recordings of a run, in its controlling process; no other run may write to their files meanwhile."""

    def __init__(self, suite: Suite) -> None:
        self._suite = suite
        self._reserved: set[Path] = set()
        self._locks = ExitStack()
        self._replaced: set[Path] = set()

    def reserve(self) -> None:
        """Reserve what this run may write, as far as it is known: more once the cases are collected.

        Raises
        ------
        UsageError
            Something cannot be written, has the name of a source, or is what another run records to.
        """
        named = self._suite.options.record
        for path in _files(self._suite):
            if path in self._reserved:
                continue
            self._reserved.add(path)
            if reason := self._why_not(path):
                raise UsageError(
                    f"--record {named}: {reason}"
                    if path == named
                    else f"--record {named}: several live sources are selected, and each that measures has a file of "
                    f"its own. {path}: {reason}. Choose another name, or one source with -m."
                )

    def _why_not(self, path: Path) -> str | None:
        try:
            _lock(path, self._locks)
        except Timeout:
            return "another run that goes on now records to this file: wait for its end, or name another file"
        except (OSError, NotImplementedError) as error:
            return f"no lock file can be made: {error}; name a folder for temporary files in TMPDIR"
        # The file that is named was asked about when the sources were read.
        if path != self._suite.options.record and path.stem in self._suite.sources:
            return f"{path.stem!r} is a source already"
        return why_not_writable(path)

    def write(self, whole: Container[str]) -> Iterator[str]:
        """Write what this run measured to the file of ``--record``, if it has one, or to one for each source.

        Yield what there is to say of it. ``whole`` has the sources of which all was judged that was asked for.

        Raises
        ------
        RecordingError
            A file cannot be written; what was measured is then in the unfinished one. All others are written.
        """
        named = self._suite.options.record
        if named is None:
            return
        measured = _measured(self._suite, named)
        if not measured:
            yield f"nothing was measured live, so {named} was not written"
            return
        faults: dict[Path, str] = {}
        for path, (source, evidence) in measured.items():
            try:
                _write(_recording_of(self._suite, path.stem, source, evidence, complete=source.name in whole), path)
                yield f"recorded: {path}, {count(len(evidence), 'workload')}"
            except (ClaimsError, Untestable) as error:
                faults[path] = str(error)
        self._replaced = {unfinished(path) for path in _files(self._suite) if path not in faults}
        self._remove_replaced()
        if faults:
            raise RecordingError(" ".join(faults.values()))

    def _remove_replaced(self) -> None:
        """Remove unfinished recordings in whose place there are whole ones."""
        for path in self._replaced:
            # What cannot be removed is left; the whole recording is there, or its own error says why not.
            with suppress(OSError):
                path.unlink()

    def close(self) -> None:
        """Remove what workers still kept when the recordings were written; let other runs write to the files."""
        with self._locks:
            self._remove_replaced()


RECORDER = pytest.StashKey[Recorder]()
"""What records a run, in the configuration of its controlling process."""


def _files(suite: Suite) -> tuple[Path, ...]:
    """Every file that a run may write: that of ``--record``, and one for each live source where several are selected.

    Which of them measure is known at the end alone.

    Raises
    ------
    UsageError
        Two sources would have the same file.
    """
    named = suite.options.record
    if named is None:
        return ()
    judging = sorted({case.source for case in suite.collected.cases})
    live = [name for name in judging if suite.sources[name].live and not suite.asleep(name)]
    if len(live) < 2:
        return (named,)
    files = [_file_of(named, name) for name in live]
    if len(set(files)) < len(files):
        raise UsageError(
            f"--record {named}: of the live sources {', '.join(live)} two would have one file: rename one of them, or "
            "choose one with -m"
        )
    return (named, *files)


def _file_of(named: Path, source: str) -> Path:
    """Return the file of one source of several; sources may have characters that no recording's name has."""
    return named.with_name(f"{named.stem}-{re.sub('[^a-z0-9.-]', '-', source.lower())}{named.suffix}")


def _measured(suite: Suite, named: Path) -> dict[Path, tuple[Source, list[Evidence]]]:
    """Return the sources that measured, and what, by the file of each: one alone has that of ``--record``."""
    live = [source for source in suite.sources.values() if source.live]
    found = [(source, evidence) for source in live if (evidence := source.entries())]
    return {named if len(found) == 1 else _file_of(named, one[0].name): one for one in found}


def _recording_of(suite: Suite, name: str, source: Source, evidence: list[Evidence], *, complete: bool) -> Recording:
    return Recording(
        name=name,
        title=f"Recorded live on {evidence[0].provenance.hardware}",
        recorded=max(entry.provenance.date for entry in evidence),
        measured_on=source.name,
        most_rounds=suite.options.rounds or UNBOUNDED_ROUNDS,
        complete=complete and source.is_complete,
        devices=source.devices(),
        spent_seconds=source.times(),
        defaults=dict(source.defaults()),
        evidence=tuple(evidence),
    )


def _write(recording: Recording, path: Path) -> None:
    """Write a whole recording; where that cannot be, the unfinished one has it.

    Raises
    ------
    RecordingError
        It cannot be written; the text says where it is.
    """
    try:
        write_recording(recording, path)
    except RecordingError as error:
        write_recording(recording, unfinished(path), new=False)
        raise RecordingError(f"{error} What was measured is in {unfinished(path)}.") from None


def _lock(path: Path, held: ExitStack) -> None:
    """Hold a file's lock, which is not beside it, where it would stay; the end of a process ends it, however it comes.

    Raises
    ------
    Timeout
        Another process holds it.
    OSError
        The folder of temporary files cannot be used.
    """
    name = f"llm-claims-record-{sha256(os.path.realpath(path).encode()).hexdigest()[:16]}.lock"
    lock = FileLock(Path(tempfile.gettempdir()) / name, timeout=0, mode=0o666)
    held.enter_context(lock)
    held.callback(_remove, Path(lock.lock_file))


def _remove(lock_file: Path) -> None:
    # While it is held: nobody waits for it, so nobody has it open. Another user's file cannot be removed.
    with suppress(OSError):
        lock_file.unlink()
