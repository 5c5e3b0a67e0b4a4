"""What others use, run every night on the whole series so far: the night of the first alarm of each series.

Apache Otava and asv run as they are published, in the environment of ``make calibrate``; they are not needed by the
tests. pytest-benchmark's rule and the windowed tests are a few lines each.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student_t

Array = NDArray[np.float64]
Nights = NDArray[np.int64]
NEVER = np.iinfo(np.int64).max


def otava(values: Array, first: int) -> Nights:
    """Apache Otava (Hunter, ICPE 2023) with its defaults: windows of 50, p at most 0.001, any magnitude."""
    from otava.analysis import compute_change_points

    return _nightly(values, first, lambda series: bool(compute_change_points(series)[0]))


def asv(values: Array, first: int) -> Nights:
    """asv's step detection, with the threshold of 5% by which ``asv publish`` lists regressions: rises only."""
    from asv.step_detect import detect_regressions, detect_steps

    return _nightly(values, first, lambda s: detect_regressions(detect_steps(s), threshold=0.05)[2] is not None)


def _nightly(values: Array, first: int, alarms: object) -> Nights:
    found = np.full(len(values), NEVER)
    for row, series in enumerate(values.tolist()):
        for night in range(first, len(series) + 1):
            if alarms(series[:night]):  # type: ignore[operator]
                found[row] = night
                break
    return found


def compare_fail(values: Array, first: int) -> Nights:
    """pytest-benchmark's ``--benchmark-compare --benchmark-compare-fail=mean:5%``: 5% above the run before."""
    worse = values[:, 1:] > 1.05 * values[:, :-1]
    return _first(worse, first, at=2)


WINDOWS = (1, 2, 3, 5, 8)
BEFORE = 30


def least_p(values: Array, first: int, *, welch: bool) -> Array:
    """Least p of t tests of the last few nights against the 30 before, on the log scale: (series, nights).

    Student's, or Welch's: then a single night takes the variance of those before it.
    """
    logs = np.log(values)
    nights = logs.shape[1]
    least = np.ones((len(logs), nights - first + 1))
    for k, night in enumerate(range(first, nights + 1)):
        for w in WINDOWS:
            before, after = logs[:, max(0, night - w - BEFORE) : night - w], logs[:, night - w : night]
            m = before.shape[1]
            a, b = before.var(axis=1, ddof=1), after.var(axis=1, ddof=1) if w > 1 else 0.0
            if welch and w > 1:
                error, freedom = a / m + b / w, (a / m + b / w) ** 2 / ((a / m) ** 2 / (m - 1) + (b / w) ** 2 / (w - 1))
            else:
                freedom = np.full(len(logs), m + w - 2.0)
                error = ((m - 1) * a + (w - 1) * b) / freedom * (1 / m + 1 / w)
            t = (after.mean(axis=1) - before.mean(axis=1)) / np.sqrt(error)
            least[:, k] = np.minimum(least[:, k], 2 * student_t.sf(np.abs(t), freedom))
    return least


def windowed(values: Array, first: int, p: float, *, welch: bool = False) -> Nights:
    """Windowed t tests at a p for which their alarms were calibrated."""
    return _first(least_p(values, first, welch=welch) < p, first, at=first)


def _first(alarms: NDArray[np.bool_], first: int, at: int) -> Nights:
    """Night of the first alarm from ``first`` on; column 0 is the night ``at``."""
    alarms = alarms[:, max(0, first - at) :]
    start = max(first, at)
    return np.where(alarms.any(axis=1), start + alarms.argmax(axis=1), NEVER)
