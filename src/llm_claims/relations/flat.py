"""`flat`: no quantity of a sequence leaves a margin around the first."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from llm_claims.evidence.quantities import Quantity
from llm_claims.relations.base import Look
from llm_claims.relations.direction import deciding, inside, word_of
from llm_claims.relations.estimate import Estimate, ratio_of
from llm_claims.relations.sequence import OverSequence
from llm_claims.relations.verdict import Verdict, Word


@dataclass(frozen=True, eq=False)
class Flat(OverSequence):
    """No departure from the first quantity beyond ``within``, on the sides that matter."""

    within: float = 0.0
    against: Literal["change", "rise", "fall"] = "change"
    name: str = "flat"

    @property
    def has_margin(self) -> bool:
        """It does."""
        return True

    def _judge(self, look: Look) -> Verdict:
        first, *others = [quantity.series() for quantity in self.quantities]
        departures = [ratio_of(other, first, look) for other in others]
        lower = 0.0 if self.against == "rise" else 1 / (1 + self.within)
        upper = math.inf if self.against == "fall" else 1 + self.within
        parts = [inside(departure, lower, upper) for departure in departures]
        word = word_of(parts)
        worst = max(deciding(departures, parts), key=self._departure)
        reason = {
            Word.REPRODUCED: "",
            Word.CONTRADICTED: f"the {self.against} exceeds the margin of {self.within:.1%}",
            Word.INCONCLUSIVE: f"the {self.against} may exceed the margin of {self.within:.1%}: {worst.told_apart}",
        }[word]
        return self._speak(word, reason, worst, departures)

    def _departure(self, departure: Estimate) -> float:
        logarithm = math.log(departure.effect)
        return {"change": abs(logarithm), "rise": logarithm, "fall": -logarithm}[self.against]


def flat(*quantities: Quantity, within: float, against: Literal["change", "rise", "fall"] = "change") -> Flat:
    """Claim that nothing happens along the sequence: each stays within ``within`` of the first.

    ``against`` names the departure that would refute the claim; the other side is then free. The
    effect is the largest such departure that decides the verdict, as a ratio to the first.

    Raises
    ------
    ValueError
        Fewer than two quantities, or a margin that is not positive and finite.
    """
    if not 0 < within < math.inf:
        raise ValueError(f"the margin must be positive, got {within:g}")
    return Flat(quantities, within=within, against=against)
