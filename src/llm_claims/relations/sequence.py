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
        """Judge every comparison of the sequence.

        That all hold takes the full error for each (intersection-union test; Berger, Technometrics 24, 1982). That one
        of several fails takes a shared one (Bonferroni).
        """
        verdict = self._judge(look.one_sided if self.has_margin else look)
        return verdict if verdict.word is Word.REPRODUCED else self._judge(look.shared_by(len(self.quantities) - 1))

    @property
    def has_margin(self) -> bool:
        """Whether it holds within a margin: then two one-sided tests show it, at the full error each."""
        return False

    @abstractmethod
    def _judge(self, look: Look) -> Verdict: ...

    def _speak(self, word: Word, reason: str, found: Estimate, among: Sequence[Estimate]) -> Verdict:
        return Verdict(
            word=word,
            relation=self.name,
            effect=found.effect,
            interval=found.interval,
            n=found.n,
            spread=found.spread,
            reason=reason,
            effects=tuple(estimate.effect for estimate in among),
        )
