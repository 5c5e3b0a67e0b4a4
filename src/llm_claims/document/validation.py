"""Reading JSON and TOML into models, with errors that name the file and the field."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from llm_claims.errors import RecordingError

_M = TypeVar("_M", bound=BaseModel)

_LONGEST_SHOWN = 200


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the object of these keys and values.

    Raises
    ------
    ValueError
        A key stands twice.
    """
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
        data = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=unique)
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
        faults = list(_faults(error, path))
        told = "1 fault, mend it" if len(faults) == 1 else f"{len(faults)} faults, mend each"
        raise RecordingError(f"{path}: {told}:\n" + "\n".join(f"  {fault}" for fault in faults)) from None


def _faults(error: ValidationError, path: Path) -> Iterator[str]:
    """Yield each fault once: a misspelt name is an unknown field, and not a missing one besides."""
    errors = error.errors()
    missing = {fault["loc"] for fault in errors if fault["type"] == "missing"}
    for fault in errors:
        if fault["type"] == "extra_forbidden":
            *above, name = fault["loc"]
            owed = [str(one[-1]) for one in missing if one[:-1] == tuple(above)]
            near = get_close_matches(str(name), owed, n=1)
            missing -= {(*above, one) for one in near}
            hint = f": did you mean {near[0]!r}?" if near else ""
            yield f"{_where(fault['loc'])}: there is no such field{_line_of(str(name), path)}{hint}"
    for fault in errors:
        if fault["loc"] in missing and fault["type"] == "missing":
            yield f"{_where(fault['loc'])}: is missing"
        elif fault["type"] not in ("missing", "extra_forbidden"):
            yield f"{_where(fault['loc'])}: {_what(fault)}"


def _line_of(name: str, path: Path) -> str:
    """Say in which line of a file a name stands, if it stands in one alone."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return ""
    found = [number for number, line in enumerate(lines, start=1) if re.search(rf"\b{re.escape(name)}\b", line)]
    return f" (line {found[0]})" if len(found) == 1 else ""


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
