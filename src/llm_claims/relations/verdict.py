"""Verdicts: what a relation says of a claim."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, FiniteFloat, NonNegativeInt, model_validator


class Word(StrEnum):
    """The five verdicts, and the error that is none of them."""

    REPRODUCED = "reproduced"
    WEAKENED = "weakened"
    CONTRADICTED = "contradicted"
    INCONCLUSIVE = "inconclusive"
    UNTESTABLE = "untestable"
    ERROR = "error"


class Interval(BaseModel):
    """A closed interval of plausible effects, in the effect's unit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lower: FiniteFloat
    upper: FiniteFloat

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.lower > self.upper:
            raise ValueError(f"an interval's lower end is not above its upper end, got {self.lower:g}, {self.upper:g}")
        return self

    def __str__(self) -> str:
        """Four significant digits, as the tables print it."""
        return f"[{self.lower:.4g}, {self.upper:.4g}]"

    @property
    def smallest_difference(self) -> float | None:
        """The relative difference of half its width, 0.05 for 5%: what is smaller, it could not have told apart."""
        if self.lower <= 0 or math.isinf(self.upper / self.lower):
            return None
        return math.sqrt(self.upper / self.lower) - 1

    def overlaps(self, other: Interval) -> bool:
        """Whether the two share more than an end; an end counts where one of them is a point.

        The interval of a rounding is half open: figures printed as 2 and as 3 touch and differ.
        """
        lower, upper = max(self.lower, other.lower), min(self.upper, other.upper)
        point = self.lower == self.upper or other.lower == other.upper
        return lower < upper or (lower == upper and point)


class Verdict(BaseModel):
    """What a relation concludes.

    ``effect`` and ``interval`` are in ``unit``; ``n`` counts the samples (or rounds) behind them;
    ``interval`` is ``None`` where so few samples exist that none can be given. ``effects`` are those of
    all comparisons, where a relation makes several: the effect is the one that decides. ``spread`` says from what else
    than these samples the width of the interval was taken, if it was.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    word: Word
    relation: str
    effect: FiniteFloat | None = None
    interval: Interval | None = None
    n: NonNegativeInt = 0
    unit: str = "ratio"
    reason: str = ""
    effects: tuple[FiniteFloat, ...] = ()
    spread: str = ""

    @property
    def decided(self) -> bool:
        """Whether more samples could no longer be of use."""
        return self.word is not Word.INCONCLUSIVE

    def __str__(self) -> str:
        """The verdict as a line: word, effect, interval, and the effects of all comparisons if there are several."""
        if self.effect is None:
            return str(self.word)
        span = f" {self.interval}" if self.interval else ""
        others = f" of {', '.join(f'{effect:.4g}' for effect in self.effects)}" if len(self.effects) > 1 else ""
        return f"{self.word} {self.effect:.4g}{span}{others}"
