"""`proportional`: a quantity grows in proportion to a known size."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from llm_claims.quantities import Quantity
from llm_claims.relations.base import Look
from llm_claims.relations.direction import inside, word_of
from llm_claims.relations.estimate import Estimate, ratio_of
from llm_claims.relations.sequence import OverSequence
from llm_claims.verdicts import Verdict, Word

_NEARER_TO_FLAT = 0.5
"""Exponent halfway between flat (0) and proportional (1): below it, flat describes the growth better."""


@dataclass(frozen=True, eq=False)
class Proportional(OverSequence):
    """The quantity per unit of size stays within ``within`` of its first value."""

    sizes: tuple[float, ...] = ()
    within: float = 0.0
    name: str = "proportional"

    def _judge(self, look: Look) -> Verdict:
        series = [quantity.series() for quantity in self.quantities]
        growth = [ratio_of(later, series[0], look) for later in series[1:]]
        unit_costs = [_scaled(grown, self.sizes[0] / size) for grown, size in zip(growth, self.sizes[1:], strict=True)]
        worst = max(unit_costs, key=lambda cost: abs(math.log(cost.effect)))
        word = word_of(inside(cost, 1 / (1 + self.within), 1 + self.within) for cost in unit_costs)
        reason = ""
        if word is Word.INCONCLUSIVE:
            reason = f"the cost per unit may change by more than {self.within:.1%}: {worst.told_apart}"
        elif word is Word.CONTRADICTED:
            word, reason = self._judge_growth(growth[-1])
        return self._speak(word, worst, reason)

    def _judge_growth(self, whole: Estimate) -> tuple[Word, str]:
        """Tell growth that is near proportional from none, once it is not within the margin."""
        times = math.log(self.sizes[-1] / self.sizes[0])
        exponent = math.log(whole.effect) / times
        reason = f"the cost per unit leaves the margin of {self.within:.1%}; the growth has exponent {exponent:.2f}"
        assert whole.interval is not None
        ends = [math.log(max(end, 1e-300)) / times for end in (whole.interval.lower, whole.interval.upper)]
        if min(ends) > _NEARER_TO_FLAT and max(ends) < 2 - _NEARER_TO_FLAT:
            return Word.WEAKENED, f"{reason}: near proportional (1), far from flat (0)"
        if max(ends) < _NEARER_TO_FLAT or min(ends) > 2 - _NEARER_TO_FLAT:
            return Word.CONTRADICTED, reason
        return Word.INCONCLUSIVE, f"{reason}: {whole.told_apart}"


def _scaled(estimate: Estimate, factor: float) -> Estimate:
    interval = estimate.interval
    scaled = interval and type(interval)(lower=interval.lower * factor, upper=interval.upper * factor)
    return Estimate(estimate.effect * factor, scaled, estimate.n)


def proportional(quantities: Mapping[float, Quantity], *, within: float) -> Proportional:
    """Claim that the quantity is proportional to its key: {1: latency of 1, 4: latency of 4, …}.

    The effect is the cost per unit, relative to the first, where it departs most. Beyond the margin
    the claim is weakened while the growth is nearer to proportional than to flat, else contradicted.

    Raises
    ------
    ValueError
        Fewer than two quantities, a size that is not positive or not ascending, or a margin that is not positive.
    """
    sizes = tuple(map(float, quantities))
    if within <= 0:
        raise ValueError(f"the margin must be positive, got {within:g}")
    if any(size <= 0 for size in sizes) or list(sizes) != sorted(set(sizes)):
        raise ValueError(f"sizes must be positive and ascending, got {sizes}")
    return Proportional(tuple(quantities.values()), sizes=sizes, within=within)
