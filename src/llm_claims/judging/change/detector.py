"""An online detector of changes in a figure that is measured every night."""

from __future__ import annotations

import math
import sys
from bisect import bisect_left, insort
from dataclasses import dataclass
from functools import lru_cache
from numbers import Real
from typing import Literal

import numpy as np

from llm_claims.errors import EvidenceError, UsageError
from llm_claims.judging.change.boundary import FIRST, boundary
from llm_claims.judging.change.effect import shift
from llm_claims.judging.change.evidence import FINEST, NORMAL_QUARTILES, SCREEN, Array, smallest_gap, weigh, windows_for
from llm_claims.relations.verdict import Interval

MEMORY = 100
"""Nights that are remembered: more would narrow no interval by much."""
STANDING = 30
"""Nights of a standing change that are weighed against those before it."""
WORSE = 0.9
"""Share of the budget for the side that is worse."""
_LARGEST_LOG = math.log(sys.float_info.max)


@dataclass(frozen=True)
class Change:
    """A change of level.

    Attributes
    ----------
    since : the first changed night; nights are counted from zero, those without a figure too.
    night : the night this was said.
    nights : figures since the change.
    before : figures before it, since the detector started or started anew.
    ratio : new level / old level, the median of all ratios of a night after and one before.
    interval : that contains the ratio, at 95% confidence.
    """

    since: int
    night: int
    nights: int
    before: int
    ratio: float
    interval: Interval

    @property
    def amount(self) -> str:
        """How much, in words, with the interval in percent: "rose by 12% [9.1, 15]"."""
        ends = self.interval.lower, self.interval.upper
        if self.ratio < 1:
            ends = 2 - ends[1], 2 - ends[0]
        word = "rose" if self.ratio >= 1 else "fell"
        return f"{word} by {_percent(abs(self.ratio - 1))}% [{', '.join(_percent(end - 1) for end in ends)}]"

    def __str__(self) -> str:
        """The change in words: how much, since when, and after how many quiet nights."""
        return f"{self.amount} since night {self.since}, after {self.before} quiet nights"


