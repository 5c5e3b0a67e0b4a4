"""What a live source spent its time on: set-up, compiling, measuring, and waiting between runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Self

from llm_claims.evidence.times import Times


@dataclass(frozen=True)
class Run:
    """One run: its start and end by the machine's monotonic clock, and what it spent on each phase; in s.

    What the phases leave of a run, nobody told: it came after the last measured step, or its program has no clock.
    """

    began: float
    ended: float
    setup: float = 0.0
    compiling: float = 0.0
    measuring: float = 0.0

    @classmethod
    def of_line(cls, line: str) -> Self:
        """Read what `line` wrote."""
        return cls(*map(float, line.split()))

    def line(self) -> str:
        """Write it as numbers in one line."""
        return f"{self.began} {self.ended} {self.setup} {self.compiling} {self.measuring}"


def times_of(runs: Iterable[Run]) -> Times | None:
    """Add up the phases of runs; ``None`` if there are none.

    While several go on at a time, each has an equal part of that time, so that phases add up to what passed.
    """
    known = list(runs)
    if not known:
        return None
    parts = [(run, _told_at_most(run, passed)) for run, passed in zip(known, _passed(known), strict=True)]
    return Times(
        whole=max(run.ended for run in known) - min(run.began for run in known),
        setup=sum(part.setup for _, part in parts),
        compiling=sum(part.compiling for _, part in parts),
        measuring=sum(part.measuring for _, part in parts),
        # Phases that fill a run add up to it but for the last digit.
        untold=max(0.0, sum(part.ended - part.setup - part.compiling - part.measuring for _, part in parts)),
    )


def _told_at_most(run: Run, passed: float) -> Run:
    """Scale a run to the seconds that passed for it; a program that told of more than its run took told too much."""
    told = run.setup + run.compiling + run.measuring
    scale = passed / max(run.ended - run.began, told, 1e-9)
    setup, compiling, measuring = (scale * one for one in (run.setup, run.compiling, run.measuring))
    return replace(run, began=0.0, ended=passed, setup=setup, compiling=compiling, measuring=measuring)


def _passed(runs: Sequence[Run]) -> Iterator[float]:
    """Yield for each run the time that passed for it: of a time that several shared, its equal part."""
    spans = list(pairwise(sorted({time for run in runs for time in (run.began, run.ended)})))
    shared = [sum(run.began <= first and last <= run.ended for run in runs) for first, last in spans]
    for run in runs:
        yield sum(
            (last - first) / among
            for (first, last), among in zip(spans, shared, strict=True)
            if run.began <= first and last <= run.ended
        )
