"""What every relation is: operands, and a judgement of the evidence behind them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from llm_claims.evidence.quantities import Measured, Quantity
from llm_claims.relations.verdict import Verdict


@dataclass(frozen=True)
class Look:
    """One look at the evidence.

    ``confidence`` is that of every interval the look reports. Someone who may look k times before
    deciding must lower the error of each look to alpha/k, so that all together keep alpha
    (Bonferroni; Jennison & Turnbull, *Group Sequential Methods*, 2000, ch. 2).
    ``documented_hardware`` says whether the size that the document gives may be judged here.
    """

    confidence: float = 0.95
    documented_hardware: bool = False

    def shared_by(self, comparisons: int) -> Look:
        """Split this look's error evenly over several comparisons (Bonferroni)."""
        return Look(1 - (1 - self.confidence) / comparisons, self.documented_hardware)


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
