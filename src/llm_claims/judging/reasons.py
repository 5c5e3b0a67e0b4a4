"""Why verdicts were accepted: a file for each amber file, written by ``llm-claims review``."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Collection
from datetime import date
from functools import lru_cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, RootModel

from llm_claims.document.files import write_atomically
from llm_claims.document.validation import validated
from llm_claims.errors import RecordingError


class Reason(BaseModel):
    """Who accepted which line, when, at which commit, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    accepted: str
    because: str
    author: str
    date: date
    commit: str | None = None


class Reasons(RootModel[dict[str, Reason]]):
    """The reasons of one amber file, by the names of its entries."""


def reasons_file(amber: Path) -> Path:
    """Return where the reasons of an amber file are kept."""
    # Not beside it: what lies among syrupy's own files and is none of them, it deletes.
    return amber.parent.parent / "__reasons__" / f"{amber.stem}.toml"


def read_reasons(amber: Path) -> dict[str, Reason]:
    """Read the reasons of an amber file; none if there are none.

    Raises
    ------
    RecordingError
        The file is not TOML, or has a wrong field.
    """
    path = reasons_file(amber)
    try:
        at = path.stat()
        return _reasons(path, (at.st_ino, at.st_mtime_ns, at.st_size))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RecordingError(f"{path}: the reasons cannot be read: {error}") from None


@lru_cache(maxsize=256)
def _reasons(path: Path, _: tuple[int, int, int]) -> dict[str, Reason]:
    """Read a file once, and again when it has changed: every case of a module asks for its reasons."""
    return validated(Reasons, tomllib.loads(path.read_text(encoding="utf-8")), path).root


def write_reason(amber: Path, name: str, reason: Reason, entries: Collection[str]) -> None:
    """Keep the reason of one entry, and those of the other ``entries`` of the amber file; what it lost has none."""
    reasons = {**read_reasons(amber), name: reason}
    tables = (_table(one, reasons[one]) for one in sorted(reasons.keys() & entries))
    write_atomically(reasons_file(amber), "\n".join(tables))


def _table(name: str, reason: Reason) -> str:
    fields = reason.model_dump(mode="json", exclude_none=True)
    lines = [f"[{_quoted(name)}]", *(f"{field} = {_quoted(value)}" for field, value in fields.items())]
    return "\n".join(lines).replace(f'date = "{reason.date}"', f"date = {reason.date}") + "\n"


def _quoted(text: str) -> str:
    """Write a string as TOML does, which escapes as JSON does, and a delete besides."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
