"""The file of a history: JSON Lines, one a night and source, each with a checksum."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from zlib import crc32

from filelock import FileLock
from pydantic import ValidationError

from llm_claims.document.files import write_atomically
from llm_claims.errors import RecordingError
from llm_claims.judging.history.night import Acceptance, Line, Night
from llm_claims.workloads.outcome import first_fault

Entry = Night | Acceptance
_CHECKSUM = 8
"""Characters of the checksum that ends a line, after a space."""


def append(path: Path, entries: Iterable[Entry]) -> None:
    """Add lines at the end; several writers wait for each other.

    Raises
    ------
    RecordingError
        The file ends within a line: a writer was killed.
    OSError
        The file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock"):
        if path.exists() and not path.read_bytes().endswith(b"\n") and path.stat().st_size:
            raise RecordingError(_cut(path, len(path.read_bytes().splitlines())))
        with path.open("a", encoding="utf-8") as stream:
            stream.write("".join(map(_line, entries)))
            stream.flush()
            os.fsync(stream.fileno())


def read(path: Path) -> list[Entry]:
    """Read a history, in the order of time.

    Raises
    ------
    RecordingError
        A line is cut short, was changed after it was written, or has a wrong field; the text names it.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecordingError(f"{path}: the history cannot be read: {error}") from None
    lines = text.splitlines(keepends=True)
    return in_order(_parsed(path, number, line) for number, line in enumerate(lines, start=1) if line.strip())


def in_order(entries: Iterable[Entry]) -> list[Entry]:
    """Sort by time; a night that two files have is taken once."""
    found = {entry.model_dump_json(): entry for entry in entries}
    return sorted(found.values(), key=lambda entry: entry.time)


def write(path: Path, entries: Iterable[Entry]) -> None:
    """Write a history anew."""
    write_atomically(path, "".join(map(_line, entries)))


def repaired(path: Path) -> str | None:
    """Take a last line that is cut short out of a history, and return it; ``None`` if there is none."""
    with FileLock(f"{path}.lock"):
        whole, _, rest = path.read_bytes().rpartition(b"\n")
        if not rest:
            return None
        write_atomically(path, whole.decode() + "\n" if whole else "")
        return rest.decode(errors="replace")


def _line(entry: Entry) -> str:
    text = entry.model_dump_json(exclude_none=True)
    return f"{text} {_sum(text)}\n"


def _sum(text: str) -> str:
    return f"{crc32(text.encode()):0{_CHECKSUM}x}"


def _parsed(path: Path, number: int, line: str) -> Entry:
    text, _, checksum = line.rstrip("\n").rpartition(" ")
    if not line.endswith("\n"):
        raise RecordingError(_cut(path, number))
    if checksum != _sum(text):
        raise RecordingError(
            f"{path}, line {number}: its checksum does not fit: it was changed after it was written. Restore the line."
        )
    try:
        return Line.model_validate_json(text).root
    except ValidationError as error:
        raise RecordingError(f"{path}, line {number}: {first_fault(error)}") from None


def _cut(path: Path, number: int) -> str:
    return (
        f"{path}, line {number}: it is cut short: a night was not written to its end. "
        f"Take it out with: llm-claims history {path} --repair"
    )
