"""Verdicts: what a relation says of a claim, and the row the reports show."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, NonNegativeInt, RootModel, model_validator


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
    all comparisons, where a relation makes several: the effect is the one that decides.
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


class VerdictRow(BaseModel):
    """One case of one claim on one source, as ``report/verdicts.json`` lists it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    claim: str = Field(description="permanent id of the claim")
    case: str = Field(description="parameters of the case, empty if the claim has one case")
    source: str = Field(description="recording name, or cpu, gpu, sagemaker")
    verdict: Word
    effect: FiniteFloat | None = None
    interval: tuple[FiniteFloat, FiniteFloat] | None = None
    n: NonNegativeInt = 0
    unit: str = "ratio"
    reason: str = ""
    note: str = Field(default="", description="what the measurement is an analogue of, if it is one")
    reused: date | None = Field(
        default=None, description="day of the oldest live evidence that was taken over from an earlier run, if any was"
    )


class FigureRow(BaseModel):
    """One figure that a case's verdict stands on, as ``report/figures.json`` lists it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    claim: str
    case: str
    source: str
    workload: str = Field(description="the workload and its place, for people")
    key: str = Field(description="digest of the workload, and its instance type if it has one")
    metric: str = Field(description="metric name, or outcome")


class FigureList(RootModel[list[FigureRow]]):
    """The content of ``report/figures.json``."""


class VerdictList(RootModel[list[VerdictRow]]):
    """The content of ``report/verdicts.json``."""
