"""A metric: one thing that runs of a kind of workload are measured by, with its unit and its nature."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Nature = Literal["count", "seeded", "noisy", "timed"]

DURATIONS: frozenset[str] = frozenset({"s", "s/step"})
"""Units of what cannot be zero, and is never exact."""


CLOCK_SECONDS = 1e-6
"""What two readings of a clock tell apart. A rate is that of a run of a second or more."""


class Metric(BaseModel):
    """What a metric is: evidence carries samples of it in ``unit``.

    ``nature`` says what varies from run to run:

    - ``count``: nothing; every round must show the same number.
    - ``seeded``: it follows from the seed; another round is another seed, and a stated seed leaves nothing to vary.
    - ``noisy``: it varies whatever is fixed, and nothing else on the machine disturbs it (a peak of memory).
    - ``timed``: it varies, and anything else on the machine disturbs it: it is measured alone, in interleaved rounds.

    ``several`` says that one run has several numbers, one a step or one a log; the first round is kept.
    ``optional`` says that a run may lack it. ``quotient_of`` names the two metrics it is computed from where
    it was not measured itself. ``resolution`` is the smallest difference, in ``unit``, that what measures it can show;
    where it is not stated, what is timed has that of the clock, and all else is exact.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    unit: str = Field(min_length=1)
    nature: Nature = "count"
    several: bool = False
    optional: bool = False
    quotient_of: tuple[str, str] | None = None
    resolution: float | None = Field(default=None, ge=0, allow_inf_nan=False)

    @property
    def varies(self) -> bool:
        """Whether another round says something new."""
        return self.nature != "count"

    @property
    def timed(self) -> bool:
        """Whether it is disturbed by whatever else runs on the machine."""
        return self.nature == "timed"

    def resolution_at(self, value: float) -> float:
        """Return the width of the interval that a sample of ``value`` stands for, in ``unit``."""
        if self.resolution is not None:
            return self.resolution
        if not self.timed:
            return 0.0
        return CLOCK_SECONDS if self.unit in DURATIONS else abs(value) * CLOCK_SECONDS
