"""The rates that the change detector states are kept: a short form of ``make calibrate``, with fixed seeds."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from tests.calibration.scores import NEVER, score
from tests.calibration.series import Noise, autocorrelated, humps, normal, student

from llm_claims.judging.change import ChangeDetector
from llm_claims.judging.change.boundary import FIRST, boundary
from llm_claims.judging.change.detector import WORSE

NIGHTS, BEFORE, NOISE = 100, 30, 0.03
SEED = 20261


def first_alarms(logs: np.ndarray) -> np.ndarray:
    scores = score(logs, FIRST)
    return scores.first_alarm(scores.log_odds(WORSE), np.array(boundary(0.05, 100)))


def errors(rate: float, series: int) -> float:
    """Three standard errors of a rate that is seen in so many series."""
    return 3 * float(np.sqrt(rate * (1 - rate) / series))


QUIET = [
    ("normal", normal, 0.05, 3000),
    ("t3", student(3), 0.06, 1000),
    ("AR(1) 0.3", autocorrelated(0.3), 0.06, 1000),
    ("humps", humps(0.5), 0.06, 500),
    ("humps 3 in 10", humps(0.3), 0.06, 300),
    ("humps 1 in 5", humps(0.2), 0.06, 300),
]
FEW = 300
"""Series of the first four that are enough for a gross error, such as a boundary for one night: of as many,
at 6% thirty-one or more alarm in 0.2%, at 15% in 99%. All of them are drawn every night."""


@pytest.mark.parametrize(
    ("noise", "goal", "series"),
    [
        *(pytest.param(noise, goal, FEW, id=f"{name}, few") for name, noise, goal, _ in QUIET[:4]),
        *(pytest.param(*one, id=name, marks=pytest.mark.slow) for name, *one in QUIET),
    ],
)
def test_alarms_in_a_hundred_quiet_nights(noise: Noise, goal: float, series: int) -> None:
    found = first_alarms(NOISE * noise(np.random.default_rng(SEED), series, NIGHTS))
    assert np.mean(found <= NIGHTS) <= goal + errors(goal, series)


@cache
def power(noise: Noise) -> tuple[np.ndarray, int]:
    logs = NOISE * noise(np.random.default_rng(SEED), 2000, BEFORE + 5)
    logs[:, BEFORE:] += np.log(1.1)
    found = first_alarms(logs)
    return found[found > BEFORE], len(found)


T3 = student(3)


@pytest.mark.parametrize(
    ("noise", "nights", "stated"),
    # What the constants reach in 2,000 series; three standard errors are allowed for.
    [(normal, 1, 0.10), (normal, 2, 0.58), (normal, 3, 0.84), (normal, 5, 0.98), (T3, 5, 0.92)],
    ids=["normal, 1 night", "normal, 2 nights", "normal, 3 nights", "normal, 5 nights", "t3, 5 nights"],
)
def test_power_for_ten_percent(noise: Noise, nights: int, stated: float) -> None:
    found, series = power(noise)
    assert np.mean(found <= BEFORE + nights) >= stated - errors(stated, series)


def test_what_is_simulated_is_the_detector() -> None:
    logs = NOISE * student(3)(np.random.default_rng(SEED), 60, 130)
    logs[:30, 60:] += np.log(1.1)
    for row, night in zip(np.exp(logs).tolist(), first_alarms(logs), strict=True):
        detector = ChangeDetector()
        told = (n for n, value in enumerate(row, 1) if detector.update(value))
        assert next(told, NEVER) == night
