"""Reading JSON and TOML into models, with errors that name the file and the field."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from llm_claims.errors import RecordingError

_M = TypeVar("_M", bound=BaseModel)

_LONGEST_SHOWN = 200


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {max(keys, key=keys.count)!r} stands twice in one object: which one holds?")
    return found


def _not_finite(data: Any, location: tuple[int | str, ...] = ()) -> Iterator[str]:
    """Name every NaN and infinity in ``data``; 1e999 is one too."""
    if isinstance(data, float) and not math.isfinite(data):
        yield f"{_where(location)}: {data} is not a measurement"
    parts = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, part in parts:
        yield from _not_finite(part, (*location, key))


def read_json(path: Path) -> Any:
    """Parse a JSON file strictly: NaN, infinities and repeated keys are refused.

    Raises
    ------
    RecordingError
        The file cannot be read, or is not JSON; the text names the line, or the field.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_object)
        faults = "\n".join(f"  {fault}" for fault in _not_finite(data))
    except json.JSONDecodeError as error:
        raise RecordingError(
            f"{path}: not JSON, or cut short, at line {error.lineno} column {error.colno}: {error.msg}. "
            "Restore the file from version control."
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise RecordingError(f"{path}: {error}") from None
    if faults:
        raise RecordingError(f"{path}: not every number is finite:\n{faults}")
    return data


def validated(model: type[_M], data: object, path: Path) -> _M:
    """Validate ``data``, as parsed from a file, as ``model``; on failure name every field that is wrong.

    Types are taken as they stand in the file, as the published schemas do: "5.1" and true are no numbers.

    Raises
    ------
    RecordingError
        ``data`` does not fit; one line a fault, with the path of the field.
    """
    try:
        return model.model_validate_json(json.dumps(data, default=str), strict=True)
    except ValidationError as error:
        faults = "\n".join(f"  {_where(fault['loc'])}: {_what(fault)}" for fault in error.errors())
        raise RecordingError(f"{path}: {error.error_count()} fault(s), mend each field:\n{faults}") from None


def _where(location: tuple[int | str, ...]) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "the file"


def _what(fault: Any) -> str:
    message = str(fault["msg"]).removeprefix("Value error, ")
    if isinstance(fault["input"], dict | list | tuple):
        return message
    given = repr(fault["input"])
    return f"{message} (given {given if len(given) <= _LONGEST_SHOWN else given[:_LONGEST_SHOWN] + '…'})"
