"""How long the runs of a recording took, by phase."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import NonNegativeFloat


@dataclass(frozen=True)
class Times:
    """What a source spent from the start of its first run to the end of its last one, ``whole``; in s.

    Of that, ``setup`` came before anything was run, ``compiling`` includes warm-up, ``measuring`` lasted from the first
    sample that counts to the last, and of ``untold`` programs told no phase; the rest passed between runs.
    """

    whole: NonNegativeFloat
    setup: NonNegativeFloat
    compiling: NonNegativeFloat
    measuring: NonNegativeFloat
    untold: NonNegativeFloat

    @property
    def busy(self) -> float:
        """How long any run went on, with its set-up."""
        return self.setup + self.compiling + self.measuring + self.untold

    @property
    def between(self) -> float:
        """How long no run went on."""
        return max(0.0, self.whole - self.busy)
