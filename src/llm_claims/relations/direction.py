"""On which side of a bound an estimated ratio lies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from llm_claims.relations.estimate import Estimate
from llm_claims.relations.verdict import Word

Side = Literal["above", "below", "unclear"]


def side_of(estimate: Estimate, bound: float = 1.0) -> Side:
    """Tell whether the whole interval lies above or below ``bound``.

    Touching counts: the interval of a rounding is half open, so figures printed as 2 and as 3
    (below 2.5, from 2.5) differ. An effect that is the bound itself is unclear, whatever its
    interval: a count of 1595 is not less than a clock that was cut to 1595.
    """
    interval = estimate.interval
    if interval is None:
        return "unclear"
    if interval.lower >= bound and estimate.effect > bound:
        return "above"
    return "below" if interval.upper <= bound and estimate.effect < bound else "unclear"


def inside(estimate: Estimate, lower: float, upper: float) -> bool | None:
    """Whether the interval lies within the bounds (True), outside of them (False), or across (None)."""
    interval = estimate.interval
    if interval is None:
        return None
    if lower <= interval.lower and interval.upper <= upper:
        return True
    return False if interval.lower >= upper or interval.upper <= lower else None


def word_of(parts: Iterable[bool | None]) -> Word:
    """Join three-valued parts: one that fails contradicts, one that is open leaves all open."""
    held = list(parts)
    if any(part is False for part in held):
        return Word.CONTRADICTED
    return Word.INCONCLUSIVE if any(part is None for part in held) else Word.REPRODUCED


def deciding(estimates: Sequence[Estimate], parts: Sequence[bool | None]) -> list[Estimate]:
    """Return the estimates whose parts give the joined word: one of them is what a verdict shows."""
    word = word_of(parts)
    return [estimate for estimate, part in zip(estimates, parts, strict=True) if word_of([part]) is word]
