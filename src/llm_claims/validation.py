"""Reading JSON and TOML into models, with errors that name the file and the field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from llm_claims.errors import RecordingError

_M = TypeVar("_M", bound=BaseModel)


def _not_a_number(token: str) -> float:
    raise ValueError(f"{token} is not a measurement")


def read_json(path: Path) -> Any:
    """Parse a JSON file strictly: NaN and infinities are refused.

    Raises
    ------
    RecordingError
        The file cannot be read, or is not JSON; the text names the line.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"), parse_constant=_not_a_number)
    except json.JSONDecodeError as error:
        raise RecordingError(
            f"{path}: not JSON, or cut short, at line {error.lineno} column {error.colno}: {error.msg}. "
            "Restore the file from version control."
        ) from None
    except (OSError, ValueError) as error:
        raise RecordingError(f"{path}: {error}") from None


def validated(model: type[_M], data: object, path: Path) -> _M:
    """Validate ``data`` as ``model``; on failure name every field that is wrong.

    Raises
    ------
    RecordingError
        ``data`` does not fit; one line a fault, with the path of the field.
    """
    try:
        return model.model_validate(data)
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
    given = fault["input"]
    return message if isinstance(given, dict | list | tuple) else f"{message} (given {given!r})"
