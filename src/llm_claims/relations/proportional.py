"""`proportional`: a quantity grows in proportion to a known size."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from llm_claims.evidence.quantities import Quantity
from llm_claims.evidence.series import Series, quotient, times_power
from llm_claims.relations.base import Look
from llm_claims.relations.direction import deciding, inside, word_of
from llm_claims.relations.estimate import Estimate, estimate, ratio_of
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

    @property
    def has_margin(self) -> bool:
        """It does."""
        return True

    def verdict(self, look: Look = Look()) -> Verdict:
        """Judge the cost per unit on documented hardware; elsewhere the exponent of growth alone."""
        if look.documented_hardware:
            return super().verdict(look)
        verdict = self._judge_direction(look.one_sided)
        return verdict if verdict.word is Word.REPRODUCED else self._judge_direction(look)

    def _judge_direction(self, look: Look) -> Verdict:
        """Elsewhere than on documented hardware: growth nearer to proportional than to flat is enough."""
        costs, growth = self._unit_costs(look), self._growth(look)
        nearer = _is_nearer_to_proportional(growth)
        reason = f"the growth has exponent {_exponent_text(growth)}"
        if nearer is None:
            return self._speak(
                Word.INCONCLUSIVE, f"{reason}: it may be nearer to 0 or 2 than to 1", _worst(costs), costs
            )
        return self._speak(Word.REPRODUCED if nearer else Word.CONTRADICTED, reason, _worst(costs), costs)

    def _judge(self, look: Look) -> Verdict:
        costs = self._unit_costs(look)
        parts = [inside(cost, 1 / (1 + self.within), 1 + self.within) for cost in costs]
        word, reason, worst = word_of(parts), "", _worst(deciding(costs, parts))
        if word is Word.INCONCLUSIVE:
            reason = f"the cost per unit may change by more than {self.within:.1%}: {worst.told_apart}"
        elif word is Word.CONTRADICTED:
            word, reason = self._judge_departure(self._growth(look))
        return self._speak(word, reason, worst, costs)

    def _judge_departure(self, growth: Estimate) -> tuple[Word, str]:
        """Tell growth that is near proportional from none, once it has left the margin."""
        exponent = _exponent_text(growth)
        reason = f"the cost per unit leaves the margin of {self.within:.1%}; the growth has exponent {exponent}"
        nearer = _is_nearer_to_proportional(growth)
        if nearer is None:
            return Word.INCONCLUSIVE, f"{reason}: n={growth.n} cannot tell whether that is nearer to 1"
        return (Word.WEAKENED, f"{reason}: nearer to 1 than to 0") if nearer else (Word.CONTRADICTED, reason)

    def _unit_costs(self, look: Look) -> list[Estimate]:
        first, *others = [quantity.series() for quantity in self.quantities]
        return [
            _scaled(ratio_of(later, first, look), self.sizes[0] / size)
            for later, size in zip(others, self.sizes[1:], strict=True)
        ]

    def _growth(self, look: Look) -> Estimate:
        """Estimate e to the power of the exponent: the slope of the logarithms by least squares, round by round."""
        logs = [math.log(size) for size in self.sizes]
        offsets = [one - fmean(logs) for one in logs]
        squares = sum(offset * offset for offset in offsets)
        first, *others = [quantity.series() for quantity in self.quantities]
        whole = Series.exact(1.0, unit="ratio")
        for later, offset in zip(others, offsets[1:], strict=True):
            whole = times_power(whole, quotient(later, first, "ratio"), offset / squares)
        return estimate(whole, look)


def _exponent_text(growth: Estimate) -> str:
    text = f"{math.log(growth.effect):.2f}"
    ends = growth.interval and [_log(growth.interval.lower), _log(growth.interval.upper)]
    return text + (f" [{ends[0]:.2f}, {ends[1]:.2f}]" if ends and ends[0] != ends[1] else "")


def _is_nearer_to_proportional(growth: Estimate) -> bool | None:
    """Whether the exponent lies between halfway to flat and halfway to quadratic; ``None`` if unclear."""
    if growth.interval is None:
        return None
    low, high = _log(growth.interval.lower), _log(growth.interval.upper)
    if low > HALFWAY_TO_FLAT and high < HALFWAY_TO_QUADRATIC:
        return True
    return False if high <= HALFWAY_TO_FLAT or low >= HALFWAY_TO_QUADRATIC else None


def _log(value: float) -> float:
    return math.log(value) if value > 0 else -math.inf


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
