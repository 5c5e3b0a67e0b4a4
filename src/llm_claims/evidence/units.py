"""Units: whether two figures may be compared."""

from __future__ import annotations

import re
from collections import Counter

_FACTOR = re.compile(r"(^|[·/])([^·/]+)")
WITHOUT = frozenset({"1", "ratio"})
"""What numbers without a unit are said to be in."""


def comparable(first: str, second: str) -> bool:
    """Whether units are the same once they are cancelled: ``s/step·steps`` is ``s``."""
    return _powers(first) == _powers(second)


def _powers(unit: str) -> dict[str, int]:
    """The power of each part of a unit; one thing and several are the same part."""
    found: Counter[str] = Counter()
    for sign, part in _FACTOR.findall(unit):
        name = part if len(part) == 1 else part.removesuffix("s")
        if part not in WITHOUT:
            found[name] += -1 if sign == "/" else 1
    return {name: power for name, power in found.items() if power}
