"""`observed`: a ratio that is reported and not judged."""

from __future__ import annotations

from dataclasses import dataclass

from llm_claims.evidence.quantities import Measured, Quantity
from llm_claims.relations.base import Look, Relation, joined_reads
from llm_claims.relations.estimate import ratio_of
from llm_claims.relations.verdict import Verdict, Word


@dataclass(frozen=True, eq=False)
class Observed(Relation):
    """The ratio of two quantities, for a claim that states no size and no direction."""

    quantity: Quantity
    over: Quantity
    name: str = "observed"

    @property
    def reads(self) -> tuple[tuple[Measured, str], ...]:
        """The metrics behind both quantities."""
        return joined_reads(self.quantity, self.over)

    def verdict(self, look: Look = Look()) -> Verdict:
        """Report the ratio: always inconclusive, since nothing was claimed that it could confirm."""
        found = ratio_of(self.quantity.series(), self.over.series(), look)
        return Verdict(
            word=Word.INCONCLUSIVE,
            relation=self.name,
            effect=found.effect,
            interval=found.interval,
            n=found.n,
            spread=found.spread,
            reason="the document states no size: an observation, without a pass mark",
        )


def observed(quantity: Quantity, *, over: Quantity) -> Relation:
    """Report ``quantity / over`` without a pass mark."""
    return Observed(quantity, over)
