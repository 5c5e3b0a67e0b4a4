"""JSON whose numbers know their text and their line: what a figure's place and printed digits are read from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from json import JSONDecodeError, JSONDecoder
from pathlib import Path
from typing import Any, NamedTuple

from llm_claims.document.validation import unique
from llm_claims.errors import RecordingError
from llm_claims.evidence.importers.run import Printed, fault

LARGEST = 256 << 20
"""The largest file in bytes that is read whole."""
# Strings are matched to be skipped; what is left are numbers, and the ends of lines.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|(?P<number>-?(?:Infinity|NaN|\d[\d.eE+-]*))|(?P<end>\n)')


class Object(NamedTuple):
    """One of the JSON values of a file, and the line where it begins."""

    value: Any
    line: int


def read_objects(path: Path) -> list[Object]:
    """Parse a file of one JSON value or several, one after another; numbers are `Printed`.

    Raises
    ------
    RecordingError
        It is too large, binary, or no JSON, or cut short; the text names the line.
    """
    if path.stat().st_size > LARGEST:
        raise RecordingError(f"{path}: more than {LARGEST >> 20} MiB: too large for a result in JSON")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise RecordingError(f"{path}: a binary file, and no log or result") from None
    numbers = _numbers(text)

    def take(_: str) -> Printed:
        return next(numbers)

    decoder = JSONDecoder(parse_float=take, parse_int=take, parse_constant=take, object_pairs_hook=unique)
    found, place = [], _skip(text, 0)
    try:
        while place < len(text):
            begin = place
            value, place = decoder.raw_decode(text, begin)
            found.append(Object(value, text.count("\n", 0, begin) + 1))
            place = _skip(text, place)
    except JSONDecodeError as error:
        fault(path, error.lineno, f"not JSON, or cut short: {error.msg}")
    except (ValueError, RecursionError) as error:
        raise RecordingError(f"{path}: {error}") from None
    return found


def _numbers(text: str) -> Iterator[Printed]:
    line = 1
    for token in _TOKEN.finditer(text):
        if token["end"]:
            line += 1
        elif token["number"]:
            yield Printed(token["number"], line)
        else:
            line += token[0].count("\n")


def _skip(text: str, place: int) -> int:
    while place < len(text) and text[place].isspace():
        place += 1
    return place
