"""`outcome`: how a run ends."""

from __future__ import annotations

from dataclasses import dataclass

from llm_claims.evidence.quantities import Measured
from llm_claims.relations.base import Look, Relation
from llm_claims.relations.verdict import Verdict, Word
from llm_claims.workloads.outcome import Ending


@dataclass(frozen=True, eq=False)
class OutcomeIs(Relation):
    """The run ends as expected; there is no effect to size."""

    measurement: Measured
    expected: Ending
    name: str = "outcome"

    @property
    def reads(self) -> tuple[tuple[Measured, str], ...]:
        """No metric."""
        return ()

    @property
    def measurements(self) -> tuple[Measured, ...]:
        """The run itself."""
        return (self.measurement,)

    def verdict(self, look: Look = Look()) -> Verdict:
        """Judge the ending; a measured failure of unknown cause proves nothing."""
        evidence = self.measurement.evidence
        ended, signature = evidence.outcome.kind, evidence.outcome.signature
        reason = f"ended {ended}" + (f": {signature}" if signature else "")
        if self.expected == "completed" or ended == "completed":
            holds = ended == self.expected
        elif evidence.provenance.kind == "measured" and ended == "failed":
            return self._speak(Word.INCONCLUSIVE, f"{reason}; a failure of another or unknown cause proves nothing")
        else:
            holds = self.expected == "failed" or ended == self.expected
        return self._speak(Word.REPRODUCED if holds else Word.CONTRADICTED, reason)

    def _speak(self, word: Word, reason: str) -> Verdict:
        return Verdict(word=word, relation=self.name, n=1, unit="1", reason=reason)


def outcome(measurement: Measured, expected: Ending) -> Relation:
    """Claim that a run ends as ``expected``; "failed" is any failure, running out of memory included.

    A measured failure counts only if memory ran out: a full disk fails too. A document's bare word (an "ERROR"
    in a table) is taken as it stands.
    """
    return OutcomeIs(measurement, expected)
