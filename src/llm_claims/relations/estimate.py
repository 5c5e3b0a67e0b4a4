"""Interval estimates of one effect from a series of samples."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from statistics import fmean, variance

from llm_claims.errors import EvidenceError
from llm_claims.evidence.series import Series, quotient
from llm_claims.evidence.units import comparable
from llm_claims.relations.base import Look
from llm_claims.relations.verdict import Interval

_LARGEST_LOG = math.log(sys.float_info.max)
_NOTHING = 10.0
"""A relative difference that is told as none: an interval over two orders of magnitude holds no news."""


@dataclass(frozen=True)
class Estimate:
    """An effect, the interval that holds it (``None``: too few samples to give one), and n.

    ``spread`` says from what else than these samples their spread was taken, if it was.
    """

    effect: float
    interval: Interval | None
    n: int
    spread: str = ""

    def is_exactly(self, value: float) -> bool:
        """Whether nothing but ``value`` is possible."""
        return self.interval is not None and self.interval.lower == value == self.interval.upper

    @property
    def told_apart(self) -> str:
        """The smallest difference this evidence could have shown, for inconclusive verdicts."""
        if self.interval is None:
            return f"n={self.n} is too few for an interval"
        half = self.interval.smallest_difference
        if half is None or half > _NOTHING:
            return f"n={self.n} is too few to tell anything apart"
        return f"n={self.n} could have told apart a difference of {half:.1%} or more"


def ratio_of(numerator: Series, denominator: Series, look: Look) -> Estimate:
    """Estimate numerator / denominator.

    Raises
    ------
    EvidenceError
        The series do not pair up, their units differ, or a sample is not positive: of two negative numbers the larger
        ratio belongs to the smaller.
    """
    if not comparable(numerator.unit, denominator.unit):
        raise EvidenceError(f"{numerator.unit!r} and {denominator.unit!r} cannot be compared: they are different units")
    for series in (numerator, denominator):
        if min(series.values) <= 0:
            raise EvidenceError(f"a ratio compares positive quantities, got {min(series.values):g} {series.unit}")
    return estimate(quotient(numerator, denominator, "ratio"), look)


def estimate(series: Series, look: Look, *, further: int = 0) -> Estimate:
    """Estimate the value behind a series, or with ``further=1`` where one further sample would fall.

    A printed or exact figure is its own interval. For live samples of a positive quantity the
    estimate is the geometric mean, with Student's t interval of the logarithms: for ratios paired
    by round this is the paired comparison of Georges, Buytaert & Eeckhout, "Statistically rigorous
    Java performance evaluation", OOPSLA 2007, section 3.3, on the log scale, where the spread of
    timings is multiplicative and a ratio and its inverse are treated alike (Fleming & Wallace,
    "How not to lie with statistics", CACM 29(3), 1986). The variance is moderated by what the look's
    other comparisons say of it (`SharedSpread`). The interval of one further sample has
    ``s sqrt(1 + 1/n)`` in place of ``s sqrt(1/n)`` (Hahn & Meeker, *Statistical Intervals*, 1991, section 4.8).

    Where a sample has an interval of its own, by the resolution of a clock or by the rounding of a figure that it was
    multiplied with, the result widens by it: no round averages it out.

    Raises
    ------
    EvidenceError
        A live sample, or the lower end of its rounding, is not positive.
    """
    if series.spread != "sampled":
        return _of_figures(series)
    if min(series.lower) <= 0:
        raise EvidenceError(f"a live sample may not be positive: {min(series.lower):g} {series.unit}")
    logs = [math.log(value) for value in series.values]
    effect = math.exp(fmean(logs))
    if series.n < 2 or (series.n == 2 and logs[0] == logs[1]):
        # Two samples that agree to the last digit show a coarse clock or a copy, and no spread of zero.
        return Estimate(effect, None, series.n)
    own, degrees = variance(logs), float(series.n - 1)
    shared = look.spreads and look.spreads.of(series)
    if shared:
        own, degrees = shared.moderate(own, degrees), degrees + shared.degrees
    half = _t_quantile(look.error_at(series.n), degrees) * math.sqrt(own * (further + 1 / series.n))
    lower, upper = fmean(map(math.log, series.lower)) - half, fmean(map(math.log, series.upper)) + half
    interval = Interval(lower=math.exp(lower), upper=math.exp(min(upper, _LARGEST_LOG)))
    return Estimate(effect, interval, series.n, str(shared or ""))


def _of_figures(series: Series) -> Estimate:
    if series.n != 1:
        raise EvidenceError(f"one figure is needed here, the evidence has {series.n}")
    return Estimate(series.values[0], Interval(lower=series.lower[0], upper=series.upper[0]), 1)


def _t_quantile(error: float, degrees_of_freedom: float) -> float:
    from scipy.special import stdtrit

    return float(-stdtrit(degrees_of_freedom, error / 2))
