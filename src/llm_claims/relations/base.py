"""What every relation is: operands, and a judgement of the evidence behind them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

from llm_claims.evidence.quantities import Measured, Quantity
from llm_claims.relations.boundary import error_at, number_of
from llm_claims.relations.spread import Spreads
from llm_claims.relations.verdict import Verdict


@dataclass(frozen=True)
class Look:
    """One look at the evidence.

    ``confidence`` is that of all looks together. ``sequential`` says that there may be others, after fewer or more
    rounds: then this one has its share of the error (`boundary`). ``documented_hardware`` says whether the size that
    the document gives may be judged here. ``spreads`` is what the source's comparisons say of the variance of one.
    """

    confidence: float = 0.95
    documented_hardware: bool = False
    sequential: bool = False
    spreads: Spreads | None = None

    def error_at(self, rounds: int) -> float:
        """Return the two-sided error of an interval from so many rounds."""
        error = 1 - self.confidence
        return error_at(number_of(rounds), error) if self.sequential else error

    def shared_by(self, comparisons: int) -> Look:
        """Split this look's error evenly over several comparisons (Bonferroni)."""
        return replace(self, confidence=1 - (1 - self.confidence) / comparisons)

    @property
    def one_sided(self) -> Look:
        """The look whose intervals err as often on either side as this one's do on both."""
        return replace(self, confidence=1 - 2 * (1 - self.confidence))


def joined_reads(*quantities: Quantity) -> tuple[tuple[Measured, str], ...]:
    """The metrics behind several quantities, each once."""
    return tuple(dict.fromkeys(read for quantity in quantities for read in quantity.reads))


class Relation(ABC):
    """What must hold between quantities if the claim is true."""

    name: str

    @property
    @abstractmethod
    def reads(self) -> tuple[tuple[Measured, str], ...]:
        """The metrics that the relation reads, each with its measurement, in the order of its operands."""

    @property
    def measurements(self) -> tuple[Measured, ...]:
        """The measurements whose samples the relation reads."""
        return tuple(dict.fromkeys(measurement for measurement, _ in self.reads))

    @abstractmethod
    def verdict(self, look: Look = Look()) -> Verdict:
        """Judge the samples that exist now. Pure: the same samples give the same verdict.

        Raises
        ------
        EvidenceError
            A metric is missing, a run did not complete, or a sample is unusable.
        """
