"""Removing what runs have left in an account."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SweepReport:
    """What a sweep removed, and what is still there although it should not be; scrubbed lines for people."""

    removed: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        """Whether nothing is left."""
        return not self.left

    def describe(self) -> str:
        """The report as lines of text."""
        raise NotImplementedError
