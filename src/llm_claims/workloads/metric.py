"""A metric: one thing that runs of a kind of workload are measured by, with its unit and its nature."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Nature = Literal["count", "seeded", "noisy", "timed"]

DURATIONS: frozenset[str] = frozenset({"s", "s/step"})
"""Units of what cannot be zero, and is never exact."""


class Metric(BaseModel):
    """What a metric is: evidence carries samples of it in ``unit``.

    ``nature`` says what varies from run to run:

    - ``count``: nothing; every round must show the same number.
    - ``seeded``: it follows from the seed; another round is another seed, and a stated seed leaves nothing to vary.
    - ``noisy``: it varies whatever is fixed, and nothing else on the machine disturbs it (a peak of memory).
    - ``timed``: it varies, and anything else on the machine disturbs it: it is measured alone, in interleaved rounds.

    ``several`` says that one run has several numbers, one a step or one a log; the first round is kept.
    ``optional`` says that a run may lack it. ``quotient_of`` names the two metrics it is computed from where
    it was not measured itself.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    unit: str = Field(min_length=1)
    nature: Nature = "count"
    several: bool = False
    optional: bool = False
    quotient_of: tuple[str, str] | None = None

    @property
    def varies(self) -> bool:
        """Whether another round says something new."""
        return self.nature != "count"

    @property
    def timed(self) -> bool:
        """Whether it is disturbed by whatever else runs on the machine."""
        return self.nature == "timed"
