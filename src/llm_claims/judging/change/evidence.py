"""How much more probable a series is with a step near its end than quiet, under several models of its noise.

Four models say what a quiet series may look like: independent normal noise, autocorrelated normal noise, heavy tails
and, for whatever is none of these (two humps, say), a density that is estimated from the series itself. Quiet is
what any of them explains; each counts with the weight that `constants` gives it. A step must explain the series better
than their sum. Weights of this kind make a test that holds its error under every model at once with the least loss of
power (least favourable distributions; Lehmann & Romano, "Testing Statistical Hypotheses", 3rd ed. 2005, section 3.8).

All models are invariant: location and scale are integrated out with the right Haar prior (Berger, Pericchi &
Varshavsky, Sankhya A 60, 1998), so neither the level of a metric nor its noise need be known.

Arrays of series have one row a series, oldest night first, on the log scale.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from llm_claims.judging.change.constants import QUIET_WEIGHTS, STEP_WEIGHTS

Array = NDArray[np.float64]

WINDOWS = (1, 2, 3, 4, 5, 7, 10, 14, 20, 30)
"""Ages in nights of the steps that are looked for: all short ones, and every 1.4th of the longer."""
FEWEST_BEFORE = 5
"""Nights before a step; and at least half as many as after it."""
AUTOCORRELATION = 0.3
"""Of the second model, lag one."""
FREEDOM = 3.0
"""Degrees of freedom of Student's t in the third model."""
STEP_SIZE = 4.0
"""Of steps, in standard deviations of the noise, under the prior: half are larger."""
FIT_ROUNDS = 8
"""Of the EM algorithm: each takes off more than half of the error."""
SCREEN = 3.2
"""Robust z statistic of a step below which its evidence is not computed: no alarm stands on so little."""
FINEST = 1e-9
"""Relative resolution beyond which no clock is trusted."""

NORMAL_QUARTILES = 1.349
"""Between the quartiles of the normal distribution, in standard deviations."""
_T_CONSTANT = float(gammaln((FREEDOM + 1) / 2) - gammaln(FREEDOM / 2) - 0.5 * np.log(FREEDOM * np.pi))
_LOG_2PI = float(np.log(2 * np.pi))


@dataclass(frozen=True)
class Evidence:
    """Log marginal likelihoods of some series.

    ``quiet`` has shape (series, 4): normal, autocorrelated, heavy-tailed, estimated density. ``step`` has shape
    (series, windows, 2): normal, estimated density; minus infinity where a model has no say. ``rises`` has shape
    (series, windows).
    """

    quiet: Array
    step: Array
    rises: NDArray[np.bool_]

    def log_odds(self, share_of_rises: float, quiet: Array | None = None, step: Array | None = None) -> Array:
        """Weigh each step against quiet: log odds of shape (series, windows).

        ``share_of_rises`` is the prior probability that a step is a rise; the weights are those of `constants` unless
        others are given.
        """
        with np.errstate(divide="ignore"):
            quiet = np.log(QUIET_WEIGHTS if quiet is None else quiet)
            step = np.log(STEP_WEIGHTS if step is None else step)
            side = np.log(2 * np.where(self.rises, share_of_rises, 1 - share_of_rises))
        against = np.logaddexp.reduce(self.quiet + quiet, axis=1)
        return np.asarray(np.logaddexp.reduce(self.step + step, axis=2) - against[:, None] + side)


