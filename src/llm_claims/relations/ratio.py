"""`less` and `ratio`: one quantity exceeds another, perhaps by a documented factor."""

from __future__ import annotations

import math
from dataclasses import dataclass

from llm_claims.evidence.quantities import Measured, Quantity, as_printed
from llm_claims.relations.base import Look, Relation, joined_reads
from llm_claims.relations.direction import side_of
from llm_claims.relations.estimate import Estimate, ratio_of
from llm_claims.relations.verdict import Interval, Verdict, Word


@dataclass(frozen=True, eq=False)
class Ratio(Relation):
    """``numerator`` is larger than ``denominator``; the effect is their ratio."""

    name: str
    numerator: Quantity
    denominator: Quantity
    documented: float | None = None
    by: float = 0.0

    @property
    def reads(self) -> tuple[tuple[Measured, str], ...]:
        """The metrics behind both quantities."""
        return joined_reads(self.numerator, self.denominator)

    def verdict(self, look: Look = Look()) -> Verdict:
        """Judge the direction everywhere, and the documented size on documented hardware."""
        found = ratio_of(self.numerator.series(), self.denominator.series(), look)
        word, reason = self._judge(found, look)
        return Verdict(
            word=word,
            relation=self.name,
            effect=found.effect,
            interval=found.interval,
            n=found.n,
            spread=found.spread,
            reason=reason,
        )

    def _judge(self, found: Estimate, look: Look) -> tuple[Word, str]:
        side = side_of(found, 1 + self.by)
        if side == "unclear":
            if found.is_exactly(1 + self.by):
                return Word.CONTRADICTED, "the two are equal"
            return Word.INCONCLUSIVE, f"the ratio may be {1 + self.by:.4g}: {found.told_apart}"
        if side == "below":
            if side_of(found) == "below" or not self.by:
                return Word.CONTRADICTED, "the direction is the other way round"
            return Word.CONTRADICTED, f"the difference is less than {self.by:.1%}"
        if self.documented is None:
            return Word.REPRODUCED, ""
        return self._judge_size(found, look, self.documented)

    def _judge_size(self, found: Estimate, look: Look, documented: float) -> tuple[Word, str]:
        if not look.documented_hardware:
            return Word.REPRODUCED, f"the document has {documented:g} on other hardware: only the direction counts"
        printed = as_printed(documented)
        size = Interval(lower=printed.lower[0], upper=printed.upper[0])
        assert found.interval is not None
        if found.interval.overlaps(size):
            return Word.REPRODUCED, ""
        return Word.WEAKENED, f"the direction holds, the documented size {documented:g} does not"


def less(smaller: Quantity, than: Quantity, *, by: float = 0.0) -> Relation:
    """Claim that ``smaller`` is less than ``than``; the effect is ``than / smaller``, above 1 if so.

    ``by`` is the least relative difference that counts, 0.05 for 5%: with it, that two quantities are
    alike can be shown, and contradicts.

    Raises
    ------
    ValueError
        ``by`` is negative or not finite.
    """
    if not 0 <= by < math.inf:
        raise ValueError(f"the least difference may not be negative, got {by:g}")
    return Ratio("less", than, smaller, by=by)


def ratio(quantity: Quantity, *, over: Quantity, documented: float, by: float = 0.0) -> Relation:
    """Claim that ``quantity`` is ``documented`` times ``over``, as the document prints the factor.

    ``documented`` must be above 1: write the larger quantity first. Its printed digits are its
    interval (3.33 is 3.325 to 3.335). ``by`` is the least relative difference that counts, as in `less`.

    Raises
    ------
    ValueError
        ``documented`` is not a number above 1.
    """
    if not 1 < documented < math.inf:
        raise ValueError(f"write the larger quantity first: documented={documented:g} is no number above 1")
    return Ratio("ratio", quantity, over, documented, by)
