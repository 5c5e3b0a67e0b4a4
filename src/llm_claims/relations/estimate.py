"""Interval estimates of one effect from a series of samples."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from statistics import fmean, stdev

from llm_claims.errors import EvidenceError
from llm_claims.evidence.series import Series, quotient
from llm_claims.relations.base import Look
from llm_claims.relations.verdict import Interval

_LARGEST_LOG = math.log(sys.float_info.max)


@dataclass(frozen=True)
class Estimate:
    """An effect, the interval that holds it (``None``: too few samples to give one), and n."""

    effect: float
    interval: Interval | None
    n: int

    def is_exactly(self, value: float) -> bool:
        """Whether nothing but ``value`` is possible."""
        return self.interval is not None and self.interval.lower == value == self.interval.upper

    @property
    def told_apart(self) -> str:
        """The smallest difference this evidence could have shown, for inconclusive verdicts."""
        if self.interval is None:
            return f"n={self.n} is too few for an interval"
        half = (self.interval.upper / self.interval.lower) ** 0.5 - 1 if self.interval.lower > 0 else math.inf
        return f"n={self.n} could have told apart a difference of {half:.1%} or more"


def ratio_of(numerator: Series, denominator: Series, look: Look) -> Estimate:
    """Estimate numerator / denominator.

    Raises
    ------
    EvidenceError
        The series do not pair up, or a sample is not positive: of two negative numbers the larger
        ratio belongs to the smaller.
    """
    for series in (numerator, denominator):
        if min(series.values) <= 0:
            raise EvidenceError(f"a ratio compares positive quantities, got {min(series.values):g} {series.unit}")
    return estimate(quotient(numerator, denominator, "ratio"), look)


def estimate(series: Series, look: Look) -> Estimate:
    """Estimate the value behind a series.

    A printed or exact figure is its own interval. For live samples of a positive quantity the
    estimate is the geometric mean, with Student's t interval of the logarithms: for ratios paired
    by round this is the paired comparison of Georges, Buytaert & Eeckhout, "Statistically rigorous
    Java performance evaluation", OOPSLA 2007, section 3.3, on the log scale, where the spread of
    timings is multiplicative and a ratio and its inverse are treated alike (Fleming & Wallace,
    "How not to lie with statistics", CACM 29(3), 1986). Where a live sample was multiplied with a
    printed figure, the interval widens by the figure's rounding, which no round averages out.

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
    half = _t_quantile(look.confidence, series.n - 1) * stdev(logs) / math.sqrt(series.n)
    lower, upper = fmean(map(math.log, series.lower)) - half, fmean(map(math.log, series.upper)) + half
    return Estimate(effect, Interval(lower=math.exp(lower), upper=math.exp(min(upper, _LARGEST_LOG))), series.n)


def _of_figures(series: Series) -> Estimate:
    if series.n != 1:
        raise EvidenceError(f"one figure is needed here, the evidence has {series.n}")
    return Estimate(series.values[0], Interval(lower=series.lower[0], upper=series.upper[0]), 1)


def _t_quantile(confidence: float, degrees_of_freedom: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(degrees_of_freedom, (1 + confidence) / 2))