class ChangeDetector:
    """Tells, night by night, whether the level of a positive figure has changed.

    The probability of any alarm in the first ``horizon`` quiet nights, and in each ``horizon`` after them, is at most
    ``alarm_budget`` if the noise is normal, and hardly more if it is heavy-tailed, mildly autocorrelated or has two
    humps (``docs/calibration.md`` has the rates). Neither the level nor the noise need be known: they are learned,
    from ten nights on for what cannot be missed, and from `boundary.LEARNING` on in earnest.

    After an alarm the change stands: `update` returns it anew every night, measured with more nights, until it is
    accepted, or withdrawn because the nights since do not bear it out (one outlier).

    Parameters
    ----------
    alarm_budget : probability of any false alarm in ``horizon`` nights.
    horizon : nights.
    worse : "rise" (a latency) or "fall" (a throughput): that side gets nine tenths of the budget. ``None``: both
        sides get the same.
    resolution : of the clock, in the unit of the figures. ``None``: the smallest difference seen between two figures.

    Raises
    ------
    UsageError
        A parameter that makes no sense, or a budget for which no boundary was simulated.
    """

    def __init__(
        self,
        alarm_budget: float = 0.05,
        horizon: int = 100,
        *,
        worse: Literal["rise", "fall"] | None = "rise",
        resolution: float | None = None,
    ) -> None:
        if not 0 < alarm_budget < 1:
            raise UsageError(f"alarm_budget is a probability between 0 and 1, got {alarm_budget!r}")
        if not isinstance(horizon, int) or horizon < 1:
            raise UsageError(f"horizon is a number of nights, 1 or more, got {horizon!r}")
        if worse not in ("rise", "fall", None):
            raise UsageError(f"worse is 'rise', 'fall' or None, got {worse!r}")
        if resolution is not None and not 0 <= resolution < math.inf:
            raise UsageError(f"resolution is a length of time or the like, 0 or more, got {resolution!r}")
        self.nights = 0
        self.change: Change | None = None
        self._boundary = boundary(alarm_budget, horizon)
        self._share_of_rises = {"rise": WORSE, "fall": 1 - WORSE, None: 0.5}[worse]
        self._resolution = resolution
        self._start([], [])

    def update(self, value: float | None) -> Change | None:
        """Take the figure of the next night, or ``None`` if it was not measured; return the change that stands.

        Raises
        ------
        EvidenceError
            The figure is not a positive finite number. The night is not counted: say ``update(None)`` to go on.
        """
        log = None if value is None else self._log(value)
        night = self.nights
        self.nights += 1
        if log is None:
            return self.change
        self._remember(log, night)
        self.change = self._look() if self.change is None else self._look_again(self.change)
        return self.change

    def accept(self) -> None:
        """Accept the change that stands as the new level: start anew, with the nights since the change.

        Raises
        ------
        UsageError
            No change stands.
        """
        if self.change is None:
            raise UsageError("there is no change to accept")
        at = self._when.index(self.change.since)
        self.change = None
        self._start(self._logs[at:], self._when[at:])

    def _log(self, value: object) -> float:
        if isinstance(value, Real) and not isinstance(value, bool) and 0 < (number := float(value)) < math.inf:
            return math.log(number)
        raise EvidenceError(
            f"the figure of night {self.nights} is not a positive finite number but {value!r}; "
            "for a night without a figure say update(None)"
        )

    def _start(self, logs: list[float], when: list[int]) -> None:
        """Forget everything but these nights."""
        self._logs: list[float] = []
        self._when: list[int] = []
        self._ordered: list[float] = []
        self._sums = [0.0]
        self._squares = 0.0
        for log, night in zip(logs, when, strict=True):
            self._remember(log, night)

    def _remember(self, log: float, night: int) -> None:
        """Keep what the quick look needs: the order of the last nights, and sums about the first."""
        self._logs.append(log)
        self._when.append(night)
        insort(self._ordered, log)
        first = self._logs[0]
        self._sums.append(self._sums[-1] + log - first)
        self._squares += (log - first) ** 2
        if len(self._logs) > MEMORY:
            old = self._logs[-MEMORY - 1]
            del self._ordered[bisect_left(self._ordered, old)]
            self._squares -= (old - first) ** 2

    def _look(self) -> Change | None:
        """Look for a change that ends with this night."""
        n = len(self._logs)
        if n < FIRST:
            return None
        windows = self._standing_out()
        if not windows:
            return None
        odds = self._log_odds(self._logs[-MEMORY:], windows, self._share_of_rises)
        if np.logaddexp.reduce(odds) <= self._boundary[min(n, len(self._boundary) - 1)]:
            return None
        return self._measured(n - self._refined(windows[int(odds.argmax())]))

    def _standing_out(self) -> tuple[int, ...]:
        """The windows that `evidence.stands_out` tells, without arrays: this is all that most nights take."""
        ordered, sums = self._ordered, self._sums
        if ordered[0] == ordered[-1]:
            return ()
        n = len(ordered)
        quarters, windows = _quick(n)
        low, centre, high = [ordered[i] + part * (ordered[j] - ordered[i]) for i, j, part in quarters]
        total = sums[-1] - sums[-1 - n]
        spread = min((high - low) / NORMAL_QUARTILES, math.sqrt(max(self._squares - total * total / n, 0.0) / (n - 1)))
        least = SCREEN * math.hypot(spread, max(self._told_resolution(centre), FINEST) / 2)
        offset, last = centre - self._logs[0], sums[-1]
        return tuple(
            [w for w, root in windows if not -least * root <= last - sums[-1 - w] - w * offset <= least * root]
        )

    def _told_resolution(self, log: float) -> float:
        """The resolution that was told, relative to a level."""
        return self._resolution / math.exp(log) if self._resolution else 0.0

    def _resolution_of(self, logs: list[float]) -> float:
        """The relative resolution of some figures."""
        if self._resolution is None:
            return float(smallest_gap(np.sort([logs], axis=1))[0])
        return self._told_resolution(logs[0])

    def _log_odds(self, logs: list[float], windows: tuple[int, ...], share_of_rises: float) -> Array:
        resolution = np.array([self._resolution_of(logs)])
        odds: Array = weigh(np.array([logs]), windows, resolution).log_odds(share_of_rises)[0]
        return odds

    def _refined(self, window: int) -> int:
        """The most probable age among all between the neighbours of a window."""
        ages = windows_for(MEMORY)
        at = ages.index(window)
        below = ages[at - 1] + 1 if at else 1
        above = ages[at + 1] if at + 1 < len(ages) else window + 1
        between = tuple(age for age in range(below, above) if len(self._logs[-MEMORY:]) - age >= FIRST // 2)
        return between[int(self._log_odds(self._logs[-MEMORY:], between, 0.5).argmax())]

    def _look_again(self, change: Change) -> Change | None:
        """Weigh the change that stands with this night too: it is withdrawn where quiet is more probable."""
        at = self._when.index(change.since)
        after = self._logs[at:][-STANDING:]
        before = self._logs[:at][-(MEMORY - STANDING) :]
        if self._log_odds(before + after, (len(after),), 0.5)[0] < 0:
            return None
        return self._measured(at)

    def _measured(self, at: int) -> Change:
        """The change before the figure ``at``, as it is known tonight."""
        before, after = self._logs[:at], self._logs[at:]
        estimate, lower, upper = shift(np.array(before[-MEMORY:]), np.array(after[-MEMORY:]))
        rounding = self._resolution_of([*before[-MEMORY:], *after[-MEMORY:]])
        return Change(
            since=self._when[at],
            night=self._when[-1],
            nights=len(after),
            before=len(before),
            ratio=_exp(estimate),
            interval=Interval(lower=_exp(lower - rounding), upper=_exp(upper + rounding)),
        )


@lru_cache(MEMORY)
def _quick(nights: int) -> tuple[list[tuple[int, int, float]], list[tuple[int, float]]]:
    """Where the quartiles of so many nights lie, and the windows with their square roots."""
    last = nights - 1
    at = [quarter * last for quarter in (0.25, 0.5, 0.75)]
    quarters = [(int(place), min(int(place) + 1, last), place - int(place)) for place in at]
    return quarters, [(window, math.sqrt(window)) for window in windows_for(nights)]


def _percent(share: float) -> str:
    """Two digits, or all before the point."""
    return f"{100 * share:.0f}" if abs(share) >= 0.1 else f"{100 * share:.2g}"


def _exp(log: float) -> float:
    return math.exp(max(-_LARGEST_LOG, min(log, _LARGEST_LOG)))
