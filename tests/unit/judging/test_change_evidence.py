"""The likelihoods of quiet and of a step, against sums over fine grids."""

from __future__ import annotations

import numpy as np
import pytest
import scipy  # its parts are loaded when they are used
from scipy.special import logsumexp

from llm_claims.judging.change.boundary import FIRST, LEARNING, boundary, needed
from llm_claims.judging.change.constants import RATE
from llm_claims.judging.change.effect import shift
from llm_claims.judging.change.evidence import STEP_SIZE, WINDOWS, median, quartiles, smallest_gap, weigh, windows_for

NONE = np.zeros(1)
RNG = np.random.default_rng(3)
SERIES = RNG.standard_normal((1, 24))
SERIES[:, 20:] += 2.0
LOCATIONS = np.linspace(-3, 4, 57)
SCALES = np.exp(np.linspace(-1, 2, 49))
CELL = np.log((LOCATIONS[1] - LOCATIONS[0]) * np.log(SCALES[1] / SCALES[0]))


def grid(density) -> float:
    """Log of the integral over location and log scale of a product of densities."""
    x = SERIES[0]
    logs = [density(x, location, SCALES[:, None]).sum(axis=1) for location in LOCATIONS]
    return float(logsumexp(logs) + CELL)


def test_normal_noise_is_integrated_exactly() -> None:
    quiet = weigh(SERIES, (4,), NONE).quiet[0, 0]
    assert quiet == pytest.approx(grid(scipy.stats.norm.logpdf), abs=0.01)


def test_heavy_tails_are_integrated_nearly() -> None:
    quiet = weigh(SERIES, (4,), NONE).quiet[0, 2]
    assert quiet == pytest.approx(grid(lambda x, m, s: scipy.stats.t.logpdf(x, 3, m, s)), abs=0.15)


def test_autocorrelated_noise_is_integrated_exactly() -> None:
    def density(x, location, scale):
        expected = np.concatenate([[location], location + 0.3 * (x[:-1] - location)])
        return scipy.stats.norm.logpdf(x, expected, scale * np.r_[1, np.full(len(x) - 1, np.sqrt(1 - 0.09))])

    quiet = weigh(SERIES, (4,), NONE).quiet[0, 1]
    assert quiet == pytest.approx(grid(density), abs=0.01)


def test_a_step_in_normal_noise_is_integrated_nearly() -> None:
    sizes = np.linspace(-8, 10, 91)
    prior = scipy.stats.cauchy.logpdf(sizes, scale=STEP_SIZE) + np.log(sizes[1] - sizes[0])
    after = np.arange(24) >= 20
    logs = [
        grid(lambda x, location, scale, size=size: scipy.stats.norm.logpdf(x, location + size * scale * after, scale))
        + weight
        for size, weight in zip(sizes, prior, strict=True)
    ]
    step = weigh(SERIES, (4,), NONE).step[0, 0, 0]
    assert step == pytest.approx(logsumexp(logs), abs=0.15)


@pytest.mark.parametrize("change", [lambda x: x + 5, lambda x: 0.01 * x - 3], ids=["level", "scale"])
def test_neither_level_nor_scale_matters(change) -> None:
    before, after = (weigh(x, (1, 2, 4), NONE).log_odds(0.9) for x in (SERIES, change(SERIES)))
    assert after == pytest.approx(before, abs=1e-6)


def test_a_mirrored_series_swaps_rises_and_falls() -> None:
    up, down = weigh(SERIES, (1, 2, 4), NONE), weigh(-SERIES, (1, 2, 4), NONE)
    assert up.log_odds(0.9) == pytest.approx(down.log_odds(0.1), abs=1e-9)


def test_rows_are_judged_each_on_its_own() -> None:
    both = np.concatenate([SERIES, RNG.standard_normal((1, 24))])
    together = weigh(both, (1, 2, 4), np.zeros(2)).log_odds(0.9)
    for row, found in zip(both, together, strict=True):
        assert weigh(row[None], (1, 2, 4), NONE).log_odds(0.9)[0] == pytest.approx(found)


def test_order_statistics() -> None:
    x = RNG.standard_normal((3, 11))
    assert np.array(quartiles(np.sort(x, axis=1))) == pytest.approx(np.quantile(x, [0.25, 0.5, 0.75], axis=1))
    assert median(x) == pytest.approx(np.median(x, axis=1))
    assert median(x[:, :10]) == pytest.approx(np.median(x[:, :10], axis=1))
    assert smallest_gap(np.array([[1.0, 1.0, 3.0, 4.5], [2.0, 2.0, 2.0, 2.0]])) == pytest.approx([1.5, 0.0])


def test_windows_leave_enough_nights_before_them() -> None:
    assert windows_for(5) == ()
    assert windows_for(FIRST) == (1, 2, 3, 4, 5)
    assert windows_for(100) == WINDOWS


def test_the_boundary_is_high_while_it_learns_and_for_rare_alarms() -> None:
    usual = boundary(0.05, 100)
    assert all(level == np.inf for level in usual[:FIRST])
    assert usual[LEARNING] > usual[LEARNING + 1] + 1
    assert usual[101] > usual[100], "the second horizon has no nights of learning to save from"
    assert all(a > b for a, b in zip(boundary(0.01, 100)[FIRST:], usual[FIRST:], strict=True))
    assert needed(50, RATE / 10) > needed(50, RATE) > needed(50, RATE * 4)


def test_the_shift_of_two_samples() -> None:
    estimate, lower, upper = shift(np.arange(30.0), np.arange(30.0) + 5)
    assert estimate == 5
    assert lower == pytest.approx(5 - (upper - 5))
    half = 1.96 * np.sqrt(30 * 30 * 61 / 12) / 30  # the rank-sum statistic changes by 30 a unit, nearly
    assert upper - 5 == pytest.approx(half, abs=1)


def test_the_shift_of_one_night_is_no_surer_than_the_nights_before() -> None:
    before = RNG.standard_normal(30)
    estimate, lower, upper = shift(before, np.array([4.0]))
    assert lower <= min(estimate - 2 * before.std(), 4 - before.max())
    assert upper >= max(estimate + 2 * before.std(), 4 - before.min())
