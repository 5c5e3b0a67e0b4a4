"""Units: what products and quotients are in, and whether two figures may be compared."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

_FACTOR = re.compile(r"(^|[·/])([^·/]+)")
WITHOUT = frozenset({"1", "ratio"})
"""What numbers without a unit are said to be in."""


def comparable(first: str, second: str) -> bool:
    """Whether units are the same once they are cancelled: ``s/step·steps`` is ``s``."""
    return _powers(_factors(first)) == _powers(_factors(second))


def times(first: str, second: str) -> str:
    """The unit of a product, once it is cancelled; a plain number, in ``1``, has none."""
    if "1" in (first, second):
        return second if first == "1" else first
    return _written([*_factors(first), *_factors(second)])


def over(first: str, second: str) -> str:
    """The unit of a quotient, once it is cancelled: ``bytes/s`` over ``tokens/s`` is ``bytes/tokens``."""
    return _written([*_factors(first), *((name, -power) for name, power in _factors(second))])


def _factors(unit: str) -> list[tuple[str, int]]:
    """The parts of a unit, each with 1 or, where it divides, -1."""
    parts = ((part, -1 if sign == "/" else 1) for sign, part in _FACTOR.findall(unit))
    return [(part, power) for part, power in parts if part not in WITHOUT]


def _powers(factors: Iterable[tuple[str, int]]) -> dict[str, int]:
    """The power of each part; one thing and several are the same part."""
    found: Counter[str] = Counter()
    for name, power in factors:
        found[_thing(name)] += power
    return {name: power for name, power in found.items() if power}


def _thing(name: str) -> str:
    """The singular of a part, if it has one: a single letter is no plural, seconds among them."""
    return name if len(name) == 1 else name.removesuffix("s")


def _written(factors: list[tuple[str, int]]) -> str:
    """Write what is left of these factors once they are cancelled, each part as it was spelled first."""
    left = _powers(factors)
    names = {_thing(name): name for name, power in reversed(factors)}
    above = [names[thing] for thing, power in left.items() for _ in range(power)]
    below = [f"/{names[thing]}" for thing, power in left.items() for _ in range(-power)]
    return "".join(["·".join(above) or "1", *below]) if left else "ratio"
