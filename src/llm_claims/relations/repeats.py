"""`repeats`: a figure that was printed once, seen again in live samples."""

from __future__ import annotations

from dataclasses import dataclass

from llm_claims.errors import EvidenceError
from llm_claims.evidence.quantities import Measured, Quantity
from llm_claims.relations.base import Look, Relation, joined_reads
from llm_claims.relations.equal import Equal
from llm_claims.relations.estimate import estimate
from llm_claims.relations.verdict import Interval, Verdict, Word


@dataclass(frozen=True, eq=False)
class Repeats(Relation):
    """A printed figure is one more draw of what is sampled; where both are printed they are equal."""

    sampled: Quantity
    printed: Quantity
    name: str = "repeats"

    @property
    def reads(self) -> tuple[tuple[Measured, str], ...]:
        """The metrics behind both quantities."""
        return joined_reads(self.sampled, self.printed)

    def verdict(self, look: Look = Look()) -> Verdict:
        """Judge by the prediction interval of one further sample.

        The document measured once, so its figure is compared with where one more sample would fall, and not with
        where the mean lies. The figure may lie anywhere within its rounding.
        """
        samples, figure = self.sampled.series(), self.printed.series()
        if samples.spread != "sampled":
            return Equal(self.sampled, self.printed, name=self.name).verdict(look)
        if figure.n != 1 or samples.unit != figure.unit:
            raise EvidenceError(f"one figure in {samples.unit} can be repeated, not {figure.n} in {figure.unit}")
        found = estimate(samples, look, further=1)
        interval = found.interval
        told = Interval(lower=figure.lower[0], upper=figure.upper[0])
        if interval is None:
            word, reason = Word.INCONCLUSIVE, found.told_apart
        elif interval.overlaps(told):
            word, reason = Word.REPRODUCED, ""
        else:
            word = Word.CONTRADICTED
            reason = f"{figure.values[0]:g} {figure.unit} is not where one more sample would fall"
        return Verdict(
            word=word,
            relation=self.name,
            effect=found.effect,
            interval=interval,
            n=found.n,
            unit=samples.unit,
            spread=found.spread,
            reason=reason,
        )


def repeats(sampled: Quantity, printed: Quantity) -> Relation:
    """Claim that live samples repeat a figure that a document printed, on the document's own hardware."""
    return Repeats(sampled, printed)
