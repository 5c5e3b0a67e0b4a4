"""A metric: one thing that runs of a kind of workload are measured by, with its unit and its nature."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Nature = Literal["count", "seeded", "noisy", "timed"]

DURATIONS: frozenset[str] = frozenset({"s", "s/step", "s/token"})
"""Units of measured durations: such figures are never zero and never exact."""


CLOCK_SECONDS = 1e-6
"""What two readings of a clock tell apart. A rate is that of a run of a second or more."""


class Metric(BaseModel):
    """The definition of a metric; evidence carries samples of it in ``unit``.

    ``nature`` says what varies from run to run:

    - ``count``: nothing; every round must show the same number.
    - ``seeded``: it follows from the seed. Each round has another seed, unless the workload states one.
    - ``noisy``: it varies even with a fixed seed, but other load on the machine does not change it (a peak of memory).
    - ``timed``: it varies, and other load on the machine changes it: it is measured alone, in interleaved rounds.

    ``several`` says that one run has a list of numbers, such as one a step; only that of the first round is kept.
    ``optional`` says that a run may lack it. ``quotient_of`` names the two metrics whose quotient stands in for it
    where it was not measured itself. ``resolution`` is the smallest difference, in ``unit``, that what measures it can
    show; where it is not stated, what is timed has that of the clock, and all else is exact.
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
        """Whether another round may give another number."""
        return self.nature != "count"

    @property
    def timed(self) -> bool:
        """Whether other load on the machine changes it."""
        return self.nature == "timed"

    def resolution_at(self, value: float) -> float:
        """Return the width of the interval that a sample of ``value`` stands for, in ``unit``."""
        if self.resolution is not None:
            return self.resolution
        if not self.timed:
            return 0.0
        return CLOCK_SECONDS if self.unit in DURATIONS else abs(value) * CLOCK_SECONDS