def windows_for(nights: int) -> tuple[int, ...]:
    """Ages of steps that have enough nights before them in a series of so many nights."""
    return tuple(w for w in WINDOWS if nights - w >= max(FEWEST_BEFORE, w // 2))


def stands_out(series: Array, windows: tuple[int, ...], resolution: Array) -> NDArray[np.bool_]:
    """Tell, cheaply, which steps may be worth weighing: shape (series, windows).

    The mean of the last nights is compared with the median of all, in robust standard errors.
    """
    scale, centre = _scale(series, np.sort(series, axis=1), resolution)
    ages = np.asarray(windows)
    means = np.cumsum(series[:, ::-1], axis=1)[:, ages - 1] / ages
    return np.asarray(np.abs(means - centre[:, None]) * np.sqrt(ages) > SCREEN * scale[:, None])


def weigh(series: Array, windows: tuple[int, ...], resolution: Array) -> Evidence:
    """Compute the evidence of series, shape (series, nights), for steps before the last ``windows`` nights.

    ``resolution`` is that of the clock, relative to the values, one a series. A figure between two ticks may fall on
    either, at worst on each half of the nights: half a tick is a standard deviation below which nothing is told.
    """
    rounding = np.maximum(resolution, FINEST) / 2
    scale, centre = _scale(series, np.sort(series, axis=1), resolution)
    x = series - centre[:, None]
    autocorrelated = _autocorrelated(x, rounding)
    normal, step_normal, rises = _normal(x, windows, rounding)
    density, step_density = _estimated(x, windows, scale, rounding)
    quiet = np.stack([normal, autocorrelated, _heavy_tailed(x, scale, rounding), density], axis=1)
    return Evidence(quiet, np.stack([step_normal, step_density], axis=2), rises)


def _scale(series: Array, ordered: Array, resolution: Array) -> tuple[Array, Array]:
    """The lesser of two standard deviations, with the rounding in it, and the median."""
    low, centre, high = quartiles(ordered)
    spread = np.minimum((high - low) / NORMAL_QUARTILES, series.std(axis=1, ddof=1))
    return np.hypot(spread, np.maximum(resolution, FINEST) / 2), centre


def quartiles(ordered: Array) -> tuple[Array, Array, Array]:
    """Quartiles of each row, which must be in order, by linear interpolation."""
    last = ordered.shape[-1] - 1
    found = []
    for quarter in (0.25, 0.5, 0.75):
        i = int(quarter * last)
        part = quarter * last - i
        found.append(ordered[:, i] + part * (ordered[:, min(i + 1, last)] - ordered[:, i]))
    return found[0], found[1], found[2]


def median(series: Array) -> Array:
    """Median of each row; numpy's own takes longer for a few."""
    ordered = np.sort(series, axis=1)
    half = ordered.shape[1] // 2
    return ordered[:, half] if ordered.shape[1] % 2 else (ordered[:, half - 1] + ordered[:, half]) / 2


def smallest_gap(ordered: Array) -> Array:
    """Smallest difference between two distinct values of each row, which must be in order; zero if there is none."""
    gaps = np.diff(ordered, axis=1)
    gaps[gaps <= 0] = np.inf
    least = gaps.min(axis=1)
    return np.where(np.isfinite(least), least, 0.0)


def _haar(freedom: int, squares: Array, rounding: Array) -> Array:
    """Integrate a normal likelihood over its means (but for the factor of their weights) and its scale.

    ``squares`` is the sum of squares about the means, to which the rounding of each night adds its variance; what
    is only rounding is no residual.
    """
    half = freedom / 2
    known = (freedom + 1) * rounding**2
    total = squares + (known if squares.ndim == 1 else known[:, None])
    share = (known if squares.ndim == 1 else known[:, None]) / total
    return np.asarray(gammaln(half) - half * np.log(np.pi) - np.log(2) - half * np.log(total) + half * share)


def _normal(x: Array, windows: tuple[int, ...], rounding: Array) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Independent normal noise; the prior of the step, in standard deviations of the noise, is Cauchy's.

    Jeffreys' choice for the Bayes factor of Student's t test ("Theory of Probability", 3rd ed. 1961, section 5.2), by
    Laplace's approximation in the size of the step.
    """
    nights = x.shape[1]
    centred = x - x.mean(axis=1, keepdims=True)
    squares = np.einsum("ij,ij->i", centred, centred)
    quiet = _haar(nights - 1, squares, rounding) - 0.5 * np.log(nights)
    after = np.asarray(windows)
    before = nights - after
    sums = np.cumsum(centred[:, ::-1], axis=1)[:, after - 1]
    size = sums * nights / after / before
    within = np.maximum(squares[:, None] - size * sums, 0)
    sigma = np.hypot(np.sqrt(within / (nights - 2)), rounding[:, None])
    step = _haar(nights - 2, within, rounding) - 0.5 * np.log(after * before)
    step += _log_cauchy(size / sigma, STEP_SIZE) - np.log(sigma)
    return quiet, step, sums > 0


def _autocorrelated(x: Array, rounding: Array) -> Array:
    """Return the log likelihood of each quiet series, shape (series,), if a night's noise follows the night before's.

    The model is a stationary normal AR(1) whose coefficient is known (Prais & Winsten's transformation, 1954).
    """
    nights = x.shape[1]
    first = np.sqrt(1 - AUTOCORRELATION**2)
    rest = 1 - AUTOCORRELATION
    u = np.concatenate([first * x[:, :1], x[:, 1:] - AUTOCORRELATION * x[:, :-1]], axis=1)
    a = np.full(nights, rest)
    a[0] = first
    weight = a @ a
    u -= ((u @ a) / weight)[:, None] * a
    squares = np.einsum("ij,ij->i", u, u)
    return np.asarray(_haar(nights - 1, squares, rounding) + np.log(first) - 0.5 * np.log(weight))


def _heavy_tailed(x: Array, scale: Array, rounding: Array) -> Array:
    """Return the log likelihood of each quiet series, shape (series,), if its noise has heavy tails.

    The model is Student's t, by Laplace's approximation at the maximum, which EM finds (Kent, Tyler & Vardi 1994).
    """
    nights = x.shape[1]
    location = np.zeros(len(x))
    scale2 = scale**2
    for _ in range(FIT_ROUNDS):
        squared = (x - location[:, None]) ** 2
        weight = 1 / (FREEDOM + squared / scale2[:, None])
        total = weight.sum(axis=1)
        location, scale2 = (weight * x).sum(axis=1) / total, (weight * squared).sum(axis=1) / total + rounding**2
    squared = (x - location[:, None]) ** 2
    fit = np.log1p(squared / (FREEDOM * scale2[:, None])).sum(axis=1)
    likelihood = nights * (_T_CONSTANT - 0.5 * np.log(scale2)) - (FREEDOM + 1) / 2 * fit
    of_location = nights * (FREEDOM + 1) / (FREEDOM + 3) / scale2
    of_scale = 2 * nights * FREEDOM / (FREEDOM + 3)
    return np.asarray(likelihood + _LOG_2PI - 0.5 * np.log(of_location * of_scale))


def _estimated(x: Array, windows: tuple[int, ...], scale: Array, rounding: Array) -> tuple[Array, Array]:
    """A kernel density of the nights before, by which each night is foretold (Dawid's prequential likelihood, 1984).

    The bandwidth is Silverman's rule (1986, equation 3.31), and no less than the rounding. A night unlike all before
    it has the weight of one of them, and falls where a Cauchy density of three scales says. A step moves its nights
    back by the difference of the medians.
    """
    nights = x.shape[1]
    width = np.maximum(0.9 * scale * nights**-0.2, rounding)
    z = x / width[:, None]
    near = _kernel(z, z) * np.tri(nights, k=-1)
    each = _foretold(near.sum(axis=2), z, scale / width, np.arange(nights))
    step = np.full((len(x), len(windows)), -np.inf)
    for k, age in enumerate(windows):
        if age == 1:
            continue  # one night moved to where it fits best says nothing
        since = nights - age
        jump = median(z[:, since:]) - median(z[:, :since])
        moved = z[:, since:] - jump[:, None]
        mass = _kernel(moved, z[:, :since]).sum(axis=2) + near[:, since:, since:].sum(axis=2)
        gain = (_foretold(mass, moved, scale / width, np.arange(since, nights)) - each[:, since:]).sum(axis=1)
        step[:, k] = gain + _log_cauchy(jump * width / scale, STEP_SIZE) + 0.5 * (_LOG_2PI - np.log(age))
    quiet = each.sum(axis=1) - nights * np.log(width) + np.log(scale)  # in the units of the others, which integrated dμ
    return quiet, quiet[:, None] + step


def _foretold(mass: Array, z: Array, scale: Array, before: NDArray[np.int64]) -> Array:
    """Log density of nights, in units of the bandwidth, given the sum of the kernels of those ``before``."""
    unlike = np.exp(_log_cauchy(z / scale[:, None], 3.0)) / scale[:, None]
    return np.asarray(np.log((mass / np.sqrt(2 * np.pi) + unlike) / (before + 1)))


def _log_cauchy(x: Array, scale: float) -> Array:
    return np.asarray(np.log(scale / np.pi) - np.log(scale**2 + x**2))


def _kernel(a: Array, b: Array) -> Array:
    """exp(−(a−b)²/2) of all pairs, shape (series, a, b)."""
    pairs: Array = a[:, :, None] - b[:, None, :]
    pairs *= pairs
    pairs *= -0.5
    return np.exp(pairs, out=pairs)
