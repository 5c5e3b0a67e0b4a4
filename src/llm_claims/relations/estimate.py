"""Interval estimates of one effect from a series of samples."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import fmean, stdev

from llm_claims.errors import EvidenceError
from llm_claims.relations.base import Look
from llm_claims.series import Series, combine
from llm_claims.verdicts import Interval


@dataclass(frozen=True)
class Estimate:
    """An effect, the interval that holds it (``None``: too few samples to give one), and n."""

    effect: float
    interval: Interval | None
    n: int

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
        The series do not pair up, or a live ratio is not positive.
    """
    return estimate(combine(numerator, denominator, lambda x, y: x / y, "ratio"), look)


def estimate(series: Series, look: Look) -> Estimate:
    """Estimate the value behind a series.

    A printed or exact figure is its own interval. For live samples of a positive quantity the
    estimate is the geometric mean, with Student's t interval of the logarithms: for ratios paired
    by round this is the paired comparison of Georges, Buytaert & Eeckhout, "Statistically rigorous
    Java performance evaluation", OOPSLA 2007, section 3.3, on the log scale, where the spread of
    timings is multiplicative and a ratio and its inverse are treated alike (Fleming & Wallace,
    "How not to lie with statistics", CACM 29(3), 1986).

    Raises
    ------
    EvidenceError
        A live sample is not positive.
    """
    if series.spread != "sampled":
        return _of_figures(series)
    if min(series.values) <= 0:
        raise EvidenceError(f"a live sample is not positive: {min(series.values):g} {series.unit}")
    logs = [math.log(value) for value in series.values]
    centre = fmean(logs)
    if series.n < 2:
        return Estimate(math.exp(centre), None, series.n)
    half = _t_quantile(look.confidence, series.n - 1) * stdev(logs) / math.sqrt(series.n)
    return Estimate(math.exp(centre), Interval(lower=math.exp(centre - half), upper=math.exp(centre + half)), series.n)


def _of_figures(series: Series) -> Estimate:
    if series.n != 1:
        raise EvidenceError(f"one figure is needed here, the evidence has {series.n}")
    return Estimate(series.values[0], Interval(lower=series.lower[0], upper=series.upper[0]), 1)


def _t_quantile(confidence: float, degrees_of_freedom: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(degrees_of_freedom, (1 + confidence) / 2))
