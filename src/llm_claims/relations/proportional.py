"""`proportional`: a quantity grows in proportion to a known size."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from llm_claims.evidence.quantities import Quantity
from llm_claims.relations.base import Look
from llm_claims.relations.direction import deciding, inside, word_of
from llm_claims.relations.estimate import Estimate, ratio_of
from llm_claims.relations.sequence import OverSequence
from llm_claims.relations.verdict import Verdict, Word

HALFWAY_TO_FLAT, HALFWAY_TO_QUADRATIC = 0.5, 1.5
"""Exponents of growth between which proportional (1) describes it better than flat (0) or quadratic (2)."""


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
        if not look.documented_hardware:
            return self._speak(*self._judge_direction(growth[-1]), _worst(unit_costs), unit_costs)
        parts = [inside(cost, 1 / (1 + self.within), 1 + self.within) for cost in unit_costs]
        word, reason, worst = word_of(parts), "", _worst(deciding(unit_costs, parts))
        if word is Word.INCONCLUSIVE:
            reason = f"the cost per unit may change by more than {self.within:.1%}: {worst.told_apart}"
        elif word is Word.CONTRADICTED:
            word, reason = self._judge_departure(growth[-1])
        return self._speak(word, reason, worst, unit_costs)

    def _judge_direction(self, whole: Estimate) -> tuple[Word, str]:
        """Elsewhere than on documented hardware: growth nearer to proportional than to flat is enough."""
        nearer = self._nearer_to_proportional(whole)
        if nearer is None:
            return Word.INCONCLUSIVE, f"the growth may be nearer to flat than to proportional: {whole.told_apart}"
        exponent = self._exponent(whole.effect)
        return Word.REPRODUCED if nearer else Word.CONTRADICTED, f"the growth has exponent {exponent:.2f}"

    def _judge_departure(self, whole: Estimate) -> tuple[Word, str]:
        """Tell growth that is near proportional from none, once it has left the margin."""
        exponent = self._exponent(whole.effect)
        reason = f"the cost per unit leaves the margin of {self.within:.1%}; the growth has exponent {exponent:.2f}"
        nearer = self._nearer_to_proportional(whole)
        if nearer is None:
            return Word.INCONCLUSIVE, f"{reason}: {whole.told_apart}"
        return (Word.WEAKENED, f"{reason}: nearer to 1 than to 0") if nearer else (Word.CONTRADICTED, reason)

    def _exponent(self, growth: float) -> float:
        return math.log(growth) / math.log(self.sizes[-1] / self.sizes[0])

    def _nearer_to_proportional(self, whole: Estimate) -> bool | None:
        """Whether the exponent lies between halfway to flat and halfway to quadratic; ``None`` if unclear."""
        if whole.interval is None or whole.interval.lower <= 0:
            return None
        low, high = self._exponent(whole.interval.lower), self._exponent(whole.interval.upper)
        if low > HALFWAY_TO_FLAT and high < HALFWAY_TO_QUADRATIC:
            return True
        return False if high <= HALFWAY_TO_FLAT or low >= HALFWAY_TO_QUADRATIC else None


def _worst(unit_costs: Sequence[Estimate]) -> Estimate:
    return max(unit_costs, key=lambda cost: abs(math.log(cost.effect)))


def _scaled(estimate: Estimate, factor: float) -> Estimate:
    interval = estimate.interval
    scaled = interval and type(interval)(lower=interval.lower * factor, upper=interval.upper * factor)
    return Estimate(estimate.effect * factor, scaled, estimate.n)


def proportional(quantities: Mapping[float, Quantity], *, within: float) -> Proportional:
    """Claim that the quantity is proportional to its key: {1: latency of 1, 4: latency of 4, …}.

    The effect is the cost per unit, relative to the first, where it departs most. On documented
    hardware it must stay within the margin; beyond it the claim is weakened while the growth is nearer
    to proportional than to flat, else contradicted. On other hardware that direction alone is judged.

    Raises
    ------
    ValueError
        Fewer than two quantities, a size that is not positive or not ascending, or a margin that is not positive.
    """
    sizes = tuple(map(float, quantities))
    if not 0 < within < math.inf:
        raise ValueError(f"the margin must be positive, got {within:g}")
    if not all(0 < size < math.inf for size in sizes) or list(sizes) != sorted(set(sizes)):
        raise ValueError(f"sizes must be positive, finite and ascending, got {sizes}")
    return Proportional(tuple(quantities.values()), sizes=sizes, within=within)
