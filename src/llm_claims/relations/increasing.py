"""`increasing`: each quantity exceeds the one before it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from llm_claims.evidence.quantities import Quantity
from llm_claims.relations.base import Look
from llm_claims.relations.direction import deciding, side_of, word_of
from llm_claims.relations.estimate import ratio_of
from llm_claims.relations.sequence import OverSequence
from llm_claims.relations.verdict import Verdict, Word

_HOLDS = {"above": True, "below": False, "unclear": None}


@dataclass(frozen=True, eq=False)
class Increasing(OverSequence):
    """Strictly increasing; the effect is the smallest ratio of neighbours that decides the verdict."""

    name: str = "increasing"

    def _judge(self, look: Look) -> Verdict:
        series = [quantity.series() for quantity in self.quantities]
        steps = [ratio_of(after, before, look) for before, after in pairwise(series)]
        parts = [_HOLDS[side_of(step)] for step in steps]
        word = word_of(parts)
        smallest = min(deciding(steps, parts), key=lambda step: step.effect)
        position = steps.index(smallest) + 1
        reason = {
            Word.REPRODUCED: "",
            Word.CONTRADICTED: f"step {position} of {len(steps)} goes down",
            Word.INCONCLUSIVE: f"step {position} of {len(steps)} may be none: {smallest.told_apart}",
        }[word]
        return self._speak(word, reason, smallest, steps)


def increasing(*quantities: Quantity) -> Increasing:
    """Claim that the quantities rise strictly in the order given; the effect is the smallest step's ratio.

    Raises
    ------
    ValueError
        Fewer than two quantities.
    """
    return Increasing(quantities)
