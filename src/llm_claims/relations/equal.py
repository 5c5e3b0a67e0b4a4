"""`equal`: exact equality of counts, equality to the printed digit of figures."""

from __future__ import annotations

from dataclasses import dataclass

from llm_claims.evidence.quantities import Measured, Quantity, known
from llm_claims.evidence.series import Series, paired
from llm_claims.relations.base import Look, Relation, joined_reads
from llm_claims.relations.verdict import Interval, Verdict, Word


@dataclass(frozen=True, eq=False)
class Equal(Relation):
    """Every sample of one quantity equals that of the other, as far as both are printed."""

    first: Quantity
    second: Quantity
    claimed: bool = True
    name: str = "equal"

    @property
    def reads(self) -> tuple[tuple[Measured, str], ...]:
        """The metrics behind both quantities."""
        return joined_reads(self.first, self.second)

    def verdict(self, look: Look = Look()) -> Verdict:
        """Judge by overlap of the samples' own intervals; no tolerance is added. Live samples pair up by round.

        Raises
        ------
        UnpairedError
            Two live series share no round.
        """
        a, b = self.first.series(), self.second.series()
        n = max(a.n, b.n)
        if a.rounds and b.rounds:
            pairs = paired(a, b)
        elif {a.n, b.n} <= {1, n}:
            pairs = [(i % a.n, i % b.n) for i in range(n)]
        else:
            return self._speak(a, n, f"{a.n} samples against {b.n}", equal=False)
        apart = [(i, j) for i, j in pairs if not _meet(a, i, b, j)]
        if not apart:
            return self._speak(a, len(pairs), f"all {len(pairs)} are equal", equal=True)
        i, j = apart[0]
        reason = f"{len(apart)} of {len(pairs)} differ, first {a.values[i]:g} against {b.values[j]:g} {b.unit}"
        return self._speak(a, len(pairs), reason, equal=False)

    def _speak(self, a: Series, n: int, reason: str, *, equal: bool) -> Verdict:
        holds = equal is self.claimed
        return Verdict(
            word=Word.REPRODUCED if holds else Word.CONTRADICTED,
            relation=self.name,
            effect=a.values[-1],
            interval=Interval(lower=a.lower[-1], upper=a.upper[-1]),
            n=n,
            unit=a.unit,
            reason="" if holds else reason,
        )


def _meet(a: Series, i: int, b: Series, j: int) -> bool:
    return Interval(lower=a.lower[i], upper=a.upper[i]).overlaps(Interval(lower=b.lower[j], upper=b.upper[j]))


def equal(first: Quantity, second: Quantity | float) -> Relation:
    """Claim that two quantities are equal: exactly for counts, to the printed digit for figures.

    A plain number is exact. The effect is the first quantity's (last) value, in its unit.
    """
    return Equal(first, second if isinstance(second, Quantity) else known(float(second)))


def unequal(first: Quantity, second: Quantity | float) -> Relation:
    """Claim that two quantities differ in at least one sample by more than their printed digits."""
    return Equal(first, second if isinstance(second, Quantity) else known(float(second)), claimed=False, name="unequal")
