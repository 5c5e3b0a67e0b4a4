"""`similar`: two quantities differ by less than a margin."""

from __future__ import annotations

import math
from dataclasses import dataclass

from llm_claims.evidence.quantities import Measured, Quantity
from llm_claims.relations.base import Look, Relation, joined_reads
from llm_claims.relations.direction import inside, word_of
from llm_claims.relations.estimate import ratio_of
from llm_claims.relations.verdict import Verdict, Word


@dataclass(frozen=True, eq=False)
class Similar(Relation):
    """Equivalence of two quantities within ``within``; the effect is the ratio first / second."""

    first: Quantity
    second: Quantity
    within: float
    name: str = "similar"

    @property
    def reads(self) -> tuple[tuple[Measured, str], ...]:
        """The metrics behind both quantities."""
        return joined_reads(self.first, self.second)

    def verdict(self, look: Look = Look()) -> Verdict:
        """Judge by interval inclusion.

        The interval of the ratio must lie inside the margin (two one-sided tests at the full error each; Schuirmann, J.
        Pharmacokinet. Biopharm. 15, 1987): a wide interval is inconclusive, never similar. That they differ takes the
        two-sided interval, since they may differ in either direction.
        """
        first, second = self.first.series(), self.second.series()
        found = ratio_of(first, second, look.one_sided)
        word = word_of([inside(found, 1 / (1 + self.within), 1 + self.within)])
        if word is not Word.REPRODUCED:
            found = ratio_of(first, second, look)
            word = word_of([inside(found, 1 / (1 + self.within), 1 + self.within)])
        reason = {
            Word.REPRODUCED: "",
            Word.CONTRADICTED: f"the two differ by more than the margin of {self.within:.1%}",
            Word.INCONCLUSIVE: f"they may or may not differ by {self.within:.1%}: {found.told_apart}",
        }[word]
        return Verdict(
            word=word,
            relation=self.name,
            effect=found.effect,
            interval=found.interval,
            n=found.n,
            spread=found.spread,
            reason=reason,
        )


def similar(first: Quantity, second: Quantity, *, within: float) -> Relation:
    """Claim that two quantities are alike: their ratio lies in (1/(1+within), 1+within).

    ``within`` is a relative margin, 0.05 for 5%. Derive it, and say from what.

    Raises
    ------
    ValueError
        ``within`` is not positive and finite.
    """
    if not 0 < within < math.inf:
        raise ValueError(f"the margin must be positive, got {within:g}")
    return Similar(first, second, within)
