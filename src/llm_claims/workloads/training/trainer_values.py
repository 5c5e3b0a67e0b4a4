"""Numbers as the Hugging Face Trainer prints them, and what their last digit is worth."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from llm_claims.workloads.imports.format import shown_resolution

_ITEM = re.compile(r"""['"](?P<key>\w+)['"]\s*:\s*(?P<value>'[^']*'|"[^"]*"|\[[^\]]*\]|[^,}]*)""")
_GAP = re.compile(r"[\s,]*")
_DURATION = re.compile(r"(?:(\d+) days?, )?(\d+):(\d{2}):(\d{2}(?:\.\d+)?)")
ROUNDED = {"loss": 1e-4, "train_runtime": 1e-4, "train_samples_per_second": 1e-3, "train_steps_per_second": 1e-3}
"""To what the Trainer rounds."""
EPOCH = 1e-2
"""Older versions round epochs to this; later ones print them in full."""


class Printed(NamedTuple):
    """A number and the worth of its last digit."""

    value: float
    resolution: float


def items(text: str, line: int) -> dict[str, str]:
    """Split a printed dictionary into keys and values, as they are written.

    Raises
    ------
    ValueError
        It is cut short, or a number is written with a comma.
    """
    inside, closed, _ = text.partition("}")
    if not closed:
        raise ValueError(f"line {line} is cut short: {_short(text)}")
    found, at = {}, _after_gap(inside, 1)
    while at < len(inside):
        item = _ITEM.match(inside, at)
        if item is None:
            raise ValueError(
                f"line {line}: cannot be read from {_short(inside[at:])!r} on: is a number written with a comma?"
            )
        found[item["key"]] = item["value"].strip()
        at = _after_gap(inside, item.end())
    return found


def number(key: str, text: str, line: int) -> Printed:
    """Read a number; a quoted one was printed with four significant digits, of which zeros at the end are left out.

    Raises
    ------
    ValueError
        It is no number.
    """
    quoted = text[:1] in ("'", '"')
    bare = text.strip("'\"")
    try:
        value = float(bare)
    except ValueError:
        raise ValueError(f"line {line}: {key} is no number: {_short(text)}") from None
    if not math.isfinite(value):
        return Printed(value, 0.0)
    if quoted:
        return Printed(value, 10.0 ** (math.floor(math.log10(abs(value))) - 3) if value else 1e-4)
    return Printed(value, resolution(key, bare))


def resolution(key: str, text: str) -> float:
    """Return the worth of the last digit of a float that Python wrote, which leaves out zeros at the end."""
    shown, least = shown_resolution(text), math.ulp(float(text))
    if key == "learning_rate":
        return least
    if key == "epoch":
        return EPOCH if shown >= EPOCH else least
    return ROUNDED.get(key) or max(shown, least)


def duration(text: str) -> Printed | None:
    """Read ``0:12:46.92`` as seconds."""
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        return None
    days, hours, minutes, seconds = found.groups()
    whole = (int(days or 0) * 24 + int(hours)) * 60 + int(minutes)
    return Printed(whole * 60 + float(seconds), 0.01)


def _after_gap(text: str, at: int) -> int:
    gap = _GAP.match(text, at)
    return gap.end() if gap else at


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"
