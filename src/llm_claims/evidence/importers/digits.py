"""What the digits of a printed number leave open: its resolution, by the way in which its printer rounds.

A resolution is a function from the text of a number to the worth of its last digit, as a decimal; a program that
drops trailing zeros printed more digits than one sees.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal

Resolution = Callable[[str], Decimal]


def shown(text: str) -> Decimal:
    """The worth of the last digit that is there: ``5.10`` has 0.01."""
    exponent = Decimal(text).as_tuple().exponent
    assert isinstance(exponent, int)
    return Decimal(1).scaleb(exponent)


def decimals(places: int) -> Resolution:
    """Rounded to so many decimals, with trailing zeros lost; more digits than that were printed as they are."""
    return lambda text: min(shown(text), Decimal(1).scaleb(-places))


def significant(digits: int) -> Resolution:
    """Rounded to so many significant digits, with trailing zeros lost (Python's ``.4g``); zero is printed exactly."""

    def of(text: str) -> Decimal:
        value = Decimal(text)
        return Decimal(1).scaleb(value.adjusted() - digits + 1) if value else Decimal("1e-16")

    return of


def unrounded(text: str) -> Decimal:
    """A double with all its digits, as Python prints it: ``1e-05`` is no rougher than ``1.0000000000000001e-05``."""
    return Decimal(repr(max(math.ulp(float(text)), 1e-16)))
