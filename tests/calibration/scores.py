"""The detector's evidence for many simulated series at once, and when it first crosses a boundary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llm_claims.judging.change.detector import MEMORY
from llm_claims.judging.change.evidence import WINDOWS, Evidence, stands_out, weigh, windows_for

Array = NDArray[np.float64]
Nights = NDArray[np.int64]
NEVER = np.iinfo(np.int64).max
MANY = 200
"""Series weighed at a time: what fits into a processor's cache."""


@dataclass(frozen=True)
class Scores:
    """The evidence of every night of every series on which anything stands out."""

    series: int
    row: Nights
    night: Nights
    evidence: Evidence

    def log_odds(self, share_of_rises: float, quiet: Sequence[float] = (), step: Sequence[float] = ()) -> Array:
        """Log odds of any step against quiet, one a night; the weights are the derived ones unless others are given."""
        weights = (np.asarray(quiet), np.asarray(step)) if quiet else ()
        return np.logaddexp.reduce(self.evidence.log_odds(share_of_rises, *weights), axis=1)

    def first_alarm(self, log_odds: Array, boundary: Array) -> Nights:
        """Night of the first alarm of each series, counted from one; ``boundary`` is by night, the last holds on."""
        crossed = log_odds > boundary[np.minimum(self.night, len(boundary) - 1)]
        found = np.full(self.series, NEVER)
        np.minimum.at(found, self.row[crossed], self.night[crossed])
        return found


def score(series: Array, first: int) -> Scores:
    """Weigh every night of series of logarithms from the ``first`` on, counted from one."""
    rows, nights, quiet, step, rises = [], [], [], [], []
    for night in range(first, series.shape[1] + 1):
        x = series[:, max(0, night - MEMORY) : night]
        windows = windows_for(x.shape[1])
        passed = stands_out(x, windows, np.zeros(len(x)))
        (some,) = np.nonzero(passed.any(axis=1))
        for at in range(0, len(some), MANY):
            part = some[at : at + MANY]
            found = weigh(x[part], windows, np.zeros(len(part)))
            rows.append(part)
            nights.append(np.full(len(part), night))
            quiet.append(found.quiet)
            step.append(_padded(np.where(passed[part][:, :, None], found.step, -np.inf), -np.inf))
            rises.append(_padded(found.rises, False))
    evidence = Evidence(np.concatenate(quiet), np.concatenate(step), np.concatenate(rises))
    return Scores(len(series), np.concatenate(rows), np.concatenate(nights), evidence)


def _padded(array: NDArray, fill: float) -> NDArray:  # type: ignore[type-arg]
    """Bring the axis of windows to the length of all."""
    missing = [(0, 0)] * array.ndim
    missing[1] = (0, len(WINDOWS) - array.shape[1])
    return np.pad(array, missing, constant_values=fill)
