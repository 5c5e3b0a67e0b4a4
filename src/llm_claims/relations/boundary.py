"""How much error each look may spend, so that all looks together keep the total, whenever sampling stops."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

FIRST = 3
"""Rounds at the first look: two degrees of freedom, the fewest whose spread says anything."""
GROWTH = 1.25
"""From look to look, so that rounds are drawn in growing batches; one round more at least."""
KEPT = 0.7
"""Of the error that is left, the part that each look leaves to those after it."""
NORMAL_PART = 0.8
"""Of the error, what normal samples may spend. Looks at Student's t are less alike than those at normal samples, for
which the boundary is exact: they err up to 1.23 times as often (simulated, with two degrees of freedom at first)."""
_NODES = 101


def looks() -> Iterator[int]:
    """Yield the numbers of rounds that are looked at, without end: 3, 4, 5, 6, 8, 10, 12, 15, 19, 24, 30, …."""
    rounds = FIRST
    while True:
        yield rounds
        rounds = max(rounds + 1, round(rounds * GROWTH))


def number_of(rounds: int) -> int:
    """Return which look, from 0, comes with so many rounds; between two of them, the later one: it is not spent yet."""
    return next(number for number, needed in enumerate(looks()) if needed >= rounds)


@lru_cache(maxsize=1024)
def error_at(number: int, total: float) -> float:
    """Return the two-sided error of look ``number``, so that all looks that ever come keep ``total``.

    Alpha spending (Lan & DeMets, Biometrika 70, 1983): a look spends a share of the error that is fixed beforehand by
    its number of rounds alone, 30%, 21%, 14.7%, … of it, so sampling may stop at any time and for any reason. Looks at
    growing samples are alike, so each may err more than it spends: by the recursion of Armitage, McPherson & Rowe (J.
    R. Stat. Soc. A 132, 1969). What is exact for normal samples is used for t as well (Jennison & Turnbull, *Group
    Sequential Methods*, 2000, section 11.5).
    """
    import numpy as np
    from scipy.special import ndtr

    points, weights = np.polynomial.legendre.leggauss(_NODES)
    # Where the sum of so many normal samples may be that no look has decided, and with which probability.
    sums, mass, before, bound = np.zeros(1), np.ones(1), 0, 0.0
    for look, rounds in zip(range(number + 1), looks(), strict=False):
        spend = NORMAL_PART * total * (1 - KEPT) * KEPT**look
        step, root = (rounds - before) ** 0.5, rounds**0.5
        low, high = 0.0, 40.0
        while high - low > 1e-9:
            bound = (low + high) / 2
            crossing = mass @ (ndtr((sums - bound * root) / step) + ndtr((-bound * root - sums) / step))
            low, high = (bound, high) if crossing > spend else (low, bound)
        reached = points * bound * root
        density = np.exp(-0.5 * ((reached[:, None] - sums) / step) ** 2) / (step * (2 * np.pi) ** 0.5)
        sums, mass, before = reached, (density @ mass) * weights * bound * root, rounds
    return float(2 * ndtr(-bound))
