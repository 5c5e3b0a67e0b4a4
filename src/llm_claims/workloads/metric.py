"""A metric: one thing that runs of a kind of workload are measured by, with its unit and its nature."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Nature = Literal["count", "seeded", "noisy", "timed"]

DURATIONS: frozenset[str] = frozenset({"s", "s/step"})
"""Units of measured durations: such figures are never zero and never exact."""


class Metric(BaseModel):
    """The definition of a metric; evidence carries samples of it in ``unit``.

    ``nature`` says what varies from run to run:

    - ``count``: nothing; every round must show the same number.
    - ``seeded``: it follows from the seed. Each round has another seed, unless the workload states one.
    - ``noisy``: it varies even with a fixed seed, but other load on the machine does not change it (a peak of memory).
    - ``timed``: it varies, and other load on the machine changes it: it is measured alone, in interleaved rounds.

    ``several`` says that one run has a list of numbers, such as one a step; only that of the first round is kept.
    ``optional`` says that a run may lack it. ``quotient_of`` names the two metrics whose quotient stands in for it
    where it was not measured itself.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    unit: str = Field(min_length=1)
    nature: Nature = "count"
    several: bool = False
    optional: bool = False
    quotient_of: tuple[str, str] | None = None

    @property
    def varies(self) -> bool:
        """Whether another round may give another number."""
        return self.nature != "count"

    @property
    def timed(self) -> bool:
        """Whether other load on the machine changes it."""
        return self.nature == "timed"
