"""`every`: a claim that needs several relations at once."""

from __future__ import annotations

from dataclasses import dataclass

from llm_claims.evidence.quantities import Measured
from llm_claims.relations.base import Look, Relation
from llm_claims.relations.verdict import Verdict, Word

_GRAVITY = (Word.CONTRADICTED, Word.INCONCLUSIVE, Word.WEAKENED, Word.REPRODUCED)


@dataclass(frozen=True, eq=False)
class Every(Relation):
    """All parts must hold; the verdict is that of the gravest part."""

    parts: tuple[Relation, ...]
    name: str = "every"

    @property
    def reads(self) -> tuple[tuple[Measured, str], ...]:
        """The metrics behind every part."""
        return tuple(dict.fromkeys(read for part in self.parts for read in part.reads))

    @property
    def measurements(self) -> tuple[Measured, ...]:
        """The measurements of every part, also of those that read an outcome alone."""
        return tuple(dict.fromkeys(m for part in self.parts for m in part.measurements))

    def verdict(self, look: Look = Look()) -> Verdict:
        """Judge each part at the full confidence, and contradict at a shared one.

        That all parts pass needs no correction (intersection-union test; Berger, Technometrics 24, 1982).
        That one of k fails does: it has to fail with the error divided by k as well (Bonferroni).
        """
        verdicts = [part.verdict(look) for part in self.parts]
        if any(verdict.word is Word.CONTRADICTED for verdict in verdicts):
            verdicts = [part.verdict(look.shared_by(len(self.parts))) for part in self.parts]
        effects = tuple(effect for verdict in verdicts for effect in _effects(verdict))
        gravest = min(verdicts, key=lambda verdict: _GRAVITY.index(verdict.word))
        if gravest.word is Word.REPRODUCED:
            return gravest.model_copy(update={"effects": effects})
        position = verdicts.index(gravest) + 1
        held = sum(verdict.word is Word.REPRODUCED for verdict in verdicts)
        reason = f"part {position} ({gravest.relation}) of {len(verdicts)}: {gravest.reason}; {held} hold"
        return gravest.model_copy(update={"reason": reason, "effects": effects})


def _effects(verdict: Verdict) -> tuple[float, ...]:
    if verdict.effects or verdict.effect is None:
        return verdict.effects
    return (verdict.effect,)


def every(*parts: Relation) -> Relation:
    """Claim that all ``parts`` hold; effect, interval and n are those of the gravest (else the first).

    Raises
    ------
    ValueError
        There are no parts: an empty claim would always hold.
    """
    if not parts:
        raise ValueError("every() needs at least one relation")
    return Every(parts)
