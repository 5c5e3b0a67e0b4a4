"""How much two groups of nights differ."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

CONFIDENCE = 0.95


def shift(before: NDArray[np.float64], after: NDArray[np.float64]) -> tuple[float, float, float]:
    """Estimate the shift between two samples, with the ends of its interval.

    The estimate is the median of all differences (Hodges & Lehmann 1963); the interval inverts the rank-sum test
    (Lehmann, "Nonparametrics", 1975, section 2.7; normal approximation), so that it holds for noise of any shape.
    Where so few nights have no rank that is extreme enough, the interval is the widest of that kind or Student's,
    whichever is wider at each end.
    """
    m, w = len(before), len(after)
    differences = np.sort((after[:, None] - before).ravel())
    tail = (1 - CONFIDENCE) / 2
    estimate = float(np.median(differences))
    cut = int(np.floor(m * w / 2 + ndtri(tail) * np.sqrt(m * w * (m + w + 1) / 12)))
    if cut >= 1:
        return estimate, float(differences[cut - 1]), float(differences[-cut])
    squares = ((before - before.mean()) ** 2).sum() + ((after - after.mean()) ** 2).sum()
    half = -float(stdtrit(m + w - 2, tail) * np.sqrt(squares / (m + w - 2) * (1 / m + 1 / w)))
    return estimate, min(float(differences[0]), estimate - half), max(float(differences[-1]), estimate + half)
