"""What relations over a sequence of quantities share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from llm_claims.evidence.quantities import Measured, Quantity
from llm_claims.relations.base import Look, Relation, joined_reads
from llm_claims.relations.estimate import Estimate
from llm_claims.relations.verdict import Verdict, Word


@dataclass(frozen=True, eq=False)
class OverSequence(Relation):
    """A relation over two or more quantities in their order."""

    quantities: Sequence[Quantity]

    def __post_init__(self) -> None:
        """Refuse a sequence that has nothing to compare.

        Raises
        ------
        ValueError
            Fewer than two quantities.
        """
        if len(self.quantities) < 2:
            raise ValueError(f"{self.name} compares two or more quantities, got {len(self.quantities)}")

    @property
    def reads(self) -> tuple[tuple[Measured, str], ...]:
        """The metrics behind every quantity."""
        return joined_reads(*self.quantities)

    def verdict(self, look: Look = Look()) -> Verdict:
        """Judge every comparison of the sequence, with the look's error shared among them."""
        return self._judge(look.shared_by(len(self.quantities) - 1))

    @abstractmethod
    def _judge(self, look: Look) -> Verdict: ...

    def _speak(self, word: Word, reason: str, found: Estimate, among: Sequence[Estimate]) -> Verdict:
        return Verdict(
            word=word,
            relation=self.name,
            effect=found.effect,
            interval=found.interval,
            n=found.n,
            reason=reason,
            effects=tuple(estimate.effect for estimate in among),
        )
