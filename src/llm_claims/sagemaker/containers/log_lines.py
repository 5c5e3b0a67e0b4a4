"""Writes messages into a job's log and reads them from it. A message is a JSON object. Python 3.8 syntax.

A message is one or more lines ``LLM-CLAIMS NUMBER PART/PARTS CHECKSUM TEXT`` among other lines. Log services cut long
lines and scrubbers change them: a message whose checksum does not match is refused.
"""

from __future__ import annotations

import json
import re
import zlib
from typing import Any

MARK = "LLM-CLAIMS"
# CloudWatch cuts lines at 256 kB, the log drivers of Docker at 16 kB.
MOST_CHARACTERS = 12_000

_LINE = re.compile(rf"{MARK} (\d+) (\d+)/(\d+) ([0-9a-f]{{8}}) (.*)")


class DamagedMessage(ValueError):
    """A message in the log is not as it was written."""


def lines_of(number: int, message: dict[str, Any]) -> list[str]:
    """Return the lines of a message; ``number`` counts the messages of a log from 1."""
    text = json.dumps(message, separators=(",", ":"))
    parts = [text[start : start + MOST_CHARACTERS] for start in range(0, len(text), MOST_CHARACTERS)]
    checksum = _checksum(text)
    return [f"{MARK} {number} {part}/{len(parts)} {checksum} {piece}" for part, piece in enumerate(parts, start=1)]


def _checksum(text: str) -> str:
    return f"{zlib.crc32(text.encode()):08x}"


class Reader:
    """Reads messages from the lines of one host's log. The lines of a message may come in any order."""

    def __init__(self) -> None:
        self._parts: dict[tuple[str, str], dict[int, str]] = {}

    def feed(self, line: str) -> dict[str, Any] | None:
        """Read one line; return the message that it completes, or None.

        Raises
        ------
        DamagedMessage
            The checksum of the completed message does not match.
        """
        found = _LINE.search(line)
        if found is None:
            return None
        number, part, parts, checksum, piece = found.groups()
        known = self._parts.setdefault((number, checksum), {})
        known[int(part)] = piece
        if len(known) < int(parts):
            return None
        del self._parts[number, checksum]
        text = "".join(known[place] for place in sorted(known))
        if _checksum(text) != checksum:
            raise DamagedMessage(f"message {number} in the log is not as it was written: {text[:200]!r}")
        message = json.loads(text)
        assert isinstance(message, dict)
        return message
