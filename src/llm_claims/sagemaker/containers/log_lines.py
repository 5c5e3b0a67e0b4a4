"""Messages in a job's log, one JSON object in one or more lines, told from whatever else is logged.

A line is ``LLM-CLAIMS NUMBER PART/PARTS CHECKSUM TEXT``. Log services cut long lines, and what passes a log on may
change it: a message whose checksum does not match is refused, never guessed. Python 3.8 syntax.
"""

from __future__ import annotations

import json
import re
import zlib
from typing import Any

MARK = "LLM-CLAIMS"
# CloudWatch takes 256 kB an event; Docker's own log drivers cut lines at 16 kB.
MOST_CHARACTERS = 12_000

_LINE = re.compile(rf"{MARK} (\d+) (\d+)/(\d+) ([0-9a-f]{{8}}) (.*)")


class DamagedMessage(ValueError):
    """A message that did not come through the log as it was written."""


def lines_of(number: int, message: dict[str, Any]) -> list[str]:
    """Return the lines of message ``number``, numbers from 1."""
    text = json.dumps(message, separators=(",", ":"))
    parts = [text[start : start + MOST_CHARACTERS] for start in range(0, len(text), MOST_CHARACTERS)]
    checksum = _checksum(text)
    return [f"{MARK} {number} {part}/{len(parts)} {checksum} {piece}" for part, piece in enumerate(parts, start=1)]


def _checksum(text: str) -> str:
    return f"{zlib.crc32(text.encode()):08x}"


class Reader:
    """Puts messages together from the lines of one host's log."""

    def __init__(self) -> None:
        self._parts: dict[tuple[str, str], dict[int, str]] = {}

    def feed(self, line: str) -> dict[str, Any] | None:
        """Take one line; return the message that it completes, if it does.

        Raises
        ------
        DamagedMessage
            The message was changed on its way.
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
            raise DamagedMessage(f"message {number} of the log was changed on its way: {text[:200]!r}")
        message = json.loads(text)
        assert isinstance(message, dict)
        return message
