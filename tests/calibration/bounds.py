"""What no detector can surpass: the most powerful invariant test that keeps the rates of false alarms."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import gammaln, logsumexp

Array = NDArray[np.float64]
BEFORE = 30
FREEDOM, COEFFICIENT = 3.0, 0.3


def bounds(step: float, nights: int, alarms: tuple[float, ...], series: int, seed: int) -> float:
    """Bound the power after some nights of a step of known size, in standard deviations, after 30 nights before it.

    ``alarms`` are the probabilities of a false alarm in those nights under normal noise, t3 and AR(1) 0.3; infinity
    where a rate need not be kept. By weak duality of the Neyman-Pearson problem with several hypotheses (Lehmann &
    Romano 2005, theorem 3.6.1), for all multipliers k_i ≥ 0 the power is at most E₁[(1 − Σ k_i L_i)⁺] + Σ k_i a_i, with
    a_i the ``alarms`` and L_i the likelihood ratios of the invariants of location and scale; the least of it is sought.
    Who also has to watch for changes of other ages, sizes and signs, or to spend alarms on other nights, stays below.
    """
    rng = np.random.default_rng([seed, nights])
    x = rng.standard_normal((series, BEFORE + nights))
    x[:, BEFORE:] += step
    changed = _normal(x, nights, step, 0.0)
    quiet = (_normal(x, nights, 0.0, 0.0), _student(x), _normal(x, nights, 0.0, COEFFICIENT))
    kept = [(np.exp(q - changed), a) for q, a in zip(quiet, alarms, strict=True) if np.isfinite(a)]

    def dual(logs: Array) -> float:
        multipliers = np.exp(logs)
        left = 1 - sum(k * ratio for k, (ratio, _) in zip(multipliers, kept, strict=True))
        return float(np.maximum(left, 0).mean() + sum(k * a for k, (_, a) in zip(multipliers, kept, strict=True)))

    starts = [np.full(len(kept), start) for start in (2.0, 4.0)]
    found = [minimize(dual, start, method="Nelder-Mead", options={"maxiter": 500, "fatol": 1e-5}) for start in starts]
    return float(min(each.fun for each in found))


def _normal(x: Array, after: int, step: float, coefficient: float) -> Array:
    """Log marginal likelihood of normal AR(1) noise, location and scale integrated, with a known step in its scale."""
    n = x.shape[1]
    first, rest = np.sqrt(1 - coefficient**2), 1 - coefficient
    a, b = np.full(n, rest), np.zeros(n)
    a[0] = first
    b[n - after :], b[n - after] = rest, 1.0
    u = np.concatenate([first * x[:, :1], x[:, 1:] - coefficient * x[:, :-1]], axis=1)
    weight = a @ a
    u = u - (u @ a)[:, None] / weight * a
    b = b - (b @ a) / weight * a
    squares, cross = (u**2).sum(axis=1)[:, None], (u @ b)[:, None]
    logs = np.log(np.sqrt(squares / (n - 1))) + np.linspace(-1.2, 0.8, 81)
    sigma = np.exp(logs)
    fit = -(n - 1) * logs - (squares - 2 * step * sigma * cross + step**2 * sigma**2 * (b @ b)) / (2 * sigma**2)
    constant = np.log(first * 2 / 80) - (n - 1) / 2 * np.log(2 * np.pi) - 0.5 * np.log(weight)
    return np.asarray(logsumexp(fit, axis=1) + constant)


def _student(x: Array) -> Array:
    """Log marginal likelihood of independent t3 noise: a sum over a grid about the median."""
    median = np.median(x, axis=1, keepdims=True)
    scale = np.median(np.abs(x - median), axis=1, keepdims=True) / 0.765
    z = (x - median) / scale
    locations, logs = np.linspace(-1.6, 1.6, 21), np.linspace(-1.0, 1.0, 17)
    n = x.shape[1]
    fit = [
        -(FREEDOM + 1) / 2 * np.log1p(((z - location) / np.exp(log)) ** 2 / FREEDOM).sum(axis=1) - n * log
        for location in locations
        for log in logs
    ]
    constant = n * (gammaln((FREEDOM + 1) / 2) - gammaln(FREEDOM / 2) - 0.5 * np.log(FREEDOM * np.pi))
    cell = np.log((locations[1] - locations[0]) * (logs[1] - logs[0]))
    return np.asarray(logsumexp(fit, axis=0) + cell + constant - (n - 1) * np.log(scale[:, 0]))
