"""The witness: what a run itself observed about its configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, PositiveInt


class Witness(BaseModel):
    """Observations of a run; ``None`` says that the run did not look.

    A kind of workload has a witness of its own, with a field for everything that its runs must show. What is
    here any run may show: ``device`` is where it ran, as PyTorch names it; ``threads`` are those of one process.

    ``owed_by_failures`` names what a run that ended early must show all the same; ``may_omit_device`` says that
    what is measured does not depend on the device, so that a run on a GPU need not show it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    owed_by_failures: ClassVar[frozenset[str]] = frozenset()

    may_omit_device: ClassVar[bool] = False

    device: str | None = None
    threads: PositiveInt | None = None

    @property
    def identifies_failure(self) -> bool:
        """Whether it tells whose code a failed run was in; without that, a failure proves nothing."""
        return False

    def faults(self, figures: Mapping[str, float]) -> Iterator[str]:
        """Yield where the last figure of a metric contradicts what the run saw of itself."""
        yield from ()


def is_usable_failure(ending: str, witness: Witness | None) -> bool:
    """Whether a run that did not complete is usable evidence.

    It is if memory ran out, or if its witness tells whose code failed; and it needs a witness for either.
    """
    if witness is None or ending == "completed":
        return False
    return ending == "out_of_memory" or witness.identifies_failure
