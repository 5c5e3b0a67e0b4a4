"""One axis that the effects of a claim are drawn on, all sources together."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from llm_claims.judging.rows import VerdictRow

RATIO = "ratio"
MARGIN = 0.06
"""Room at both ends, as a share of what is drawn."""
WIDE = 1000.0
"""The widest range of a logarithmic axis, from the middle effect: a nearly unbounded interval runs off its end."""


@dataclass(frozen=True)
class Strip:
    """Where a row's interval and effect lie, in percent of the axis from its left end."""

    left: float
    width: float
    effect: float


@dataclass(frozen=True)
class Axis:
    """An axis from ``lower`` to ``upper``, in ``unit``; of ratios it is logarithmic."""

    lower: float
    upper: float
    unit: str
    logarithmic: bool

    def position(self, value: float) -> float:
        """Where a value lies, in percent from the left end; beyond the ends, at the end."""
        lower, upper, at = (self._scaled(one) for one in (self.lower, self.upper, value))
        return round(min(max((at - lower) / (upper - lower), 0.0), 1.0) * 100, 2)

    def strip(self, row: VerdictRow) -> Strip | None:
        """Where to draw a row; ``None`` without an effect."""
        if row.effect is None:
            return None
        ends = row.interval or (row.effect, row.effect)
        left, right = map(self.position, ends)
        return Strip(left, round(right - left, 2), self.position(row.effect))

    @property
    def no_effect(self) -> float | None:
        """Where no effect lies, if it is on the axis: 1 of a ratio, else 0."""
        value = 1.0 if self.unit == RATIO else 0.0
        return self.position(value) if self.lower <= value <= self.upper else None

    @property
    def ends(self) -> tuple[str, str]:
        """The values at both ends, as they are written below the axis."""
        sign, unit = ("×", "") if self.unit == RATIO else ("", "" if self.unit == "1" else f" {self.unit}")
        return f"{sign}{self.lower:.3g}{unit}", f"{sign}{self.upper:.3g}{unit}"

    def _scaled(self, value: float) -> float:
        # An interval's lower end may be zero, or below.
        return math.log(max(value, self.lower)) if self.logarithmic else value


def axis_of(rows: Iterable[VerdictRow], unit: str, wide: float = WIDE) -> Axis | None:
    """Return the axis that holds the effects and intervals of rows in ``unit``; ``None`` if none has an effect.

    One of ratios reaches ``wide`` times the middle effect at most, and as far in the other direction.
    """
    shown = [row for row in rows if row.effect is not None and row.unit == unit]
    if not shown:
        return None
    effects = sorted(row.effect for row in shown if row.effect is not None)
    ends = [end for row in shown for end in row.interval or ()]
    values = [*effects, *ends, 1.0 if unit == RATIO else 0.0]
    if unit == RATIO and effects[0] > 0:
        middle = effects[len(effects) // 2]
        values = [min(max(value, middle / wide), middle * wide) for value in values]
        room = math.exp(MARGIN * math.log(max(values) / min(values))) if max(values) > min(values) else 2.0
        return Axis(min(values) / room, max(values) * room, unit, logarithmic=True)
    room = MARGIN * (max(values) - min(values)) or 1.0
    return Axis(min(values) - room, max(values) + room, unit, logarithmic=False)
