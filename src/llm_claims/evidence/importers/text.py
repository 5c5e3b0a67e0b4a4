"""Read large text files a piece at a time: the lines that hold one of a few words, with their numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from llm_claims.errors import RecordingError

CHUNK = 1 << 22
LONGEST = 1 << 26
"""The longest line in bytes: what is longer is no log."""


class Segment(NamedTuple):
    """What stands between two ends of lines, or carriage returns, with the number of its line.

    ``bar`` is the last progress bar of Python's tqdm before it, if there is one: a text that ends with its rate.
    ``whole`` is false where the file ends in it.
    """

    line: int
    text: str
    bar: str
    whole: bool


def first_line_with(path: Path, words: Sequence[bytes]) -> int | None:
    """Return the number of the first line that holds one of ``words``; ``None`` if there is none."""
    line = 1
    for chunk, _ in _chunks(path):
        found = [place for word in words if (place := chunk.find(word)) >= 0]
        if found:
            return line + chunk.count(b"\n", 0, min(found))
        line += chunk.count(b"\n")
    return None


def segments(path: Path, words: Sequence[bytes]) -> Iterator[Segment]:
    """Yield each segment that holds one of ``words``, in the order of the file; at its end an empty one, for its bar.

    Raises
    ------
    RecordingError
        It is a binary file, or has a line of 64 MiB.
    """
    line, bar = 1, ""
    for chunk, whole in _chunks(path):
        seen, counted, after = 0, 0, 0
        for place in _places(chunk, words):
            if place < seen:
                continue
            start, end = _bounds(chunk, place)
            bar = _last_bar(chunk, after, place) or bar
            line += chunk.count(b"\n", counted, start)
            yield Segment(line, _text(chunk[start:end]), bar, whole or end < len(chunk))
            seen, counted, after, bar = end, start, place, ""
        bar = _last_bar(chunk, after, len(chunk)) or bar
        line += chunk.count(b"\n", counted)
    yield Segment(line, "", bar, True)


def _chunks(path: Path) -> Iterator[tuple[bytes, bool]]:
    """Yield a file in pieces that end where a segment ends, and whether each does; the last one may not."""
    with path.open("rb") as stream:
        rest = b""
        while piece := stream.read(CHUNK):
            if b"\0" in piece:
                raise RecordingError(f"{path}: a binary file, and no log or result")
            cut = max(piece.rfind(b"\n"), piece.rfind(b"\r")) + 1
            if cut:
                yield rest + piece[:cut], True
                rest = piece[cut:]
            else:
                rest += piece
            if len(rest) > LONGEST:
                raise RecordingError(f"{path}: a line of more than {LONGEST >> 20} MiB: this is no log")
        if rest:
            yield rest, False


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


def _last_bar(chunk: bytes, start: int, end: int) -> str:
    """Return what ends with the last rate of a progress bar between two places, at most 200 bytes of it."""
    stop = max(chunk.rfind(rate, start, end) for rate in (b"it/s]", b"s/it]"))
    return _text(chunk[max(start, stop - 200) : stop + 5]) if stop >= 0 else ""


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", errors="replace")
