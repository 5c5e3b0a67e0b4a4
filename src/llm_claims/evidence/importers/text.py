"""Read large text files a piece at a time: the lines that hold one of a few words, with their numbers."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from llm_claims.errors import RecordingError

CHUNK = 1 << 22
LONGEST = 1 << 26
"""The longest line in bytes: what is longer is no log."""


class Segment(NamedTuple):
    """What stands between two ends of lines, or carriage returns, with the number of its line.

    ``bar`` is the last progress bar of Python's tqdm before it, a text that ends with its rate, in line ``bar_line``;
    empty if there is none.
    """

    line: int
    text: str
    bar: str
    bar_line: int


def first_line_with(path: Path, words: Sequence[bytes]) -> int | None:
    """Return the number of the first line that holds one of ``words``; ``None`` if there is none."""
    line = 1
    for chunk in _chunks(path):
        found = [place for word in words if (place := chunk.find(word)) >= 0]
        if found:
            return line + chunk.count(b"\n", 0, min(found))
        line += chunk.count(b"\n")
    return None


def ends_with_line(path: Path) -> bool:
    """Whether the last line of a file, which is not empty, has an end."""
    with path.open("rb") as stream:
        stream.seek(-1, os.SEEK_END)
        return stream.read() in (b"\n", b"\r")


def segments(path: Path, words: Sequence[bytes]) -> Iterator[Segment]:
    """Yield each segment that holds one of ``words``, in the order of the file; at its end an empty one, for its bar.

    Raises
    ------
    RecordingError
        It is a binary file, or has a line of 64 MiB.
    """
    first, bar = 1, ("", 1)
    for chunk in _chunks(path):
        lines, seen, after = _Lines(chunk, first), 0, 0
        for place in _places(chunk, words):
            if place < seen:
                continue
            start, end = _bounds(chunk, place)
            bar = _last_bar(chunk, after, place, lines) or bar
            yield Segment(lines.at(start), _text(chunk[start:end]), *bar)
            seen, after, bar = end, place, ("", 1)
        bar = _last_bar(chunk, after, len(chunk), lines) or bar
        first = lines.at(len(chunk))
    yield Segment(first, "", *bar)


class _Lines:
    """The numbers of lines in a chunk; ``first`` is that of its first one."""

    def __init__(self, chunk: bytes, first: int) -> None:
        self._chunk, self._line, self._place = chunk, first, 0

    def at(self, place: int) -> int:
        """The line of a place: only what lies between it and the last place is counted."""
        low, high = sorted((self._place, place))
        between = self._chunk.count(b"\n", low, high)
        self._line += between if place >= self._place else -between
        self._place = place
        return self._line


def _chunks(path: Path) -> Iterator[bytes]:
    """Yield a file in pieces that end where a segment ends; the last one may not."""
    with path.open("rb") as stream:
        rest = b""
        while piece := stream.read(CHUNK):
            if b"\0" in piece:
                raise RecordingError(f"{path}: a binary file, and no log or result")
            cut = max(piece.rfind(b"\n"), piece.rfind(b"\r")) + 1
            if cut:
                yield rest + piece[:cut]
                rest = piece[cut:]
            else:
                rest += piece
            if len(rest) > LONGEST:
                raise RecordingError(f"{path}: a line of more than {LONGEST >> 20} MiB: this is no log")
        if rest:
            yield rest


def _places(chunk: bytes, words: Sequence[bytes]) -> list[int]:
    found = []
    for word in words:
        place = chunk.find(word)
        while place >= 0:
            found.append(place)
            place = chunk.find(word, place + len(word))
    return sorted(found)


def _bounds(chunk: bytes, place: int) -> tuple[int, int]:
    start = max(chunk.rfind(b"\n", 0, place), chunk.rfind(b"\r", 0, place)) + 1
    ends = [end for mark in (b"\n", b"\r") if (end := chunk.find(mark, place)) >= 0]
    return start, min(ends, default=len(chunk))


def _last_bar(chunk: bytes, start: int, end: int, lines: _Lines) -> tuple[str, int] | None:
    """Return what ends with the last rate of a progress bar between two places, at most 200 bytes, and its line."""
    stop = max(chunk.rfind(rate, start, end) for rate in (b"it/s]", b"s/it]"))
    return (_text(chunk[max(start, stop - 200) : stop + 5]), lines.at(stop)) if stop >= 0 else None


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", errors="replace")
