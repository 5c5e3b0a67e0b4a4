"""The lines of a log, as a terminal or CloudWatch keeps them: a progress bar rewrites its line again and again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

CHUNK = 1 << 20
LONGEST = 1 << 22
"""Bytes without an end of line after which a file is no log."""
CARRIAGE_RETURN = b"\r"
CLOUDWATCH_RETURN = b"#015"


def segments(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield what stands between ends of lines and carriage returns, each with the number of its line, from 1.

    A file of any size takes a few MiB of memory.

    Raises
    ------
    ValueError
        The file is binary, or its lines do not end.
    OSError
        It cannot be read.
    """
    line, rest = 1, b""
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            if b"\0" in chunk:
                raise ValueError(f"line {line}: a binary file, and no log")
            text = rest + chunk.replace(CLOUDWATCH_RETURN, CARRIAGE_RETURN)
            *whole, rest = text.split(b"\n")
            for part in whole:
                for segment in part.split(CARRIAGE_RETURN):
                    yield line, segment
                line += 1
            # Of an endless line of a progress bar, the end is enough.
            *rewritten, rest = rest.split(CARRIAGE_RETURN)
            for segment in rewritten:
                yield line, segment
            if len(rest) > LONGEST:
                raise ValueError(f"line {line}: no end of line within {LONGEST >> 20} MiB: is this a log?")
    if rest:
        yield line, rest
