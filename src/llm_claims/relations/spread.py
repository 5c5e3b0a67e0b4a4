"""The spread that comparisons of one source share, so that three rounds need not tell their own alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import variance

from llm_claims.evidence.evidence import Evidence
from llm_claims.evidence.series import Series, quotient

LEAST_COMPARISONS = 3
LEAST_ROUNDS = 3
DEGREES = (0.25, 0.5, 1, 2, 3, 4, 6, 8, 12, 16, 24, 40)
"""The degrees of freedom that are tried."""
SUPPORT = 1.0
"""Log likelihoods this far below the highest are supported as well (Edwards, *Likelihood*, 1972)."""
INDEPENDENT = 2 / 3
"""Neighbours in a chain of comparisons share one entry: their variances correlate by 1/4, so 12 count as 8."""


@dataclass(frozen=True)
class SharedSpread:
    """What a set of comparisons says of the variance of another: a prior, and how much it weighs.

    Attributes
    ----------
    variance : of the log ratio of two entries in one round.
    degrees : degrees of freedom of the prior.
    comparisons : how many it was estimated from.
    """

    variance: float
    degrees: float
    comparisons: int

    def moderate(self, own: float, degrees: float) -> float:
        """Return the variance of a comparison whose own is ``own``, with ``degrees`` of freedom (Smyth 2004, (5))."""
        return (self.degrees * self.variance + degrees * own) / (self.degrees + degrees)

    def __str__(self) -> str:
        """Say it in plain words."""
        return (
            f"spread of {math.sqrt(self.variance):.2g} a round shared with {self.comparisons} comparisons, "
            f"{self.degrees:g} degrees of freedom"
        )


@dataclass
class Spreads:
    """The shared spread of each metric of one source, worked out when it is first asked for."""

    entries: Callable[[], Sequence[Evidence]]
    _found: dict[tuple[str, str], SharedSpread | None] = field(default_factory=dict)

    def of(self, series: Series) -> SharedSpread | None:
        """Return what moderates the variance of a series; ``None`` where nothing does.

        Only of a product of powers of one metric, in which what disturbs a whole round cancels, is it known how its
        variance follows from that of a ratio of two.
        """
        powers = dict(series.factors or ())
        metrics = {(factor.kind, factor.metric) for factor in powers}
        if len(metrics) != 1 or abs(sum(powers.values())) > 1e-9:
            return None
        (metric,) = metrics
        if metric not in self._found:
            self._found[metric] = shared_spread(_variances(self.entries(), *metric))
        found = self._found[metric]
        measurements = sum(power * power for power in powers.values())
        return found and SharedSpread(found.variance * measurements / 2, found.degrees, found.comparisons)


def shared_spread(variances: Iterable[tuple[float, int]]) -> SharedSpread | None:
    """Estimate the prior of the variances of comparisons from pairs of a variance and its degrees of freedom.

    Variances are taken as draws from a scaled inverse chi-square distribution (Smyth, *Statistical Applications in
    Genetics and Molecular Biology* 3(1), 2004), so that those seen follow a scaled F, which is fitted by its likelihood
    (Wright & Simon, *Bioinformatics* 19, 2003): moments of logarithms, as in limma, are moved by a variance near zero,
    which two-humped noise often shows by chance. Of the degrees of freedom the fewest that the likelihood supports are
    taken, since few comparisons look alike by luck; they are no more than what was seen has (as in limma).

    A variance of zero shows a coarse clock and is left out. Fewer than three others share nothing: ``None``.
    """
    seen = [(value, degrees) for value, degrees in variances if value > 0]
    if len(seen) < LEAST_COMPARISONS:
        return None
    fits = [_fitted(seen, degrees) for degrees in DEGREES]
    highest = max(likelihood for likelihood, _ in fits)
    degrees, scale = next(
        (degrees, scale)
        for degrees, (likelihood, scale) in zip(DEGREES, fits, strict=True)
        if likelihood >= highest - SUPPORT
    )
    return SharedSpread(scale, min(degrees, INDEPENDENT * sum(degrees for _, degrees in seen)), len(seen))


def _fitted(seen: Sequence[tuple[float, int]], prior: float) -> tuple[float, float]:
    """Return the log likelihood of the best scale for ``prior`` degrees of freedom, and that scale."""
    low, high = math.log(min(seen)[0]) - 20, math.log(max(seen)[0]) + 20
    while high - low > 1e-4:
        middle = (low + high) / 2
        scale = prior * math.exp(middle)
        slope = sum((d + prior) * d * x / (scale + d * x) - d for x, d in seen)
        low, high = (middle, high) if slope > 0 else (low, middle)
    scale = math.exp(low)
    return sum(_log_density(x / scale, d, prior) - low for x, d in seen), scale


def _log_density(f: float, d: int, prior: float) -> float:
    """Return the logarithm of the density of F with ``d`` and ``prior`` degrees of freedom."""
    beta = math.lgamma(d / 2) + math.lgamma(prior / 2) - math.lgamma((d + prior) / 2)
    shape = d / 2 * math.log(d / prior) + (d / 2 - 1) * math.log(f)
    return shape - (d + prior) / 2 * math.log1p(d * f / prior) - beta


def _variances(entries: Iterable[Evidence], kind: str, metric: str) -> Iterator[tuple[float, int]]:
    """Yield the variances of the log ratios of entries, each beside the next one that shares enough of its rounds."""
    series = [
        (entry.occasion, entry.series(metric))
        for entry in sorted(entries, key=lambda entry: entry.key)
        if entry.workload.kind == kind and entry.is_sampled(metric)
    ]
    # What a clock cannot tell from nothing has no ratio.
    series = [(occasion, one) for occasion, one in series if min(one.lower) > 0]
    used: set[int] = set()
    for number, (occasion, one) in enumerate(series):
        for other in range(number + 1, len(series)):
            common = len(set(one.rounds) & set(series[other][1].rounds))
            if other not in used and series[other][0] == occasion and common >= LEAST_ROUNDS:
                used.add(other)
                logs = [math.log(value) for value in quotient(one, series[other][1], "ratio").values]
                yield variance(logs), len(logs) - 1
                break
