"""`percentile`: an order statistic of one run's samples, with the interval that their number allows."""

from __future__ import annotations

import math

from llm_claims.errors import EvidenceError, Untestable
from llm_claims.evidence.quantities import Quantity
from llm_claims.evidence.series import Series

CONFIDENCE = 0.95


def percentile(quantity: Quantity, percent: float) -> Quantity:
    """Return the value below which ``percent`` of the samples of one run lie, such as 99 of its requests' latencies.

    It is the smallest sample that so many do not exceed. Its interval has two samples as ends: those between which the
    percentile of what was sampled from lies with a confidence of 95%, whatever its distribution (Conover, *Practical
    Nonparametric Statistics*, 1999, section 3.2).

    Raises
    ------
    EvidenceError
        When it is read: ``percent`` is not between 0 and 100.
    Untestable
        When it is read: there are too few samples for an interval; the text says how many are needed.
    """
    return Quantity(lambda: _percentile(quantity.series(), percent), quantity)


def _percentile(samples: Series, percent: float) -> Series:
    if not 0 < percent < 100:
        raise EvidenceError(f"a percentile is between 0 and 100, not {percent:g}")
    low, high = _ranks(samples.n, percent / 100)
    if low < 1 or high > samples.n:
        needed = _fewest(percent / 100)
        raise Untestable(f"{samples.n} samples are too few for percentile {percent:g}: it takes {needed}")
    value = sorted(samples.values)[math.ceil(round(samples.n * percent / 100, 9)) - 1]
    lower, upper = sorted(samples.lower)[low - 1], sorted(samples.upper)[high - 1]
    return Series((value,), (lower,), (upper,), samples.unit, "printed")


def _ranks(n: int, share: float) -> tuple[int, int]:
    """The ranks, from 1, of the two samples that bound a quantile: outside of 1 to n, that side has no bound."""
    from scipy.stats import binom

    error = (1 - CONFIDENCE) / 2
    return int(binom.ppf(error, n, share)), int(binom.ppf(1 - error, n, share)) + 1


def _fewest(share: float) -> int:
    """How many samples it takes for both ends: one beyond the rarer side with enough probability."""
    n = math.ceil(math.log((1 - CONFIDENCE) / 2) / math.log(max(share, 1 - share)))
    while not (_ranks(n, share)[0] >= 1 and _ranks(n, share)[1] <= n):
        n += 1
    return n
